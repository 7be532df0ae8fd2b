import { SeededRandom } from '../../support/seeded-random.ts';
import { isMoneySeed } from '../workloads/money.ts';
import { pickFrom } from '../world-options.ts';

/** The only region of a stream world. */
export const REGION = 'east';

/** What goes wrong in a stream world, as it is counted. The first four are the broker's, per request. */
const BROKER_AND_NODE_FAULTS = [
  'append refused',
  'append unknown',
  'straggler',
  'read not found',
  'node crash',
  'node power loss',
  'node pause',
  'node cut',
  'clock jump',
  'clock drift',
  'stream went back',
  'stream lost',
] as const;

/** What goes wrong between nodes, and what operators do to them. Drawn last. */
const NODE_FAULTS = [
  'bus cut',
  'bus cut one way',
  'bus lossy',
  'node stop',
  'leader move',
  'node drain',
] as const;

/** A node ends amid a transaction: the one that coordinates it, or one that leads. In worlds that move money. */
const MONEY_FAULTS = ['transaction crash'] as const;

/** Drawn behind them. */
const SPLIT_FAULTS = ['split'] as const;

export const STREAM_FAULTS = [
  ...BROKER_AND_NODE_FAULTS,
  ...NODE_FAULTS,
  ...MONEY_FAULTS,
  ...SPLIT_FAULTS,
] as const;

/** What stream worlds count besides. */
export const STREAM_EVENTS = [
  'failover',
  'straggler skipped',
  'stream rebuilt',
  'log trimmed',
  'copy filled',
  'surplus handed in',
  'node restart',
  'eventual read',
  'abandoned transaction',
  'partition split',
] as const;

export type StreamFault = (typeof STREAM_FAULTS)[number];

/** What a seed has drawn for a stream world. */
export interface StreamOptions {
  readonly partitions: number;
  readonly faults: readonly StreamFault[];
  /** How long faults happen. */
  readonly breakMs: number;
  /** Mean time from one fault to the next. */
  readonly faultEveryMs: number;
  readonly clients: number;
  readonly thinkMs: number;
  readonly keys: number;
  readonly diskMs: number;
  readonly jitterMs: number;
  readonly skewMs: number;
  readonly leaseMs: number;
  /** So many entries at least are kept of a log. */
  readonly keptEntries: number;
  /** So long a log is kept for a node that is away. */
  readonly retentionMs: number;
  readonly valueBytes: number;
  /** Of an entry in one message. */
  readonly partBytes: number;
  /** Of the log's last entries that a node keeps. */
  readonly recentBytes: number;
  /** Of the clients' reads. */
  readonly eventualChance: number;
}

/** About one seed in six makes a stream world. Drawn apart, so that no other draw moves. */
export const isStreamSeed = (seed: number): boolean =>
  new SeededRandom(seed ^ STREAM_SALT).next() < 1 / 6;

const STREAM_SALT = 0x1515;

export function drawStreamOptions(seed: number): StreamOptions {
  const random = new SeededRandom(seed ^ 0x0b70);
  const pick = <T>(choices: readonly T[]): T => pickFrom(random, choices);
  const chance = pick([0.3, 0.5, 0.8]);
  const faults: StreamFault[] = BROKER_AND_NODE_FAULTS.filter(
    (fault) =>
      random.next() < (fault === 'stream lost' || fault === 'stream went back' ? 0.2 : chance),
  );
  const drawn = {
    partitions: pick([1, 1, 2, 3]),
    breakMs: pick([12_000, 20_000, 30_000]),
    faultEveryMs: pick([400, 800, 1500]),
    clients: pick([4, 6, 10]),
    thinkMs: pick([10, 20, 50]),
    keys: pick([2, 3, 5]),
    diskMs: pick([0.1, 1, 4]),
    jitterMs: pick([0.2, 2, 20]),
    skewMs: pick([0, 20, 2000]),
    leaseMs: pick([500, 1000, 2000]),
    keptEntries: pick([0, 20, 2048]),
    valueBytes: pick([10, 100]),
    partBytes: pick([150, 100_000]),
    recentBytes: pick([0, 1000, 100_000]),
    retentionMs: pick([1000, 5000, 3_600_000]),
    eventualChance: pick([0, 0.1, 0.3]),
  };
  faults.push(...NODE_FAULTS.filter(() => random.next() < chance));
  const isMoney = isMoneySeed(seed);
  if (isMoney) faults.push(...MONEY_FAULTS.filter(() => random.next() < chance));
  // Mostly across partitions.
  const partitions = isMoney && drawn.partitions === 1 ? pick([1, 2, 3]) : drawn.partitions;
  // What a partition lost, and what was split off, would be told apart by nobody here.
  const loses = faults.includes('stream lost') || faults.includes('stream went back');
  if (!loses) faults.push(...SPLIT_FAULTS.filter(() => random.next() < chance));
  return { ...drawn, faults, partitions };
}

/** In one line, as it is printed. */
export const streamOptionsText = ({ faults, ...others }: StreamOptions): string =>
  [
    'stream',
    ...Object.entries(others).map(([name, value]) => `${name}=${String(value)}`),
    `faults: ${faults.length === 0 ? 'none' : faults.join(', ')}`,
  ].join('  ');
