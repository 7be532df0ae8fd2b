import type { ClusterLoad } from '../../support/cluster-load.ts';
import type { ClusterRegion, ClusterWorld, RegionShape } from '../../support/cluster-world.ts';

export const US = 'us-east-1';
export const EU = 'eu-west-1';
export const AP = 'ap-northeast-1';

/** Where a fault happens: a world under load. */
export interface Stage {
  readonly world: ClusterWorld;
  readonly load: ClusterLoad;
  /** The region in which the fault is. */
  readonly region: ClusterRegion;
  readonly table: string;
  readonly sleep: (ms: number) => Promise<void>;
  /** Something that must not be, in words: the fault's test has failed. */
  readonly wrong: (what: string) => void;
  /** For the report. */
  readonly note: (what: string) => void;
}

/** A way in which processes, links or clocks fail, with what is promised of it. */
export interface Fault {
  /** As `--fault` takes it. */
  readonly name: string;
  /** A phrase. */
  readonly what: string;
  readonly regions: readonly RegionShape[];
  /** Whose clients' outage counts; the first region unless said otherwise. */
  readonly region?: string;
  /** The longest outage that is promised; undefined where nothing is. */
  readonly outageMsMax: number | undefined;
  /** Keys that all regions write. */
  readonly contested?: number;
  /** Between two requests of one client. */
  readonly thinkMs?: number;
  readonly writers?: number;
  /** Makes the fault under load, and mends it. Rejects when that cannot be done. */
  readonly play: (stage: Stage) => Promise<void>;
}

const US_NODES: RegionShape = { name: US, nodes: 3 };
const EU_NODE: RegionShape = { name: EU, nodes: 1 };

/** A region of three nodes, and one of one. */
export const NODES_AND_PEER: readonly RegionShape[] = [US_NODES, EU_NODE];

/** How long writes may fail at most, in milliseconds. */
export const TARGETS = { node: 4000, server: 12_000, move: 300, link: 1000 } as const;
