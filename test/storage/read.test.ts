import fc from 'fast-check';
import { expect, test } from 'vitest';

import type { Clock } from '../../src/base/clock.ts';
import { PAGE_REST_MS_MAX, ROUND_REST_MS_MAX } from '../../src/base/give-way.ts';
import { itemSpaceKey, hashRange } from '../../src/storage/key-layout.ts';
import {
  readItem,
  readPage,
  ROUND_BYTES,
  scanVersions,
  type PageRequest,
} from '../../src/storage/read.ts';
import { StoreError, type KeyValueStore } from '../../src/storage/key-value-store.ts';
import { StorageNode } from '../../src/storage/storage-node.ts';
import { MemoryStoreDisk } from '../support/memory-store.ts';
import { TurningClock } from '../support/turning-clock.ts';
import { keyOf, LeaderModel, PARTITIONS, type Change } from './leader-model.ts';

const TABLE = 7;

/** A clock in which every look takes half a millisecond, so that reads give way often. */
function busyClock(): Clock {
  let nowMs = 0;
  return {
    wallMs: () => nowMs,
    monotonicMs: () => (nowMs += 0.5),
    sleep: async () => undefined,
    defer: (task) => {
      setImmediate(task);
    },
  };
}

async function nodeWith(
  changes: readonly Change[],
): Promise<{ readonly node: StorageNode; readonly disk: MemoryStoreDisk }> {
  const disk = new MemoryStoreDisk();
  const node = await StorageNode.open({
    zone: 'a',
    store: await disk.open(),
    partitionCount: PARTITIONS,
    partitions: [0, 1, 2],
  });
  const leader = new LeaderModel();
  await node.apply(
    new Map(leader.entries(changes).map(([partition, entry]) => [partition, [entry]])),
  );
  return { node, disk };
}

const put = (item: number, text = 'x'): Change => ({ kind: 'put', table: TABLE, item, text });
const bury = (item: number): Change => ({ kind: 'bury', table: TABLE, item, text: '' });

const WHOLE: PageRequest = {
  table: TABLE,
  from: undefined,
  to: undefined,
  forward: true,
  limit: undefined,
  startAfter: undefined,
  byteLimit: 1_000_000,
};

const hex = (key: Uint8Array): string => Buffer.from(key).toString('hex');
const items = fc.uniqueArray(fc.nat(200), { maxLength: 40 });

test('a long page lets short requests go first, each time that it has read so much, and a short one does not', async () => {
  const itemBytes = 1100;
  const count = 850;
  const { node } = await nodeWith(
    Array.from({ length: count }, (_, at) => put(at, 'x'.repeat(itemBytes))),
  );
  const waitedMs = async (limit: number, turnMs: number): Promise<number> => {
    const clock = new TurningClock(turnMs);
    const page = await readPage(node.store, { ...WHOLE, limit }, clock);
    expect(page.items).toHaveLength(limit);
    return clock.monotonicMs();
  };
  const rounds = (limit: number): number => Math.floor((limit * itemBytes) / ROUND_BYTES);
  // Turns never end here, so that each round waits as long as it may, and sleeps no more.
  expect(rounds(300)).toBe(2);
  expect(await waitedMs(300, 10)).toBe(2 * ROUND_REST_MS_MAX);
  expect(await waitedMs(100, 10)).toBe(0);
  expect(await waitedMs(count, 0)).toBe(0);
  // Behind what a page may wait in all, each round is one turn.
  const wholeRounds = PAGE_REST_MS_MAX / ROUND_REST_MS_MAX;
  expect(rounds(count)).toBeGreaterThan(wholeRounds + 1);
  const shortMs = (await waitedMs(count, 10)) - PAGE_REST_MS_MAX;
  expect(shortMs).toBeGreaterThan(0);
  expect(shortMs).toBeLessThanOrEqual((rounds(count) - wholeRounds) * 10);
});

test('a page is read ahead: what fails behind its end is no matter, what fails within it is', async () => {
  const { node } = await nodeWith([put(1), put(2), put(3)]);
  const failing = (): Pick<KeyValueStore, 'iterate'> => ({
    iterate: (range, options) => {
      const iterator = node.store.iterate(range, options);
      let rounds = 0;
      const next = async (count: number): ReturnType<typeof iterator.next> => {
        rounds += 1;
        if (rounds === 2) throw new StoreError('io', 'a planned failure');
        return iterator.next(count);
      };
      return { next, close: async () => iterator.close() };
    },
  });
  const short = await readPage(failing(), { ...WHOLE, byteLimit: 0 }, busyClock());
  expect(short).toMatchObject({ items: [{}], more: true });
  expect(await readPage(failing(), { ...WHOLE, limit: 3 }, busyClock())).toMatchObject({
    items: [{}, {}, {}],
  });
  await expect(readPage(failing(), WHOLE, busyClock())).rejects.toMatchObject({ code: 'io' });
});

