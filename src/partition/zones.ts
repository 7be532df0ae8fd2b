import { present } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import type { EmbeddedLogs } from '../log/embedded/embedded-logs.ts';
import { ZONES, type Zone } from '../log/embedded/storage-node-identity.ts';
import type { Copy } from '../storage/copy.ts';
import type { KeyValueStore } from '../storage/key-value-store.ts';
import type { StorageNode } from '../storage/storage-node.ts';
import type { Logger } from '../telemetry/logger.ts';
import { CopySources } from './copy-sources.ts';
import type { LocalPartition } from './local-partition.ts';
import type { RebuildObserver } from './rebuild-copy.ts';
import { Turnstile } from './turnstile.ts';
import { ZoneCopies, type CopiesState, type SourceFault } from './zone-copies.ts';
import { ZoneLogUpkeep } from './zone-log-upkeep.ts';
import type { ZoneStores } from './zone-stores.ts';

export interface ZonesOptions {
  readonly logs: EmbeddedLogs;
  /** In the order of their numbers. It grows when one is split. */
  readonly partitions: readonly LocalPartition[];
  /** Makes the partition of a copy that a split has made, unless it is in `partitions` already. */
  readonly onBorn?: (copy: Copy) => LocalPartition;
  readonly stores: ZoneStores;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether anything of that table number may be in a store: what is not is dropped when a store opens. */
  readonly isTable: (table: number) => boolean;
  readonly rebuilds: RebuildObserver;
}

/** What one zone has. The log and the copies are mended apart: each does without the other. */
interface ZoneParts {
  readonly copies: ZoneCopies;
  readonly log: ZoneLogUpkeep;
  /** The operator's starts and stops, one after the other. */
  readonly turns: Turnstile;
}

/**
 * The storage nodes of a region, zone by zone: their logs, their stores, and the copies in them. A zone can be stopped and
 * started while the others go on; one whose log or store is damaged or lost gets it back from another. A store is deleted
 * only when another one holds all that it had.
 */
export class Zones {
  readonly #options: ZonesOptions;
  /** How many partitions there were before any was split. */
  readonly #partitionCount: number;
  readonly #zones: ReadonlyMap<Zone, ZoneParts>;
  /** Tables that were deleted since the start: a zone that is away then drops them when it comes back. */
  readonly #dropped = new Set<number>();
  readonly #stopped = new AbortController();

  constructor(options: ZonesOptions) {
    this.#options = options;
    this.#partitionCount = options.partitions.length;
    const sources = new CopySources(() => this.#copies);
    const mending = new Turnstile();
    this.#zones = new Map(ZONES.map((zone) => [zone, this.#newZone(zone, { sources, mending })]));
  }

  #newZone(
    zone: Zone,
    shared: { readonly sources: CopySources; readonly mending: Turnstile },
  ): ZoneParts {
    const { logs, partitions, stores, clock, logger, rebuilds } = this.#options;
    const copies = new ZoneCopies({
      zone,
      partitions,
      partitionCount: this.#partitionCount,
      onBorn: (copy) => this.#born(copy),
      stores,
      clock,
      logger,
      ...shared,
      rebuilds,
      isDropped: (table) => this.#isDropped(table),
      onSourceFault: (fault) => {
        this.#sourceFailed(fault);
      },
      onApplying: () => {
        this.#applying(zone);
      },
    });
    const log = new ZoneLogUpkeep({
      zone,
      logs,
      clock,
      logger,
      applied: () => copies.applied,
    });
    return { copies, log, turns: new Turnstile() };
  }

  /**
   * Takes over what became of opening each zone's store, and starts all zones. Resolves when they are on their way,
   * each by itself: what fails is tried again, and what is missing is rebuilt, behind it. Rejects with `StoreError`
   * `format`, and nothing runs then.
   */
  async start(opened: ReadonlyMap<Zone, KeyValueStore | Error>): Promise<void> {
    try {
      for (const [zone, store] of opened) await this.#zone(zone).copies.adopt(store);
    } catch (error) {
      await this.stop();
      for (const store of opened.values())
        if (!(store instanceof Error)) await store.close().catch(() => undefined);
      throw error;
    }
    // What the first look of one of them meets is logged, and tried again, by itself.
    for (const { log, copies } of this.#zones.values()) {
      void log.start().catch(() => undefined);
      void copies.start().catch(() => undefined);
    }
  }

  /** The state of a zone's copies; the log's own state is `EmbeddedLogs.zoneState`. */
  state(zone: Zone): CopiesState {
    return this.#zone(zone).copies.state;
  }

