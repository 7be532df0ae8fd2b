import { present } from '../base/assert.ts';
import type { Awaitable } from '../base/awaitable.ts';
import { itemKeyHash } from '../model/item-key.ts';
import { PAGE_BYTES_MAX } from '../model/limits.ts';
import type {
  ItemImage,
  ItemWrite,
  PlainWrite,
  WriteOutcome,
  WriteResult,
} from '../partition/item-write.ts';
import { writeEachAlone } from '../partition/plain-writes.ts';
import { imageOf } from '../partition/item-image.ts';
import type { RegionPartition } from '../partition/region-partition.ts';
import { MovedError } from '../partition/moved-error.ts';
import type { Layout } from '../storage/layout.ts';
import type { PageRequest, StoredPage } from '../storage/read.ts';
import type { ItemRead, Page, RangeQuery, TableScan } from './region.ts';

const HASHES = 2 ** 32;

/** What says which partition has an item. */
type ItemPlace = Pick<ItemWrite, 'table' | 'key'>;

/** Finds the partition of every item request, and walks partitions for a scan. */
export class Router {
  readonly #partitions: readonly RegionPartition[];
  readonly #layout: () => Layout;

  /** `partitions`: by number. Both are asked anew for each request. */
  constructor(partitions: readonly RegionPartition[], layout: () => Layout) {
    this.#partitions = partitions;
    this.#layout = layout;
  }

  partitionOf(table: number, key: Uint8Array): RegionPartition {
    return this.#partition(this.#layout().partitionOf(table, key));
  }

  #partition(number: number): RegionPartition {
    return present(this.#partitions[number], 'a partition for every hash');
  }

  /** That of a hash. */
  partitionAt(hash: number): RegionPartition {
    return this.#partition(this.#layout().partitionOfHash(hash));
  }

  /** Without a closure: this is the way of every write. */
  async write(write: ItemWrite): Promise<WriteOutcome> {
    for (let partition = this.partitionOf(write.table, write.key); ;) {
      try {
        return await partition.write(write);
      } catch (error) {
        partition = await this.#movedTo(partition, write, error);
      }
    }
  }

  /** See `Region.writeEach`. One call for each partition; what one of them has not any more is routed anew, by itself. */
  async writeEach(writes: readonly PlainWrite[]): Promise<readonly WriteResult[]> {
    return this.#spread(writes, async (partition, own) => this.#writeEachAt(partition, own));
  }

