import fc from 'fast-check';
import { expect, test } from 'vitest';

import { joinHashed } from '../../src/model/item-key.ts';
import { encodeStoredItem } from '../../src/model/stored-item-codec.ts';
import { HotCollections } from '../../src/storage/hot-collections.ts';
import { itemSpaceKey } from '../../src/storage/key-layout.ts';
import type {
  KeyValueOperation,
  KeyValueSnapshot,
  KeyValueStore,
} from '../../src/storage/key-value-store.ts';
import { readHotPage } from '../../src/storage/read-hot.ts';
import { readPage, type PageRequest, type StoredPage } from '../../src/storage/read.ts';
import { StorageNode } from '../../src/storage/storage-node.ts';
import { SystemClock } from '../../src/daemon/system-clock.ts';
import { MemoryStoreDisk } from '../support/memory-store.ts';
import { keyOf as keyOfItem, LeaderModel, PARTITIONS, type Change } from './leader-model.ts';

const TABLE = 7;
const clock = new SystemClock();

/** The key of item `sort` of collection `collection`, which is its hash, too. */
const keyOf = (collection: number, sort: number): Uint8Array =>
  joinHashed(collection, Uint8Array.of(collection), Uint8Array.of(sort));

const startOf = (collection: number): Uint8Array =>
  joinHashed(collection, Uint8Array.of(collection));

/** After every item of a collection: as `afterPrefix` has it. */
const endOf = (collection: number): Uint8Array =>
  joinHashed(collection, Uint8Array.of(collection + 1));

function put(collection: number, sort: number, text: string): KeyValueOperation {
  const key = itemSpaceKey('items', TABLE, keyOf(collection, sort));
  const version = { time: 1, region: 'r' };
  const image = Buffer.from(text);
  const item = { version, replaced: undefined, image, itemBytes: image.length };
  return { kind: 'put', key, value: encodeStoredItem(item, key) };
}

const remove = (collection: number, sort: number): KeyValueOperation => ({
  kind: 'delete',
  key: itemSpaceKey('items', TABLE, keyOf(collection, sort)),
});

const whole = (collection: number): PageRequest => ({
  table: TABLE,
  from: startOf(collection),
  to: endOf(collection),
  forward: true,
  limit: undefined,
  startAfter: undefined,
  byteLimit: 1_000_000,
});

async function fromStore(store: KeyValueStore, request: PageRequest): Promise<StoredPage> {
  const snapshot = store.snapshot();
  try {
    return await readPage(snapshot, request, clock);
  } finally {
    await snapshot.close();
  }
}

const plain = ({ items, more, itemBytes }: StoredPage): unknown => ({
  items: items.map(({ key, image }) => [
    Buffer.from(key).toString('hex'),
    Buffer.from(image).toString(),
  ]),
  more,
  itemBytes,
});

const collections = fc.constantFrom(0, 1, 2);
const sorts = fc.nat(11);
const anyOperation = fc.oneof(
  fc.tuple(collections, sorts, fc.string({ maxLength: 5 })).map((args) => put(...args)),
  fc.tuple(collections, sorts).map((args) => remove(...args)),
);
const anyStep = fc.oneof(
  fc.record({
    kind: fc.constant('write' as const),
    batch: fc.array(anyOperation, { maxLength: 6 }),
  }),
  fc.record({ kind: fc.constant('load' as const), collection: collections }),
  fc.record({ kind: fc.constant('wait' as const) }),
);
const anyRequest: fc.Arbitrary<PageRequest> = fc
  .record({
    collection: collections,
    from: fc.option(sorts, { nil: undefined }),
    to: fc.option(sorts, { nil: undefined }),
    after: fc.option(sorts, { nil: undefined }),
    limit: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
    byteLimit: fc.constantFrom(0, 6, 1_000_000),
    forward: fc.boolean(),
  })
  .map(({ collection, from, to, after, limit, byteLimit, forward }) => ({
    ...whole(collection),
    ...(from !== undefined && { from: keyOf(collection, from) }),
    ...(to !== undefined && { to: keyOf(collection, to) }),
    startAfter: after === undefined ? undefined : keyOf(collection, after),
    limit,
    byteLimit,
    forward,
  }));

