import { present } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import type { Zone } from '../log/embedded/storage-node-identity.ts';
import { StoreError, type KeyValueStore } from '../storage/key-value-store.ts';
import type { Copy } from '../storage/copy.ts';
import { RebuildError, type RebuildProgress } from '../storage/rebuild.ts';
import { StorageNode } from '../storage/storage-node.ts';
import type { Logger } from '../telemetry/logger.ts';
import { Applier } from './applier.ts';
import {
  canFollow,
  comesBySplit,
  holderBefore,
  NoCopyError,
  type CopyHolder,
  type CopySources,
} from './copy-sources.ts';
import type { LocalPartition } from './local-partition.ts';
import { rebuildCopy, type RebuildObserver } from './rebuild-copy.ts';
import type { Turnstile } from './turnstile.ts';
import { Upkeep, type Look } from './upkeep.ts';
import type { ZoneStores } from './zone-stores.ts';

/** How often it is looked whether there is space, or another zone's copy to mend from. */
const lookAgainMs = 500;

/** How long the others wait with their own mending until a zone's copies serve again. */
const servingWaitMs = 10_000;
const servingLookMs = 10;

/**
 * `rebuilding`: its copies come from another zone. `full`: it serves what it has and takes no more for now. `damaged`:
 * until another zone has a whole copy to mend it from it is left as it is, and serves what nobody else can.
 */
export type CopiesState =
  | 'stopped'
  | 'starting'
  | 'rebuilding'
  | 'applying'
  | 'full'
  | 'failed'
  | 'damaged';

export interface ZoneCopiesOptions {
  readonly zone: Zone;
  /** In the order of their numbers. It grows when one is split. */
  readonly partitions: readonly LocalPartition[];
  /** How many there were before any was split. */
  readonly partitionCount: number;
  /** The partition of a copy that a split has made. */
  readonly onBorn: (copy: Copy) => LocalPartition;
  readonly stores: ZoneStores;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly sources: CopySources;
  /** Copies that serve stop doing so, to be mended, in one zone at a time. */
  readonly mending: Turnstile;
  readonly isDropped: (table: number) => boolean;
  readonly rebuilds: RebuildObserver;
  /** The source of a rebuild could not be read. */
  readonly onSourceFault: (fault: SourceFault) => void;
  /** The zone's copies apply what the log has. */
  readonly onApplying: () => void;
}

export interface SourceFault {
  readonly source: StorageNode;
  readonly partition: number;
  readonly error: StoreError;
}

/** Another version of the program wrote the store, which trying again does not change. */
const isForeignFormat = (error: unknown): boolean =>
  error instanceof StoreError && error.code === 'format';

/**
 * One zone's store and the copies in it, from `start` to `stop`. Whatever goes wrong is mended in the background: a store
 * that cannot go on is opened anew; one that is damaged goes on, as far as it can, until a whole one has been
 * filled beside it from other zones.
 */
export class ZoneCopies implements CopyHolder {
  readonly zone: Zone;
  readonly #options: ZoneCopiesOptions;
  readonly #upkeep: Upkeep;
  #state: CopiesState = 'stopped';
  #node: StorageNode | undefined;
  #applier: Applier | undefined;
  /** The store is to be opened again: it failed, or ran out of space. */
  #toReopen: 'failed' | 'full' | undefined;
  /** Partitions whose copy is known to be damaged. */
  readonly #damaged = new Set<number>();
  /** What stands in the way was told already. */
  #toldOfNoCopy = false;
  #copied: RebuildProgress | undefined;