  /** Changes whenever something moves towards copies that serve. */
  standing(): string {
    return ZONES.map((zone) => {
      const { state, copiedBytes } = this.#zone(zone).copies;
      return [state, copiedBytes, ...(this.applied(zone) ?? [])].join(' ');
    }).join(', ');
  }

  /** The index up to which each partition is applied in a zone; undefined while it is stopped. */
  applied(zone: Zone): readonly number[] | undefined {
    const { node } = this.#zone(zone).copies;
    if (node === undefined) return undefined;
    return this.#options.partitions.map(
      ({ number }) => node.copies.get(number)?.position.index ?? 0,
    );
  }

  #born(copy: Copy): LocalPartition {
    const { partitions, onBorn } = this.#options;
    const known = onBorn?.(copy) ?? partitions[copy.partition];
    return present(known, `partition ${copy.partition}`);
  }

  /** The storage nodes that are up. */
  get nodes(): readonly StorageNode[] {
    return this.#copies.flatMap(({ node }) => (node === undefined ? [] : [node]));
  }

  /** Whether some zone's copies come from another zone now. Until they are there, they need the log from then on. */
  get isRebuilding(): boolean {
    return this.#copies.some(({ state }) => state === 'rebuilding');
  }

  /** Ends a rebuild that runs there. Never rejects. */
  async stopZone(zone: Zone): Promise<void> {
    const { copies, log, turns } = this.#zone(zone);
    // A start that is under way ends with this, and does not hold up the turn.
    await Promise.all([copies.stop(), log.stop()]);
    await turns.pass(this.#stopped.signal, async () => {
      await copies.stop();
      await log.stopLog();
      this.#options.logger.info({ zone }, 'zone stopped');
    });
  }

  /**
   * Opens what of a zone is not open. Resolves once its log runs and its copies are on their way, which may be a rebuild.
   * Rejects with what stands against that, and goes on trying, except with `StoreError` `format`.
   */
  async startZone(zone: Zone): Promise<void> {
    const { copies, log, turns } = this.#zone(zone);
    await turns.pass(this.#stopped.signal, async () => {
      const [logStarted, copiesStarted] = await Promise.allSettled([log.start(), copies.start()]);
      if (logStarted.status === 'rejected') throw logStarted.reason;
      if (copiesStarted.status === 'rejected') throw copiesStarted.reason;
    });
  }

  /** A zone's log is in another state. One that has ended by itself is looked after. */
  logChanged(zone: Zone): void {
    this.#zone(zone).log.wake();
  }

  /** A zone's store could not be read or written: it is opened anew, or replaced. `partition`: where, when it is known. */
  storeDamaged(name: string, error: Error, partition?: number): void {
    this.#copies.find(({ zone }) => zone === name)?.faultFound(error, partition);
  }

  #sourceFailed({ source, partition, error }: SourceFault): void {
    this.#copies.find(({ node }) => node === source)?.faultFound(error, partition);
  }

  /** The zone's log may have waited for this to get its vote, and others for a whole copy. */
  #applying(zone: Zone): void {
    this.#zone(zone).log.wake();
    for (const copies of this.#copies) if (copies.zone !== zone) copies.wake();
  }

  #isDropped(table: number): boolean {
    return this.#dropped.has(table) || !this.#options.isTable(table);
  }

  /** Removes a table's items in every zone that can; the others do it when they come back. */
  async dropTable(table: number): Promise<void> {
    this.#dropped.add(table);
    await Promise.all(this.#copies.map(async (copies) => copies.dropTable(table)));
  }

  /** Once the catalogue is loaded: what a power cut took back of a table's removal is removed again. */
  async dropUnknownTables(): Promise<void> {
    await Promise.all(this.#copies.map(async (copies) => copies.dropUnknownTables()));
  }

  get #copies(): readonly ZoneCopies[] {
    return [...this.#zones.values()].map(({ copies }) => copies);
  }

  #zone(zone: Zone): ZoneParts {
    return present(this.#zones.get(zone), `zone ${zone}`);
  }

  /** Whether a zone's store takes no more for want of space. */
  isFull(name: string): boolean {
    return this.#copies.some(({ zone, state }) => zone === name && state === 'full');
  }

  /** Stops every zone's copies; what is committed and not applied is applied at the next start. Never rejects. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.all(
      [...this.#zones.values()].map(async ({ copies, log }) =>
        Promise.all([copies.stop(), log.stop()]),
      ),
    );
  }
}
