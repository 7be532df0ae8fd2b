import { present } from '../../base/assert.ts';
import type { Clock } from '../../base/clock.ts';
import type { Disk } from '../../base/disk.ts';
import type { Random } from '../../base/random.ts';
import type { LogEnd } from '../entry.ts';
import { LogError, type ReplicatedLog } from '../replicated-log.ts';
import { endFrame, type LogFrame } from './frame.ts';
import { PartitionLog, type Quorum } from './partition-log.ts';
import { type PartitionRebuild, recoverPartition } from './recovery.ts';
import { openStorageNode, StorageNodes } from './storage-nodes.ts';
import { type Zone, ZONES } from './storage-node-identity.ts';
import { ZoneJoin } from './zone-join.ts';
import { type GroupObservation, ZoneLog, type ZoneState } from './zone-log.ts';

const SEGMENT_BYTES = 32 * 1024 * 1024;
/** A zone that has more than this waiting for its disk is taken out, and catches up from the others' logs. */
const BACKLOG_BYTES_MAX = 64 * 1024 * 1024;
const QUORUM = 2;

export interface EmbeddedLogsOptions {
  readonly region: string;
  readonly zones: readonly { readonly zone: Zone; readonly disk: Disk }[];
  readonly clock: Clock;
  readonly random: Random;
  /** `relaxed` acknowledges what is written and not synced: a power cut may take it. Default `synced`. */
  readonly durability?: 'synced' | 'relaxed';
  /**
   * The longest pause of the last zone between two groups while both others take writes. They are the quorum, so nobody waits
   * for it, and it has fewer groups to sync. It ends within `gatherLookMs` when one of them does not sync. Default none.
   */
  readonly spareGatherMs?: number;
  readonly segmentBytes?: number;
  readonly backlogBytesMax?: number;
  /** Zones that stay stopped at first. */
  readonly except?: readonly Zone[];
  readonly observe?: (observation: GroupObservation) => void;
  /**
   * A zone's state has changed, or is told again because there is news: with `error`, why it failed, is damaged, or cannot come
   * back yet; as `learner`, that `rebuilds` has grown. What is `damaged` wants `startZone`, unless that is running.
   */
  readonly onZoneChange?: (zone: Zone, state: ZoneState, error?: unknown) => void;
}

/** What starting a zone found out. */
export interface ZoneStart {
  /**
   * The partitions whose store in this zone must be rebuilt from another copy; then call `storeRebuilt`. As far as it can be known
   * while other zones are away: what is found out later is told by `onZoneChange`.
   */
  readonly rebuild: readonly PartitionRebuild[];
  /**
   * Resolves when the zone holds everything, or has been stopped or has failed before that, or cannot begin until another zone
   * has everything. Never rejects.
   */
  readonly caughtUp: Promise<void>;
}

/**
 * The logs of all partitions of one region over the storage nodes of three zones, in one process. An append is
 * durable when two zones have it synced, and everything of its partition before it.
 */
export class EmbeddedLogs {
  readonly #options: EmbeddedLogsOptions;
  readonly #nodes: StorageNodes;
  readonly #zones = new Map<Zone, ZoneLog>();
  readonly #joins = new Map<Zone, ZoneJoin>();
  readonly #partitions = new Map<number, PartitionLog>();
  readonly #listeners = new Set<(available: boolean) => void>();
  readonly #quorum: Quorum;
  /** Closed zones that begin anew once another one has everything. */
  readonly #toRenew = new Set<ZoneLog>();
  /** Zones that are to run: a stopped one is not renewed. */
  readonly #wanted = new Set<Zone>();
  /** Opening and closing of one zone, one after the other. */
  readonly #turns = new Map<Zone, Promise<void>>();
  readonly #changeWaiters: (() => void)[] = [];
  readonly #rebuilds = new Map<Zone, PartitionRebuild[]>();
  #recovery: Promise<unknown> | undefined;
  #recovered = false;
  #renewing = false;
  #stopped = false;
  #available = false;

