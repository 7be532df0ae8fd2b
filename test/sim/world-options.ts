import { present } from '../../src/base/assert.ts';
import { type Random, randomBelow } from '../../src/base/random.ts';

export const FAULTS = [
  'power loss',
  'torn write',
  'flipped byte',
  'full disk',
  'slow disk',
  'zone stop',
  'zone lost',
  'store damaged',
  'crash',
  'old disk',
  'old region',
  'pause',
  'cut',
  'one-way cut',
  'delay',
  'loss',
  'clock jump',
  'clock drift',
  'failed sync',
  'misdirected write',
  'region lost',
  'late zone',
  'split',
] as const;

export type FaultName = (typeof FAULTS)[number];

/** What a seed has drawn. */
export interface WorldOptions {
  readonly seed: number;
  readonly regions: readonly RegionOptions[];
  readonly faults: readonly FaultName[];
  /** How long faults happen. */
  readonly breakMs: number;
  /** Mean time from one fault to the next. */
  readonly faultEveryMs: number;
  readonly clients: number;
  readonly thinkMs: number;
  readonly keys: number;
  readonly linkDelayMs: number;
  readonly jitterMs: number;
  readonly diskMs: number;
  readonly logSegmentBytes: number;
  readonly retentionMs: number;
  readonly retentionBytes: number;
  readonly valueBytes: number;
  /** Mean time until a region without a replica is given one again; 0 is never. */
  readonly returnMs: number;
}

export interface RegionOptions {
  readonly name: string;
  readonly partitions: number;
  readonly wallAheadMs: number;
}

const NAMES = ['ashore', 'beach', 'cove', 'delta'] as const;

/** One of them, each as likely as the others. */
export const pickFrom = <T>(random: Random, choices: readonly T[]): T =>
  present(choices[randomBelow(random, choices.length)], 'one choice at least');

/** Swarm testing: a world with everything in it finds less than many worlds with a part of it each. */
export function drawOptions(seed: number, random: Random): WorldOptions {
  const pick = <T>(choices: readonly T[]): T => pickFrom(random, choices);
  const chance = pick([0.15, 0.3, 0.5, 0.8]);
  const count = pick([2, 2, 3, 3, 3]);
  // The loss of one region of two leaves nothing to make equal.
  const faults = FAULTS.filter((name) => name !== 'split' && random.next() < chance).filter(
    (name) => name !== 'region lost' || count === 3,
  );
  const skewMs = pick([0, 0, 20, 200, 2000]);
  const drawn = {
    seed,
    regions: NAMES.slice(0, count).map((name) => ({
      name,
      partitions: pick([1, 2, 2, 3, 4]),
      wallAheadMs: Math.floor((random.next() - 0.5) * 2 * skewMs),
    })),
    breakMs: pick([8000, 12_000, 20_000, 30_000]),
    faultEveryMs: pick([400, 800, 1500, 4000]),
    clients: pick([1, 2, 2]),
    thinkMs: pick([200, 300, 500]),
    keys: pick([2, 3, 6]),
    linkDelayMs: pick([0, 5, 30, 80]),
    jitterMs: pick([0.2, 2, 20]),
    diskMs: pick([0.1, 1, 4]),
    logSegmentBytes: pick([4000, 16_000, 64_000, 1_000_000]),
    retentionMs: pick([4000, 15_000, 3_600_000]),
    retentionBytes: pick([20_000, 200_000, 100_000_000]),
    valueBytes: pick([10, 100, 1000]),
    returnMs: pick([0, 1000, 3000]),
  };
  // Drawn last, so that a seed that is kept draws the rest as it did when it was found.
  const splits = random.next() < 0.5;
  return { ...drawn, faults: splits ? [...faults, 'split'] : faults };
}

/** In one line, as it is printed. */
export const optionsText = (options: WorldOptions): string =>
  [
    options.regions
      .map(
        ({ name, partitions, wallAheadMs }) =>
          `${name}/${partitions}${wallAheadMs === 0 ? '' : `@${wallAheadMs}`}`,
      )
      .join(' '),
    ...Object.entries(options)
      .filter(([name]) => name !== 'regions' && name !== 'faults' && name !== 'seed')
      .map(([name, value]) => `${name}=${String(value)}`),
    `faults: ${options.faults.length === 0 ? 'none' : options.faults.join(', ')}`,
  ].join('  ');
