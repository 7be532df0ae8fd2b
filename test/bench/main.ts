/** `npm run bench`: see `BENCH_USAGE`. Goals that are missed are shown and are no failure. */
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';

import { NatsServerMissingError } from '../../src/cli/nats-server.ts';
import type { BenchOptions, NatsOptions } from './bench-options.ts';
import { BENCH_USAGE, UsageError, parseBenchOptions } from './bench-options.ts';
import { expiryBench } from './expiry-bench.ts';
import { expiryGoalsOf, expiryReportText } from './expiry-report.ts';
import { fill } from './fill.ts';
import { LoadProcess } from './load-process.ts';
import { natsBench } from './nats-bench.ts';
import { natsGoalsOf, natsReportText } from './nats-report.ts';
import { processUsage } from './process-usage.ts';
import type { Memory, Run } from './report.ts';
import { goalsOf, reportText, summarize } from './report.ts';
import type { Target, TargetName } from './targets.ts';
import { startTarget } from './targets.ts';

const TARGETS: readonly TargetName[] = ['bare', 'dynalite', 'tidemark'];
/** A server that has answered its first request may still be tidying up after its start. */
const SETTLE_MS = 2000;

const say = (line: string): boolean => process.stderr.write(`${line}\n`);

/** Starts everything, measures, ends everything. `stopped` aborts between two runs. */
async function bench(options: BenchOptions, stopped: AbortSignal): Promise<void> {
  const startedAt = new Date().toISOString();
  const load = new LoadProcess();
  const targets: Target[] = [];
  try {
    for (const name of TARGETS) targets.push(await startTarget(name));
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    const idle = targets.map(residentBytes);
    for (const target of targets.filter(({ name }) => name !== 'bare')) {
      say(`filling ${target.name}...`);
      await fill(target.port);
    }
    const runs = await measure({ options, targets, load, stopped });
    const memory = targets.map((target, at) => ({
      target: target.name,
      idleBytes: idle[at],
      loadedBytes: residentBytes(target),
    }));
    finish({ startedAt, options, runs, memory });
  } finally {
    await load.stop();
    await Promise.all(targets.map(async (target) => target.stop()));
  }
}

const residentBytes = ({ pid }: Target): number | undefined => processUsage(pid)?.residentBytes;

interface Measuring {
  readonly options: BenchOptions;
  readonly targets: readonly Target[];
  readonly load: LoadProcess;
  readonly stopped: AbortSignal;
}

/** Targets take turns within each operation, so that whatever slows the machine for a while slows them all. */
async function measure({ options, targets, load, stopped }: Measuring): Promise<readonly Run[]> {
  const runs: Run[] = [];
  for (let round = 1; round <= options.rounds; round++) {
    for (const operation of options.operations) {
      for (const connections of options.connections) {
        for (const target of targets) {
          stopped.throwIfAborted();
          const { warmUpMs, measuredMs } = options;
          const result = await load.run({
            workload: operation,
            connections,
            warmUpMs,
            measuredMs,
            port: target.port,
            serverPid: target.pid,
          });
          runs.push({ target: target.name, operation, connections, round, ...result });
          say(
            `round ${round}: ${operation}, ${connections} connections, ${target.name}: ` +
              `${Math.round(result.ratePerSecond)}/s`,
          );
        }
      }
    }
  }
  return runs;
}

interface Results {
  readonly startedAt: string;
  readonly options: BenchOptions;
  readonly runs: readonly Run[];
  readonly memory: readonly Memory[];
}

function finish({ startedAt, options, runs, memory }: Results): void {
  const rows = summarize(runs);
  process.stdout.write(`\n${reportText(rows, memory)}`);
  writeResults(options, { startedAt, rows, memory, goals: goalsOf(rows, memory), runs });
}

/** Two regions instead of one. */
async function benchNats(
  options: BenchOptions,
  nats: NatsOptions,
  stopped: AbortSignal,
): Promise<void> {
  const startedAt = new Date().toISOString();
  const { rounds, measuredMs, warmUpMs } = options;
  const results = await natsBench({ ...nats, rounds, measuredMs, warmUpMs, stopped, say });
  const { latencies, catchUps } = results;
  process.stdout.write(`\n${natsReportText(latencies, catchUps)}`);
  writeResults(options, { startedAt, ...results, goals: natsGoalsOf(latencies, catchUps) });
}

/** Items that expire beside PutItem. */
async function benchExpiry(options: BenchOptions, stopped: AbortSignal): Promise<void> {
  const startedAt = new Date().toISOString();
  const runs = await expiryBench({ ...options, stopped, say });
  process.stdout.write(`\n${expiryReportText(runs)}`);
  writeResults(options, { startedAt, runs, goals: expiryGoalsOf(runs) });
}

function writeResults(options: BenchOptions, results: object): void {
  const { jsonFile } = options;
  if (jsonFile === undefined) return;
  const whole = { machine: machine(), options, ...results };
  writeFileSync(jsonFile, `${JSON.stringify(whole, undefined, 2)}\n`);
  say(`results written to ${jsonFile}`);
}

const machine = (): object => ({
  node: process.version,
  platform: `${process.platform} ${process.arch} ${release()}`,
  cpu: cpus()[0]?.model.trim(),
  cores: availableParallelism(),
  memoryBytes: totalmem(),
  loadAverages: loadavg(),
});

async function main(parameters: readonly string[]): Promise<number> {
  const stopped = new AbortController();
  const stop = (): void => stopped.abort(new Error('stopped'));
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  try {
    const options = parseBenchOptions(parameters);
    if (options === undefined) process.stdout.write(BENCH_USAGE);
    else if (options.isExpiry === true) await benchExpiry(options, stopped.signal);
    else if (options.nats === undefined) await bench(options, stopped.signal);
    else await benchNats(options, options.nats, stopped.signal);
    return 0;
  } catch (error) {
    if (stopped.signal.aborted) return 130;
    if (error instanceof NatsServerMissingError) {
      say(error.message);
      return 1;
    }
    if (!(error instanceof UsageError)) throw error;
    say(`${error.message}\n\n${BENCH_USAGE}`);
    return 2;
  }
}

process.exitCode = await main(process.argv.slice(2));
