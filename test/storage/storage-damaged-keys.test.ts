import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { prepareEntry } from '../../src/storage/apply.ts';
import type { KeyValueStore, StoreError } from '../../src/storage/key-value-store.ts';
import { openLevelStore } from '../../src/storage/level-store.ts';
import { readItem, readPage } from '../../src/storage/read.ts';
import { checkStore } from '../../src/storage/scrub.ts';
import { StorageNode } from '../../src/storage/storage-node.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { MemoryStoreDisk } from '../support/memory-store.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** What stands in every key, and in no image. */
const KEY_TEXT = 'the key ';
const ITEMS = 300;
const TABLE = 1;

function keyOf(item: number): Uint8Array {
  const hash = Buffer.alloc(4);
  hash.writeUInt32BE((item * 2_654_435_761) % 2 ** 32);
  return Buffer.concat([hash, Buffer.from(`${KEY_TEXT}${item}`)]);
}

const open = async (store: KeyValueStore): Promise<StorageNode> =>
  StorageNode.open({ zone: 'a', store, partitionCount: 1, partitions: [0] });

/** A node with images that do not compress, so that its keys stand in the files as they are. */
async function fill(store: KeyValueStore): Promise<void> {
  const node = await open(store);
  const random = new SeededRandom(7);
  const records = Array.from({ length: ITEMS }, (_, item) => ({
    table: TABLE,
    key: keyOf(item),
    version: { time: item + 1, region: 'east' },
    replaced: undefined,
    image: random.bytes(100),
    keepsTombstone: false,
    itemBytes: 100,
    previous: { kind: 'none' as const },
    cause: 'user' as const,
  }));
  const end = { logId: 'log', epoch: 1, index: 1, checksum: 1, partitionTime: ITEMS };
  await node.apply(new Map([[0, [prepareEntry({ end, records, forget: undefined })]]]));
  await node.close();
}

/** Flips one bit in the text of every key. Answers how many there were. */
async function flipKeys(directory: string): Promise<number> {
  let flips = 0;
  for (const name of (await readdir(directory)).filter((each) => each.endsWith('.ldb'))) {
    const bytes = await readFile(join(directory, name));
    for (let at = bytes.indexOf(KEY_TEXT); at !== -1; at = bytes.indexOf(KEY_TEXT, at)) {
      bytes[at + 1] = (bytes[at + 1] ?? 0) ^ 1;
      flips += 1;
    }
    await writeFile(join(directory, name), bytes);
  }
  return flips;
}

async function nodeWithFlippedKeys(): Promise<StorageNode> {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-store-'));
  onTestFinished(async () => rm(directory, { recursive: true, force: true }));
  await fill(await openLevelStore(directory));
  // An open turns what the last use left in its write-ahead file into a table.
  await (await openLevelStore(directory)).close();
  expect(await flipKeys(directory)).toBeGreaterThanOrEqual(ITEMS);
  const node = await open(await openLevelStore(directory));
  onTestFinished(async () => node.close());
  return node;
}

test('a bit that was flipped in a key hides its item from a read, and is found by a check', async () => {
  const node = await nodeWithFlippedKeys();
  const hidden = Array.from({ length: ITEMS }, (_, item) => keyOf(item)).filter(
    (key) => readItem(node.store, TABLE, key) === undefined,
  );
  expect(hidden.length).toBeGreaterThan(0);
  const clock = new VirtualClock();
  const { signal } = new AbortController();
  const damage: { readonly partition: number; readonly code: string }[] = [];
  const onDamage = (partition: number, { code }: StoreError): void => {
    damage.push({ partition, code });
  };
  await checkStore(node, { clock, signal, onDamage });
  expect(damage).toEqual([{ partition: 0, code: 'damaged' }]);
});

test('a page never shows an item under a key that is not its own', async () => {
  const node = await nodeWithFlippedKeys();
  const snapshot = node.store.snapshot();
  const page = readPage(
    snapshot,
    {
      table: TABLE,
      from: undefined,
      to: undefined,
      forward: true,
      limit: undefined,
      startAfter: undefined,
      byteLimit: 2 ** 20,
    },
    new VirtualClock(),
  );
  await expect(page).rejects.toMatchObject({ code: 'damaged' });
  await snapshot.close();
});

test('a rebuild takes nothing from a store with flipped keys', async () => {
  const source = await nodeWithFlippedKeys();
  const target = await open(await new MemoryStoreDisk().open());
  await expect(target.rebuildFrom(source, 0)).rejects.toMatchObject({
    name: 'RebuildError',
    side: 'source',
    code: 'damaged',
  });
  expect(target.copy(0).rebuilding).toBe(true);
});
