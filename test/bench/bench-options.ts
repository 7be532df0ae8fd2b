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
}

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
  const measuredMs = positive('--seconds', values.seconds ?? (values.quick ? '1' : '3')) * 1000;
  return {
    operations,
    connections: (values.connections ?? '16,64')
      .split(',')
      .map((text) => whole('--connections', text)),
    rounds: whole('--rounds', values.rounds ?? (values.quick ? '1' : '3')),
    measuredMs,
    warmUpMs: measuredMs / 3,
    jsonFile: values.json,
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
        quick: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

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
