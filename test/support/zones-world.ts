import { present } from '../../src/base/assert.ts';
import { TICKS_PER_MS } from '../../src/clock/hybrid-time.ts';
import type { EmbeddedLogs } from '../../src/log/embedded/embedded-logs.ts';
import { type Zone, ZONES } from '../../src/log/embedded/storage-node-identity.ts';
import { LocalPartition } from '../../src/partition/local-partition.ts';
import type { RebuildObserver } from '../../src/partition/rebuild-copy.ts';
import { RegionPartitions } from '../../src/partition/region-partitions.ts';
import type { ZoneStores } from '../../src/partition/zone-stores.ts';
import { Zones } from '../../src/partition/zones.ts';
import { resolve } from '../../src/replication/resolve.ts';
import { itemSpaceKey, type HashRange } from '../../src/storage/key-layout.ts';
import type { KeyValueStore } from '../../src/storage/key-value-store.ts';
import { LogRegion } from './log-region.ts';
import { MemoryLogger } from './memory-logger.ts';
import { MemoryStoreDisk } from './memory-store.ts';
import { keyOf, put, TABLE } from './partition-world.ts';

const PARTITIONS = 2;
const SEGMENT_BYTES = 4096;

/** The stores of three zones in memory; each step of them can be made to fail. */
export class MemoryZoneStores implements ZoneStores {
  readonly disks = new Map<Zone, MemoryStoreDisk>(
    ZONES.map((zone) => [zone, new MemoryStoreDisk()]),
  );
  /** What opening a zone's store fails with. */
  readonly openErrors = new Map<Zone, Error>();
  /** What is asked of space. */
  hasSpaceAnswer: () => Promise<boolean> = async () => true;
  /** The zones whose store was replaced, in order. */
  readonly taken: Zone[] = [];
  /** How often a blank store was begun beside a zone's own. */
  begun = 0;
  /** What taking the next store fails with. */
  takeError: Error | undefined;
  /** What each batch waits for. */
  beforeWrite: (zone: Zone) => Promise<void> = async () => {};
  readonly #next = new Map<Zone, MemoryStoreDisk>();

  disk(zone: Zone): MemoryStoreDisk {
    return present(this.disks.get(zone), `zone ${zone}`);
  }

  /** The one beside a zone's own, when one was begun. */
  nextDisk(zone: Zone): MemoryStoreDisk | undefined {
    return this.#next.get(zone);
  }

  async open(zone: Zone): Promise<KeyValueStore> {
    const error = this.openErrors.get(zone);
    if (error !== undefined) throw error;
    return this.#waiting(zone, await this.disk(zone).open());
  }

