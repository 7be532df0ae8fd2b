import { present } from '../base/assert.ts';
import { itemKeyHash } from '../model/item-key.ts';
import { PAGE_BYTES_MAX } from '../model/limits.ts';
import type { ItemImage, ItemWrite, WriteOutcome } from '../partition/item-write.ts';
import type { RegionPartition } from '../partition/region-partition.ts';
import { partitionOf, partitionOfHash } from '../storage/key-layout.ts';
import type { StoredPage } from '../storage/read.ts';
import type { ItemRead, Page, RangeQuery, TableScan } from './region.ts';

const HASHES = 2 ** 32;

/** Finds the partition of every item request, and walks partitions for a scan. */
export class Router {
  readonly #partitions: readonly RegionPartition[];

  constructor(partitions: readonly RegionPartition[]) {
    this.#partitions = partitions;
  }

  partitionOf(table: number, key: Uint8Array): RegionPartition {
    const number = partitionOf(table, key, this.#partitions.length);
    return present(this.#partitions[number], 'a partition for every hash');
  }

  /** That of a hash. */
  partitionAt(hash: number): RegionPartition {
    const number = partitionOfHash(hash, this.#partitions.length);
    return present(this.#partitions[number], 'a partition for every hash');
  }

  async write(write: ItemWrite): Promise<WriteOutcome> {
    return this.partitionOf(write.table, write.key).write(write);
  }

  async getItem({ table, key, consistent }: ItemRead): Promise<ItemImage | undefined> {
    const partition = this.partitionOf(table, key);
    const stored = consistent ? await partition.read(table, key) : partition.readNearby(table, key);
    return stored?.image === undefined
      ? undefined
      : { image: stored.image, itemBytes: stored.itemBytes };
  }

  async query(query: RangeQuery): Promise<Page> {
    const { consistent, ...request } = query;
    return this.partitionOf(query.table, query.from).readPage(
      { ...request, byteLimit: PAGE_BYTES_MAX },
      consistent,
    );
  }

  /** Reads on into the next partition until the page is full or the segment is at its end. */
  async scan(scan: TableScan): Promise<Page> {
    const { table, consistent, startAfter } = scan;
    const segment = segmentHashes(scan);
    const hash = startAfter === undefined ? segment.from : itemKeyHash(startAfter);
    if (hash >= segment.to) return EMPTY_PAGE;
    const count = this.#partitions.length;
    const last = partitionOfHash(segment.to - 1, count);
    let page: StoredPage = EMPTY_PAGE;
    for (let number = partitionOfHash(hash, count); number <= last; number += 1) {
      const partition = present(this.#partitions[number], 'a partition for every hash');
      const next = await partition.readPage(
        {
          table,
          from: hashBytes(Math.max(segment.from, partition.hashes.from)),
          to: boundBytes(Math.min(segment.to, partition.hashes.to)),
          forward: true,
          limit: scan.limit === undefined ? undefined : scan.limit - page.items.length,
          startAfter,
          byteLimit: PAGE_BYTES_MAX - page.itemBytes,
        },
        consistent,
      );
      page = joined(page, next);
      if (page.more) return page;
    }
    return page;
  }
}

const EMPTY_PAGE: StoredPage = { items: [], more: false, itemBytes: 0 };

const joined = (page: StoredPage, next: StoredPage): StoredPage =>
  page.items.length === 0
    ? next
    : {
        items: [...page.items, ...next.items],
        more: next.more,
        itemBytes: page.itemBytes + next.itemBytes,
      };

const segmentHashes = ({ segment, totalSegments }: TableScan): { from: number; to: number } => ({
  from: Math.floor((segment * HASHES) / totalSegments),
  to: Math.floor(((segment + 1) * HASHES) / totalSegments),
});

function hashBytes(hash: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(hash);
  return bytes;
}

/** The upper end of a range of hashes; 2^32 is the end of the table. */
const boundBytes = (hash: number): Uint8Array | undefined =>
  hash === HASHES ? undefined : hashBytes(hash);