test('a page from memory is the page of the store, however loads and writes cross', async () => {
  let pagesFromMemory = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(anyStep, { maxLength: 25 }),
      fc.array(anyRequest, { minLength: 1, maxLength: 8 }),
      async (scheduler, steps, requests) => {
        const store = await new MemoryStoreDisk().open();
        const hot = new HotCollections();
        const slowly = (): KeyValueSnapshot => {
          const snapshot = store.snapshot();
          return {
            get: (key) => snapshot.get(key),
            close: async () => snapshot.close(),
            iterate: (...range) => {
              const iterator = snapshot.iterate(...range);
              const next = async (count: number): ReturnType<typeof iterator.next> => {
                await scheduler.schedule(Promise.resolve());
                return iterator.next(Math.min(count, 3));
              };
              return { next, close: async () => iterator.close() };
            },
          };
        };
        const check = async (): Promise<void> => {
          for (const request of requests) {
            const page = hot.page(request);
            if (page === undefined) continue;
            pagesFromMemory += 1;
            expect(plain(page)).toEqual(plain(await fromStore(store, request)));
          }
        };
        const loads: Promise<void>[] = [];
        for (const step of steps) {
          if (step.kind === 'load') loads.push(hot.load(slowly, whole(step.collection)));
          else if (step.kind === 'write') {
            await store.write(step.batch);
            hot.changed(step.batch);
            await check();
          } else if (scheduler.count() > 0) await scheduler.waitOne();
        }
        await scheduler.waitFor(Promise.all(loads));
        await check();
      },
    ),
    { numRuns: 500 },
  );
  expect(pagesFromMemory).toBeGreaterThan(100);
});

test('a collection is loaded when it is missed again', async () => {
  const store = await new MemoryStoreDisk().open();
  const hot = new HotCollections();
  await store.write([put(1, 1, 'a'), put(1, 2, 'b')]);
  expect(hot.isWanted(whole(1))).toBe(false);
  expect(hot.page(whole(1))).toBeUndefined();
  expect(plain(await readHotPage({ hot, store }, whole(1), clock))).toMatchObject({
    itemBytes: 2,
  });
  expect(hot.page(whole(1))?.items).toHaveLength(2);
  expect(hot.page(whole(2))).toBeUndefined();
});

test('where there is no room a collection is loaded only if it comes back within as many misses as are kept', async () => {
  const store = await new MemoryStoreDisk().open();
  const text = 'x'.repeat(1000);
  for (let at = 0; at < 100; at += 1) await store.write([put(at, 1, text)]);
  /** Room for some ten. */
  const hot = new HotCollections(14_000);
  const misses = (from: number, to: number): boolean =>
    Array.from({ length: to - from }, (_, at) => hot.isWanted(whole(from + at))).some(Boolean);
  expect(misses(0, 50)).toBe(false);
  expect(hot.isWanted(whole(0))).toBe(true);
  for (let at = 0; at < 20; at += 1) {
    await hot.load(() => store.snapshot(), whole(at));
    for (let page = 0; page < 3; page += 1) hot.page(whole(at));
  }
  expect(hot.bytes).toBeGreaterThan(10_500);

  expect(misses(50, 100)).toBe(false);
  expect(hot.isWanted(whole(50))).toBe(false);
  expect(hot.isWanted(whole(97))).toBe(true);
});

test('few collections are loaded while those displaced were not asked for often enough, and all again when they are', async () => {
  const store = await new MemoryStoreDisk().open();
  const text = 'x'.repeat(1000);
  for (let at = 0; at < 100; at += 1) await store.write([put(at, 1, text)]);
  const hot = new HotCollections(14_000);
  const loadEach = async (pages: number): Promise<void> => {
    for (let at = 0; at < 100; at += 1) {
      await hot.load(() => store.snapshot(), whole(at));
      for (let page = 0; page < pages; page += 1) hot.page(whole(at));
    }
  };
  /** Of 32 collections that come back at once. */
  const wanted = (): number =>
    Array.from({ length: 32 }, (_, at) => {
      hot.isWanted(whole(at));
      return hot.isWanted(whole(at));
    }).filter(Boolean).length;

  await loadEach(1);
  expect(wanted()).toBe(2);
  await loadEach(3);
  expect(wanted()).toBe(32);
});

test('a page over more than one hash, as that of a scan, is never kept', async () => {
  const store = await new MemoryStoreDisk().open();
  const hot = new HotCollections();
  const pages = [
    { ...whole(1), from: undefined },
    { ...whole(1), to: undefined },
    { ...whole(1), to: startOf(2) },
    { ...whole(1), from: startOf(1).subarray(0, 4) },
  ];
  for (const page of pages) {
    await hot.load(() => store.snapshot(), page);
    expect(hot.isWanted(page) || hot.isWanted(page)).toBe(false);
    expect(hot.page(page)).toBeUndefined();
  }
});