  constructor(options: ZoneCopiesOptions) {
    this.#options = options;
    this.zone = options.zone;
    this.#upkeep = new Upkeep({
      clock: options.clock,
      look: async (look) => this.#look(look),
      onFailure: (error) => this.#lookFailed(error),
    });
  }

  get state(): CopiesState {
    return this.#state;
  }

  get node(): StorageNode | undefined {
    return this.#node;
  }

  /** What the rebuild that runs, or ran last, has copied. */
  get copiedBytes(): number {
    return this.#copied?.bytes ?? 0;
  }

  isDamaged(partition: number): boolean {
    return this.#damaged.has(partition);
  }

  /** Up to where each partition is applied; undefined unless the log has the rest for all of them. */
  get applied(): ((partition: number) => number) | undefined {
    const node = this.#node;
    if (node === undefined || this.#state !== 'applying') return undefined;
    const applied = (partition: number): number => node.copies.get(partition)?.position.index ?? 0;
    const isFollowing = this.#options.partitions.every(
      ({ number, first }) => applied(number) + 1 >= first,
    );
    return isFollowing ? applied : undefined;
  }

  /**
   * Takes over a store that was opened before, or what it failed with. Rejects with `StoreError` `format`; anything else
   * that is wrong is mended once it is started.
   */
  async adopt(opened: KeyValueStore | Error): Promise<void> {
    try {
      if (opened instanceof Error) throw opened;
      this.#node = await this.#openNode(opened);
    } catch (error) {
      if (isForeignFormat(error)) throw error;
      this.#openFailed(error);
    }
  }

  /** Resolves once the copies are on their way. Rejects as the first try does; unless it is `format`, others follow. */
  async start(): Promise<void> {
    if (this.#state === 'stopped') this.#state = 'starting';
    await this.#upkeep.start();
  }

  /** Something that it may have waited for has come. */
  wake(): void {
    if (this.#upkeep.isRunning) this.#upkeep.wake();
  }

  /** Ends what runs, a rebuild too, and closes the store. Never rejects. */
  async stop(): Promise<void> {
    await this.#upkeep.stop();
    await this.#halt();
    this.#toReopen = undefined;
    this.#state = 'stopped';
  }

  /** The store could not be read or written; `partition` is where, when that is known. */
  faultFound(error: Error, partition?: number): void {
    const { logger, partitions } = this.#options;
    if (!this.#upkeep.isRunning && this.#node === undefined) return;
    if (error instanceof StoreError && error.code === 'damaged') {
      const found = partition === undefined ? partitions.map(({ number }) => number) : [partition];
      const isNews = found.some((number) => !this.#damaged.has(number));
      for (const number of found) this.#damaged.add(number);
      if (isNews)
        logger.error({ zone: this.zone, partition, error }, 'a zone has damage in its store');
    } else if (this.#toReopen === undefined) {
      this.#toReopen = error instanceof StoreError && error.code === 'full' ? 'full' : 'failed';
      this.#state = this.#toReopen;
      logger.error({ zone: this.zone, error }, 'a storage node cannot go on as it is');
    }
    this.wake();
  }

  async #look({ signal, underWay }: Look): Promise<number | undefined> {
    if (this.#toReopen !== undefined) {
      if (this.#toReopen === 'full' && !(await this.#hasSpace())) return lookAgainMs;
      await this.#reopen(signal);
    } else if (this.#node === undefined) await this.#open();
    underWay();
    if (signal.aborted) return undefined;
    if (this.#damaged.size === 0) {
      if (this.#applier === undefined) await this.#fill(signal);
      return undefined;
    }
    if (this.#applier === undefined && (await this.#canAllFollow())) await this.#apply();
    return this.#renew(signal);
  }

  /** Whether it may be looked again. */
  #lookFailed(error: unknown): boolean {
    const { logger } = this.#options;
    const isFull = error instanceof StoreError && error.code === 'full';
    if (this.#node?.state === 'failed') this.#toReopen ??= isFull ? 'full' : 'failed';
    if (this.#toReopen !== undefined) this.#state = this.#toReopen;
    else if (this.#applier === undefined) this.#state = 'failed';
    else this.#state = this.#damaged.size > 0 ? 'damaged' : 'applying';
    logger.error({ zone: this.zone, error }, 'copies of a zone cannot go on and are tried again');
    return !isForeignFormat(error);
  }

  async #hasSpace(): Promise<boolean> {
    this.#state = 'full';
    return this.#options.stores.hasSpace(this.zone);
  }

  /** One zone after the other: when all disks have been full the others serve meanwhile. */
  async #reopen(signal: AbortSignal): Promise<void> {
    const { mending, clock } = this.#options;
    // What fails again at once must not keep everything busy.
    await clock.sleep(lookAgainMs, signal);
    await mending.pass(signal, async () => {
      await this.#halt();
      await this.#open();
      if (await this.#canAllFollow()) await this.#apply();
      await this.#untilServing(signal);
    });
  }

  async #open(): Promise<void> {
    if (this.#damaged.size === 0) this.#state = 'starting';
    try {
      this.#node = await this.#openNode(await this.#options.stores.open(this.zone));
      this.#toReopen = undefined;
    } catch (error) {
      this.#openFailed(error);
      if (this.#damaged.size === 0) throw error;
    }
  }

  async #openNode(store: KeyValueStore): Promise<StorageNode> {
    const { partitionCount, isDropped, onBorn } = this.#options;
    try {
      const node = await StorageNode.open({
        zone: this.zone,
        store,
        partitionCount,
        partitions: Array.from({ length: partitionCount }, (_, number) => number),
        isDropped,
      });
      for (const copy of node.copies.values()) if (copy.origin !== undefined) onBorn(copy);
      return node;
    } catch (error) {
      await store.close().catch(() => undefined);
      throw error;
    }
  }

  #openFailed(error: unknown): void {
    const { logger, partitions } = this.#options;
    const code = error instanceof StoreError ? error.code : 'io';
    this.#state = code === 'damaged' || code === 'full' ? code : 'failed';
    if (code === 'full') this.#toReopen = 'full';
    if (code !== 'damaged') return;
    this.#toReopen = undefined;
    const isNews = partitions.some(({ number }) => !this.#damaged.has(number));
    for (const { number } of partitions) this.#damaged.add(number);
    if (isNews) logger.error({ zone: this.zone, error }, 'a zone has a damaged store');
  }

  /** Copies from other zones what cannot be had from the log, then applies what the log has. */
  async #fill(signal: AbortSignal): Promise<void> {
    const node = present(this.#node, 'an open storage node');
    for (const partition of this.#options.partitions)
      if (!(await this.#hasWhole(node, partition)))
        await this.#rebuildAnew(node, partition, signal);
    await this.#apply();
  }

  /** Whether a node has, or gets by itself, all of a partition. */
  async #hasWhole(node: StorageNode, partition: LocalPartition): Promise<boolean> {
    return comesBySplit(node, partition) || canFollow(node, partition);
  }

  /** A copy that stands before the split that the partition comes of is replaced first: it would apply what is not its own. */
  async #rebuildAnew(
    node: StorageNode,
    partition: LocalPartition,
    signal: AbortSignal,
  ): Promise<void> {
    const holder = node.copies.has(partition.number)
      ? undefined
      : holderBefore(node, partition.hashes);
    const before = this.#options.partitions.find(({ number }) => number === holder);
    if (before !== undefined) await this.#rebuild(node, before, signal);
    if (!(await this.#hasWhole(node, partition))) await this.#rebuild(node, partition, signal);
  }

  async #canAllFollow(): Promise<boolean> {
    const node = this.#node;
    if (node === undefined) return false;
    for (const partition of this.#options.partitions)
      if (!(await this.#hasWhole(node, partition))) return false;
    return true;
  }

  async #apply(): Promise<void> {
    const { partitions, clock, onApplying, onBorn } = this.#options;
    const node = present(this.#node, 'an open storage node');
    await this.dropUnknownTables();
    const applier = new Applier({
      node,
      partitions,
      clock,
      mayServe: (partition) => this.#mayServe(partition),
      onBorn,
      onFailure: (error) => {
        this.faultFound(error);
      },
    });
    applier.start();
    this.#applier = applier;
    this.#toldOfNoCopy = false;
    this.#state = this.#damaged.size > 0 ? 'damaged' : 'applying';
    onApplying();
  }

  /** A damaged copy serves while no other one does. */
  #mayServe(partition: LocalPartition): boolean {
    return (
      !this.#damaged.has(partition.number) || !this.#options.sources.isServed(this.zone, partition)
    );
  }

  /** Waits for a while until the copies serve reads. */
  async #untilServing(signal: AbortSignal): Promise<void> {
    const { clock, partitions } = this.#options;
    const endMs = clock.monotonicMs() + servingWaitMs;
    const serves = (): boolean =>
      partitions.every(({ copies }) => copies.serving.some(({ node }) => node === this.#node));
    while (this.#applier !== undefined && !serves() && !signal.aborted) {
      if (clock.monotonicMs() > endMs || this.#toReopen !== undefined) return;
      await clock.sleep(servingLookMs, signal);
    }
  }

  /**
   * Fills a store beside the damaged one, and puts it in that one's place when it is whole. Until then nothing of the
   * damaged one is deleted, and it serves what nobody else can.
   */
  async #renew(signal: AbortSignal): Promise<number | undefined> {
    const { partitions, sources, logger, mending, stores } = this.#options;
    try {
      for (const partition of partitions) await sources.find(this.zone, partition);
      await this.#fillNext(signal);
    } catch (error) {
      if (!(error instanceof NoCopyError)) throw error;
      if (!this.#toldOfNoCopy) logger.error({ zone: this.zone, error }, 'nothing to mend it from');
      this.#toldOfNoCopy = true;
      this.#serveAsItIs();
      return lookAgainMs;
    }
    if (signal.aborted) return undefined;
    await mending.pass(signal, async () => {
      await this.#halt();
      await stores.takeNext(this.zone);
      this.#damaged.clear();
      this.#toReopen = undefined;
      logger.info({ zone: this.zone }, 'the damaged store of a zone was replaced');
      await this.#open();
      if (await this.#canAllFollow()) await this.#apply();
      await this.#untilServing(signal);
    });
    return 0;
  }

  async #fillNext(signal: AbortSignal): Promise<void> {
    const { partitions, stores } = this.#options;
    const next = await this.#openNode(await stores.openNext(this.zone));
    try {
      for (const partition of partitions)
        if (!comesBySplit(next, partition)) await this.#rebuild(next, partition, signal);
      await next.sync();
    } finally {
      await next.close();
    }
  }

  #serveAsItIs(): void {
    const node = this.#node;
    this.#state = 'damaged';
    if (node?.state !== 'open') return;
    for (const partition of this.#options.partitions) {
      const copy = node.copies.get(partition.number);
      if (copy === undefined) continue;
      if (this.#applier !== undefined && this.#mayServe(partition)) partition.offer({ node, copy });
    }
  }

  async #rebuild(
    target: StorageNode,
    partition: LocalPartition,
    signal: AbortSignal,
  ): Promise<void> {
    const { sources, clock, logger, rebuilds, onSourceFault } = this.#options;
    const { number } = partition;
    const source = await sources.find(this.zone, partition);
    this.#state = 'rebuilding';
    try {
      await rebuildCopy({
        target,
        source,
        partition: number,
        signal,
        clock,
        logger,
        observer: {
          rebuildProgressed: (rebuild, progress) => {
            this.#copied = progress;
            rebuilds.rebuildProgressed(rebuild, progress);
          },
          rebuildEnded: (rebuild, isComplete) => {
            rebuilds.rebuildEnded(rebuild, isComplete);
          },
        },
      });
    } catch (error) {
      if (error instanceof RebuildError && error.side === 'source')
        onSourceFault({ source, partition: number, error });
      throw error;
    }
  }

  /** Tables that were deleted while this zone was away, or could not be dropped from it. */
  async dropUnknownTables(): Promise<void> {
    return this.#drop(async (node) => node.dropTables());
  }

  /** Removes a table's items, if that can be done now. */
  async dropTable(table: number): Promise<void> {
    return this.#drop(async (node) => node.dropTable(table));
  }

  async #drop(drop: (node: StorageNode) => Promise<void>): Promise<void> {
    if (this.#node === undefined) return;
    try {
      await drop(this.#node);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.#options.logger.warn({ zone: this.zone, error }, 'table not dropped from a zone yet');
    }
  }

  async #halt(): Promise<void> {
    const [node, applier] = [this.#node, this.#applier];
    this.#node = undefined;
    this.#applier = undefined;
    await applier?.stop();
    await node?.close();
  }
}
