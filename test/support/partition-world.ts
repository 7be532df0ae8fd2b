import type { Awaitable } from '../../src/base/awaitable.ts';
import assert from 'node:assert';

import { TICKS_PER_MS } from '../../src/clock/hybrid-time.ts';
import type { ItemRecord } from '../../src/model/record.ts';
import { Applier } from '../../src/partition/applier.ts';
import type { IndexedTable } from '../../src/partition/index-entries.ts';
import type { ItemWrite } from '../../src/partition/item-write.ts';
import { LocalPartition } from '../../src/partition/local-partition.ts';
import type { ReceivedRecord } from '../../src/partition/partition.ts';
import { resolve } from '../../src/replication/resolve.ts';
import { StorageNode } from '../../src/storage/storage-node.ts';
import { MemoryLog } from './memory-log.ts';
import { MemoryStoreDisk } from './memory-store.ts';
import { recount } from './recount.ts';
import { VirtualClock } from './virtual-clock.ts';

export const TABLE = 5;

/** One partition of region `east` in virtual time, over a memory log and memory stores. */
export class PartitionWorld {
  readonly clock = new VirtualClock();
  readonly log = new MemoryLog(this.clock);
  readonly disks = new Map<string, MemoryStoreDisk>();
  readonly appliers = new Map<string, Applier>();
  readonly nodes = new Map<string, StorageNode>();
  readonly failures: unknown[] = [];
  readonly damaged: string[] = [];
  keepsTombstones = true;
  /** See `LeaderOptions`. */
  othersApplyLog = false;
  /** Of `TABLE`. */
  indexed: IndexedTable | undefined;
  partition: LocalPartition = this.#newPartition();
  #now = 0;

  #newPartition(): LocalPartition {
    return new LocalPartition({
      number: 0,
      partitionCount: 1,
      region: 'east',
      log: this.log,
      clock: this.clock,
      now: () => (this.#now = Math.max(this.#now + 1, this.clock.wallMs() * TICKS_PER_MS)),
      resolve,
      keepsTombstones: () => this.keepsTombstones,
      othersApplyLog: this.othersApplyLog,
      indexed: (table) => (table === TABLE ? this.indexed : undefined),
      onFailure: (error) => this.failures.push(error),
      onDamage: (zone) => this.damaged.push(zone),
    });
  }

  static async start(
    zones: readonly string[] = ['a', 'b', 'c'],
    { othersApplyLog = false } = {},
  ): Promise<PartitionWorld> {
    const world = new PartitionWorld();
    world.othersApplyLog = othersApplyLog;
    if (othersApplyLog) world.partition = world.#newPartition();
    for (const zone of zones) await world.startZone(zone);
    await world.run(world.partition.open('log-1').durable);
    return world;
  }

  /** A new process over what the log and the stores hold. */
  async restart(): Promise<void> {
    const zones = [...this.appliers.keys()];
    this.partition.stop();
    for (const zone of zones) await this.stopZone(zone);
    this.partition = this.#newPartition();
    for (const zone of zones) await this.startZone(zone);
    await this.run(this.partition.open('log-1').durable);
  }

  async startZone(zone: string): Promise<void> {
    const disk = this.disks.get(zone) ?? new MemoryStoreDisk();
    this.disks.set(zone, disk);
    const node = await StorageNode.open({
      zone,
      store: await disk.open(),
      partitionCount: 1,
      partitions: [0],
    });
    const applier = new Applier({
      node,
      partitions: [this.partition],
      clock: this.clock,
      onFailure: (error) => this.failures.push(error),
    });
    this.nodes.set(zone, node);
    this.appliers.set(zone, applier);
    applier.start();
    await this.clock.sleep(0);
  }

  async stopZone(zone: string): Promise<void> {
    await this.appliers.get(zone)?.stop();
    await this.nodes.get(zone)?.close();
    this.appliers.delete(zone);
    this.nodes.delete(zone);
  }

  async run<T>(promise: Awaitable<T>): Promise<T> {
    return this.clock.runUntilSettled(Promise.resolve(promise));
  }

  async put(item: number, text: string): Promise<string | undefined> {
    const outcome = await this.partition.write(put(item, text));
    return outcome.before && textOf(outcome.before.image);
  }

  async read(item: number): Promise<string | undefined> {
    return textOf((await this.partition.read(TABLE, keyOf(item)))?.image);
  }

  readNearby(item: number): string | undefined {
    return textOf(this.partition.readNearby(TABLE, keyOf(item))?.image);
  }

  /** What every zone counts equals what a scan of it finds. */
  async checkCounters(table = TABLE): Promise<void> {
    for (const node of this.nodes.values()) {
      const counted = node.copy(0).counters(table);
      assert.deepEqual({ ...counted }, await recount(node.store, table), `zone ${node.zone}`);
    }
  }
}

export function keyOf(item: number): Uint8Array {
  const key = Buffer.alloc(8);
  key.writeUInt32BE((item * 2_654_435_761) % 2 ** 32);
  key.writeUInt16BE(2, 4);
  key.writeUInt16BE(item, 6);
  return key;
}

const imageOf = (text: string): Uint8Array => Buffer.from(JSON.stringify({ t: { S: text } }));

function textOf(image: Uint8Array | undefined): string | undefined {
  if (image === undefined) return undefined;
  const item: { readonly t: { readonly S: string } } = JSON.parse(Buffer.from(image).toString());
  return item.t.S;
}

export const put = (item: number, text: string): ItemWrite => ({
  table: TABLE,
  key: keyOf(item),
  change: { kind: 'put', image: imageOf(text), itemBytes: text.length + 1 },
  condition: undefined,
  cause: 'user',
});

export const remove = (item: number): ItemWrite => ({
  table: TABLE,
  key: keyOf(item),
  change: { kind: 'delete' },
  condition: undefined,
  cause: 'user',
});

export const received = (item: number, time: number, text: string | undefined): ReceivedRecord => ({
  table: TABLE,
  key: keyOf(item),
  version: { time, region: 'west' },
  replaced: undefined,
  image: text === undefined ? undefined : imageOf(text),
  itemBytes: text === undefined ? 0 : text.length + 1,
  via: 'ship',
});

export const foreign = (item: number, time: number, text: string): ItemRecord => ({
  table: TABLE,
  key: keyOf(item),
  version: { time, region: 'east' },
  replaced: undefined,
  image: imageOf(text),
  itemBytes: text.length + 1,
  keepsTombstone: false,
  previous: { kind: 'none' },
  cause: 'user',
});
