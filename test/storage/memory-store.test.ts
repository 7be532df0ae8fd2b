import { expect, test } from 'vitest';

import type { KeyValueOperation } from '../../src/storage/key-value-store.ts';
import { keyValueStoreSuite } from '../suites/key-value-store-suite.ts';
import { MemoryStoreDisk } from '../support/memory-store.ts';

keyValueStoreSuite('memory', async () => {
  const disk = new MemoryStoreDisk();
  return { open: async () => disk.open(), remove: async () => undefined };
});

const put = (key: string): KeyValueOperation => ({
  kind: 'put',
  key: Buffer.from(key),
  value: Buffer.from(key),
});

test('a power cut takes a suffix of the batches that were not synced', async () => {
  const disk = new MemoryStoreDisk();
  const store = await disk.open();
  await store.write([put('a')]);
  await store.write([put('b')], { sync: true });
  await store.write([put('c')]);
  await store.write([put('d')]);
  disk.powerCut(1);
  const after = await disk.open();
  const there = ['a', 'b', 'c', 'd'].filter((key) => after.get(Buffer.from(key)) !== undefined);
  expect(there).toEqual(['a', 'b', 'c']);
  expect(() => store.get(Buffer.from('a'))).toThrow('closed');
});
