import { InProcessNetwork } from '../../src/bus/in-process-network.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { Chronicle } from './chronicle.ts';
import { type Running, SimRegion } from './sim-region.ts';
import { Truth } from './truth.ts';
import { drawOptions, type WorldOptions } from './world-options.ts';

/** Hashes from one on, up to another. */
export interface HashSpan {
  readonly from: number;
  readonly to: number;
}

/** Everything of one seed: regions with their zones, disks, clocks and links, in one virtual time. */
export class World extends Chronicle {
  readonly seed: number;
  readonly options: WorldOptions;
  readonly random: SeededRandom;
  readonly network = new InProcessNetwork(this.clock);
  readonly regions: readonly SimRegion[];
  readonly truths = new Map<string, Truth>();
  /** When a region lost what it had acknowledged, by an old copy of all its disks: place in the order of events. */
  readonly rolledBack = new Map<string, number>();
  /** Regions that are gone with all they had: `for good`, or until the others have removed them. */
  readonly lost = new Map<string, 'for good' | 'for a while'>();
  /** Whether a whole region was hurt, by an old copy of its disks or its loss: what two of three have lost may be lost. */
  isRegionHurt = false;
  /** A partition of the region is about to give these hashes away. */
  onSplit: (region: SimRegion, given: HashSpan) => void = () => {};

  constructor(seed: number, change: (options: WorldOptions) => WorldOptions = (same) => same) {
    super();
    this.seed = seed;
    this.random = new SeededRandom(seed);
    this.options = change(drawOptions(seed, this.random));
    for (const { name } of this.options.regions)
      this.truths.set(name, new Truth(name, () => this.clock.wallMs()));
    this.regions = this.options.regions.map(
      (region, at) => new SimRegion(this, region, new SeededRandom(seed * 31 + at + 1)),
    );
  }

  region(name: string): SimRegion {
    const found = this.regions.find((region) => region.name === name);
    if (found === undefined) throw new Error(`no region ${name}`);
    return found;
  }

  truth(region: string): Truth {
    const found = this.truths.get(region);
    if (found === undefined) throw new Error(`no truth of ${region}`);
    return found;
  }

  onReady(region: SimRegion, running: Running): void {
    this.truth(region.name).follow(region, running, (error) => {
      this.violate('truth', `${region.name}'s log cannot be followed: ${String(error)}`);
    });
  }
}