  /** Asks every partition once for all that is its own; the answers are in the order of what was asked. */
  async #spread<Asked extends ItemPlace, Answer>(
    asked: readonly Asked[],
    ask: (partition: RegionPartition, own: readonly Asked[]) => Promise<readonly Answer[]>,
  ): Promise<readonly Answer[]> {
    const shares = new Map<RegionPartition, Share<Asked>>();
    for (const [place, each] of asked.entries()) {
      const partition = this.partitionOf(each.table, each.key);
      let share = shares.get(partition);
      if (share === undefined) shares.set(partition, (share = { asked: [], places: [] }));
      share.asked.push(each);
      share.places.push(place);
    }
    const answers: Answer[] = [];
    await Promise.all(
      [...shares].map(async ([partition, share]) => {
        const own = await ask(partition, share.asked);
        for (const [at, place] of share.places.entries())
          // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one answer for each that was asked
          answers[place] = own[at] as Answer;
      }),
    );
    return answers;
  }

  async #writeEachAt(
    partition: RegionPartition,
    writes: readonly PlainWrite[],
  ): Promise<readonly WriteResult[]> {
    const results = await partition.writeEach(writes);
    if (!results.some(hasMoved)) return results;
    const again = await writeEachAlone(
      writes.filter((_, at) => hasMoved(results[at])),
      async (write) => this.write(write),
    );
    const moved = again.values();
    return results.map((result) => (hasMoved(result) ? (moved.next().value ?? result) : result));
  }

  /** Asks the partition that has the key, and again when that was split while it was asked. */
  async #moving<Result>(
    item: ItemPlace,
    ask: (partition: RegionPartition) => Promise<Result>,
  ): Promise<Result> {
    for (let partition = this.partitionOf(item.table, item.key); ;) {
      try {
        return await ask(partition);
      } catch (error) {
        partition = await this.#movedTo(partition, item, error);
      }
    }
  }

  /** The partition that has the item instead of `asked`. Rejects with `error`, its answer, where that does not say that it moved. */
  async #movedTo(
    asked: RegionPartition,
    { table, key }: ItemPlace,
    error: unknown,
  ): Promise<RegionPartition> {
    if (!(error instanceof MovedError)) throw error;
    await asked.layoutKnown?.();
    const next = this.partitionOf(table, key);
    if (next === asked) throw error;
    return next;
  }

  /** Undefined where the partition was split while it was asked: it is to be looked anew who has what. */
  async #pageUnlessMoved(
    number: number,
    request: PageRequest,
    consistent: boolean,
  ): Promise<StoredPage | undefined> {
    const partition = this.#partition(number);
    const { to } = this.#layout().hashesOf(number);
    try {
      return await partition.readPage(request, consistent);
    } catch (error) {
      if (!(error instanceof MovedError)) throw error;
      await partition.layoutKnown?.();
      if (this.#layout().hashesOf(number).to >= to) throw error;
      return undefined;
    }
  }

  getItem(read: ItemRead): Awaitable<ItemImage | undefined> {
    const { table, key, consistent } = read;
    if (consistent) return this.#getCommitted(table, key);
    const partition = this.partitionOf(table, key);
    const ahead = partition.readAhead(read);
    if (ahead === undefined) return imageOf(partition.readNearby(table, key));
    return ahead.then(() => imageOf(partition.readNearby(table, key)));
  }

  async #getCommitted(table: number, key: Uint8Array): Promise<ItemImage | undefined> {
    return imageOf(
      await this.#moving({ table, key }, async (partition) => partition.read(table, key)),
    );
  }

  /** See `Region.getCommittedItems`. One call for each partition; where one has been split meanwhile, each item is asked for by itself. */
  async getCommittedItems(
    table: number,
    keys: readonly Uint8Array[],
  ): Promise<readonly (ItemImage | undefined)[]> {
    return this.#spread(
      keys.map((key) => ({ table, key })),
      async (partition, own) => {
        const ownKeys = own.map(({ key }) => key);
        try {
          return (await partition.readEach(table, ownKeys)).map(imageOf);
        } catch (error) {
          if (!(error instanceof MovedError)) throw error;
          return Promise.all(ownKeys.map(async (key) => this.#getCommitted(table, key)));
        }
      },
    );
  }

  /** At once where the partition answers so: a page that is in memory is answered without a promise. */
  query({ consistent, table, from, to, forward, limit, startAfter }: RangeQuery): Awaitable<Page> {
    const byteLimit = PAGE_BYTES_MAX;
    const request = { table, from, to, forward, limit, startAfter, byteLimit };
    const asked = this.partitionOf(table, from);
    const page = asked.readPage(request, consistent);
    return page instanceof Promise ? this.#laterPage({ asked, page }, request, consistent) : page;
  }

  async #laterPage(
    { asked, page }: { readonly asked: RegionPartition; readonly page: Promise<StoredPage> },
    request: KeyedPageRequest,
    consistent: boolean,
  ): Promise<StoredPage> {
    try {
      return await page;
    } catch (error) {
      const item = { table: request.table, key: request.from };
      await this.#movedTo(asked, item, error);
      return this.#moving(item, async (next) => next.readPage(request, consistent));
    }
  }

  /** Reads on into the next partition until the page is full or the segment is at its end. */
  async scan(scan: TableScan): Promise<Page> {
    const { table, consistent, startAfter } = scan;
    const segment = segmentHashes(scan);
    const hash = startAfter === undefined ? segment.from : itemKeyHash(startAfter);
    if (hash >= segment.to) return EMPTY_PAGE;
    let page: StoredPage = EMPTY_PAGE;
    for (let at = hash; at < segment.to;) {
      const layout = this.#layout();
      const number = layout.partitionOfHash(at);
      // A page that was begun before a split of the partition is whole all the same: it holds these hashes till then.
      const { to } = layout.hashesOf(number);
      const next = await this.#pageUnlessMoved(
        number,
        {
          table,
          from: hashBytes(at === hash ? Math.max(segment.from, layout.hashesOf(number).from) : at),
          to: boundBytes(Math.min(segment.to, to)),
          forward: true,
          limit: scan.limit === undefined ? undefined : scan.limit - page.items.length,
          startAfter,
          byteLimit: PAGE_BYTES_MAX - page.itemBytes,
        },
        consistent,
      );
      if (next === undefined) continue;
      page = joined(page, next);
      if (page.more) return page;
      at = to;
    }
    return page;
  }
}

interface KeyedPageRequest extends PageRequest {
  readonly from: Uint8Array;
}

/** What of several requests is one partition's, and where each stands among all. */
interface Share<Asked> {
  readonly asked: Asked[];
  readonly places: number[];
}

const hasMoved = (result: WriteResult | undefined): boolean =>
  result?.kind === 'failed' && result.error instanceof MovedError;

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
