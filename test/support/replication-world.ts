import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';

import { present } from '../../src/base/assert.ts';
import { InProcessNetwork } from '../../src/bus/in-process-network.ts';
import { HybridClock } from '../../src/clock/hybrid-clock.ts';
import type { Version } from '../../src/model/version.ts';
import type { Conflict } from '../../src/partition/partition.ts';
import type { OriginPositions, PositionStore } from '../../src/replication/position-store.ts';
import { type Mismatch, Replicator } from '../../src/replication/replicator.ts';
import type { SharedTable, Tables } from '../../src/replication/tables.ts';
import { type BusFaults, LossyBus, NO_FAULTS } from './lossy-bus.ts';
import { MemoryLogger } from './memory-logger.ts';
import { copyDisk, emptyDisk, type MemoryDisk, MemoryPartition } from './memory-partition.ts';
import { SeededRandom } from './seeded-random.ts';
import { VirtualClock } from './virtual-clock.ts';

/** The one table of these worlds has another number in each region. */
const GLOBAL_ID = 'the-table';

export const keyOf = (name: string): Uint8Array => {
  const key = Buffer.from(`1234__${name}`);
  key.writeUInt32BE(crc32(name), 0);
  return key;
};

/** A catalogue that a test sets. */
export class MemoryTables implements Tables {
  readonly number: number;
  members: readonly string[];
  settled = true;
  known = true;

  constructor(number: number, members: readonly string[]) {
    this.number = number;
    this.members = members;
  }

  shared(table: number, peer: string): string | undefined {
    return table === this.number && this.sharesWith(peer) ? GLOBAL_ID : undefined;
  }

  sharesWith(peer: string): boolean {
    return this.members.includes(peer);
  }

  byGlobalId(globalId: string): { readonly number: number } | 'unknown' | 'gone' {
    if (globalId !== GLOBAL_ID) return 'gone';
    return this.known ? { number: this.number } : 'unknown';
  }

  owes(): boolean {
    return false;
  }

  isOwedBy(): boolean {
    return false;
  }

  nameOf(): string {
    return 'Orders';
  }

  global(): readonly SharedTable[] {
    return [
      { number: this.number, globalId: GLOBAL_ID, members: this.members, settled: this.settled },
    ];
  }
}

class MemoryPositions implements PositionStore {
  readonly saved = new Map<string, OriginPositions>();

  async save(origin: string, positions: OriginPositions): Promise<void> {
    this.saved.set(origin, positions);
  }

  async load(origin: string): Promise<OriginPositions | undefined> {
    return this.saved.get(origin);
  }
}

interface Saved {
  readonly disks: readonly MemoryDisk[];
  readonly positions: ReadonlyMap<string, OriginPositions>;
}

/** One region whose data outlives its stops. */
export class WorldRegion {
  readonly name: string;
  readonly tables: MemoryTables;
  readonly clock: VirtualClock;
  readonly logger = new MemoryLogger();
  readonly conflicts: Conflict[] = [];
  readonly latenciesMs: number[] = [];
  clampedMs = 0;
  readonly writeAgesMs: number[] = [];
  readonly mismatches: Mismatch[] = [];
  partitions: MemoryPartition[] = [];
  replicator: Replicator | undefined;
  readonly #world: World;
  readonly #hybrid: HybridClock;
  #disks: MemoryDisk[];
  #positions = new MemoryPositions();
  bus: LossyBus | undefined;

