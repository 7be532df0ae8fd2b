import type { Region } from '../../src/region/region.ts';
import type { Chronicle } from './chronicle.ts';
import type { ProcessLife } from './process-life.ts';
import type { SimRegion } from './sim-region.ts';

/** A process that answers clients, and its region as it serves it. */
export interface Serving {
  readonly region: Region;
  readonly life: ProcessLife;
}

/** A region as its clients ask it. */
export interface ServedRegion {
  readonly name: string;
  /** Who answers the next request; undefined while nobody does. `isWrite`: it is a transaction that writes. */
  serving(isWrite?: boolean): Serving | undefined;
}

/** What such clients need of a world of any kind. */
export interface ServedWorld extends Chronicle {
  readonly seed: number;
  readonly options: { readonly thinkMs: number };
}

export const servedRegion = (region: SimRegion): ServedRegion => ({
  name: region.name,
  serving: () => {
    const { running } = region;
    return running && { region: running.engine.region, life: running.life };
  },
});
