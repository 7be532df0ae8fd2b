import { expect, test } from 'vitest';

import { present } from '../../src/base/assert.ts';
import { internalError } from '../../src/model/errors.ts';
import { itemKeyHash } from '../../src/model/item-key.ts';
import type { StoredItem } from '../../src/model/record.ts';
import type {
  ItemWrite,
  PlainWrite,
  WriteOutcome,
  WriteResult,
} from '../../src/partition/item-write.ts';
import { MovedError } from '../../src/partition/moved-error.ts';
import type { RegionPartition } from '../../src/partition/region-partition.ts';
import { Router } from '../../src/region/router.ts';
import { Layout } from '../../src/storage/layout.ts';

const HASHES = 2 ** 32;
const TABLE = 7;

/** A key at such a part of the hash space. */
function keyAt(part: number): Uint8Array {
  const key = Buffer.alloc(6);
  key.writeUInt32BE(part * HASHES);
  return key;
}

const putAt = (part: number): PlainWrite => ({
  table: TABLE,
  key: keyAt(part),
  change: { kind: 'put', image: new Uint8Array(1), itemBytes: part * 100 },
  condition: undefined,
  cause: 'user',
});

/** A partition that has what lies below `end`, as it notes what it is called for. */
class FakePartition {
  readonly calls: string[] = [];
  end = 1;
  failure: Error | undefined;

  #has(key: Uint8Array): boolean {
    return itemKeyHash(key) < this.end * HASHES;
  }

  async write({ key, change }: ItemWrite): Promise<WriteOutcome> {
    this.calls.push('write');
    if (!this.#has(key)) throw new MovedError();
    return {
      kind: 'applied',
      before: undefined,
      after: change.kind === 'put' ? change : undefined,
    };
  }

  async writeEach(writes: readonly PlainWrite[]): Promise<readonly WriteResult[]> {
    this.calls.push(`writeEach of ${writes.length}`);
    return writes.map(({ key, change }): WriteResult => {
      if (this.failure !== undefined) return { kind: 'failed', error: this.failure };
      if (!this.#has(key)) return { kind: 'failed', error: new MovedError() };
      const afterBytes = change.kind === 'put' ? change.itemBytes : 0;
      return { kind: 'applied', beforeBytes: 0, afterBytes };
    });
  }

  async read(_table: number, key: Uint8Array): Promise<StoredItem | undefined> {
    this.calls.push('read');
    if (!this.#has(key)) throw new MovedError();
    const version = { time: 1, region: 'east' };
    return { version, replaced: undefined, image: key, itemBytes: 1 };
  }

  async readEach(
    table: number,
    keys: readonly Uint8Array[],
  ): Promise<readonly (StoredItem | undefined)[]> {
    this.calls.push(`readEach of ${keys.length}`);
    if (!keys.every((key) => this.#has(key))) throw new MovedError();
    return Promise.all(keys.map(async (key) => this.read(table, key)));
  }

  async layoutKnown(): Promise<void> {}
}

function worldOf(count: number) {
  const partitions = Array.from({ length: count }, () => new FakePartition());
  const state = { layout: Layout.even(count) };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const asked = partitions as unknown as RegionPartition[];
  return { partitions, state, router: new Router(asked, () => state.layout) };
}

const appliedBytes = (results: readonly WriteResult[]): readonly (number | string)[] =>
  results.map((result) => (result.kind === 'applied' ? result.afterBytes : 'failed'));

test('writes that come together are one call for each partition, and answers come in their order', async () => {
  const { partitions, router } = worldOf(2);
  const results = await router.writeEach([0.9, 0.1, 0.6, 0.2, 0.8].map(putAt));
  expect(appliedBytes(results)).toEqual([90, 10, 60, 20, 80]);
  expect(partitions.map(({ calls }) => calls)).toEqual([['writeEach of 2'], ['writeEach of 3']]);
});

test('a partition that fails leaves the others as they are', async () => {
  const { partitions, router } = worldOf(2);
  present(partitions[0], 'a partition').failure = internalError();
  const results = await router.writeEach([0.9, 0.1, 0.6].map(putAt));
  expect(appliedBytes(results)).toEqual([90, 'failed', 60]);
});

test('what was split off meanwhile is routed anew, by itself, and nothing else is done twice', async () => {
  const { partitions, router, state } = worldOf(2);
  const [parent, child] = partitions;
  present(parent, 'the parent').end = 0.5;
  state.layout = Layout.even(1);
  const written = router.writeEach([0.9, 0.1, 0.6].map(putAt));
  state.layout = Layout.even(2);
  expect(appliedBytes(await written)).toEqual([90, 10, 60]);
  expect(parent?.calls).toEqual(['writeEach of 3']);
  expect(child?.calls).toEqual(['write', 'write']);
});

test('items that are read together are one call for each partition; of one that was split, each is asked for anew', async () => {
  const { partitions, router, state } = worldOf(2);
  const keys = [0.9, 0.1, 0.6].map(keyAt);
  const imagesOf = async (): Promise<readonly (Uint8Array | undefined)[]> =>
    (await router.getCommittedItems(TABLE, keys)).map((found) => found?.image);
  expect(await imagesOf()).toEqual(keys);
  expect(partitions.map(({ calls }) => calls[0])).toEqual(['readEach of 1', 'readEach of 2']);

  state.layout = Layout.even(1);
  const [parent, child] = partitions;
  present(parent, 'the parent').end = 0.5;
  present(parent, 'the parent').calls.length = 0;
  present(child, 'the child').calls.length = 0;
  const read = imagesOf();
  state.layout = Layout.even(2);
  expect(await read).toEqual(keys);
  expect(parent?.calls).toEqual(['readEach of 3', 'read']);
  expect(child?.calls).toEqual(['read', 'read']);
});
