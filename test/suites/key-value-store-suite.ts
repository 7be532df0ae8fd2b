import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import {
  StoreError,
  type KeyRange,
  type KeyValueIterator,
  type KeyValueOperation,
  type KeyValueSnapshot,
  type KeyValueStore,
} from '../../src/storage/key-value-store.ts';

/** Somewhere that a store of the adapter under test can be opened in, again and again. */
export interface StoreHome {
  open(): Promise<KeyValueStore>;
  remove(): Promise<void>;
}

/** What every adapter of `KeyValueStore` must do. */
export function keyValueStoreSuite(adapter: string, makeHome: () => Promise<StoreHome>): void {
  describe(`a key-value store (${adapter})`, () => {
    let home: StoreHome;
    let store: KeyValueStore;

    beforeEach(async () => {
      home = await makeHome();
      store = await home.open();
    });

    afterEach(async () => {
      await store.close();
      await home.remove();
    });

    test('answers undefined for a key that was never written', () => {
      expect(store.get(bytes(1))).toBeUndefined();
    });

    test('reads what a batch has written, deleted or written twice', async () => {
      await store.write([put('a', '1'), put('b', '1'), put('c', '1')]);
      await store.write([put('a', '2'), remove('a'), remove('b'), put('b', '3'), remove('never')]);
      expect(await contents(store)).toEqual(['b=3', 'c=1']);
    });

    test('keeps empty values apart from missing ones, and large values whole', async () => {
      const large = Buffer.alloc(3_000_000, 'large value ');
      await store.write([put('empty', ''), { kind: 'put', key: utf8('large'), value: large }]);
      expect(store.get(utf8('empty'))).toHaveLength(0);
      expect(large.equals(store.get(utf8('large')) ?? bytes())).toBe(true);
    });

    test('answers Uint8Arrays that later writes do not change', async () => {
      await store.write([put('a', 'first')]);
      const value = store.get(utf8('a'));
      await store.write([put('a', 'other')]);
      expect(Buffer.from(value ?? bytes()).toString()).toBe('first');
    });

    test('does not see what the caller does to its arrays after the write', async () => {
      const value = utf8('kept');
      await store.write([{ kind: 'put', key: utf8('a'), value }]);
      value.fill(0);
      expect(await contents(store)).toEqual(['a=kept']);
    });

    test('orders keys as unsigned bytes, shorter first', async () => {
      const keys = [bytes(1), bytes(1, 0), bytes(1, 0x7f), bytes(1, 0x80), bytes(2), bytes(0xff)];
      await store.write(
        keys.toReversed().map((key): KeyValueOperation => ({ kind: 'put', key, value: bytes() })),
      );
      const found = await pairsOf(store, { from: bytes(1), to: bytes(0xff, 0xff) });
      expect(found.map(([key]) => [...key])).toEqual(keys.map((key) => [...key]));
    });

    test('iterates from a bound inclusive to a bound exclusive, both ways', async () => {
      await store.write(['a', 'b', 'c', 'd'].map((key) => put(key, key)));
      expect(await contents(store, { from: utf8('b'), to: utf8('d') })).toEqual(['b=b', 'c=c']);
      expect(await contents(store, { from: utf8('b'), to: utf8('d') }, true)).toEqual([
        'c=c',
        'b=b',
      ]);
      expect(await contents(store, { from: utf8('bb'), to: utf8('cc') }, true)).toEqual(['c=c']);
      expect(await contents(store, { from: utf8('d'), to: utf8('b') })).toEqual([]);
    });

    test('gives at most as many pairs as asked, and nothing after the end', async () => {
      await store.write(['a', 'b', 'c'].map((key) => put(key, key)));
      const snapshot = store.snapshot();
      const iterator = snapshot.iterate(EVERYTHING);
      const first = await iterator.next(2);
      expect(first.length).toBeLessThanOrEqual(2);
      let seen = first.length;
      for (;;) {
        const more = await iterator.next(2);
        if (more.length === 0) break;
        seen += more.length;
      }
      expect(seen).toBe(3);
      expect(await iterator.next(2)).toEqual([]);
      await iterator.close();
      await snapshot.close();
    });

    test('a snapshot does not see later writes, nor do its iterators', async () => {
      await store.write([put('a', '1'), put('b', '1')]);
      const snapshot = store.snapshot();
      const early = snapshot.iterate(EVERYTHING);
      await store.write([put('a', '2'), remove('b'), put('c', '2')]);
      const late = snapshot.iterate(EVERYTHING);
      expect(text(snapshot.get(utf8('a')))).toBe('1');
      expect(snapshot.get(utf8('c'))).toBeUndefined();
      for (const iterator of [early, late]) {
        const pairs = await iterator.next(10);
        expect(pairs.map(([key, value]) => `${text(key)}=${text(value)}`)).toEqual(['a=1', 'b=1']);
        await iterator.close();
      }
      await snapshot.close();
      expect(await contents(store)).toEqual(['a=2', 'c=2']);
    });

    test('to iterate sees what was written before, and nothing that is written while it reads', async () => {
      await store.write([put('a', '1'), put('b', '1'), put('c', '1')]);
      const early = store.iterate(EVERYTHING);
      const first = await early.next(1);
      await store.write([put('a', '2'), remove('b'), put('c', '2')]);
      const late = store.iterate(EVERYTHING);
      const rest = [...(await early.next(1)), ...(await early.next(1))];
      await early.close();
      expect([...first, ...rest].map(([, value]) => text(value))).toEqual(['1', '1', '1']);
      expect((await readAll(late)).map(([, value]) => text(value))).toEqual(['2', '2']);
    });

    test('iterators go on beside writes, each over its own snapshot', async () => {
      const count = 300;
      const round = async (generation: number): Promise<void> =>
        store.write(
          Array.from({ length: count }, (_, at) =>
            put(`k${String(at).padStart(4, '0')}`, String(generation)),
          ),
        );
      await round(0);
      const snapshots: KeyValueSnapshot[] = [];
      const reads: Promise<string[]>[] = [];
      for (let generation = 1; generation <= 5; generation++) {
        const snapshot = store.snapshot();
        snapshots.push(snapshot);
        reads.push(readSlowly(snapshot));
        await round(generation);
      }
      const seen = await Promise.all(reads);
      for (const [generation, values] of seen.entries()) {
        expect(values).toHaveLength(count);
        expect(new Set(values)).toEqual(new Set([String(generation)]));
      }
      await Promise.all(snapshots.map(async (snapshot) => snapshot.close()));
    });

    test('concurrent batches are each all there, in the order of their calls', async () => {
      await Promise.all(
        Array.from({ length: 40 }, async (_, at) =>
          store.write([put('x', String(at)), put('y', String(at)), put(`own ${at}`, '')]),
        ),
      );
      expect(text(store.get(utf8('x')))).toBe('39');
      expect(text(store.get(utf8('y')))).toBe('39');
      expect(await contents(store, { from: utf8('own'), to: utf8('owo') })).toHaveLength(40);
    });

    test('clears a range and nothing beside it', async () => {
      await store.write(['a', 'b', 'bb', 'c'].map((key) => put(key, '')));
      await store.clear({ from: utf8('b'), to: utf8('c') });
      await store.clear({ from: utf8('b'), to: utf8('c') });
      expect(await contents(store)).toEqual(['a=', 'c=']);
    });

    test('has everything after it was closed and opened again', async () => {
      await store.write([put('a', '1')]);
      await store.write([put('b', '2')], { sync: true });
      await store.write([]);
      await store.write([], { sync: true });
      await store.write([remove('a')]);
      await store.close();
      store = await home.open();
      expect(await contents(store)).toEqual(['b=2']);
    });

    test('cannot be opened twice at the same time', async () => {
      await expect(home.open()).rejects.toMatchObject({ name: 'StoreError', code: 'locked' });
    });

    test('refuses everything once closed, also what was begun before', async () => {
      await store.write([put('a', '1')]);
      const snapshot = store.snapshot();
      const iterator = snapshot.iterate(EVERYTHING);
      await store.close();
      expect(() => store.get(utf8('a'))).toThrow(StoreError);
      expect(() => store.snapshot()).toThrow(StoreError);
      await expect(iterator.next(1)).rejects.toThrow(StoreError);
      await expect(store.write([put('b', '1')])).rejects.toThrow(StoreError);
      await iterator.close();
      await snapshot.close();
      await store.close();
    });

    test('does what a map does, for any sequence of batches', async () => {
      const key = fc.constantFrom('a', 'b', 'c', 'd', 'e').map((letter) => `p${letter}`);
      const operation = fc.oneof(
        fc.tuple(key, fc.string({ maxLength: 3 })).map(([at, value]) => put(at, value)),
        key.map(remove),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(fc.array(operation, { maxLength: 6 })), async (batches) => {
          await store.clear(EVERYTHING);
          expect(await contents(store)).toEqual([]);
          const model = new Map<string, string>();
          for (const batch of batches) {
            await store.write(batch);
            const middle = await contents(store, MIDDLE);
            expect(await contents(store, MIDDLE, true)).toEqual(middle.toReversed());
            for (const step of batch) {
              if (step.kind === 'put') model.set(text(step.key), text(step.value));
              else model.delete(text(step.key));
            }
          }
          const expected = [...model].map(([at, value]) => `${at}=${value}`);
          expect(await contents(store)).toEqual(expected.toSorted());
        }),
        { numRuns: 25 },
      );
    });
  });
}