  private constructor(options: EmbeddedLogsOptions) {
    this.#options = options;
    this.#nodes = new StorageNodes(options.region, options.random, options.zones);
    for (const { zone, disk } of options.zones) this.#zones.set(zone, this.#zoneLog(zone, disk));
    const available = (): boolean => this.#available;
    this.#quorum = {
      get available() {
        return available();
      },
      onAvailability: (listener) => this.onAvailability(listener),
      confirm: async () => this.confirm(),
      damaged: (zone, cause) => void zone.close('damaged', cause),
      queued: (zone) => {
        this.#checkBacklog(zone);
      },
      trim: () => {
        this.#trim();
      },
    };
  }

  /**
   * Opens the storage nodes and recovers the logs. A new region's are formed first, for which all three disks
   * must work. With fewer than two voters it resolves all the same, and the logs are not available until
   * a second one is started. Rejects with `StorageNodeError` when a directory must not be used.
   */
  static async open(options: EmbeddedLogsOptions): Promise<EmbeddedLogs> {
    const logs = new EmbeddedLogs(options);
    try {
      await logs.#openAll();
      return logs;
    } catch (error) {
      await logs.stop();
      throw error;
    }
  }

  get available(): boolean {
    return this.#available;
  }

  onAvailability(listener: (available: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves while two zones are live, full or not; rejects with `LogError` `unavailable` otherwise. */
  async confirm(): Promise<void> {
    if (this.#count((zone) => zone.isLive) < QUORUM || !this.#recovered || this.#stopped)
      throw new LogError('unavailable', 'fewer than two zones are live');
  }

  log(partition: number): ReplicatedLog {
    return this.#partition(partition);
  }

  zoneState(zone: Zone): ZoneState {
    return this.#zone(zone).state;
  }

  /** Bytes of log on the zone's disk; 0 while it is stopped. */
  retainedBytes(zone: Zone): number {
    const log = this.#zone(zone);
    return log.isOpen() ? log.files.retainedBytes : 0;
  }

  /** Up to where the zone's synced log agrees with the partition's; 0 while it is stopped. */
  zonePosition(zone: Zone, partition: number): number {
    const log = this.#zone(zone);
    return log.isOpen() ? log.synced(partition) : 0;
  }

  /** What the zone's store lacks that no log holds any more, until `storeRebuilt`. */
  rebuilds(zone: Zone): readonly PartitionRebuild[] {
    return this.#rebuildsOf(zone);
  }

  /** Finishes the write in progress and closes the zone's files. The other zones go on. */
  async stopZone(zone: Zone): Promise<void> {
    this.#wanted.delete(zone);
    await this.#turn(zone, async () => this.#closeZone(zone));
  }

  /**
   * Opens a zone that is stopped, failed or damaged, and lets it catch up from the others' logs. It waits for no other zone:
   * one that nobody can help yet comes back by itself when somebody can. Rejects with `StorageNodeError`.
   */
  async startZone(zone: Zone): Promise<ZoneStart> {
    this.#wanted.add(zone);
    await this.#turn(zone, async () => {
      const log = this.#zone(zone);
      if (log.isOpen()) return;
      await this.#closeZone(zone);
      this.#rebuilds.delete(zone);
      await this.#nodes.read([zone]);
      await this.#openZone(log);
    });
    await this.#recoverOrJoin();
    const join = this.#joins.get(zone);
    await join?.aligned;
    return { rebuild: this.rebuilds(zone), caughtUp: join?.done ?? Promise.resolve() };
  }

  /**
   * Says that the zone's store holds everything up to what `applied` says of each partition, or, without it, everything
   * that `rebuilds` names. Once it lacks nothing the zone votes. It may be said again at any time, and when nobody asked.
   */
  async storeRebuilt(zone: Zone, applied?: (partition: number) => number): Promise<void> {
    await this.#joins.get(zone)?.storeRebuilt(applied);
  }

  /**
   * Makes everything that was written survive a power cut. Where `durability` is `synced` there is nothing to do: a zone's
   * log is then ahead of what anybody applied. Otherwise this comes before a store is synced.
   */
  async sync(): Promise<void> {
    if (this.#options.durability !== 'relaxed') return;
    await Promise.all([...this.#zones.values()].map(async (zone) => zone.sync()));
  }

  /**
   * Lets a partition's log go on behind `end`, which a copy has applied and which lies beyond the end of every zone's log: a
   * power cut leaves that where groups are not synced one by one. What stood between is in the copies alone, so it
   * can be read from no log; zones that are away begin there when they return. Only before anything is appended. Rejects with
   * `LogError` `unavailable` unless two zones that vote have it.
   */
  async continueBehind(partition: number, end: LogEnd): Promise<void> {
    const log = this.#partition(partition);
    const zones = [...this.#zones.values()].filter((zone) => zone.isOpen());
    const rebased = zones.filter((zone) => zone.isLive);
    this.#assertVoters(rebased);
    for (const zone of zones) log.detach(zone);
    log.restart(end);
    for (const zone of rebased) {
      zone.agree(partition, 0);
      zone.enqueue(endFrame('rebase', partition, end));
      log.attach(zone);
    }
    for (const zone of zones) if (!rebased.includes(zone)) this.#takeOut(zone);
    await Promise.all(rebased.map(async (zone) => zone.drained()));
    this.#assertVoters(rebased.filter((zone) => zone.synced(partition) >= end.index));
  }

  /** Writes what is queued, where the disk takes it, and closes everything. Appends end as `unknown`. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    const zones = [...this.#zones.values()];
    const writable = zones.map(async (zone) =>
      Promise.race([zone.drained(), this.#until(() => zone.isFull || !zone.isOpen())]),
    );
    await Promise.all(writable);
    this.#wanted.clear();
    await Promise.all(
      zones.map(async ({ zone }) => this.#turn(zone, async () => this.#closeZone(zone))),
    );
    for (const partition of this.#partitions.values()) partition.abandon();
    this.#refresh();
  }

  #zoneLog(zone: Zone, disk: Disk): ZoneLog {
    const { clock, random, durability, segmentBytes, observe, onZoneChange } = this.#options;
    const { spareGatherMs = 0 } = this.#options;
    const log: ZoneLog = new ZoneLog({
      zone,
      disk,
      clock,
      random,
      segmentBytes: segmentBytes ?? SEGMENT_BYTES,
      synced: durability !== 'relaxed',
      gatherMs: spareGatherMs,
      isSpare: (last) => this.#isSpare(log) && (last === undefined || this.#isDurable(last)),
      observe: (observation) => observe?.(observation),
      onSynced: (partitions) => {
        for (const partition of partitions) this.#partitions.get(partition)?.advance();
      },
      onState: (state, error) => {
        if (!log.isOpen()) this.#detach(log);
        this.#changed();
        onZoneChange?.(zone, state, error);
      },
    });
    return log;
  }

  /** Whether it is the last of the zones, and all before it take writes: they are a quorum, and no slower than this one. */
  #isSpare(log: ZoneLog): boolean {
    const { zones } = this.#options;
    if (zones.at(-1)?.zone !== log.zone || zones.length <= QUORUM) return false;
    for (const zone of this.#zones.values())
      if (!(zone === log ? zone.isLive : zone.takesWrites)) return false;
    return !this.#stopped;
  }

  /** Whether what a frame says is durable without the zone that has it queued. */
  #isDurable({ partition, end }: LogFrame): boolean {
    return this.#partition(partition).end.index >= end.index;
  }

  async #openAll(): Promise<void> {
    const { except = [] } = this.#options;
    const zones = [...this.#zones.values()].filter(({ zone }) => !except.includes(zone));
    for (const { zone } of zones) this.#wanted.add(zone);
    await this.#nodes.read(zones.map(({ zone }) => zone));
    for (const zone of zones) await this.#openZone(zone);
    await this.#recoverOrJoin();
  }

  async #turn(zone: Zone, task: () => Promise<void>): Promise<void> {
    const turn = (this.#turns.get(zone) ?? Promise.resolve()).then(task);
    this.#turns.set(
      zone,
      turn.catch(() => undefined),
    );
    return turn;
  }

  async #closeZone(zone: Zone): Promise<void> {
    const log = this.#zone(zone);
    this.#toRenew.delete(log);
    await log.close('stopped');
    await this.#joins.get(zone)?.done;
  }

  #assertVoters(zones: readonly ZoneLog[]): void {
    if (!this.#recovered || zones.filter((zone) => zone.isOpen() && zone.voter).length < QUORUM)
      throw new LogError('unavailable', 'fewer than two zones that vote can be written');
  }

  async #openZone(zone: ZoneLog): Promise<void> {
    const opened = await openStorageNode(this.#nodes, zone);
    if (opened === 'renew') this.#toRenew.add(zone);
    if (opened !== 'open') return;
    for (const partition of zone.files.index.partitions) this.#partition(partition);
  }

  /** Recovers once two voters are open; from then on every other open zone joins by itself. */
  async #recoverOrJoin(): Promise<void> {
    const recovery = (this.#recovery ?? Promise.resolve()).then(async () => this.#recoverAndJoin());
    this.#recovery = recovery.catch(() => undefined);
    let over = false;
    const ended = this.#untilUsable(recovery).finally(() => {
      over = true;
      this.#changed();
    });
    // With a full disk it goes on when there is space; whoever opens the logs does not wait for that.
    const full = this.#until(() => over || this.#count((zone) => zone.isFull) > 0);
    await Promise.race([ended, full]);
  }

  /** Whoever recovered the logs waits until they take appends, or nothing more comes of it. */
  async #untilUsable(recovery: Promise<boolean>): Promise<void> {
    if (!(await recovery)) return;
    const joins = [...this.#joins.values()];
    await Promise.all(joins.map(async (join) => join.aligned));
    await this.#until(() => this.#available || joins.every((join) => !join.isRunning));
  }

  /** Whether it recovered the logs. It waits for no zone's way back: that may need a zone that is started only later. */
  async #recoverAndJoin(): Promise<boolean> {
    const recoversNow = !this.#recovered;
    if (recoversNow) await this.#recover();
    if (!this.#recovered) return false;
    // Nobody was there yet to be told of what recovery found damaged.
    if (recoversNow)
      for (const zone of this.#zones.values())
        if (zone.isDamaged && this.#wanted.has(zone.zone)) this.#toRenew.add(zone);
    for (const zone of this.#toRenew) {
      // Nothing is deleted that another voter does not hold. When one does, a change of its state leads here again.
      if (!this.#isCovered()) break;
      this.#toRenew.delete(zone);
      await this.#renew(zone);
    }
    for (const zone of this.#zones.values())
      if (zone.isOpen() && !zone.isLive && this.#joins.get(zone.zone)?.isRunning !== true)
        this.#join(zone);
    return recoversNow;
  }

  /** Where each log ends, by two voters that then both have all of it. Tries again when one of them breaks. */
  async #recover(): Promise<void> {
    for (;;) {
      const voters = [...this.#zones.values()].filter((zone) => zone.isOpen() && zone.voter);
      if (voters.length < QUORUM) return;
      try {
        const partitions = [...this.#partitions.values()];
        const found = [];
        for (const log of partitions)
          found.push({ log, ...(await recoverPartition(voters, log.partition)) });
        for (const { log, end, holders, second, rebuild } of found) {
          log.install(end);
          for (const zone of holders) log.attach(zone);
          this.#rebuildsOf(second.zone).push(...rebuild);
        }
        // Whoever was asked for meanwhile is in nobody's files, and so begins empty.
        for (const log of this.#partitions.values())
          if (!partitions.includes(log)) log.install(log.end);
        this.#recovered = true;
        return;
      } catch (error) {
        if (voters.every((zone) => zone.isOpen())) throw error;
      }
    }
  }

  /** Whether one voter that is open has synced everything that was ever called durable. */
  #isCovered(): boolean {
    const logs = [...this.#partitions.values()];
    return [...this.#zones.values()].some(
      (zone) =>
        zone.isOpen() &&
        zone.voter &&
        logs.every((log) => zone.synced(log.partition) >= log.end.index),
    );
  }

  async #renew(zone: ZoneLog): Promise<void> {
    await this.#turn(zone.zone, async () => {
      if (zone.isOpen() || !this.#wanted.has(zone.zone)) return;
      try {
        await this.#nodes.renew(zone.zone);
        zone.forgetDamage();
        await zone.open();
      } catch (error) {
        await zone.close('failed', error);
      }
    });
  }

  /** Resolves when `holds`, which is asked whenever a zone's state changes or a zone's way back ends. */
  async #until(holds: () => boolean): Promise<void> {
    while (!holds())
      await new Promise<void>((resolve) => {
        this.#changeWaiters.push(resolve);
      });
  }

  #changed(): void {
    this.#refresh();
    this.#renewWaiting();
    for (const wake of this.#changeWaiters.splice(0)) wake();
  }

  /** A zone that must begin anew, and could not because nobody had everything, does when somebody has. */
  #renewWaiting(): void {
    if (this.#renewing || !this.#recovered || this.#stopped) return;
    if (this.#toRenew.size === 0 || !this.#isCovered()) return;
    this.#renewing = true;
    void this.#recoverOrJoin().finally(() => {
      this.#renewing = false;
    });
  }

  #join(zone: ZoneLog): void {
    const join = new ZoneJoin({
      zone,
      clock: this.#options.clock,
      random: this.#options.random,
      nodes: this.#nodes,
      partitions: () => [...this.#partitions.values()],
      openZones: () => ZONES.filter((each) => this.#zones.get(each)?.isOpen() === true),
      rebuild: this.#rebuildsOf(zone.zone),
    });
    this.#joins.set(zone.zone, join);
    join.start(() => {
      this.#changed();
    });
  }

  #partition(partition: number): PartitionLog {
    const known = this.#partitions.get(partition);
    if (known !== undefined) return known;
    const log = new PartitionLog(partition, this.#quorum);
    this.#partitions.set(partition, log);
    if (!this.#recovered) return log;
    log.install(log.end);
    for (const zone of this.#zones.values()) if (zone.isOpen()) log.attach(zone);
    return log;
  }

  #rebuildsOf(zone: Zone): PartitionRebuild[] {
    const rebuilds = this.#rebuilds.get(zone) ?? [];
    this.#rebuilds.set(zone, rebuilds);
    return rebuilds;
  }

  #detach(zone: ZoneLog): void {
    for (const partition of this.#partitions.values()) partition.detach(zone);
  }

  #checkBacklog(zone: ZoneLog): void {
    if (zone.queuedBytes <= (this.#options.backlogBytesMax ?? BACKLOG_BYTES_MAX)) return;
    // While its word is needed it is waited for: what it has queued is pending, and kept, all the same.
    if (this.#count((other) => other !== zone && other.isLive) < QUORUM) return;
    this.#takeOut(zone);
  }

  /** What the zone has queued is dropped, and it finds its own way back. */
  #takeOut(zone: ZoneLog): void {
    this.#detach(zone);
    zone.dropQueue();
    if (this.#joins.get(zone.zone)?.isRunning !== true) this.#join(zone);
  }

  #trim(): void {
    const through = (partition: number): number =>
      this.#partitions.get(partition)?.trimmedThrough ?? 0;
    for (const zone of this.#zones.values()) void zone.trim(through);
  }

  #refresh(): void {
    const available =
      this.#recovered && !this.#stopped && this.#count((zone) => zone.takesWrites) >= QUORUM;
    if (available === this.#available) return;
    this.#available = available;
    for (const listener of this.#listeners) listener(available);
  }

  #count(holds: (zone: ZoneLog) => boolean): number {
    let count = 0;
    for (const zone of this.#zones.values()) if (holds(zone)) count += 1;
    return count;
  }

  #zone(zone: Zone): ZoneLog {
    return present(this.#zones.get(zone), `zone ${zone}`);
  }
}
