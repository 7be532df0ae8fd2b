import { join } from 'node:path';
import { expect, test } from 'vitest';

import { builtSim } from './built-sim.ts';
import { readBugs } from './planted-bug.ts';
import { KEPT_SEEDS } from './seeds.ts';
import { type WorldAnswer, WorldProcess } from './world-process.ts';

const BUGS = readBugs(join(import.meta.dirname, 'bugs'));

/** A world takes a second or two, on a machine that does nothing else. */
const WORLD_MS_MAX = 240_000;
const ALL_MS = 1_500_000;

/** Worlds of both kinds, of which two must be the same. */
const TWICE = [17, 87] as const;

/** Runs worlds in two processes, each world in the one that is free next. */
async function run(seeds: readonly number[]): Promise<readonly WorldAnswer[]> {
  const folder = builtSim();
  const answers: WorldAnswer[] = [];
  const left = [...seeds.entries()];
  const work = async (): Promise<void> => {
    const process = new WorldProcess(folder, WORLD_MS_MAX);
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const [at, seed] = next;
      answers[at] = await process.run({ seed, endsAtViolation: false });
    }
    process.end();
  };
  await Promise.all([work(), work()]);
  return answers;
}

test(
  'the worlds that found bugs, and those that find planted ones, keep their promises',
  async () => {
    const seeds = [
      ...new Set([
        ...KEPT_SEEDS.map(({ seed }) => seed),
        ...BUGS.flatMap(({ seed }) => seed ?? []),
      ]),
    ];
    const answers = await run(seeds);
    const broken = seeds.flatMap((seed, at) =>
      (answers[at]?.violations ?? ['none answered']).map((violation) => `${seed}: ${violation}`),
    );
    expect(broken).toEqual([]);
  },
  ALL_MS,
);

test(
  'the same seed makes the same world, to the last line of its journal',
  async () => {
    const answers = await run([...TWICE, ...TWICE]);
    const [first, other] = answers;
    expect(first?.hash).toMatch(/^[\da-f]{16}$/);
    expect(answers.slice(TWICE.length)).toEqual(answers.slice(0, TWICE.length));
    expect(other?.hash).not.toBe(first?.hash);
  },
  ALL_MS,
);