const EVERYTHING: KeyRange = { from: Uint8Array.of(1), to: Uint8Array.of(0xff, 0xff) };

/** Of the keys of a map. */
const MIDDLE: KeyRange = { from: Buffer.from('pb'), to: Buffer.from('pd') };

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const utf8 = (string: string): Uint8Array => Buffer.from(string);
const text = (value: Uint8Array | undefined): string => Buffer.from(value ?? bytes()).toString();

const put = (key: string, value: string): KeyValueOperation => ({
  kind: 'put',
  key: utf8(key),
  value: utf8(value),
});

const remove = (key: string): KeyValueOperation => ({ kind: 'delete', key: utf8(key) });

async function contents(
  store: KeyValueStore,
  range: KeyRange = EVERYTHING,
  reverse = false,
): Promise<string[]> {
  const pairs = await pairsOf(store, range, reverse);
  return pairs.map(([key, value]) => `${text(key)}=${text(value)}`);
}

type Pairs = (readonly [Uint8Array, Uint8Array])[];

/** What a snapshot has, which is what every other way to iterate reads, too. */
async function pairsOf(store: KeyValueStore, range: KeyRange, reverse = false): Promise<Pairs> {
  const snapshot = store.snapshot();
  const pairs = await readAll(snapshot.iterate(range, { reverse }));
  await snapshot.close();
  expect(await readAll(store.iterate(range, { reverse }))).toEqual(pairs);
  expect(await readAll(store.iterate(range, { reverse }), 1)).toEqual(pairs);
  return pairs;
}

async function readAll(iterator: KeyValueIterator, atOnce = 3): Promise<Pairs> {
  const pairs: Pairs = [];
  for (;;) {
    const some = await iterator.next(atOnce);
    if (some.length === 0) break;
    pairs.push(...some);
  }
  expect(await iterator.next(atOnce)).toEqual([]);
  await iterator.close();
  return pairs;
}

async function readSlowly(snapshot: KeyValueSnapshot): Promise<string[]> {
  const iterator = snapshot.iterate(EVERYTHING);
  const values: string[] = [];
  for (;;) {
    const pairs = await iterator.next(7);
    if (pairs.length === 0) break;
    values.push(...pairs.map(([, value]) => text(value)));
  }
  await iterator.close();
  return values;
}
