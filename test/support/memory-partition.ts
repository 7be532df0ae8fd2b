import { Buffer } from 'node:buffer';

import { AssertionError } from '../../src/base/assert.ts';
import type { Clock } from '../../src/base/clock.ts';
import { yieldTo } from '../../src/base/clock.ts';
import type { HybridTime } from '../../src/clock/hybrid-time.ts';
import { EMPTY_END } from '../../src/log/chain.ts';
import { makeEntry } from '../../src/log/entry-codec.ts';
import type { EntryKind, LogEnd } from '../../src/log/entry.ts';
import { LogError } from '../../src/log/replicated-log.ts';
import type { ItemRecord, StoredItem } from '../../src/model/record.ts';
import { compareVersions, type Version } from '../../src/model/version.ts';
import type {
  CommittedEntry,
  DiscardedItem,
  Follower,
  ForgetDecision,
  Partition,
  ReceivedRecord,
  Resolution,
  ScannedItem,
  TimeVector,
} from '../../src/partition/partition.ts';
import type { ItemWrite, WriteOutcome } from '../../src/partition/item-write.ts';
import { encodeSplit } from '../../src/partition/split-codec.ts';
import { resolve } from '../../src/replication/resolve.ts';

/** What outlives the process: the whole partition. `copy` makes an old disk. */
export interface MemoryDisk {
  logId: string;
  epoch: number;
  entries: CommittedEntry[];
  /** How many entries are no longer kept. */
  trimmed: number;
  items: Map<string, ItemRecord>;
  forgotten: TimeVector;
}

export const emptyDisk = (logId: string): MemoryDisk => ({
  logId,
  epoch: 1,
  entries: [],
  trimmed: 0,
  items: new Map(),
  forgotten: {},
});

export const copyDisk = (disk: MemoryDisk): MemoryDisk => ({
  ...disk,
  entries: [...disk.entries],
  items: new Map(disk.items),
});

/** A partition as an array of entries and a map of items, durable at once. */
export class MemoryPartition implements Partition {
  readonly number: number;
  readonly disk: MemoryDisk;
  readonly #region: string;
  readonly #now: () => HybridTime;
  readonly #clock: Clock;
  readonly #followers = new Set<MemoryFollower>();
  /** How long behind its version a write is said to be durable. */
  commitTakesMs = 0;
  /** Whether it is said when that was. */
  knowsCommits = true;
  /** While true nothing is taken in: two zones are away. */
  failsToReceive = false;
  /** Set by a test: see `Partition`. */
  layoutKnown?: (through?: number) => Promise<void>;
  /** What comes in is taken only once this has resolved. */
  receivesAfter: Promise<void> = Promise.resolve();

  constructor(options: {
    readonly number: number;
    readonly region: string;
    readonly now: () => HybridTime;
    readonly clock: Clock;
    readonly disk: MemoryDisk;
  }) {
    this.number = options.number;
    this.disk = options.disk;
    this.#region = options.region;
    this.#now = options.now;
    this.#clock = options.clock;
  }

  get committed(): LogEnd {
    return this.disk.entries.at(-1)?.entry ?? EMPTY_END;
  }

  get first(): number {
    return this.disk.trimmed + 1;
  }

  get forgotten(): TimeVector {
    return this.disk.forgotten;
  }

  /** Without a condition, and in full: tests of items write with `put`. */
  async write({ table, key, change }: ItemWrite): Promise<WriteOutcome> {
    if (change.kind === 'update') throw new AssertionError('updates are for real partitions');
    this.put(table, key, change.kind === 'put' ? change.image : undefined);
    return { kind: 'applied', before: undefined, after: undefined };
  }

