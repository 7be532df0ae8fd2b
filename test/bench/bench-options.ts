import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { LATENCY_OPERATIONS } from './latency-operations.ts';
import { WORKLOADS } from './workloads.ts';

/** Which bench runs. */
export type BenchMode =
  | { readonly kind: 'suite' }
  | { readonly kind: 'latency' }
  /** The hot steps of a request, each by itself. */
  | { readonly kind: 'micro' }
  | { readonly kind: 'profile'; readonly operation: string }
  /** A table that grows to each size, in items, and is put to for so long at each. */
  | { readonly kind: 'growth'; readonly sizes: readonly number[]; readonly sustainedMs: number }
  | { readonly kind: 'start'; readonly items: number }
  /** Measures nothing: the README is to show what was kept last. */
  | { readonly kind: 'readme' }
  /** The `main.js` of another build of the daemon, to be compared with this one. */
  | { readonly kind: 'against'; readonly main: string }
  | ({ readonly kind: 'nats' } & NatsOptions)
  | { readonly kind: 'expiry' };

export interface BenchOptions {
  readonly mode: BenchMode;
  /** Names of workloads, in their order; none where the bench has no choice of them. */
  readonly operations: readonly string[];
  /** None where the bench has no choice of them. */
  readonly connections: readonly number[];
  readonly rounds: number;
  readonly measuredMs: number;
  readonly warmUpMs: number;
  readonly results: ResultOptions;
}

/** What becomes of what was measured. */
export interface ResultOptions {
  /** Where it goes as JSON; undefined for nowhere. */
  readonly jsonFile: string | undefined;
  /** Whether it is kept among the project's results. */
  readonly isKept: boolean;
  /** Results that it is held against; undefined for none. */
  readonly compareFile: string | undefined;
  /** Whether the bench fails when something is worse than there. */
  readonly isStrict: boolean;
}

export interface NatsOptions {
  /** How long writes gather behind a link that is cut. */
  readonly cutMs: number;
  /** The `main.js` that the daemons run; undefined for the one that is built. */
  readonly daemon: string | undefined;
  /** Where the daemons leave CPU profiles; undefined for none. */
  readonly profileFolder: string | undefined;
}

/** What the operator got wrong on the command line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Of two regions, latency is measured for no longer. */
const NATS_MEASURED_MS_MAX = 10_000;

/** Seconds of PutItem at each size of a table that grows. */
const SUSTAIN = '300';
const SUSTAIN_QUICK = '5';

const NAMES = WORKLOADS.map(({ name }) => name);

type Kind = BenchMode['kind'];
type Values = ReturnType<typeof parsed>;

/** What a bench runs with unless told, at its full length and in a hurry. */
interface Defaults {
  readonly operations: readonly string[];
  readonly connections: string;
  readonly rounds: readonly [whole: string, quick: string];
  readonly seconds: readonly [whole: string, quick: string];
  /** Of the measured time, before it. */
  readonly warmUpShare: number;
  /** Beside what its own flag takes. */
  readonly takes: readonly (keyof Values)[];
}

const RESULTS = ['json', 'keep', 'compare', 'strict'] as const;
const SUITE: Defaults = {
  operations: NAMES,
  connections: '16,64',
  rounds: ['3', '1'],
  seconds: ['3', '1'],
  warmUpShare: 1 / 3,
  takes: ['operations', 'connections', 'rounds', 'seconds', 'quick', ...RESULTS],
};

const DEFAULTS: Readonly<Record<Kind, Defaults>> = {
  suite: SUITE,
  latency: {
    ...SUITE,
    operations: LATENCY_OPERATIONS,
    connections: '16',
    seconds: ['5', '2'],
    takes: SUITE.takes,
  },
  growth: {
    ...SUITE,
    connections: '16',
    takes: ['connections', 'rounds', 'seconds', 'sustain', 'quick', ...RESULTS],
  },
  start: { ...SUITE, takes: ['rounds', 'quick', ...RESULTS] },
  micro: {
    ...SUITE,
    rounds: ['5', '1'],
    seconds: ['0.5', '0.1'],
    warmUpShare: 1,
    takes: ['rounds', 'seconds', 'quick', ...RESULTS],
  },
  readme: { ...SUITE, takes: [] },
  profile: {
    ...SUITE,
    connections: '16',
    rounds: ['1', '1'],
    seconds: ['5', '1'],
    takes: ['connections', 'seconds', 'quick'],
  },
  against: {
    ...SUITE,
    connections: '16',
    rounds: ['40', '10'],
    seconds: ['0.6', '0.6'],
    warmUpShare: 1 / 6,
    takes: ['operations', 'connections', 'rounds', 'seconds', 'quick', 'json'],
  },
  nats: {
    ...SUITE,
    seconds: ['60', '5'],
    warmUpShare: 1 / 2,
    takes: ['rounds', 'seconds', 'quick', 'daemon', 'profiles', ...RESULTS],
  },
  expiry: {
    ...SUITE,
    connections: '16',
    seconds: ['5', '5'],
    takes: ['connections', 'rounds', 'seconds', 'quick', ...RESULTS],
  },
};

