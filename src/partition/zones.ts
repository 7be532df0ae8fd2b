import type { Clock } from '../base/clock.ts';
import { present } from '../base/assert.ts';
import type { EmbeddedLogs } from '../log/embedded/embedded-logs.ts';
import { ZONES, type Zone } from '../log/embedded/storage-node-identity.ts';
import { StoreError, type KeyValueStore } from '../storage/key-value-store.ts';
import { StorageNode } from '../storage/storage-node.ts';
import type { Logger } from '../telemetry/logger.ts';
import { Applier } from './applier.ts';
import type { LocalPartition } from './local-partition.ts';

/** Pause before a storage node that could not be started is tried again. */
const restartPauseMs = 500;

export interface ZonesOptions {
  readonly logs: EmbeddedLogs;
  readonly partitions: readonly LocalPartition[];
  readonly stores: ZoneStores;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether anything of that table number may be in a store: what is not is dropped when a store opens. */
  readonly isTable: (table: number) => boolean;
  readonly onRebuildProgress: (progress: RebuildProgress) => void;
}

/** Where a zone's store is kept. */
export interface ZoneStores {
  /** Rejects with `StoreError`. */
  open(zone: Zone): Promise<KeyValueStore>;
  /** Removes the zone's store, which is closed. */
  wipe(zone: Zone): Promise<void>;
  /** Whether a store can be expected to take a few megabytes. */
  hasSpace(zone: Zone): Promise<boolean>;
}

export interface RebuildProgress {
  readonly zone: Zone;
  readonly partition: number;
  readonly items: number;
  readonly bytes: number;
}

/** `rebuilding`: its copies come from another zone. `full`: it serves what it has and takes no more for now. */
export type CopiesState = 'stopped' | 'starting' | 'rebuilding' | 'applying' | 'full' | 'failed';

interface RunningZone {
  readonly node: StorageNode;
  applier: Applier | undefined;
}

/**
 * The storage nodes of a region, zone by zone: their logs, their stores, and the copies in them. A zone can be stopped and
 * started while the others go on; one whose store is damaged or lost is rebuilt from another.
 */
export class Zones {
  readonly #options: ZonesOptions;
  readonly #running = new Map<Zone, RunningZone>();
  readonly #states = new Map<Zone, CopiesState>(ZONES.map((zone) => [zone, 'stopped']));
  /** Changes of one zone, one after the other. */
  readonly #turns = new Map<Zone, Promise<void>>();
  /** Tables that were deleted since the start: a zone that is away then drops them when it comes back. */
  readonly #dropped = new Set<number>();
  /** Zones that are to run: stopped ones are not mended. */
  readonly #wanted = new Set<Zone>();
  readonly #stopped = new AbortController();

  constructor(options: ZonesOptions) {
    this.#options = options;
  }

  /** Takes over the stores that were opened before the logs, and starts their copies. */
  async start(stores: ReadonlyMap<Zone, KeyValueStore>): Promise<void> {
    for (const zone of stores.keys()) this.#wanted.add(zone);
    // A blank or damaged store is rebuilt from the others, so these come first.
    const nodes = new Map<Zone, StorageNode>();
    for (const [zone, store] of stores) {
      try {
        nodes.set(zone, await this.#openNode(zone, store));
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        this.#states.set(zone, 'failed');
        this.storeDamaged(zone, error);
      }
    }
    for (const [zone, node] of nodes) this.#running.set(zone, { node, applier: undefined });
    await Promise.all(
      [...nodes.keys()].map(async (zone) => this.#turn(zone, async () => this.#run(zone))),
    );
  }

  /** The state of a zone's copies; the log's own state is `EmbeddedLogs.zoneState`. */
  state(zone: Zone): CopiesState {
    return present(this.#states.get(zone), 'a state for each zone');
  }

  /** The index up to which each partition is applied in a zone; undefined while it is stopped. */
  applied(zone: Zone): readonly number[] | undefined {
    const running = this.#running.get(zone);
    if (running === undefined) return undefined;
    return this.#options.partitions.map(({ number }) => running.node.copy(number).position.index);
  }

  /** The storage nodes that are up. */
  get nodes(): readonly StorageNode[] {
    return [...this.#running.values()].map(({ node }) => node);
  }

  async stopZone(zone: Zone): Promise<void> {
    this.#wanted.delete(zone);
    return this.#turn(zone, async () => {
      await this.#halt(zone);
      await this.#options.logs.stopZone(zone);
      this.#options.logger.info({ zone }, 'zone stopped');
    });
  }

  /** Resolves once the zone's log runs and its copies are on their way. Rejects with `StoreError`, `StorageNodeError`. */
  async startZone(zone: Zone): Promise<void> {
    this.#wanted.add(zone);
    return this.#turn(zone, async () => {
      if (this.#running.has(zone)) return;
      this.#states.set(zone, 'starting');
      try {
        await this.#bringUp(zone);
      } catch (error) {
        this.#states.set(zone, 'failed');
        throw error;
      }
      this.#options.logger.info({ zone, log: this.#options.logs.zoneState(zone) }, 'zone started');
    });
  }

  async #bringUp(zone: Zone): Promise<void> {
    const node = await this.#openNode(
      zone,
      await openOrRenewStore(this.#options.stores, zone, this.#options.logger),
    );
    this.#running.set(zone, { node, applier: undefined });
    try {
      await this.#options.logs.startZone(zone);
      await this.#run(zone);
    } catch (error) {
      await this.#halt(zone);
      throw error;
    }
  }

