import { mkdtemp, readdir, readlink, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import {
  FILES_HELD_MAX,
  HeldFiles,
  LOOK_EVERY_MS,
  LOOKS_IN_VAIN_MAX,
  type HeldFilesDisk,
} from '../../src/storage/held-files.ts';
import { SystemClock } from '../../src/daemon/system-clock.ts';
import { openLevelStore } from '../../src/storage/level-store.ts';
import { until } from '../support/until.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** A folder in which each file is open as often as `open` says, and how often it was looked at. */
class CountedDisk implements HeldFilesDisk {
  names: string[] = [];
  looks = 0;
  readonly opened = new Map<string, number>();
  refuses = false;

  async list(): Promise<readonly string[]> {
    this.looks += 1;
    return [...this.names];
  }

  async open(path: string): Promise<{ close(): Promise<void> }> {
    if (this.refuses || !this.names.includes(path.slice('store/'.length)))
      throw new Error('it cannot be opened');
    const count = (by: number): void => {
      this.opened.set(path, (this.opened.get(path) ?? 0) + by);
    };
    count(1);
    return { close: async () => count(-1) };
  }

  get openPaths(): readonly string[] {
    return [...this.opened].filter(([, count]) => count > 0).map(([path]) => path);
  }
}

let clock: VirtualClock;
let disk: CountedDisk;
let held: HeldFiles;

beforeEach(() => {
  clock = new VirtualClock();
  disk = new CountedDisk();
  held = new HeldFiles('store', clock, disk);
});

test('tables and write-ahead files are held until their names are gone, and nothing else is', async () => {
  disk.names = ['CURRENT', 'LOG', '000005.ldb', '000007.log'];
  held.changed();
  await clock.settle();
  expect(disk.openPaths.toSorted()).toEqual(['store/000005.ldb', 'store/000007.log']);
  disk.names = ['CURRENT', '000007.log', '000009.ldb'];
  await clock.advance(LOOK_EVERY_MS);
  expect(disk.openPaths.toSorted()).toEqual(['store/000007.log', 'store/000009.ldb']);
  await held.close();
  expect(disk.openPaths).toEqual([]);
});

test('of many files the newest are held, by their numbers', async () => {
  disk.names = Array.from({ length: FILES_HELD_MAX + 3 }, (_, at) => `${at + 999_000}.ldb`);
  held.changed();
  await clock.settle();
  expect(held.size).toBe(FILES_HELD_MAX);
  expect(disk.openPaths).not.toContain('store/999002.ldb');
  expect(disk.openPaths).toContain('store/999003.ldb');
  await held.close();
});

test('a store that nobody writes to is left alone, once merging is over', async () => {
  disk.names = ['000005.ldb'];
  held.changed();
  await clock.advance(2 * LOOK_EVERY_MS * LOOKS_IN_VAIN_MAX);
  const looks = disk.looks;
  expect(looks).toBeGreaterThanOrEqual(LOOKS_IN_VAIN_MAX);
  await clock.advance(100 * LOOK_EVERY_MS);
  expect(disk.looks).toBe(looks);
  expect(disk.openPaths).toEqual([]);
  held.changed();
  await clock.settle();
  expect(disk.looks).toBe(looks + 1);
  expect(disk.openPaths).toEqual(['store/000005.ldb']);
  await held.close();
});

test('files that cannot be opened are no reason to look for ever', async () => {
  disk.names = ['000005.ldb'];
  disk.refuses = true;
  held.changed();
  await clock.advance(2 * LOOK_EVERY_MS * LOOKS_IN_VAIN_MAX);
  expect(held.size).toBe(0);
  expect(disk.looks).toBeLessThanOrEqual(LOOKS_IN_VAIN_MAX + 1);
  await held.close();
});

test('of a folder that cannot be read nothing is held', async () => {
  disk.names = ['000005.ldb'];
  held.changed();
  await clock.settle();
  disk.list = async () => {
    throw new Error('it has another name');
  };
  await clock.advance(LOOK_EVERY_MS);
  expect(disk.openPaths).toEqual([]);
  await held.close();
});

test('once closed it holds nothing again', async () => {
  disk.names = ['000005.ldb'];
  await held.close();
  held.changed();
  await clock.advance(10 * LOOK_EVERY_MS);
  expect([held.size, disk.looks]).toEqual([0, 0]);
});

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-held-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

test.runIf(process.platform === 'linux')(
  'a store with a clock holds its files beside LevelDB, and none once it is closed',
  async () => {
    const store = await openLevelStore(directory, { clock: new SystemClock() });
    await store.write([{ kind: 'put', key: Uint8Array.of(7), value: Uint8Array.of(1) }]);
    const twice = async (): Promise<boolean> =>
      (await openIn(directory)).filter((path) => path.endsWith('.log')).length === 2;
    await until('its write-ahead file to be open twice', twice);
    expect(store.get(Uint8Array.of(7))?.[0]).toBe(1);
    await store.close();
    expect(await openIn(directory)).toEqual([]);
  },
);

test.runIf(process.platform === 'linux')(
  'a file whose name is gone is open until the next look, and no longer',
  async () => {
    const path = join(directory, '000001.ldb');
    await writeFile(path, 'table');
    const files = new HeldFiles(directory, new SystemClock());
    files.changed();
    await until('the file to be held', async () => (await openIn(directory)).includes(path));
    await unlink(path);
    files.changed();
    await until('it to be let go', async () => (await openIn(directory)).length === 0);
    await files.close();
    expect(files.size).toBe(0);
  },
);

/** What this process has open under a folder; the names of files that are gone end differently. */
async function openIn(folder: string): Promise<readonly string[]> {
  const paths = await Promise.all(
    (await readdir('/proc/self/fd')).map(async (fd) =>
      readlink(`/proc/self/fd/${fd}`).catch(() => ''),
    ),
  );
  return paths.filter((path) => path.startsWith(folder));
}