  #waiting(zone: Zone, store: KeyValueStore): KeyValueStore {
    return {
      get: (key) => store.get(key),
      iterate: (range, options) => store.iterate(range, options),
      readsAhead: store.readsAhead,
      readAhead: async (keys) => store.readAhead(keys),
      snapshot: () => store.snapshot(),
      clear: async (range) => store.clear(range),
      close: async () => store.close(),
      write: async (batch, options) => {
        await this.beforeWrite(zone);
        await store.write(batch, options);
      },
    };
  }

  async openNext(zone: Zone): Promise<KeyValueStore> {
    this.begun += 1;
    const next = new MemoryStoreDisk();
    this.#next.set(zone, next);
    return this.#waiting(zone, await next.open());
  }

  async takeNext(zone: Zone): Promise<void> {
    if (this.takeError !== undefined) throw this.takeError;
    this.disks.set(zone, present(this.#next.get(zone), 'a next store'));
    this.#next.delete(zone);
    this.openErrors.delete(zone);
    this.taken.push(zone);
  }

  async hasSpace(): Promise<boolean> {
    return this.hasSpaceAnswer();
  }
}

export interface ZonesWorldOptions {
  readonly region?: LogRegion;
  readonly stores?: MemoryZoneStores;
  readonly rebuilds?: RebuildObserver;
  /** How much of the log may wait for a zone's disk. */
  readonly backlogBytesMax?: number;
}

const nobody: RebuildObserver = { rebuildProgressed: () => {}, rebuildEnded: () => {} };

/** The zones of one region in virtual time: embedded logs on simulated disks, copies in memory stores. */
export class ZonesWorld {
  readonly region: LogRegion;
  readonly stores: MemoryZoneStores;
  readonly logger = new MemoryLogger();
  readonly logs: EmbeddedLogs;
  /** The states that were told of the zones' logs: `c learner`. */
  readonly logStates: string[] = [];
  readonly partitions: readonly LocalPartition[];
  readonly splits: RegionPartitions;
  readonly zones: Zones;
  #now = 0;

  private constructor(
    options: Required<Omit<ZonesWorldOptions, 'backlogBytesMax'>>,
    opening: Opening,
  ) {
    const { region, stores, rebuilds } = options;
    const { logs } = opening;
    this.region = region;
    this.stores = stores;
    this.logs = logs;
    opening.onZoneChange = (zone) => {
      this.logStates.push(`${zone} ${logs.zoneState(zone)}`);
      this.zones.logChanged(zone);
    };
    const { logger } = this;
    this.splits = new RegionPartitions({
      count: PARTITIONS,
      newPartition: (number, hashes) => this.#newPartition(number, hashes),
      clock: region.clock,
      random: region.random,
      logger,
    });
    this.partitions = this.splits.all;
    this.zones = new Zones({
      logs,
      partitions: this.splits.held,
      onBorn: (copy) => this.splits.born(copy),
      stores,
      clock: region.clock,
      logger,
      isTable: () => true,
      rebuilds,
    });
  }

  #newPartition(number: number, hashes: () => HashRange): LocalPartition {
    const { clock } = this.region;
    return new LocalPartition({
      number,
      partitionCount: PARTITIONS,
      hashes,
      region: 'us-east-1',
      log: this.logs.log(number),
      clock,
      now: () => (this.#now = Math.max(this.#now + 1, clock.wallMs() * TICKS_PER_MS)),
      resolve,
      keepsTombstones: () => false,
      onFailure: () => {},
      onDamage: (zone, error) => {
        this.zones.storeDamaged(zone, error, number);
      },
    });
  }

  /** Opens what the disks have; the zones are not started. */
  static async open(options: ZonesWorldOptions = {}): Promise<ZonesWorld> {
    const region = options.region ?? new LogRegion();
    const opening: { onZoneChange: (zone: Zone) => void } = { onZoneChange: () => {} };
    const logs = await region.open({
      segmentBytes: SEGMENT_BYTES,
      ...(options.backlogBytesMax === undefined
        ? {}
        : { backlogBytesMax: options.backlogBytesMax }),
      onZoneChange: (zone) => {
        opening.onZoneChange(zone);
      },
    });
    const all = { region, stores: new MemoryZoneStores(), rebuilds: nobody, ...options };
    return new ZonesWorld(all, Object.assign(opening, { logs }));
  }

  static async start(options: ZonesWorldOptions = {}): Promise<ZonesWorld> {
    const world = await ZonesWorld.open(options);
    await world.startZones();
    return world;
  }

  /** As a region does: the stores that open, then everything else. */
  async startZones(): Promise<void> {
    const opened = new Map<Zone, KeyValueStore | Error>();
    for (const zone of ZONES)
      opened.set(zone, await this.stores.open(zone).catch((error: unknown) => toError(error)));
    await this.run(this.zones.start(opened));
    this.splits.open();
    await this.until(
      () =>
        !this.splits.isIncomplete &&
        this.splits.held.every(({ copies }) => copies.serving.length > 0),
    );
    await this.run(this.splits.started());
  }

  async stop(): Promise<void> {
    this.splits.stop();
    await this.run(this.zones.stop());
    await this.run(this.logs.stop());
  }

  /** Stops and starts all of it, on what the disks have. */
  async restart(options: ZonesWorldOptions = {}): Promise<ZonesWorld> {
    await this.stop();
    const { region, stores } = this;
    return ZonesWorld.start({ ...options, region, stores });
  }

  async run<T>(promise: Promise<T>): Promise<T> {
    return this.region.clock.runUntilSettled(promise);
  }

  /** Lets time pass until it holds, for ten minutes at most. */
  async until(holds: () => boolean): Promise<void> {
    for (let waitedMs = 0; !holds(); waitedMs += 50) {
      if (waitedMs > 600_000) throw new Error(`in vain: ${this.describe()}`);
      await this.region.clock.advance(50);
    }
  }

  async untilApplying(...zones: readonly Zone[]): Promise<void> {
    await this.until(() =>
      (zones.length === 0 ? ZONES : zones).every(
        (zone) => this.zones.state(zone) === 'applying' && this.serves(zone),
      ),
    );
  }

  describe(): string {
    return ZONES.map(
      (zone) => `${zone} ${this.logs.zoneState(zone)} ${this.zones.state(zone)}`,
    ).join();
  }

  serves(zone: Zone): boolean {
    return this.partitions.every(({ copies }) =>
      copies.serving.some(({ node }) => node.zone === zone),
    );
  }

  partitionAt(item: number): LocalPartition {
    const number = this.splits.layout.partitionOf(TABLE, keyOf(item));
    return present(this.partitions[number], 'a partition');
  }

  async put(item: number): Promise<void> {
    await this.run(this.partitionAt(item).write(put(item, textFor(item))));
  }

  /** What an eventually consistent read says: the item as it was put, `lost`, or `refused`. */
  readNearby(item: number): 'right' | 'lost' | 'refused' {
    try {
      const found = this.partitionAt(item).readNearby(TABLE, keyOf(item));
      const image = found?.image;
      if (image === undefined) return 'lost';
      return Buffer.from(image).toString().includes(textFor(item)) ? 'right' : 'lost';
    } catch {
      return 'refused';
    }
  }

  /** Flips a bit in an item as a zone's store has it. */
  damageItem(zone: Zone, item: number): void {
    this.stores.disk(zone).damage(itemSpaceKey('items', TABLE, keyOf(item)));
  }

  /** Forgets all of the log that may go: what a blank store lacks can then be had from another zone only. */
  async trim(): Promise<void> {
    await this.until(() =>
      ZONES.every((zone) =>
        (this.zones.applied(zone) ?? []).every(
          (index, number) => index === this.partitions[number]?.committed.index,
        ),
      ),
    );
    for (const node of this.zones.nodes) await this.run(node.sync());
    for (const { number, committed } of this.partitions) {
      this.logs.log(number).trim(committed.index);
      await this.region.clock.advance(100);
    }
  }
}

interface Opening {
  readonly logs: EmbeddedLogs;
  onZoneChange: (zone: Zone) => void;
}

const toError = (error: unknown): Error =>
  error instanceof Error ? error : new Error(String(error));

/** Long enough that a few items fill a segment of the log. */
const textFor = (item: number): string => `item ${item} ${'x'.repeat(300)}`;
