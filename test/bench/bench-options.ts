import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { WORKLOADS } from './workloads.ts';

export interface BenchOptions {
  /** Names of workloads, in their order. */
  readonly operations: readonly string[];
  readonly connections: readonly number[];
  readonly rounds: number;
  readonly measuredMs: number;
  readonly warmUpMs: number;
  /** Where the results go as JSON. */
  readonly jsonFile: string | undefined;
  /** Two regions over NATS are measured, instead of one; undefined for one. */
  readonly nats: NatsOptions | undefined;
  /** PutItem is measured while items expire, instead of operations one by one. Absent: it is not. */
  readonly isExpiry?: true;
}

export interface NatsOptions {
  /** How long writes gather behind a link that is cut. */
  readonly cutMs: number;
  /** The `main.js` that the daemons run; undefined for the one that is built. */
  readonly daemon: string | undefined;
  /** Where the daemons leave CPU profiles; undefined for none. */
  readonly profileFolder: string | undefined;
}

/** Of two regions, latency is measured for no longer. */
const LATENCY_MS_MAX = 10_000;

const NAMES = WORKLOADS.map(({ name }) => name);

export const BENCH_USAGE = `Usage: npm run bench -- [options]

Measures one region of Tidemark beside dynalite on disk and a bare node:http server, in interleaved rounds.

  --operations LIST    of ${NAMES.join(',')} (default: all)
  --connections LIST   how many at once (default: 16,64)
  --rounds N           each target's runs per operation; medians are shown (default: 3)
  --seconds N          measured seconds per run, after a third of that to warm up (default: 3)
  --json FILE          write the results, with a description of the machine
  --quick              one round of one second
  --help               this text

npm run bench -- --nats [options]

Measures two regions over NATS: how long a write takes to the other region beside bare request and reply, and how fast a
region catches up after the link was cut.

  --rounds N           how often each (default: 3)
  --seconds N          how long the link is cut while there are writes (default: 60)
  --json FILE          as above
  --daemon FILE        the main.js of another build, to measure its daemons
  --profile FOLDER     leave CPU profiles of the daemons there
  --quick              one round, with the link cut for 5 seconds

npm run bench -- --expiry [options]

Measures how soon 10,000 items are gone that expire at one moment, and PutItem beside that.

  --connections LIST   how many put at once (default: 16)
  --rounds, --seconds, --json, --quick   as above (default of seconds: 5)
`;

/** What the operator got wrong on the command line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Undefined when help was asked for. Throws `UsageError`. */
export function parseBenchOptions(parameters: readonly string[]): BenchOptions | undefined {
  const values = parsed(parameters);
  if (values.help) return undefined;
  const operations = values.operations?.split(',') ?? NAMES;
  const unknown = operations.filter((name) => !NAMES.includes(name));
  if (unknown.length > 0) {
    throw new UsageError(`--operations: no ${unknown.join(', ')}; there are ${NAMES.join(', ')}`);
  }
  const isNats = values.nats;
  const isExpiry = values.expiry;
  if (isExpiry && (isNats || values.operations !== undefined))
    throw new UsageError('--expiry takes neither --nats nor --operations');
  if (isNats && (values.operations ?? values.connections) !== undefined)
    throw new UsageError('--nats takes neither --operations nor --connections');
  if (!isNats && (values.profile ?? values.daemon) !== undefined)
    throw new UsageError('--profile and --daemon are taken with --nats only');
  const secondsDefault = isNats
    ? { quick: '5', whole: '60' }
    : isExpiry
      ? { quick: '5', whole: '5' }
      : { quick: '1', whole: '3' };
  const seconds = values.seconds ?? (values.quick ? secondsDefault.quick : secondsDefault.whole);
  const givenMs = positive('--seconds', seconds) * 1000;
  const measuredMs = isNats ? Math.min(givenMs, LATENCY_MS_MAX) : givenMs;
  return {
    operations,
    ...(isExpiry && { isExpiry }),
    connections: (values.connections ?? (isExpiry ? '16' : '16,64'))
      .split(',')
      .map((text) => whole('--connections', text)),
    rounds: whole('--rounds', values.rounds ?? (values.quick ? '1' : '3')),
    measuredMs,
    warmUpMs: isNats ? measuredMs / 2 : measuredMs / 3,
    jsonFile: values.json,
    nats: isNats
      ? {
          cutMs: givenMs,
          daemon: absolute(values.daemon),
          profileFolder: absolute(values.profile),
        }
      : undefined,
  };
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
        nats: { type: 'boolean', default: false },
        expiry: { type: 'boolean', default: false },
        daemon: { type: 'string' },
        profile: { type: 'string' },
        quick: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

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
