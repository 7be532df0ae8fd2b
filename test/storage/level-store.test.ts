import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

import { Level } from 'level';
import { expect, test } from 'vitest';

import type { KeyValueStore } from '../../src/storage/key-value-store.ts';
import { openLevelStore, TABLES_OPEN_MAX } from '../../src/storage/level-store.ts';
import { keyValueStoreSuite } from '../suites/key-value-store-suite.ts';

const makeDirectory = async (): Promise<string> => mkdtemp(join(tmpdir(), 'tidemark-store-'));

keyValueStoreSuite('level', async () => {
  const directory = await makeDirectory();
  return {
    open: async () => openLevelStore(join(directory, 'made', 'on demand')),
    remove: async () => rm(directory, { recursive: true, force: true }),
  };
});

async function fill(store: KeyValueStore, batches: number): Promise<void> {
  for (let at = 0; at < batches; at++) {
    await store.write([{ kind: 'put', key: Buffer.from(`k${at}`), value: Buffer.alloc(100, at) }]);
  }
}

test('says that a batch is missing from the middle', async () => {
  const directory = await makeDirectory();
  try {
    const store = await openLevelStore(directory);
    await fill(store, 10);
    await store.close();
    const level = new Level<Uint8Array, Uint8Array>(directory, {
      keyEncoding: 'view',
      valueEncoding: 'view',
    });
    await level.del(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 5));
    await level.close();
    await expect(openLevelStore(directory)).rejects.toMatchObject({ code: 'damaged' });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

test('opens with the first batches when the last ones were torn off', async () => {
  const directory = await makeDirectory();
  try {
    const store = await openLevelStore(directory);
    await fill(store, 10);
    await store.close();
    const log = (await readdir(directory)).find((name) => name.endsWith('.log')) ?? '';
    await truncate(join(directory, log), 700);
    const again = await openLevelStore(directory);
    expect(again.get(Buffer.from('k0'))).toBeDefined();
    expect(again.get(Buffer.from('k9'))).toBeUndefined();
    await fill(again, 3);
    await again.close();
    await (await openLevelStore(directory)).close();
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

test('keeps few marks, and goes on counting after many syncs', async () => {
  const directory = await makeDirectory();
  try {
    let store = await openLevelStore(directory);
    for (let round = 0; round < 3; round++) {
      await fill(store, 300);
      await store.write([], { sync: true });
      await store.close();
      store = await openLevelStore(directory);
    }
    await store.close();
    const level = new Level<Uint8Array, Uint8Array>(directory, { keyEncoding: 'view' });
    const marks = await level.keys({ gte: Uint8Array.of(0), lt: Uint8Array.of(1) }).all();
    await level.close();
    expect(marks.length).toBeLessThan(300);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

test('a batch that is to be synced is written after every file before it was synced', async () => {
  const directory = await makeDirectory();
  try {
    const wanted = Buffer.from('wanted');
    const seen: { name: string; isWritten: boolean }[] = [];
    const store = await openLevelStore(directory, {
      syncFile: async (path) => {
        seen.push({ name: basename(path), isWritten: store.get(wanted) !== undefined });
      },
    });
    await fill(store, 10);
    expect(seen).toEqual([]);
    const logs = (await readdir(directory)).filter((name) => name.endsWith('.log')).toSorted();
    expect(logs.length).toBeGreaterThan(0);
    await store.write([{ kind: 'put', key: wanted, value: Buffer.alloc(1) }], { sync: true });
    expect(seen).toEqual(logs.map((name) => ({ name, isWritten: false })));
    await store.close();
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

test('a batch is not written when what is before it cannot be synced', async () => {
  const directory = await makeDirectory();
  try {
    const failure = Object.assign(new Error('EIO'), { code: 'EIO' });
    const store = await openLevelStore(directory, {
      syncFile: async () => Promise.reject(failure),
    });
    const batch = [{ kind: 'put' as const, key: Buffer.from('k'), value: Buffer.alloc(1) }];
    await expect(store.write(batch, { sync: true })).rejects.toMatchObject({ code: 'io' });
    expect(store.get(Buffer.from('k'))).toBeUndefined();
    await expect(store.write(batch)).rejects.toMatchObject({ code: 'io' });
    await store.close();
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

/** How many of its tables this process has in its memory, where the system tells: each that is open, up to a thousand. */
async function tablesMapped(directory: string): Promise<number | undefined> {
  try {
    const maps = await readFile('/proc/self/maps', 'utf8');
    return maps.split('\n').filter((line) => line.includes(basename(directory))).length;
  } catch {
    return undefined;
  }
}

const isTable = (name: string): boolean => name.endsWith('.ldb');

const numbered = (at: number): Uint8Array => Buffer.from(`key ${String(at).padStart(6, '0')}`);

test('no more tables are open at once than may be, and all are read', async () => {
  const directory = await makeDirectory();
  try {
    const level = new Level<Uint8Array, Uint8Array>(directory, {
      keyEncoding: 'view',
      valueEncoding: 'view',
      writeBufferSize: 64 * 1024,
    });
    let keys = 0;
    // In the order of their keys, so that LevelDB merges none of them.
    while ((await readdir(directory)).filter(isTable).length < 80) {
      const batch = Array.from({ length: 64 }, (_, at) => numbered(keys + at));
      await level.batch(batch.map((key) => ({ type: 'put', key, value: randomBytes(1000) })));
      keys += batch.length;
    }
    await level.close();
    for (const [tablesOpenMax, fewest, most] of [
      [64, 1, 64],
      [undefined, 65, TABLES_OPEN_MAX],
    ] as const) {
      const opened = await openLevelStore(directory, { tablesOpenMax });
      for (let at = 0; at < keys; at += 1) expect(opened.get(numbered(at))).toHaveLength(1000);
      const mapped = await tablesMapped(directory);
      expect(mapped ?? fewest).toBeGreaterThanOrEqual(fewest);
      expect(mapped ?? most).toBeLessThanOrEqual(most);
      await opened.close();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
