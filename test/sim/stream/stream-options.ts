import { SeededRandom } from '../../support/seeded-random.ts';
import { pickFrom } from '../world-options.ts';

/** What goes wrong in a stream world, as it is counted. The first four are the broker's, per request. */
export const STREAM_FAULTS = [
  'append refused',
  'append unknown',
  'straggler',
  'read not found',
  'node crash',
  'node power loss',
  'node pause',
  'node cut',
  'stream went back',
  'stream lost',
] as const;

/** What stream worlds count besides. */
export const STREAM_EVENTS = [
  'failover',
  'straggler skipped',
  'stream rebuilt',
  'log trimmed',
] as const;

export type StreamFault = (typeof STREAM_FAULTS)[number];

/** What a seed has drawn for a stream world. */
export interface StreamOptions {
  readonly nodes: number;
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
  /** After so long without an entry a node opens an epoch. */
  readonly silenceMs: number;
  /** So long at most a leader goes on that another has overtaken. */
  readonly patienceMs: number;
  /** So many entries are kept behind what all copies have synced. */
  readonly keptEntries: number;
  readonly valueBytes: number;
}

/** About one seed in six makes a stream world. Drawn apart, so that no other draw moves. */
export const isStreamSeed = (seed: number): boolean =>
  new SeededRandom(seed ^ STREAM_SALT).next() < 1 / 6;

const STREAM_SALT = 0x1515;

export function drawStreamOptions(seed: number): StreamOptions {
  const random = new SeededRandom(seed ^ 0x0b70);
  const pick = <T>(choices: readonly T[]): T => pickFrom(random, choices);
  const chance = pick([0.3, 0.5, 0.8]);
  const faults = STREAM_FAULTS.filter(
    (fault) =>
      random.next() < (fault === 'stream lost' || fault === 'stream went back' ? 0.2 : chance),
  );
  return {
    nodes: pick([2, 3, 3]),
    partitions: pick([1, 1, 2, 3]),
    faults,
    breakMs: pick([8000, 12_000, 16_000]),
    faultEveryMs: pick([300, 600, 1000]),
    clients: pick([4, 6, 10]),
    thinkMs: pick([10, 20, 50]),
    keys: pick([2, 3, 5]),
    diskMs: pick([0.1, 1, 4]),
    jitterMs: pick([0.2, 2, 20]),
    skewMs: pick([0, 20, 2000]),
    silenceMs: pick([500, 1000]),
    patienceMs: pick([0, 500, 3000]),
    keptEntries: pick([0, 20, 100_000]),
    valueBytes: pick([10, 100]),
  };
}

/** In one line, as it is printed. */
export const streamOptionsText = ({ faults, ...others }: StreamOptions): string =>
  [
    'stream',
    ...Object.entries(others).map(([name, value]) => `${name}=${String(value)}`),
    `faults: ${faults.length === 0 ? 'none' : faults.join(', ')}`,
  ].join('  ');
