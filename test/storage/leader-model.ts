import fc from 'fast-check';

import { itemDigest } from '../../src/model/item-digest.ts';
import type { ItemRecord, StoredItem } from '../../src/model/record.ts';
import { prepareEntry, START, type EntryToApply, type Position } from '../../src/storage/apply.ts';

import type { KeyValueStore } from '../../src/storage/key-value-store.ts';
import { Layout } from '../../src/storage/layout.ts';

/** One change of an item as a leader would decide it, before it knows what stands there. */
export interface Change {
  readonly kind: 'put' | 'remove' | 'bury';
  readonly table: number;
  readonly item: number;
  readonly text: string;
  /** When the item is due. */
  readonly dueMs?: number | undefined;
}

export interface Forget {
  readonly kind: 'forget';
  readonly partition: number;
  readonly table: number;
  readonly beforeTime: number;
}

export const PARTITIONS = 3;

const LAYOUT = Layout.even(PARTITIONS);
export const TABLES = [0, 1, 7];
const ITEMS = 12;

const anyChange: fc.Arbitrary<Change> = fc.record({
  kind: fc.constantFrom('put', 'put', 'remove', 'bury'),
  table: fc.constantFrom(...TABLES),
  item: fc.nat(ITEMS - 1),
  text: fc.string({ maxLength: 4 }),
  dueMs: fc.option(fc.nat(3), { nil: undefined }),
});

const anyForget: fc.Arbitrary<Forget> = fc.record({
  kind: fc.constant('forget'),
  partition: fc.nat(PARTITIONS - 1),
  table: fc.constantFrom(...TABLES),
  beforeTime: fc.nat(200),
});

/** Entries of all partitions: each a list of changes, or a forgetting. */
export const anyHistory: fc.Arbitrary<readonly (readonly Change[] | Forget)[]> = fc.array(
  fc.oneof({ weight: 5, arbitrary: fc.array(anyChange, { maxLength: 6 }) }, anyForget),
  { maxLength: 25 },
);

/** The key of item `item`: hashes are spread evenly over all. */
export function keyOf(item: number): Uint8Array {
  const key = Buffer.alloc(8);
  key.writeUInt32BE((item * 2_654_435_761) % 2 ** 32);
  key.writeUInt16BE(1, 4);
  key[6] = item;
  key[7] = item * 3;
  return key;
}

/** Turns changes into committed entries, as the leaders of all partitions of a region would. */
export class LeaderModel {
  readonly #ends = new Map<number, Position>();
  readonly #standing = new Map<string, ItemRecord>();
  #time = 0;

  /** What stands at a key by this model: an item or a tombstone. */
  standing(table: number, item: number): ItemRecord | undefined {
    return this.#standing.get(`${table}/${item}`);
  }

  /** One entry per partition that has anything to say. */
  entries(step: readonly Change[] | Forget): (readonly [number, EntryToApply])[] {
    if (!('kind' in step)) return this.#recordEntries(step);
    const { partition, table, beforeTime } = step;
    for (const [name, record] of this.#standing) {
      const here = LAYOUT.partitionOf(record.table, record.key) === partition;
      if (!here || record.table !== table || record.image !== undefined) continue;
      if (record.version.time < beforeTime) this.#standing.delete(name);
    }
    const forget = { vector: { east: beforeTime }, horizons: { [table]: beforeTime } };
    return [[partition, prepareEntry({ end: this.#next(partition), records: [], forget })]];
  }

  #recordEntries(changes: readonly Change[]): (readonly [number, EntryToApply])[] {
    const perPartition = new Map<number, ItemRecord[]>();
    for (const change of changes) {
      const record = this.#record(change);
      const partition = LAYOUT.partitionOf(record.table, record.key);
      perPartition.set(partition, [...(perPartition.get(partition) ?? []), record]);
    }
    return [...perPartition].map(([partition, records]) => [
      partition,
      prepareEntry({ end: this.#next(partition), records, forget: undefined }),
    ]);
  }

  #record({ kind, table, item, text, dueMs }: Change): ItemRecord {
    this.#time += 3;
    const name = `${table}/${item}`;
    const before = this.#standing.get(name);
    const record: ItemRecord = {
      table,
      key: keyOf(item),
      version: { time: this.#time, region: 'east' },
      replaced: before?.version,
      image: kind === 'put' ? Buffer.from(`{"t":${JSON.stringify(text)}}`) : undefined,
      keepsTombstone: kind === 'bury',
      itemBytes: kind === 'put' ? text.length + 1 : 0,
      previous: previousOf(before),
      cause: 'user',
      ...(kind === 'put' && dueMs !== undefined && { dueMs }),
    };
    if (kind === 'remove') this.#standing.delete(name);
    else this.#standing.set(name, record);
    return record;
  }

  #next(partition: number): Position {
    const { index, checksum } = this.#ends.get(partition) ?? START;
    const end = {
      logId: `log ${partition}`,
      epoch: 1,
      index: index + 1,
      checksum: checksum + 17,
      partitionTime: this.#time,
    };
    this.#ends.set(partition, end);
    return end;
  }
}

function previousOf(before: ItemRecord | undefined): ItemRecord['previous'] {
  if (before === undefined) return { kind: 'none' };
  if (before.image === undefined) return { kind: 'tombstone', time: before.version.time };
  const digest = itemDigest(before.key, before.version, before.image);
  const { itemBytes, dueMs } = before;
  return { kind: 'item', digest, itemBytes, dueMs };
}

/** Everything in a store, as text to compare. */
export async function dump(store: KeyValueStore): Promise<string[]> {
  const snapshot = store.snapshot();
  const iterator = snapshot.iterate({ from: Uint8Array.of(1), to: Uint8Array.of(0xff) });
  const lines: string[] = [];
  for (;;) {
    const pairs = await iterator.next(100);
    if (pairs.length === 0) break;
    for (const [key, value] of pairs) {
      lines.push(`${Buffer.from(key).toString('hex')}=${Buffer.from(value).toString('hex')}`);
    }
  }
  await iterator.close();
  await snapshot.close();
  return lines;
}

export const imageText = (item: StoredItem | undefined): string | undefined =>
  item?.image === undefined ? undefined : Buffer.from(item.image).toString();