  /** A user's write: an image, or undefined to delete. Returns its version. */
  put(table: number, key: Uint8Array, image: Uint8Array | undefined): Version {
    const current = this.item(table, key);
    const time = Math.max(
      this.#now(),
      this.committed.partitionTime + 1,
      (current?.version.time ?? 0) + 1,
    );
    const version = { time, region: this.#region };
    const replaced = current?.version.region === this.#region ? current.replaced : current?.version;
    this.#append('records', [
      { ...recordOf({ table, key, version, replaced, image }), cause: 'user' },
    ]);
    return version;
  }

  async read(table: number, key: Uint8Array): Promise<StoredItem | undefined> {
    return this.item(table, key);
  }

  item(table: number, key: Uint8Array): ItemRecord | undefined {
    return this.disk.items.get(nameOf(table, key));
  }

  async receive(records: readonly ReceivedRecord[]): Promise<readonly Resolution[]> {
    await yieldTo(this.#clock);
    await this.receivesAfter;
    if (this.failsToReceive) throw new LogError('unavailable', 'two zones are away');
    const resolutions: Resolution[] = [];
    const won: ItemRecord[] = [];
    for (const record of records) {
      const pending = won.findLast(
        ({ table, key }) => table === record.table && Buffer.compare(key, record.key) === 0,
      );
      const current = pending ?? this.item(record.table, record.key);
      const resolution = resolve(current, record, this.forgotten);
      resolutions.push(resolution);
      if (resolution.kind === 'won') won.push({ ...recordOf(record), cause: 'replication' });
    }
    if (won.length > 0) this.#append('records', won);
    return resolutions;
  }

  async discard(table: number, items: readonly DiscardedItem[]): Promise<void> {
    await yieldTo(this.#clock);
    for (const { key, version } of items) {
      const current = this.item(table, key);
      if (current?.image === undefined || compareVersions(current.version, version) !== 0) continue;
      this.#append('noop', []);
      this.disk.items.delete(nameOf(table, key));
    }
  }

  async advanceTime(): Promise<LogEnd> {
    this.#append('noop', []);
    return this.committed;
  }

  async forget({ vector, horizons }: ForgetDecision): Promise<void> {
    const forgotten = { ...this.forgotten };
    for (const [region, time] of Object.entries(vector)) {
      forgotten[region] = Math.max(time, forgotten[region] ?? 0);
    }
    this.disk.forgotten = forgotten;
    for (const [name, { table, image, version }] of this.disk.items) {
      if (image === undefined && version.time < (horizons[table] ?? 0))
        this.disk.items.delete(name);
    }
    this.#append('forget', []);
  }

  async endAt(index: number): Promise<LogEnd | undefined> {
    return this.disk.entries[index - 1 - this.disk.trimmed]?.entry;
  }

  async fork(logId: string, time: HybridTime): Promise<LogEnd> {
    this.disk.logId = logId;
    this.disk.epoch += 1;
    this.#append('open', [], { least: time });
    return this.committed;
  }

  follow(after: number): Follower {
    this.assertKept(after);
    const follower = new MemoryFollower(this, after, () => this.#followers.delete(follower));
    this.#followers.add(follower);
    return follower;
  }

  async scan(table: number, after: Uint8Array | undefined): Promise<readonly ScannedItem[]> {
    return [...this.disk.items.values()]
      .filter((item) => item.table === table)
      .filter(({ key }) => after === undefined || Buffer.compare(key, after) > 0)
      .toSorted((a, b) => Buffer.compare(a.key, b.key))
      .slice(0, 3);
  }

  tombstones(table: number): number {
    return [...this.disk.items.values()].filter(
      (item) => item.table === table && item.image === undefined,
    ).length;
  }

  /** Drops entries up to `through`. */
  trim(through: number): void {
    this.disk.entries = this.disk.entries.filter(({ entry }) => entry.index > through);
    this.disk.trimmed = Math.max(this.disk.trimmed, through);
  }

  /** For followers. */
  entriesAfter(after: number): readonly CommittedEntry[] {
    return this.disk.entries.slice(after - this.disk.trimmed, after - this.disk.trimmed + 10);
  }

  assertKept(after: number): void {
    if (after < this.disk.trimmed) throw new LogError('trimmed', `entry ${after + 1} is gone`);
  }

  /** Says that the partition was split. Its items stay. */
  split(child: number): void {
    this.#append('split', [], { payload: encodeSplit({ child, middle: 2 ** 31 }) });
  }

  #append(
    kind: EntryKind,
    records: readonly ItemRecord[],
    { least = 0, payload }: { readonly least?: number; readonly payload?: Uint8Array } = {},
  ): void {
    const own = records
      .filter(({ version }) => version.region === this.#region)
      .map(({ version }) => version.time);
    const { disk, committed } = this;
    const entry = makeEntry(disk.entries.length === 0 ? undefined : committed, {
      logId: disk.logId,
      epoch: disk.epoch,
      kind,
      partitionTime: Math.max(committed.partitionTime, this.#now(), least, ...own),
      payload:
        payload ?? Buffer.from(records.map(({ key }) => Buffer.from(key).toString('hex')).join()),
    });
    for (const record of records) disk.items.set(nameOf(record.table, record.key), record);
    const durableMs = this.knowsCommits
      ? this.#clock.monotonicMs() + this.commitTakesMs
      : undefined;
    disk.entries.push({ entry, records, durableMs });
    for (const follower of this.#followers) follower.wake();
  }
}

class MemoryFollower implements Follower {
  readonly #partition: MemoryPartition;
  readonly #onClose: () => void;
  #after: number;
  #closed = false;
  #wake: (() => void) | undefined;

  constructor(partition: MemoryPartition, after: number, onClose: () => void) {
    this.#partition = partition;
    this.#after = after;
    this.#onClose = onClose;
  }

  async next(): Promise<readonly CommittedEntry[]> {
    for (;;) {
      if (this.#closed) return [];
      this.#partition.assertKept(this.#after);
      const entries = this.#partition.entriesAfter(this.#after);
      const last = entries.at(-1);
      if (last !== undefined) {
        this.#after = last.entry.index;
        return entries;
      }
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    }
  }

  seek(after: number): void {
    this.#partition.assertKept(after);
    this.#after = after;
    this.wake();
  }

  wake(): void {
    this.#wake?.();
  }

  close(): void {
    this.#closed = true;
    this.#onClose();
    this.wake();
  }
}

const nameOf = (table: number, key: Uint8Array): string =>
  `${table}:${Buffer.from(key).toString('hex')}`;

function recordOf(
  of: Pick<ItemRecord, 'table' | 'key' | 'version' | 'replaced' | 'image'>,
): Omit<ItemRecord, 'cause'> {
  const { table, key, version, replaced, image } = of;
  const itemBytes = image?.length ?? 0;
  return {
    table,
    key,
    version,
    replaced,
    image,
    itemBytes,
    previous: { kind: 'none' },
    keepsTombstone: true,
  };
}
