import { mkdirSync, readFileSync, writeFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';

import type { Figure } from './figure.ts';
import type { Machine } from './machine.ts';
import { machineName } from './machine.ts';
import { packageFolder } from './server-process.ts';

/** 1: machine and, by bench, when it ran, with what options, and its figures. */
const FORMAT = 1;

/** What one bench found. */
export interface KeptBench {
  /** ISO 8601. */
  readonly startedAt: string;
  /** The rounds, seconds, connections and so on that it ran with. */
  readonly options: object;
  readonly figures: readonly Figure[];
  /** Its rounds, as they ran. */
  readonly details: object;
}

/** The results of one machine on one day, of each bench the last. */
export interface KeptResults {
  readonly format: typeof FORMAT;
  readonly machine: Machine;
  /** By the bench's name: `suite`, `latency`, and so on. */
  readonly benches: Readonly<Record<string, KeptBench>>;
}

export interface Found extends KeptBench {
  readonly name: string;
  readonly machine: Machine;
}

export const keptResults = ({ name, machine, ...bench }: Found): KeptResults => ({
  format: FORMAT,
  machine,
  benches: { [name]: bench },
});

/** Writes the results into the folder, beside what other benches found on that day. Returns the file's path. */
export function keepResults(folder: string, found: Found): string {
  mkdirSync(folder, { recursive: true });
  const day = found.startedAt.slice(0, 'YYYY-MM-DD'.length);
  const file = join(folder, `${day}-${machineName(found.machine)}.json`);
  const before = existsSync(file) ? readResults(file).benches : {};
  const { benches, ...rest } = keptResults(found);
  writeResults(file, { ...rest, benches: { ...before, ...benches } });
  return file;
}

/** Where the project keeps its own. */
export const resultsFolder = (): string => join(packageFolder(), 'test', 'bench', 'results');

export function writeResults(file: string, results: KeptResults): void {
  writeFileSync(file, `${JSON.stringify(results, undefined, 2)}\n`);
}

/** Throws `ResultsError` for what is no file of results, or one of a format that is not known. */
export function readResults(file: string): KeptResults {
  const value: unknown = parsed(file);
  if (!isObject(value) || !isObject(value['benches']) || !isObject(value['machine']))
    throw new ResultsError(`${file} holds no results of the bench`);
  if (value['format'] !== FORMAT)
    throw new ResultsError(`${file} is of format ${String(value['format'])}, not ${FORMAT}`);
  for (const [name, bench] of Object.entries(value['benches'])) {
    if (!isObject(bench) || !isFigures(bench['figures']))
      throw new ResultsError(`${file}: ${name} has no figures`);
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- checked as far as anybody reads it
  return value as unknown as KeptResults;
}

/** A file that cannot be compared with. */
export class ResultsError extends Error {
  override readonly name = 'ResultsError';
}

function parsed(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new ResultsError(`${file} cannot be read: ${String(error)}`, { cause: error });
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isFigures = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.every(
    (figure: unknown) =>
      isObject(figure) &&
      typeof figure['name'] === 'string' &&
      typeof figure['value'] === 'number' &&
      (figure['better'] === 'more' || figure['better'] === 'less'),
  );
