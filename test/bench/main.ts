/** `npm run bench`: see `BENCH_USAGE`. Goals that are missed are shown and are no failure. */
import { NatsServerMissingError } from '../../src/cli/nats-server.ts';
import type { BenchOptions } from './bench-options.ts';
import { UsageError, parseBenchOptions } from './bench-options.ts';
import { runBench } from './bench-run.ts';
import { BENCH_USAGE } from './bench-usage.ts';
import { goalsText } from './goals.ts';
import { compareFigures, keptComparisonText } from './kept-comparison.ts';
import type { Found } from './kept-results.ts';
import {
  keepResults,
  keptResults,
  readResults,
  ResultsError,
  resultsFolder,
  writeResults,
} from './kept-results.ts';
import { machineText, thisMachine } from './machine.ts';

const say = (line: string): void => void process.stderr.write(`${line}\n`);

/** Returns the exit code. */
async function measure(options: BenchOptions, stopped: AbortSignal): Promise<number> {
  const { mode, results } = options;
  // What it is held against is looked at first: a file that is none would cost the whole run.
  const before =
    results.compareFile === undefined ? undefined : benchIn(results.compareFile, mode.kind);
  const startedAt = new Date().toISOString();
  const { text, figures, details } = await runBench(options, { stopped, say });
  process.stdout.write(`\n${text}${goalsText(figures)}`);
  const { operations, connections, rounds, measuredMs, warmUpMs } = options;
  const found: Found = {
    name: mode.kind,
    machine: thisMachine(),
    startedAt,
    options: { operations, connections, rounds, measuredMs, warmUpMs },
    figures,
    details,
  };
  if (results.jsonFile !== undefined) {
    writeResults(results.jsonFile, keptResults(found));
    say(`results written to ${results.jsonFile}`);
  }
  if (results.isKept) say(`results kept in ${keepResults(resultsFolder(), found)}`);
  if (before === undefined) return 0;
  const comparison = compareFigures(figures, before.figures);
  const where = `Against ${before.startedAt}, ${machineText(before.machine)}`;
  process.stdout.write(`\n${where}\n${keptComparisonText(comparison)}`);
  return results.isStrict && comparison.changes.some(({ isRegression }) => isRegression) ? 1 : 0;
}

function benchIn(file: string, name: string) {
  const { machine, benches } = readResults(file);
  const bench = benches[name];
  if (bench === undefined) throw new ResultsError(`${file} has nothing of this bench: ${name}`);
  return { ...bench, machine };
}

async function main(parameters: readonly string[]): Promise<number> {
  const stopped = new AbortController();
  const stop = (): void => stopped.abort(new Error('stopped'));
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  try {
    const options = parseBenchOptions(parameters);
    if (options !== undefined) return await measure(options, stopped.signal);
    process.stdout.write(BENCH_USAGE);
    return 0;
  } catch (error) {
    if (stopped.signal.aborted) return 130;
    if (error instanceof NatsServerMissingError || error instanceof ResultsError) {
      say(error.message);
      return 1;
    }
    if (!(error instanceof UsageError)) throw error;
    say(`${error.message}\n\n${BENCH_USAGE}`);
    return 2;
  }
}

process.exitCode = await main(process.argv.slice(2));
