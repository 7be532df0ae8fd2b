import { Buffer } from 'node:buffer';

import { present } from '../base/assert.ts';
import { yieldTo, type Clock } from '../base/clock.ts';
import { giveWay } from '../base/give-way.ts';
import { latin1Of } from '../base/latin1.ts';
import type { Service } from '../base/service.ts';
import type { Bus } from '../bus/bus.ts';
import type {
  DiscardedItem,
  Partition,
  ReceivedRecord,
  ScannedItem,
  TimeVector,
} from '../partition/partition.ts';
import { itemKeyHash } from '../model/item-key.ts';
import { HASHES } from '../storage/key-layout.ts';
import type { Layout } from '../storage/layout.ts';
import type { Logger } from '../telemetry/logger.ts';
import { decodeCopyPage, encodeCopyAnswer, type CopyAnswer, type CopyPage } from './copy-wire.ts';
import { logAlarm, type InboxObserver } from './inbox.ts';
import { serveFramed } from './peer-line.ts';
import { COPY_PAGE_BYTES, mayRest } from './table-copy.ts';
import type { Tables } from './tables.ts';

/** Scans that are remembered, the latest used, so that a page that comes late is known for what it is. */
const SCANS_MAX = 256;

export interface TableCopyInboxOptions {
  readonly region: string;
  readonly bus: Bus;
  /** All of this region, by number. */
  readonly partitions: readonly Partition[];
  readonly partitionOf: (key: Uint8Array) => Partition;
  readonly layout: () => Layout;
  readonly tables: Tables;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Items and tombstones of a page that is durable now. Must not throw. */
  readonly onReceived: (from: string, table: number, items: number) => void;
  /** Told of alarms alone: what loses to a copy, or to what stands here, is no conflict. Must not throw. */
  readonly observer: Pick<InboxObserver, 'conflict'>;
}

/** Per page of a scan, its way in: pending, or done. One that failed is not in it. */
type Scan = Map<number, Promise<void>>;

/** Where copies of tables arrive. Pages resolve as any record of another region does, so that order is no matter. */
export class TableCopyInbox implements Service {
  readonly #options: TableCopyInboxOptions;
  readonly #scans = new Map<string, Scan>();
  readonly #stopping = new AbortController();
  #unserve: (() => void) | undefined;

  constructor(options: TableCopyInboxOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#unserve = serveFramed(this.#options.bus, 'replication.scan', async (payload, from) =>
      encodeCopyAnswer(await this.#take(decodeCopyPage(payload), from)),
    );
  }

  async stop(): Promise<void> {
    this.#unserve?.();
    this.#stopping.abort();
    await Promise.allSettled([...this.#scans.values()].flatMap((scan) => [...scan.values()]));
  }

  async #take(page: CopyPage, from: string): Promise<CopyAnswer> {
    const { tables, onReceived, logger, clock } = this.#options;
    if (mayRest(page.via, page.page)) await giveWay(clock, this.#stopping.signal);
    if (this.#stopping.signal.aborted) throw new Error('this region stops');
    if (tables.byGlobalId(page.table, this.#options.region) === 'unknown') return 'not known';
    const table = tables.byGlobalId(page.table, from);
    if (table === 'gone') return 'not known';
    if (table === 'unknown') return 'not a member';
    const scan = this.#scan(page, from);
    if (scan === undefined) return 'not begun';
    const known = scan.get(page.page);
    if (known !== undefined) {
      await known;
      return 'durable';
    }
    const taking = this.#receive(page, from, table.number);
    scan.set(page.page, taking);
    try {
      await taking;
    } catch (error) {
      scan.delete(page.page);
      logger.warn({ from, error }, 'a page of a copy was not taken');
      throw error;
    }
    onReceived(from, table.number, page.items.length);
    return 'durable';
  }

  /** Only its first page begins a scan: a page that stayed behind on the way may be older than what was forgotten here. */
  #scan({ scanId, page }: CopyPage, from: string): Scan | undefined {
    const name = `${from} ${scanId}`;
    let scan = this.#scans.get(name);
    if (scan === undefined && page > 0) return undefined;
    scan ??= new Map();
    this.#scans.delete(name);
    this.#scans.set(name, scan);
    for (const old of this.#scans.keys()) {
      if (this.#scans.size <= SCANS_MAX) break;
      this.#scans.delete(old);
    }
    return scan;
  }

  async #receive(page: CopyPage, from: string, table: number): Promise<void> {
    const groups = new Map<Partition, ReceivedRecord[]>();
    for (const item of page.items) {
      const partition = this.#options.partitionOf(item.key);
      const group = groups.get(partition) ?? [];
      if (group.length === 0) groups.set(partition, group);
      const { key, version, replaced, image, itemBytes } = item;
      group.push({ table, key, version, replaced, image, itemBytes, via: page.via });
    }
    await Promise.all(
      [...groups].map(async ([partition, group]) => {
        for (const [at, { conflict }] of (await partition.receive(group)).entries()) {
          const record = group[at];
          if (conflict === undefined || record === undefined) continue;
          this.#options.observer.conflict(from, conflict, record);
          logAlarm(this.#options, { origin: from, conflict, record });
        }
      }),
    );
    if (page.vector !== undefined) await this.#discard(page, page.vector, table);
  }

  /** Removes the items in the page's range that it lacks though its sender had heard of them: deleted, and forgotten. */
  async #discard(page: CopyPage, vector: TimeVector, table: number): Promise<void> {
    const { partitions, layout, clock, logger } = this.#options;
    const { after, last } = page;
    const sent = new Set(page.items.map(({ key }) => latin1Of(key)));
    const lastHash = last === undefined ? HASHES - 1 : itemKeyHash(last);
    let from = after;
    for (let hash = after === undefined ? 0 : itemKeyHash(after); hash <= lastHash;) {
      const number = layout().partitionOfHash(hash);
      const partition = present(partitions[number], 'a partition of every number');
      for (;;) {
        const found = await partition.scan(table, from, COPY_PAGE_BYTES);
        const read = found.at(-1)?.key;
        if (read === undefined) break;
        from = read;
        const extra = found.filter(
          (item) => isUpTo(item, last) && !sent.has(latin1Of(item.key)) && isCovered(item, vector),
        );
        if (extra.length > 0) {
          await partition.discard(table, extra.map(discarded));
          logger.info({ table, items: extra.length }, 'items removed that were deleted elsewhere');
        }
        if (last !== undefined && Buffer.compare(from, last) >= 0) break;
        await yieldTo(clock);
      }
      hash = layout().hashesOf(number).to;
    }
  }
}

const discarded = ({ key, version }: ScannedItem): DiscardedItem => ({ key, version });

const isUpTo = ({ key }: ScannedItem, last: Uint8Array | undefined): boolean =>
  last === undefined || Buffer.compare(key, last) <= 0;

const isCovered = ({ image, version }: ScannedItem, vector: TimeVector): boolean =>
  image !== undefined && version.time <= (vector[version.region] ?? 0);
