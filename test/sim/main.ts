/** `npm run sim`: see `SIM_USAGE`. Exits with 1 when a world has failed, with 2 when it was asked wrongly. */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { runWorld, type WorldResult } from './run-world.ts';
import { parseSimCommand, SIM_USAGE } from './sim-command.ts';
import { totalsText, type WorldSummary } from './totals.ts';
import type { WorldAsked } from './world-process.ts';

/** Beside the folder of the built code. */
const JOURNALS = fileURLToPath(new URL('../../../sim-journals', import.meta.url));

/** A world that takes longer hangs without its virtual time going on. */
const WORLD_MS_MAX = 180_000;

/** Violations that are shown of a world; all are in its journal. */
const SHOWN_MAX = 5;

const say = (line: string): boolean => process.stdout.write(`${line}\n`);

async function runOne(seed: number): Promise<readonly WorldSummary[]> {
  const result = await runWorld(seed, {
    onPhase: (phase) => say(`seed ${seed}: ${phase}`),
  });
  report(summaryOf(result), journalOf(result));
  say(`journal hash ${result.hash}, journal ${journalOf(result)}`);
  return [summaryOf(result)];
}

const summaryOf = ({ journal: _journal, ...summary }: WorldResult): WorldSummary => summary;

/** Writes the journal and says where it is. */
function journalOf({ seed, journal }: WorldResult): string {
  mkdirSync(JOURNALS, { recursive: true });
  const path = join(JOURNALS, `seed-${seed}.journal`);
  writeFileSync(path, `${journal.join('\n')}\n`);
  return path;
}

function report({ seed, options, violations }: WorldSummary, journal: string | undefined): void {
  if (violations.length === 0) return;
  say(`seed ${seed} FAILED: ${options}`);
  for (const violation of violations.slice(0, SHOWN_MAX)) say(`  ${violation}`);
  if (violations.length > SHOWN_MAX) say(`  and ${violations.length - SHOWN_MAX} more`);
  if (journal !== undefined) say(`  journal: ${journal}`);
  say(`  replay:  npm run sim -- --seed ${seed}`);
}

/** Each child process runs one world after the other; a failed one has written its journal. */
async function runMany(seeds: readonly number[], jobs: number): Promise<readonly WorldSummary[]> {
  const results: WorldSummary[] = [];
  const left = [...seeds];
  await Promise.all(
    Array.from({ length: Math.min(jobs, seeds.length) }, async () => {
      let child = newChild();
      for (let seed = left.shift(); seed !== undefined; seed = left.shift()) {
        const result = await askChild(child, seed);
        if (result.hash === '') {
          child.kill('SIGKILL');
          child = newChild();
        }
        results.push(result);
        report(result, result.hash === '' ? undefined : join(JOURNALS, `seed-${seed}.journal`));
        if (results.length % 100 === 0) say(`${results.length} of ${seeds.length} worlds`);
      }
      child.disconnect();
    }),
  );
  return results;
}

const newChild = (): ChildProcess => fork(fileURLToPath(import.meta.url), ['--child']);

/** A summary without a hash is of a child that did not answer. */
async function askChild(child: ChildProcess, seed: number): Promise<WorldSummary> {
  return new Promise((resolve) => {
    const finish = (summary: WorldSummary): void => {
      clearTimeout(timer);
      child.removeAllListeners();
      resolve(summary);
    };
    const fail = (why: string): void => {
      finish({
        seed,
        options: '',
        hash: '',
        violations: [why],
        virtualMs: 0,
        regions: 0,
        counts: {},
      });
    };
    const timer = setTimeout(() => fail('process: took too long'), WORLD_MS_MAX);
    // It comes from this very program.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    child.once('message', (summary) => finish(summary as WorldSummary));
    child.once('exit', (code) => fail(`process: ended with ${code}`));
    child.send({ seed, endsAtViolation: false } satisfies WorldAsked);
  });
}

function serveParent(): void {
  process.on('message', (asked) => {
    // It comes from this very program.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    void runForParent(asked as WorldAsked);
  });
}

async function runForParent({ seed, endsAtViolation }: WorldAsked): Promise<void> {
  const result = await runWorld(seed, { endsAtViolation });
  if (result.violations.length > 0) journalOf(result);
  process.send?.(summaryOf(result));
}

async function main(): Promise<void> {
  const command = parseSimCommand(process.argv.slice(2));
  if (command.kind === 'child') {
    serveParent();
    return;
  }
  const results =
    command.kind === 'one'
      ? await runOne(command.seed)
      : await runMany(command.seeds, command.jobs);
  say(totalsText(results));
  if (results.some(({ violations }) => violations.length > 0)) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  say(SIM_USAGE);
  process.exitCode = 2;
}