  constructor(
    world: World,
    name: string,
    options: { number: number; partitions: number; wallAheadMs: number },
  ) {
    this.name = name;
    this.#world = world;
    this.clock = world.clock.beside(options);
    this.#hybrid = new HybridClock({ believedMs: () => this.clock.wallMs() });
    this.tables = new MemoryTables(options.number, world.names);
    this.#disks = Array.from({ length: options.partitions }, (_, log) =>
      emptyDisk(`${name}-${log}`),
    );
  }

  async start(): Promise<void> {
    const { clock, name, tables, logger } = this;
    const endpoint = this.#world.network.endpoint(name);
    await endpoint.start();
    const now = (): number => this.#hybrid.now();
    this.partitions = this.#disks.map(
      (disk, number) => new MemoryPartition({ number, region: name, now, clock, disk }),
    );
    const { random } = this.#world;
    this.bus = new LossyBus(endpoint, { clock, random, faults: this.#world.faults });
    this.replicator = new Replicator({
      region: name,
      peers: this.#world.names.filter((other) => other !== name),
      bus: this.bus,
      partitions: this.partitions,
      partitionOf: (key) => this.partitionOf(key),
      tables,
      positions: this.#positions,
      clock,
      random,
      logger,
      now,
      nowMs: () => this.#hybrid.nowMs(),
      tombstoneCount: () => this.tombstones(),
      onEstimate: () => {},
      onMismatch: (mismatch) => this.mismatches.push(mismatch),
      observer: {
        latency: (_origin, latencyMs, clampedMs) => {
          this.latenciesMs.push(latencyMs);
          this.clampedMs += clampedMs;
        },
        writeAge: (_origin, ageMs) => this.writeAgesMs.push(ageMs),
        received: () => {},
        shipped: () => {},
        conflict: (_origin, conflict) => this.conflicts.push(conflict),
      },
    });
    await this.replicator.start();
  }

  async stop(): Promise<void> {
    const stopping = this.replicator?.stop();
    await this.#world.network.endpoint(this.name).stop();
    if (stopping !== undefined) await this.#world.clock.runUntilSettled(stopping);
    this.replicator = undefined;
  }

  /** Stops it as `kill -9` does: positions that were not saved yet are lost. */
  async kill(): Promise<void> {
    const kept = new MemoryPositions();
    for (const [origin, saved] of this.#positions.saved) kept.saved.set(origin, saved);
    await this.stop();
    this.#positions = kept;
  }

  /** What its disks hold now. */
  save(): Saved {
    return { disks: this.#disks.map(copyDisk), positions: new Map(this.#positions.saved) };
  }

  /** Stopped, gets the disks of an earlier time. */
  restore({ disks, positions }: Saved): void {
    this.#disks = disks.map(copyDisk);
    this.#positions = new MemoryPositions();
    for (const [origin, saved] of positions) this.#positions.saved.set(origin, saved);
  }

  partitionOf(key: Uint8Array): MemoryPartition {
    const hash = Buffer.from(key).readUInt32BE(0);
    const number = Math.floor((hash * this.partitions.length) / 2 ** 32);
    return present(this.partitions[number], 'a partition');
  }

  /** Writes an item, or deletes it. */
  put(name: string, text: string | undefined): Version {
    const key = keyOf(name);
    const image = text === undefined ? undefined : Buffer.from(text);
    return this.partitionOf(key).put(this.tables.number, key, image);
  }

  get(name: string): string | undefined {
    const key = keyOf(name);
    const image = this.partitionOf(key).item(this.tables.number, key)?.image;
    return image === undefined ? undefined : Buffer.from(image).toString();
  }

  /** Everything in it that users can see, and what it was written by. */
  content(): readonly string[] {
    return this.#items()
      .filter(({ image }) => image !== undefined)
      .map(({ key, version, image }) =>
        [
          Buffer.from(key).toString('hex'),
          version.time,
          version.region,
          Buffer.from(image ?? []).toString(),
        ].join(' '),
      )
      .toSorted();
  }

  tombstones(): number {
    return this.#items().filter(({ image }) => image === undefined).length;
  }

  entries(): number {
    return this.partitions.reduce((sum, { committed }) => sum + committed.index, 0);
  }

  pending(peer: string): { records: number; bytes: number; ageMs: number } | undefined {
    return present(this.replicator, 'a running region').pending(peer, this.tables.number);
  }

  #items(): readonly { key: Uint8Array; image: Uint8Array | undefined; version: Version }[] {
    return this.partitions.flatMap(({ disk }) => [...disk.items.values()]);
  }
}

/** Regions that replicate one table over buses with faults, in virtual time, by one seed. */
export class World {
  readonly clock = new VirtualClock();
  readonly random: SeededRandom;
  readonly names: readonly string[];
  readonly network = new InProcessNetwork(this.clock);
  readonly regions: readonly WorldRegion[];
  faults: BusFaults = NO_FAULTS;

  constructor(
    options: {
      readonly seed?: number;
      readonly names?: readonly string[];
      readonly wallAheadMs?: readonly number[];
    } = {},
  ) {
    this.random = new SeededRandom(options.seed ?? 1);
    this.names = options.names ?? ['a', 'b', 'c'];
    this.regions = this.names.map(
      (name, at) =>
        new WorldRegion(this, name, {
          number: at + 5,
          partitions: at + 2,
          wallAheadMs: options.wallAheadMs?.[at] ?? 0,
        }),
    );
  }

  region(name: string): WorldRegion {
    return present(
      this.regions.find((region) => region.name === name),
      name,
    );
  }

  async start(): Promise<void> {
    await Promise.all(this.regions.map(async (region) => region.start()));
  }

  async stop(): Promise<void> {
    for (const region of this.regions) if (region.replicator !== undefined) await region.stop();
  }

  setFaults(faults: BusFaults): void {
    this.faults = faults;
    for (const { bus } of this.regions) bus?.set(faults);
  }

  setLink(from: string, to: string, up: boolean): void {
    this.network.endpoint(from).links.set(to, { up });
  }

  cut(one: string, other: string, up = false): void {
    this.setLink(one, other, up);
    this.setLink(other, one, up);
  }
}