  async #openNode(zone: Zone, store: KeyValueStore): Promise<StorageNode> {
    const { partitions } = this.#options;
    try {
      return await StorageNode.open({
        zone,
        store,
        partitionCount: partitions.length,
        partitions: partitions.map(({ number }) => number),
        isDropped: (table) => this.#isDropped(table),
      });
    } catch (error) {
      await store.close().catch(() => undefined);
      throw error;
    }
  }

  /** Rebuilds what cannot be had from the log, then applies what the log has. */
  async #run(zone: Zone): Promise<void> {
    const running = present(this.#running.get(zone), 'a running zone');
    await this.#rebuildWhatIsMissing(zone, running.node);
    await this.#dropUnknownTables(running.node);
    const applier = new Applier({
      node: running.node,
      partitions: this.#options.partitions,
      clock: this.#options.clock,
      onFailure: (error) => {
        this.storeDamaged(zone, error);
      },
    });
    running.applier = applier;
    applier.start();
    this.#states.set(zone, 'applying');
    await this.#options.logs.storeRebuilt(zone);
  }

  async #rebuildWhatIsMissing(zone: Zone, node: StorageNode): Promise<void> {
    const { partitions, logger, onRebuildProgress, logs } = this.#options;
    const forLog = new Set(logs.rebuilds(zone).map(({ partition }) => partition));
    for (const partition of partitions) {
      const { number } = partition;
      if (!forLog.has(number) && (await this.#canFollow(node, partition))) continue;
      const source = await this.#sourceFor(zone, partition);
      if (source === undefined) {
        throw new StoreError(
          'damaged',
          `zone ${zone} lacks partition ${number}, and no other zone has it`,
        );
      }
      this.#states.set(zone, 'rebuilding');
      logger.warn({ zone, partition: number, from: source.zone }, 'rebuilding a copy');
      await node.rebuildFrom(source, number, ({ items, bytes }) => {
        onRebuildProgress({ zone, partition: number, items, bytes });
      });
      logger.info({ zone, partition: number }, 'copy rebuilt');
    }
  }

  /** Whether the log has all that a copy lacks, and what the copy has is of this log. */
  async #canFollow(node: StorageNode, partition: LocalPartition): Promise<boolean> {
    const { position, rebuilding } = node.copy(partition.number);
    if (rebuilding || position.index + 1 < partition.first) return false;
    if (position.index > partition.committed.index) return false;
    if (position.index === 0 || position.index < partition.first) return true;
    const logged = await partition.endAt(position.index);
    return logged?.checksum === position.checksum && logged.epoch === position.epoch;
  }

  async #sourceFor(zone: Zone, partition: LocalPartition): Promise<StorageNode | undefined> {
    for (const [other, { node }] of this.#running) {
      if (other === zone || node.state !== 'open') continue;
      if (await this.#canFollow(node, partition)) return node;
    }
    return undefined;
  }

  #isDropped(table: number): boolean {
    return this.#dropped.has(table) || !this.#options.isTable(table);
  }

  /** Tables that were deleted while this zone was away, or could not be dropped from it. */
  async #dropUnknownTables(node: StorageNode): Promise<void> {
    const tables = new Set(
      this.#options.partitions.flatMap(({ number }) => [...node.copy(number).tables]),
    );
    for (const table of tables) if (this.#isDropped(table)) await this.#dropFrom(node, table);
  }

  /** Removes a table's items in every zone that can; the others do it when they come back. */
  async dropTable(table: number): Promise<void> {
    this.#dropped.add(table);
    await Promise.all(this.nodes.map(async (node) => this.#dropFrom(node, table)));
  }

  /** Once the catalogue is loaded: what a power cut took back of a table's removal is removed again. */
  async dropUnknownTables(): Promise<void> {
    await Promise.all(this.nodes.map(async (node) => this.#dropUnknownTables(node)));
  }

  async #dropFrom(node: StorageNode, table: number): Promise<void> {
    try {
      await node.dropTable(table);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.#options.logger.warn(
        { zone: node.zone, table, error },
        'table not dropped from a zone yet',
      );
    }
  }

  /** The log of a zone ended by itself: it is started again, and takes what it lacks from the others. */
  logDamaged(zone: Zone): void {
    if (!this.#wanted.has(zone) || this.#stopped.signal.aborted) return;
    this.#options.logger.error({ zone }, 'log damaged: the zone takes it from the others again');
    void this.#mend(zone, { wipe: false });
  }

  /** A zone's store could not be read or written: it is opened anew, or rebuilt. */
  storeDamaged(name: string, error: Error): void {
    const zone = ZONES.find((each) => each === name);
    if (zone === undefined || !this.#wanted.has(zone) || this.#stopped.signal.aborted) return;
    const { logger } = this.#options;
    const code = error instanceof StoreError ? error.code : 'io';
    logger.error({ zone, error }, 'a storage node cannot go on as it is');
    if (code === 'full') void this.#waitForSpace(zone);
    else void this.#mend(zone, { wipe: code === 'damaged' });
  }

  /** A full store serves what it has. When there is space it is opened anew, and takes the rest from the log. */
  async #waitForSpace(zone: Zone): Promise<void> {
    const { stores, clock } = this.#options;
    this.#states.set(zone, 'full');
    while (!this.#stopped.signal.aborted && this.#wanted.has(zone)) {
      await clock.sleep(restartPauseMs, this.#stopped.signal);
      if (await stores.hasSpace(zone)) return this.#mend(zone, { wipe: false });
    }
  }

  /** Stops a zone's copies and log and starts them again, until that succeeds or the zone is stopped. */
  async #mend(zone: Zone, { wipe }: { readonly wipe: boolean }): Promise<void> {
    const { clock, stores, logs, logger } = this.#options;
    await this.#turn(zone, async () => {
      if (!this.#wanted.has(zone)) return;
      await this.#halt(zone);
      await logs.stopZone(zone);
      if (wipe) await stores.wipe(zone);
    });
    while (!this.#stopped.signal.aborted && this.#wanted.has(zone)) {
      try {
        await this.startZone(zone);
        return;
      } catch (error) {
        logger.error({ zone, error }, 'zone could not be started and will be tried again');
        await clock.sleep(restartPauseMs, this.#stopped.signal);
      }
    }
  }

  async #halt(zone: Zone): Promise<void> {
    const running = this.#running.get(zone);
    this.#running.delete(zone);
    await running?.applier?.stop();
    await running?.node.close();
    this.#states.set(zone, 'stopped');
  }

  async #turn(zone: Zone, task: () => Promise<void>): Promise<void> {
    const turn = (this.#turns.get(zone) ?? Promise.resolve()).then(task);
    this.#turns.set(
      zone,
      turn.catch(() => {}),
    );
    return turn;
  }

  /** Stops every zone's copies; what is committed and not applied is applied at the next start. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#wanted.clear();
    await Promise.all(ZONES.map(async (zone) => this.#turn(zone, async () => this.#halt(zone))));
  }
}

/** Opens a zone's store; one that is damaged is put away for a blank one. Rejects with `StoreError`. */
export async function openOrRenewStore(
  stores: ZoneStores,
  zone: Zone,
  logger: Logger,
): Promise<KeyValueStore> {
  try {
    return await stores.open(zone);
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'damaged') throw error;
    logger.error({ zone, error }, 'store damaged: it will be rebuilt from another zone');
    await stores.wipe(zone);
    return stores.open(zone);
  }
}