const MODE_FLAGS = [
  'latency',
  'micro',
  'growth',
  'start',
  'profile',
  'against',
  'nats',
  'expiry',
  'readme',
] as const;

/** Undefined when help was asked for. Throws `UsageError`. */
export function parseBenchOptions(parameters: readonly string[]): BenchOptions | undefined {
  const values = parsed(parameters);
  if (values.help) return undefined;
  const kind = kindOf(values);
  const defaults = DEFAULTS[kind];
  refuseStrays(values, kind);
  const quick = values.quick ? 1 : 0;
  const givenMs = positive('--seconds', values.seconds ?? defaults.seconds[quick]) * 1000;
  const measuredMs = kind === 'nats' ? Math.min(givenMs, NATS_MEASURED_MS_MAX) : givenMs;
  const connections = wholes('--connections', values.connections ?? defaults.connections);
  return {
    mode: modeOf(kind, values, givenMs),
    operations: defaults.takes.includes('operations')
      ? knownOf('--operations', defaults.operations, values.operations)
      : [],
    connections: defaults.takes.includes('connections') ? connections : [],
    rounds: whole('--rounds', values.rounds ?? defaults.rounds[quick]),
    measuredMs,
    warmUpMs: measuredMs * defaults.warmUpShare,
    results: {
      jsonFile: values.json,
      isKept: values.keep,
      compareFile: absolute(values.compare),
      isStrict: values.strict,
    },
  };
}

function kindOf(values: Values): Kind {
  const given = MODE_FLAGS.filter((flag) => isGiven(values[flag]));
  if (given.length > 1)
    throw new UsageError(`one of ${given.map((flag) => `--${flag}`).join(', ')} at a time`);
  return given[0] ?? 'suite';
}

const isGiven = (value: string | boolean | undefined): boolean =>
  value !== undefined && value !== false;

function refuseStrays(values: Values, kind: Kind): void {
  const { takes } = DEFAULTS[kind];
  const own: readonly string[] = [kind, ...takes];
  const strays = Object.entries(values).filter(
    ([name, value]) => isGiven(value) && !own.includes(name),
  );
  const [stray] = strays;
  if (stray !== undefined) {
    const bench = kind === 'suite' ? 'this bench' : `--${kind}`;
    throw new UsageError(`--${stray[0]} is not taken by ${bench}`);
  }
  if (values.strict && values.compare === undefined)
    throw new UsageError('--strict is taken with --compare only');
}

function modeOf(kind: Kind, values: Values, cutMs: number): BenchMode {
  if (kind === 'profile') {
    const [operation = ''] = knownOf('--profile', NAMES, values.profile);
    return { kind, operation };
  }
  if (kind === 'growth') {
    const sizes = wholes('--growth', values.growth ?? '');
    if (sizes.some((size, at) => size <= (sizes[at - 1] ?? 0)))
      throw new UsageError('--growth: sizes rise');
    const sustain = values.sustain ?? (values.quick ? SUSTAIN_QUICK : SUSTAIN);
    return { kind, sizes, sustainedMs: positive('--sustain', sustain) * 1000 };
  }
  if (kind === 'start') return { kind, items: whole('--start', values.start ?? '') };
  if (kind === 'against') return { kind, main: resolve(values.against ?? '') };
  if (kind !== 'nats') return { kind };
  const daemon = absolute(values.daemon);
  return { kind, cutMs, daemon, profileFolder: absolute(values.profiles) };
}

function knownOf(
  flag: string,
  known: readonly string[],
  list: string | undefined,
): readonly string[] {
  const names = list?.split(',') ?? known;
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length === 0) return names;
  throw new UsageError(`${flag}: no ${unknown.join(', ')}; there are ${known.join(', ')}`);
}

function parsed(parameters: readonly string[]) {
  try {
    return parseArgs({
      args: [...parameters],
      options: {
        operations: { type: 'string' },
        connections: { type: 'string' },
        rounds: { type: 'string' },
        seconds: { type: 'string' },
        json: { type: 'string' },
        keep: { type: 'boolean', default: false },
        compare: { type: 'string' },
        strict: { type: 'boolean', default: false },
        latency: { type: 'boolean', default: false },
        micro: { type: 'boolean', default: false },
        growth: { type: 'string' },
        sustain: { type: 'string' },
        start: { type: 'string' },
        readme: { type: 'boolean', default: false },
        nats: { type: 'boolean', default: false },
        expiry: { type: 'boolean', default: false },
        daemon: { type: 'string' },
        against: { type: 'string' },
        profile: { type: 'string' },
        profiles: { type: 'string' },
        quick: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

const wholes = (name: string, list: string): readonly number[] =>
  list.split(',').map((text) => whole(name, text));

const absolute = (path: string | undefined): string | undefined =>
  path === undefined ? undefined : resolve(path);

function positive(name: string, text: string): number {
  const value = Number(text);
  if (text !== '' && Number.isFinite(value) && value > 0) return value;
  throw new UsageError(`${name}: expected a number above 0, not "${text}"`);
}

function whole(name: string, text: string): number {
  const value = positive(name, text);
  if (Number.isInteger(value)) return value;
  throw new UsageError(`${name}: expected a whole number, not "${text}"`);
}
