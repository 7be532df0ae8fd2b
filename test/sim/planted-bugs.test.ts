import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';

import { builtSim } from './built-sim.ts';
import { copyBuilt, keepSeed, parseBug, plant, PlantError, readBugs } from './planted-bug.ts';
import { WorldProcess } from './world-process.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const BUGS = readBugs(join(import.meta.dirname, 'bugs'));

/** A world takes a second or two, on a machine that does nothing else; a bug may make it hang. */
const WORLD_MS_MAX = 240_000;
const REPLAY_MS = 1_500_000;

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function temporaryFolder(parent: string): string {
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, 'canary-'));
  folders.push(folder);
  return folder;
}

function codeWith(text: string): { readonly folder: string; readonly read: () => string } {
  const folder = temporaryFolder(tmpdir());
  const path = join(folder, 'src', 'quorum.js');
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return { folder, read: () => readFileSync(path, 'utf8') };
}

const PATCH = `Two of three is
taken for one.

--- src/quorum.js
 function quorum() {
-    return 2;
+    return 1;
 }
`;

const CODE = 'function quorum() {\n    return 2;\n}\nquorum();\n';

test('a bug is planted where its lines stand', () => {
  const { folder, read } = codeWith(CODE);
  const bug = parseBug('quorum', PATCH);
  expect(bug.breaks).toBe('Two of three is taken for one.');
  plant(bug, folder);
  expect(read()).toBe('function quorum() {\n    return 1;\n}\nquorum();\n');
});

test('a bug has as many edits as it says, in as many files', () => {
  const text = `${PATCH}@@\n-quorum();\n+quorum() + 1;\n--- src/other.js\n-a\n+b\n`;
  const { edits } = parseBug('quorum', text);
  expect(edits.map(({ file, before }) => [file, before.length])).toEqual([
    ['src/quorum.js', 3],
    ['src/quorum.js', 1],
    ['src/other.js', 1],
  ]);
});

test('a bug whose lines stand nowhere is refused in words', () => {
  const { folder } = codeWith(CODE.replace('2', '3'));
  expect(() => plant(parseBug('quorum', PATCH), folder)).toThrow(
    /quorum: stands not in src\/quorum\.js:\nfunction quorum\(\) \{\n {4}return 2;/,
  );
});

test('a bug whose lines stand twice is refused in words', () => {
  const { folder, read } = codeWith(CODE + CODE);
  expect(() => plant(parseBug('quorum', PATCH), folder)).toThrow('stands 2 times in src/quorum.js');
  expect(read()).toBe(CODE + CODE);
});

test('a bug of a file that is not there is refused in words', () => {
  const bug = parseBug('quorum', PATCH.replace('quorum.js', 'gone.js'));
  expect(() => plant(bug, codeWith(CODE).folder)).toThrow('there is no src/gone.js');
});

test.each([
  ['it does not say what it breaks', PATCH.replace(/^Two[^-]*/, '')],
  ['it changes nothing', 'A sentence.\n'],
  ['an edit of src/quorum.js replaces nothing', 'A sentence.\n\n--- src/quorum.js\n a\n'],
  ['an edit of src/quorum.js replaces nothing', 'A sentence.\n\n--- src/quorum.js\n+a\n'],
  ['a line begins with neither space, - nor +', 'A sentence.\n\n--- src/quorum.js\nreturn;\n'],
])('a bug is refused because %s', (why, text) => {
  expect(() => parseBug('quorum', text)).toThrow(PlantError);
  expect(() => parseBug('quorum', text)).toThrow(why);
});

test('the seed that finds a bug is kept in its file, once', () => {
  const folder = temporaryFolder(tmpdir());
  writeFileSync(join(folder, 'quorum.patch'), PATCH);
  for (const seed of [7, 12]) {
    const [bug] = readBugs(folder);
    if (bug !== undefined) keepSeed(folder, bug, seed);
  }
  const [bug] = readBugs(folder);
  expect(bug).toEqual({ ...parseBug('quorum', PATCH), seed: 12 });
});

test('each planted bug has a seed that finds it', () => {
  expect(BUGS.length).toBeGreaterThanOrEqual(12);
  expect(BUGS.filter(({ seed }) => seed === undefined).map(({ name }) => name)).toEqual([]);
});

test('README.md lists each planted bug', () => {
  const text = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8');
  const listed = [...text.matchAll(/^\| `([\w-]+)` +\|/gm)].map(([, name]) => name);
  expect(listed).toEqual(BUGS.map(({ name }) => name));
});

/** Runs one world of each copy of the code, up to its first violation, two at a time. */
async function replay(
  worlds: readonly { readonly folder: string; readonly seed: number }[],
): Promise<readonly (readonly string[])[]> {
  const found: (readonly string[])[] = worlds.map(() => []);
  const left = worlds.map((world, at) => ({ ...world, at }));
  const work = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const process = new WorldProcess(next.folder, WORLD_MS_MAX);
      found[next.at] = await process.violations(next.seed);
      process.end();
    }
  };
  await Promise.all([work(), work()]);
  return found;
}

// Without its bug `worlds.test.ts` runs it.
test(
  'each planted bug is found by the world that is kept for it',
  async () => {
    const clean = builtSim();
    // Inside the checkout, so that the copies find its packages.
    const folder = temporaryFolder(join(ROOT, '.cache'));
    const planted = BUGS.map((bug) => {
      const copy = join(folder, bug.name);
      copyBuilt(clean, copy);
      plant(bug, copy);
      return { folder: copy, seed: bug.seed ?? 0 };
    });
    const found = await replay(planted);
    const missed = BUGS.filter((_, at) => found[at]?.length === 0).map(({ name }) => name);
    // Where worlds have changed: npm run sim:canary -- --keep
    expect(missed).toEqual([]);
  },
  REPLAY_MS,
);
