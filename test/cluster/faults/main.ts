/** `npm run test:cluster`: see `USAGE`. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { findNatsServer, JETSTREAM_VERSION_MIN } from '../../../src/cli/nats-server.ts';
import { PROJECT_ROOT } from '../../support/project-root.ts';
import { ALL_FAULTS } from './all-faults.ts';
import type { Fault } from './fault.ts';
import { isSurvived, reportText } from './fault-report.ts';
import { type FaultResult, playFault } from './play-fault.ts';

const USAGE = `Usage: npm run test:cluster -- [options]

Plays faults with real processes under load, and prints a table of what came of them. Exits with 1 when a write that was
acknowledged is lost, a strong read goes back, regions differ, or an outage is more than three times its target.

  --fault NAME    only this one; may be given several times
  --list          name all faults, and play none
  --logs FOLDER   keep there what the daemons write, by fault
  --daemon FILE   the main.js of another build, to play the faults with its daemons
  --help          this text
`;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(): Promise<number> {
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
  const { values } = parseArgs({
    options: {
      fault: { type: 'string', multiple: true, default: [] },
      list: { type: 'boolean', default: false },
      logs: { type: 'string' },
      daemon: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    say(USAGE);
    return 0;
  }
  if (values.list) {
    const width = Math.max(...ALL_FAULTS.map(({ name }) => name.length));
    for (const { name, what } of ALL_FAULTS) say(`${name.padEnd(width)}  ${what}`);
    return 0;
  }
  const unknown = values.fault.filter((name) => !ALL_FAULTS.some((fault) => fault.name === name));
  if (unknown.length > 0 || (values.daemon !== undefined && !existsSync(values.daemon))) {
    say(unknown.length > 0 ? `no fault ${unknown.join(', ')}; see --list` : 'no such --daemon');
    return 2;
  }
  const faults = ALL_FAULTS.filter(
    ({ name }) => values.fault.length === 0 || values.fault.includes(name),
  );
  const results = await playAll(faults, values);
  say(`\n${reportText(results)}`);
  return results.length === faults.length && results.every(isSurvived) ? 0 : 1;
}

async function playAll(
  faults: readonly Fault[],
  { logs, daemon }: { readonly logs?: string | undefined; readonly daemon?: string | undefined },
): Promise<readonly FaultResult[]> {
  const cacheFolder = join(PROJECT_ROOT, '.cache', 'bin');
  const server = await findNatsServer({ versionMin: JETSTREAM_VERSION_MIN, cacheFolder, say });
  process.env['NATS_SERVER'] = server.path;
  say(`nats-server ${server.version} (${server.path})`);
  const ended = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => ended.abort());
  const results: FaultResult[] = [];
  for (const fault of faults) {
    if (ended.signal.aborted) break;
    say(`${fault.name}: ${fault.what}`);
    const startedMs = performance.now();
    const result = await playFault(fault, {
      logFolder: logs === undefined ? undefined : join(logs, fault.name),
      program: daemon,
      signal: ended.signal,
    }).catch((error: unknown): FaultResult => notPlayed(fault, error));
    results.push(result);
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    say(`  ${isSurvived(result) ? 'survived' : 'NOT SURVIVED'}, after ${seconds} s`);
    for (const line of result.wrong) say(`  ${line}`);
  }
  return results;
}

const notPlayed = (fault: Fault, error: unknown): FaultResult => ({
  fault,
  outageMs: 0,
  calmMs: 0,
  acknowledged: 0,
  lost: 0,
  convergedMs: undefined,
  wrong: [error instanceof Error ? error.message : String(error)],
  notes: [],
});

process.exit(await main());