test('pages give every item once and in order, whatever their bounds and direction', async () => {
  await fc.assert(
    fc.asyncProperty(
      items,
      fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }),
      fc.integer({ min: 0, max: 12 }),
      fc.boolean(),
      async (numbers, limit, byteLimit, forward) => {
        const { node } = await nodeWith([...numbers.map((item) => put(item)), bury(201)]);
        const snapshot = node.store.snapshot();
        const found: string[] = [];
        let startAfter: Uint8Array | undefined;
        for (;;) {
          const request = { ...WHOLE, limit, byteLimit, forward, startAfter };
          const page = await readPage(snapshot, request, busyClock());
          found.push(...page.items.map(({ key }) => hex(key)));
          expect(page.itemBytes).toBe(page.items.reduce((sum, item) => sum + item.itemBytes, 0));
          expect(page.items.length).toBeLessThanOrEqual(limit ?? 40);
          if (!page.more) break;
          startAfter = page.items.at(-1)?.key;
        }
        const expected = numbers.map((item) => hex(keyOf(item))).toSorted();
        expect(found).toEqual(forward ? expected : expected.toReversed());
      },
    ),
    { numRuns: 60 },
  );
});

test('a page ends with the item by which it passes its bytes', async () => {
  const { node } = await nodeWith([put(1, '999999999'), put(2, '999999999'), put(3, '999999999')]);
  const snapshot = node.store.snapshot();
  const exactly = await readPage(snapshot, { ...WHOLE, byteLimit: 20 }, busyClock());
  expect(exactly).toMatchObject({ more: true, itemBytes: 30 });
  const below = await readPage(snapshot, { ...WHOLE, byteLimit: 19 }, busyClock());
  expect(below).toMatchObject({ more: true, itemBytes: 20 });
});

test('a page stays within its keys', async () => {
  const numbers = [1, 2, 3, 4, 5, 6];
  const { node } = await nodeWith(numbers.map((item) => put(item)));
  const keys = numbers.map(keyOf).toSorted((a, b) => Buffer.compare(a, b));
  const [first, second, , fourth] = keys;
  const snapshot = node.store.snapshot();
  const range = { ...WHOLE, from: second, to: fourth };
  for (const forward of [true, false]) {
    const page = await readPage(snapshot, { ...range, forward }, busyClock());
    const found = page.items.map(({ key }) => hex(key)).toSorted();
    expect(found).toEqual(keys.slice(1, 3).map(hex));
    expect(page.more).toBe(false);
  }
  const early = await readPage(snapshot, { ...range, startAfter: first }, busyClock());
  expect(early.items).toHaveLength(2);
  const backwards = { ...range, forward: false, startAfter: first };
  expect((await readPage(snapshot, backwards, busyClock())).items).toHaveLength(0);
});

test('a scan of versions gives items and tombstones together, each once', async () => {
  await fc.assert(
    fc.asyncProperty(items, fc.nat(60), async (numbers, limitBytes) => {
      const changes = numbers.map((item) => (item % 3 === 0 ? bury(item) : put(item)));
      const { node } = await nodeWith(changes);
      const snapshot = node.store.snapshot();
      const found: string[] = [];
      for (let partition = 0; partition < PARTITIONS; partition++) {
        const hashes = hashRange(partition, PARTITIONS);
        let after: Uint8Array | undefined;
        for (;;) {
          const some = await scanVersions(snapshot, { table: TABLE, hashes, after, limitBytes });
          if (some.length === 0) break;
          found.push(...some.map(({ key, image }) => `${hex(key)} ${image !== undefined}`));
          after = some.at(-1)?.key;
        }
      }
      const expected = numbers.map((item) => `${hex(keyOf(item))} ${item % 3 !== 0}`);
      expect(found).toEqual(expected.toSorted());
    }),
    { numRuns: 60 },
  );
});

test('every flipped bit is noticed', async () => {
  const { node, disk } = await nodeWith([put(1), put(2)]);
  disk.damage(itemSpaceKey('items', TABLE, keyOf(1)));
  expect(() => readItem(node.store, TABLE, keyOf(1))).toThrow(StoreError);
  expect(readItem(node.store, TABLE, keyOf(2))).toBeDefined();
  const snapshot = node.store.snapshot();
  await expect(readPage(snapshot, WHOLE, busyClock())).rejects.toMatchObject({ code: 'damaged' });
});
