import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { CpuProfile, Frame } from './cpu-profile.ts';
import { dearestFunctions, framesOf } from './cpu-profile.ts';
import { fill } from './fill.ts';
import { flameGraphPage } from './flame-graph.ts';
import { LoadProcess } from './load-process.ts';
import { packageFolder } from './server-process.ts';
import { startTarget } from './targets.ts';
import { aligned, grouped } from './text-table.ts';
import { workloadNamed } from './workloads.ts';

/** So much longer it runs before the profile, until what is hot is compiled. */
const WARM_UPS = 2;
const DEAREST = 20;

export interface ProfileOptions {
  readonly operation: string;
  readonly connections: readonly number[];
  readonly measuredMs: number;
  readonly stopped: AbortSignal;
  readonly say: (line: string) => void;
}

/** Profiles a daemon under one operation, writes what is found below `.cache`, and returns what people read of it. */
export async function profileBench(options: ProfileOptions): Promise<string> {
  const { operation, measuredMs, stopped, say } = options;
  const connections = workloadNamed(operation).connections?.[0] ?? options.connections[0] ?? 1;
  const folder = join(packageFolder(), '.cache', 'profiles');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, operation.replaceAll(' ', '-'));
  const load = new LoadProcess();
  const target = await startTarget('tidemark', { isProbed: true });
  try {
    const { probe, port, pid } = target;
    if (probe === undefined) throw new Error('a daemon without a probe');
    say('filling...');
    await fill(port);
    const run = async (ms: number) =>
      load.run({
        workload: operation,
        connections,
        warmUpMs: 0,
        measuredMs: ms,
        port,
        serverPid: pid,
      });
    say('warming up...');
    await run(measuredMs * WARM_UPS);
    stopped.throwIfAborted();
    say('profiling...');
    await probe.startProfile();
    const { answers } = await run(measuredMs);
    await probe.writeProfile(`${file}.cpuprofile`);
    const root = framesOf(profileIn(`${file}.cpuprofile`));
    const title = `${operation}, ${connections} connections, ${grouped(answers)} answers`;
    writeFileSync(`${file}.html`, flameGraphPage(title, root));
    return profileText(title, root, { answers, files: [`${file}.cpuprofile`, `${file}.html`] });
  } finally {
    await load.stop();
    await target.stop();
  }
}

function profileIn(file: string): CpuProfile {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- V8 wrote it just now
  return JSON.parse(readFileSync(file, 'utf8')) as CpuProfile;
}

/** The dearest functions, in microseconds of each answer. */
export function profileText(
  title: string,
  root: Frame,
  { answers, files }: { readonly answers: number; readonly files: readonly string[] },
): string {
  const each = (ms: number): string => ((ms * 1000) / Math.max(1, answers)).toFixed(2);
  const lines = dearestFunctions(root, DEAREST).map(({ name, selfMs, totalMs }) => [
    each(selfMs),
    `${((selfMs / root.totalMs) * 100).toFixed(1)} %`,
    each(totalMs),
    name,
  ]);
  return [
    `${title}: ${each(root.totalMs)} us of the main thread each`,
    '',
    ...aligned([['self us', 'share', 'with calls us', 'function'], ...lines], [3]),
    '',
    ...files,
    '',
  ].join('\n');
}
