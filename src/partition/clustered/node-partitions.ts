import type { Clock } from '../../base/clock.ts';
import type { HybridTime } from '../../clock/hybrid-time.ts';
import type { StreamLog } from '../../log/jetstream/stream-log.ts';
import type { Copy } from '../../storage/copy.ts';
import { Layout } from '../../storage/layout.ts';
import type { StorageNode } from '../../storage/storage-node.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { LoggedSplit } from '../region-partitions.ts';
import type { NodePartition } from './node-partition.ts';
import type { RegionNodes } from './region-nodes.ts';

/** How often it is looked whether other nodes have partitions that this one has not heard of by a log. */
const missedLookMs = 500;

/** How often it is looked whether the layout is as a call wants it. */
const lookMs = 2;

/** A partition's log, in which generation of its stream. */
export interface OpenedLog {
  readonly log: StreamLog;
  readonly generation: number;
}

export interface NodePartitionsOptions {
  /** How many there were before any was split. */
  readonly count: number;
  readonly node: StorageNode;
  readonly nodes: Pick<RegionNodes, 'report' | 'others'>;
  /** `isHeir`: see `NodePartitionOptions`. `isNew`: the split was applied in this process. */
  readonly newPartition: (born: BornPartition) => NodePartition;
  /** Of a child. Resolves with undefined once the node stops. Rejects with `LogError` `format`. */
  readonly openLog: (partition: number) => Promise<OpenedLog | undefined>;
  /** Makes the stream of a child, and opens it. Rejects with `LogError` or `BrokerError`. */
  readonly makeLog: (partition: number) => Promise<OpenedLog>;
  /** What a child logs is later than the split that it came of. */
  readonly moveClockTo: (time: HybridTime) => void;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A child's log cannot be read by this program. */
  readonly onFailure: (error: Error) => void;
}

export interface BornPartition extends OpenedLog {
  readonly number: number;
  readonly isHeir: boolean;
  readonly isNew: boolean;
}

/** A partition that came of a split, as this node takes part in it. */
export interface NodeChild {
  readonly partition: NodePartition;
  readonly parent: number;
  /** The entry of the parent's log up to which everything of the child's hashes stands there. */
  readonly splitIndex: number;
  readonly splitTime: HybridTime;
}

/**
 * A node's part in all partitions of its region, and which hashes each has. A split is decided by an entry of the parent's log, and
 * told by the copies: once the copy has applied it, and the child's log is open here, this node's layout changes in one synchronous
 * run. Nodes do so each at its own time. Whoever asks by an older layout is told that the hashes have moved; nothing of them is
 * answered where they were from the moment in which the entry may stand in the log.
 */
export class NodePartitions {
  readonly #options: NodePartitionsOptions;
  readonly #all: NodePartition[] = [];
  readonly #generations: number[] = [];
  readonly #children = new Map<number, NodeChild>();
  /** Whose logs are being opened. */
  readonly #coming = new Set<number>();
  /** Open, while a partition with a lower number is not there yet. */
  readonly #waiting = new Map<number, OpenedLog>();
  /** Logs of children that no entry has decided yet, made before. */
  readonly #prepared = new Map<number, OpenedLog>();
  readonly #heirs = new Set<number>();
  readonly #listeners = new Set<(child: NodeChild) => void>();
  readonly #stopped = new AbortController();
  /** Where the log of each ended when it was opened. */
  readonly #ends: number[] = [];
  #layout: Layout;
  #isRunning = false;
  #looking: Promise<void> = Promise.resolve();

  constructor(options: NodePartitionsOptions) {
    this.#options = options;
    this.#layout = Layout.even(options.count);
  }

  get layout(): Layout {
    return this.#layout;
  }

  /** The same with what other nodes tell of that this one has not applied yet. */
  get regionLayout(): Layout {
    const { nodes } = this.#options;
    let layout = this.#layout;
    for (;;) {
      const { count } = layout;
      const told = nodes.others.map((zone) => nodes.report(zone)?.partitions[count]?.held);
      const held = told.find((each) => each?.origin !== undefined);
      if (held?.origin === undefined) return layout;
      layout = layout.split(held.origin.parent, held.from);
    }
  }

