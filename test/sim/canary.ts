/** `npm run sim:canary`: see `USAGE`. Exits with 1 when a planted bug was not found, with 2 when it was asked wrongly. */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import {
  copyBuilt,
  keepSeed,
  plant,
  type PlantedBug,
  PlantError,
  readBugs,
} from './planted-bug.ts';
import { WorldProcess } from './world-process.ts';

const USAGE = `Plants each bug of test/sim/bugs in a copy of the built code, and runs worlds until one finds it.

  npm run sim:canary

  --bug NAME   this bug alone; may be given again
  --from S     the first seed (1)
  --seeds N    how many seeds are tried (200)
  --jobs J     how many processes (2)
  --keep       notes the seeds that were found, for npm test`;

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));
const BUGS = join(ROOT, 'test', 'sim', 'bugs');
const JOURNALS = join(ROOT, '.cache', 'sim-journals');
/** The code that this program was built with. */
const BUILT = fileURLToPath(new URL('../..', import.meta.url));

/** A world that takes longer hangs without its virtual time going on. */
const WORLD_MS_MAX = 120_000;

interface Command {
  readonly bugs: readonly PlantedBug[];
  readonly from: number;
  readonly seeds: number;
  readonly jobs: number;
  readonly keep: boolean;
}

interface Find {
  readonly seed: number;
  readonly violation: string;
}

function parseCommand(parameters: readonly string[]): Command {
  const { values } = parseArgs({
    args: [...parameters],
    options: {
      bug: { type: 'string', multiple: true, default: [] },
      from: { type: 'string', default: '1' },
      seeds: { type: 'string', default: '200' },
      jobs: { type: 'string', default: '2' },
      keep: { type: 'boolean', default: false },
    },
  });
  const all = readBugs(BUGS);
  for (const name of values.bug)
    if (!all.some((bug) => bug.name === name)) throw new Error(`there is no planted bug ${name}`);
  const bugs = values.bug.length === 0 ? all : all.filter(({ name }) => values.bug.includes(name));
  const whole = (name: 'from' | 'seeds' | 'jobs'): number => {
    const number = Number(values[name]);
    if (Number.isSafeInteger(number) && number > 0) return number;
    throw new Error(`--${name} takes a whole number above 0, not ${values[name]}`);
  };
  return {
    bugs,
    from: whole('from'),
    seeds: whole('seeds'),
    jobs: whole('jobs'),
    keep: values.keep,
  };
}

/** The lowest of the seeds whose world breaks its promises with the bug, and keeps them without it. */
async function hunt(
  { planted, clean }: { readonly planted: string; readonly clean: string },
  { from, seeds, jobs }: Command,
): Promise<Find | undefined> {
  let next = from;
  let found: Find | undefined;
  const work = async (): Promise<void> => {
    const broken = new WorldProcess(planted, WORLD_MS_MAX);
    const sound = new WorldProcess(clean, WORLD_MS_MAX);
    for (;;) {
      const seed = next;
      if (seed >= Math.min(from + seeds, found?.seed ?? Infinity)) break;
      next += 1;
      const [violation] = await broken.violations(seed);
      if (violation === undefined || (await sound.violations(seed)).length > 0) continue;
      if (found === undefined || seed < found.seed) found = { seed, violation };
    }
    broken.end();
    sound.end();
  };
  await Promise.all(Array.from({ length: jobs }, work));
  return found;
}

/** Whether it was found. */
async function seek(bug: PlantedBug, folder: string, command: Command): Promise<boolean> {
  const clean = join(folder, 'clean');
  const planted = join(folder, bug.name);
  const startMs = Date.now();
  copyBuilt(clean, planted);
  try {
    plant(bug, planted);
    const found = await hunt({ planted, clean }, command);
    if (found !== undefined && command.keep) keepSeed(BUGS, bug, found.seed);
    if (found !== undefined) keepJournal(bug, join(folder, 'sim-journals'), found.seed);
    const seconds = ((Date.now() - startMs) / 1000).toFixed(0);
    say(row(bug.name, [String(found?.seed ?? '-'), seconds, found?.violation ?? 'NOT FOUND']));
    return found !== undefined;
  } catch (error) {
    if (!(error instanceof PlantError)) throw error;
    say(row(bug.name, ['-', '-', `DOES NOT APPLY: ${error.message}`]));
    return false;
  } finally {
    rmSync(planted, { recursive: true, force: true });
  }
}

/** A world that did not come to its end has none. */
function keepJournal({ name }: PlantedBug, folder: string, seed: number): void {
  const path = join(folder, `seed-${seed}.journal`);
  if (!existsSync(path)) return;
  mkdirSync(JOURNALS, { recursive: true });
  renameSync(path, join(JOURNALS, `${name}.journal`));
}

const WIDTHS = [34, 6, 8] as const;
const SHOWN_CHARACTERS_MAX = 150;

const row = (name: string, [seed, seconds, what]: readonly [string, string, string]): string =>
  `${name.padEnd(WIDTHS[0])}${seed.padStart(WIDTHS[1])}${seconds.padStart(WIDTHS[2])}  ${what.slice(0, SHOWN_CHARACTERS_MAX)}`;

const say = (line: string): boolean => process.stdout.write(`${line}\n`);

async function main(): Promise<void> {
  const command = parseCommand(process.argv.slice(2));
  mkdirSync(join(ROOT, '.cache'), { recursive: true });
  // Inside the checkout, so that the copies find its packages.
  const folder = mkdtempSync(join(ROOT, '.cache', 'canary-'));
  let missed = 0;
  try {
    copyBuilt(BUILT, join(folder, 'clean'));
    say(row('bug', ['seed', 'seconds', 'what was violated']));
    for (const bug of command.bugs) if (!(await seek(bug, folder, command))) missed += 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  say(`${command.bugs.length - missed} of ${command.bugs.length} planted bugs found`);
  say(`journals: ${join(JOURNALS, 'NAME.journal')}`);
  if (missed > 0) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  say(USAGE);
  process.exitCode = 2;
}