test('a collection that is too large, or grows too large, is not kept and not tried again', async () => {
  const store = await new MemoryStoreDisk().open();
  const hot = new HotCollections();
  const large = Array.from({ length: 5 }, (_, sort) => put(1, sort, 'x'.repeat(30_000)));
  await store.write(large);
  await hot.load(() => store.snapshot(), whole(1));
  expect(hot.page(whole(1))).toBeUndefined();
  expect(hot.isWanted(whole(1)) || hot.isWanted(whole(1))).toBe(false);
  expect((await readHotPage({ hot, store }, whole(1), clock)).items).toHaveLength(5);

  await hot.load(() => store.snapshot(), whole(2));
  for (let sort = 0; sort < 5; sort += 1) hot.changed([put(2, sort, 'x'.repeat(30_000))]);
  expect(hot.page(whole(2))).toBeUndefined();
  expect(hot.bytes).toBe(0);
});

test('what was read longest ago makes room, and the count of bytes is that of what is kept', async () => {
  const store = await new MemoryStoreDisk().open();
  const hot = new HotCollections(3000);
  for (const collection of [1, 2, 3]) {
    await store.write([put(collection, 1, 'x'.repeat(500))]);
    await hot.load(() => store.snapshot(), whole(collection));
    hot.page(whole(1));
  }
  expect(hot.page(whole(2))).toBeUndefined();
  expect(hot.page(whole(1))).toBeDefined();
  expect(hot.page(whole(3))).toBeDefined();
  const before = hot.bytes;
  hot.changed([put(1, 2, 'xx')]);
  expect(hot.bytes).toBeGreaterThan(before);
  hot.changed([remove(1, 2), remove(1, 3)]);
  expect(hot.bytes).toBe(before);
  hot.forget();
  expect(hot.bytes).toBe(0);
});

test('a page that spares a damaged item of its collection is answered each time', async () => {
  const store = await new MemoryStoreDisk().open();
  const hot = new HotCollections();
  const { key } = put(1, 9, 'c');
  await store.write([
    put(1, 1, 'a'),
    put(1, 2, 'b'),
    { kind: 'put', key, value: Buffer.from('?') },
  ]);
  const spared = { ...whole(1), limit: 2 };
  for (let time = 0; time < 4; time += 1) {
    expect(plain(await readHotPage({ hot, store }, spared, clock))).toMatchObject({ itemBytes: 2 });
  }
  for (let time = 0; time < 4; time += 1) {
    await expect(readHotPage({ hot, store }, whole(1), clock)).rejects.toMatchObject({
      code: 'damaged',
    });
  }
});

const textsOf = (found: StoredPage | undefined): unknown =>
  found?.items.map(({ image }) => Buffer.from(image).toString());

test('a storage node tells what it applies and what it drops', async () => {
  const node = await StorageNode.open({
    zone: 'a',
    store: await new MemoryStoreDisk().open(),
    partitionCount: PARTITIONS,
    partitions: [0, 1, 2],
  });
  const leader = new LeaderModel();
  const apply = async (change: Change): Promise<void> => {
    const entries = leader.entries([change]);
    await node.apply(new Map(entries.map(([partition, entry]) => [partition, [entry]])));
  };
  const key = keyOfItem(5);
  const after = Buffer.concat([key, Uint8Array.of(0)]);
  const page = { ...whole(0), from: key, to: after };
  await apply({ kind: 'put', table: TABLE, item: 5, text: 'one' });
  await node.hot.load(() => node.store.snapshot(), page);
  const first = textsOf(node.hot.page(page));
  expect(first).toHaveLength(1);
  await apply({ kind: 'put', table: TABLE, item: 5, text: 'two' });
  expect(textsOf(node.hot.page(page))).not.toEqual(first);
  expect(textsOf(node.hot.page(page))).toEqual(textsOf(await fromStore(node.store, page)));
  await apply({ kind: 'remove', table: TABLE, item: 5, text: '' });
  expect(textsOf(node.hot.page(page))).toEqual([]);
  await node.dropTable(TABLE);
  expect(node.hot.page(page)).toBeUndefined();
});