  /** By number. The same array for ever: a split adds to it. Empty until `open`. */
  get all(): readonly NodePartition[] {
    return this.#all;
  }

  /** Of whose stream each log is read. */
  get generations(): readonly number[] {
    return this.#generations;
  }

  /** What a partition came of; undefined of one that was there at the beginning. */
  child(number: number): NodeChild | undefined {
    return this.#children.get(number);
  }

  /** Those that came of splits, in the order of the splits, which is that of their numbers. */
  get children(): readonly NodeChild[] {
    return this.#all.flatMap(({ number }) => this.#children.get(number) ?? []);
  }

  /** In the order of the splits, each from when the copy has applied it, whether or not the child's log is open here. */
  get splits(): readonly LoggedSplit[] {
    const found: LoggedSplit[] = [];
    for (let child = this.#options.count; ; child += 1) {
      const known = this.#children.get(child);
      const origin = this.#options.node.copies.get(child)?.origin;
      if (known !== undefined)
        found.push({ parent: known.parent, child, index: known.splitIndex, time: known.splitTime });
      else if (origin === undefined) return found;
      else found.push({ parent: origin.parent, child, index: origin.index, time: origin.time });
    }
  }

  /** Whether copies tell of a split that the layout does not know. */
  get isIncomplete(): boolean {
    const { copies } = this.#options.node;
    if (copies.size > this.#all.length) return true;
    return this.#all.some(({ number }) => {
      const copy = copies.get(number);
      return copy?.rebuilding === false && copy.hashes.to < this.#layout.hashesOf(number).to;
    });
  }

  /** Told in the run in which the layout changes. */
  onChild(listener: (child: NodeChild) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** With the logs of the partitions that there were before any split. */
  open(logs: readonly OpenedLog[]): void {
    for (const [number, opened] of logs.entries())
      this.#add(
        this.#options.newPartition({ ...opened, number, isHeir: false, isNew: false }),
        opened,
      );
  }

  async start(): Promise<void> {
    this.#isRunning = true;
    for (const partition of this.#all) await partition.start();
    this.splitApplied({ isNew: false });
    this.#looking = this.#lookForMissed();
  }

  /** Every copy has applied what its log held when that was opened here. */
  get hasApplied(): boolean {
    return (
      !this.isIncomplete &&
      this.#all.every(
        ({ number, copy }) => !copy.rebuilding && copy.position.index >= (this.#ends[number] ?? 0),
      )
    );
  }

  #add(partition: NodePartition, { log, generation }: OpenedLog): void {
    this.#all.push(partition);
    this.#generations.push(generation);
    this.#ends.push(log.end.index);
  }

  /**
   * Makes the log of a child before it is decided that there will be one, so that nobody waits for that afterwards. What is left of an
   * attempt that was never decided is used again. Rejects with `LogError` or `BrokerError`; answers whether it is as new.
   */
  async prepare(child: number): Promise<boolean> {
    if (!this.#prepared.has(child) && !this.#options.node.copies.has(child))
      this.#keepPrepared(child, await this.#options.makeLog(child));
    const log = this.#prepared.get(child)?.log;
    if (log === undefined) return false;
    if (log.lostBecause === undefined) return log.end.index === 0;
    // Nothing was in it: the next attempt makes it again.
    this.#prepared.delete(child);
    log.close();
    return false;
  }

  /** Of no use where the node has stopped meanwhile, or the child has come, or another attempt has made it first. */
  #keepPrepared(child: number, opened: OpenedLog): void {
    const isLate = this.#prepared.has(child) || this.#options.node.copies.has(child);
    if (isLate || this.#stopped.signal.aborted) opened.log.close();
    else this.#prepared.set(child, opened);
  }

  /** A copy has applied a split: brings up what came of it. `isNew`: in this process. */
  splitApplied({ isNew = true }: { readonly isNew?: boolean } = {}): void {
    if (!this.#isRunning || this.#stopped.signal.aborted) return;
    for (const copy of this.#options.node.copies.values()) {
      const { partition: number, origin } = copy;
      if (origin === undefined || number < this.#all.length || this.#coming.has(number)) continue;
      this.#coming.add(number);
      if (isNew && this.#all[origin.parent]?.leading !== undefined) this.#heirs.add(number);
      const prepared = this.#prepared.get(number);
      this.#prepared.delete(number);
      if (prepared === undefined) void this.#open(number, isNew);
      else this.#take(number, prepared, isNew);
    }
  }

  async #open(number: number, isNew: boolean): Promise<void> {
    const { openLog, onFailure } = this.#options;
    try {
      const opened = await openLog(number);
      if (opened === undefined) return;
      if (this.#stopped.signal.aborted) opened.log.close();
      else this.#take(number, opened, isNew);
    } catch (error) {
      onFailure(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** A node may hear of a later split before it has applied an earlier one, of another partition. */
  #take(number: number, opened: OpenedLog, isNew: boolean): void {
    this.#waiting.set(number, opened);
    for (;;) {
      const next = this.#all.length;
      const waiting = this.#waiting.get(next);
      const copy = this.#options.node.copies.get(next);
      if (waiting === undefined || copy === undefined) return;
      this.#waiting.delete(next);
      this.#handOver(copy, waiting, isNew);
    }
  }

  #handOver({ partition: number, hashes, origin }: Copy, opened: OpenedLog, isNew: boolean): void {
    const { logger, moveClockTo, newPartition } = this.#options;
    if (origin === undefined) return;
    const { parent, index: splitIndex, time: splitTime } = origin;
    moveClockTo(splitTime);
    const isHeir = this.#heirs.delete(number);
    const partition = newPartition({ ...opened, number, isHeir, isNew });
    const child = { partition, parent, splitIndex, splitTime };
    this.#layout = this.#layout.split(parent, hashes.from);
    this.#children.set(number, child);
    this.#coming.delete(number);
    this.#add(partition, opened);
    this.#all[parent]?.handedOver();
    for (const listener of this.#listeners) listener(child);
    if (isNew) logger.info({ partition: parent, child: number }, 'a partition was split');
    void partition.start();
  }

  /**
   * Resolves with whether this node's layout says, within `waitMs`, that the partition's hashes end at `to` or before. Who is told
   * by another node that hashes have moved may not have applied that yet.
   */
  async hasMoved(partition: number, to: number, waitMs: number): Promise<boolean> {
    const isSo = (): boolean =>
      partition < this.#layout.count && this.#layout.hashesOf(partition).to <= to;
    return this.#within(waitMs, isSo);
  }

  /** Resolves with whether this node takes part in so many partitions within `waitMs`. */
  async hasSoMany(count: number, waitMs: number): Promise<boolean> {
    return this.#within(waitMs, () => this.#all.length >= count);
  }

  async #within(waitMs: number, isSo: () => boolean): Promise<boolean> {
    const { clock } = this.#options;
    const endMs = clock.monotonicMs() + waitMs;
    while (!isSo()) {
      if (this.#stopped.signal.aborted || clock.monotonicMs() >= endMs) return false;
      await clock.sleep(lookMs, this.#stopped.signal);
    }
    return true;
  }

  /**
   * A copy that was filled from another node's may be from behind a split that this node has not applied: what came of it is here
   * only when it is filled, too.
   */
  async #lookForMissed(): Promise<void> {
    const { clock } = this.#options;
    while (!this.#stopped.signal.aborted) {
      await clock.sleep(missedLookMs, this.#stopped.signal);
      if (this.isIncomplete && this.#isMissed(this.#all.length))
        this.splitApplied({ isNew: false });
    }
  }

  #isMissed(number: number): boolean {
    const { node, nodes, logger } = this.#options;
    if (node.copies.has(number) || node.state !== 'open') return false;
    for (const zone of nodes.others) {
      const held = nodes.report(zone)?.partitions[number]?.held;
      if (held?.origin === undefined) continue;
      const parent = node.copies.get(held.origin.parent);
      // Until it has applied the split the copy of the parent still holds them, and the child comes by that.
      if (parent === undefined || parent.rebuilding || parent.hashes.to > held.from) continue;
      logger.info(
        { partition: number, zone },
        'a partition is copied that came of a split meanwhile',
      );
      node.expect(number, held);
      return true;
    }
    return false;
  }

  /** Nothing more comes up. What is there goes on until each is stopped. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#looking;
    for (const { log } of [...this.#prepared.values(), ...this.#waiting.values()]) log.close();
  }
}
