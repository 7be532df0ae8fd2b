import { mkdtemp, readdir, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

import { Level } from 'level';
import { expect, test } from 'vitest';

import type { KeyValueStore } from '../../src/storage/key-value-store.ts';
import { openLevelStore } from '../../src/storage/level-store.ts';
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
