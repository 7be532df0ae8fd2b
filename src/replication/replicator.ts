import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Service } from '../base/service.ts';
import type { Bus } from '../bus/bus.ts';
import type { HybridTime } from '../clock/hybrid-time.ts';
import type { OffsetEstimate } from '../clock/offset.ts';
import type { LogEnd } from '../log/entry.ts';
import type { Partition, TimeVector } from '../partition/partition.ts';
import type { Logger } from '../telemetry/logger.ts';
import { answerProbe, ClockProbe } from './clock-probe.ts';
import { advancePartitions, Forgetter } from './forgetter.ts';
import type { ForgettingReport } from './forgetting.ts';
import { Inbox, type InboxObserver } from './inbox.ts';
import { Lag, type Pending } from './lag.ts';
import { Outbox, type OutboxOptions, type OutboxState, type ResyncReason } from './outbox.ts';
import { PeerLine, serveFramed } from './peer-line.ts';
import type { PositionStore } from './position-store.ts';
import { receiveTogether } from './receive-together.ts';
import { ShipGatherer } from './ship-gatherer.ts';
import type { Tables } from './tables.ts';
import {
  decodeBatch,
  decodeBatches,
  decodeHello,
  decodeNothing,
  decodePositions,
  decodeReport,
  decodeTime,
  encodeNothing,
  encodePositions,
  encodeReport,
  encodeStand,
  encodeStands,
  encodeTime,
} from './wire.ts';

/** A peer that says hello has come back: its outboxes are woken at most so often. */
const NUDGE_MS = 1000;
const ASK_MS = 10_000;

export interface ReplicationObserver extends InboxObserver {
  /** The peer has acknowledged a batch. */
  shipped(peer: string, records: number, bytes: number): void;
}

export interface Mismatch {
  readonly peer: string;
  readonly log: number;
  readonly reason: ResyncReason;
  /** Where the peer says that it stands with the log. */
  readonly peerHas: LogEnd | undefined;
}

export interface ReplicatorOptions {
  readonly region: string;
  readonly peers: readonly string[];
  readonly bus: Bus;
  /** All of this region, by number. */
  readonly partitions: readonly Partition[];
  readonly partitionOf: (key: Uint8Array) => Partition;
  readonly tables: Tables;
  readonly positions: PositionStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly observer: ReplicationObserver;
  /** A time of the region's hybrid clock. */
  readonly now: () => HybridTime;
  /** The same clock in milliseconds since 1970, without using up a time: see `HybridClock.nowMs`. */
  readonly nowMs: () => number;
  readonly tombstoneCount: (table: number) => number;
  /** The peer's wall clock less this process's monotonic clock, after each measurement. */
  readonly onEstimate: (peer: string, estimate: OffsetEstimate) => void;
  /** An outbox is in RESYNC: see `Outbox.placeAt`. Called from within it, must not throw. */
  readonly onMismatch: (mismatch: Mismatch) => void;
}

/** What GET /replication answers. */
export interface ReplicationStatus {
  readonly region: string;
  readonly peers: readonly PeerStatus[];
}

export interface PeerStatus {
  readonly peer: string;
  /** The peer's wall clock less this region's. */
  readonly clock: OffsetEstimate | undefined;
  readonly outboxes: readonly OutboxStatus[];
  readonly inbox: {
    /** Everything that the peer made up to this time is here. Undefined before the first contact, and while it owes a copy. */
    readonly watermark: HybridTime | undefined;
    readonly logs: readonly InboxLogStatus[];
  };
  readonly tables: readonly TableLag[];
}

export interface OutboxStatus {
  readonly log: number;
  readonly state: OutboxState;
  readonly committed: number;
  readonly acknowledged: number | undefined;
}

export interface InboxLogStatus {
  readonly log: number;
  readonly applied: number | undefined;
  readonly durable: number | undefined;
}

export interface TableLag {
  readonly table: string;
  readonly number: number;
  /** Undefined before the first contact, and while a copy is owed. */
  readonly pending: Pending | undefined;
}

/** A log that came of a split. */
export interface ChildLog {
  readonly partition: Partition;
  readonly parent: number;
  /** The entry of the parent's log that splits. */
  readonly splitIndex: number;
}

interface Peer {
  readonly line: PeerLine;
  readonly gatherer: ShipGatherer;
  readonly lag: Lag;
  readonly outboxes: Outbox[];
  nudgedAtMs: number;
  /** Whether every outbox has reached it; undefined before the first attempt has ended. */
  reached: boolean | undefined;
}

/** Everything that one region exchanges with its peers. */
export class Replicator implements Service {
  readonly inbox: Inbox;
  readonly #options: ReplicatorOptions;
  readonly #peers = new Map<string, Peer>();
  readonly #probe: ClockProbe;
  readonly #forgetter: Forgetter;
  readonly #unserve: (() => void)[] = [];
  #isStarted = false;

  constructor(options: ReplicatorOptions) {
    assert(!options.peers.includes(options.region), 'a region is not its own peer');
    this.#options = options;
    for (const peer of options.peers) this.#peers.set(peer, this.#newPeer(peer));
    this.#probe = new ClockProbe({
      clock: options.clock,
      logger: options.logger,
      lines: [...this.#peers.values()].map(({ line }) => line),
      onEstimate: options.onEstimate,
    });
    this.inbox = new Inbox({
      ...options,
      origins: options.peers,
      offsetMs: (peer) => this.#probe.estimate(peer)?.offsetMs,
    });
    this.#forgetter = new Forgetter({
      ...options,
      watermarks: () =>
        new Map([...this.#peers.keys()].map((peer) => [peer, this.inbox.watermark(peer)])),
      mayForget: () => this.#isPlacedAtAll(),
      askReport: async (peer, signal) => this.#askReport(peer, signal),
      askToAdvance: async (peer, time, signal) => this.#askToAdvance(peer, time, signal),
    });
  }

  async start(): Promise<void> {
    await this.inbox.start();
    this.#serve();
    await this.#probe.start();
    await this.#forgetter.start();
    this.#isStarted = true;
    for (const { outboxes } of this.#peers.values()) {
      await Promise.all(outboxes.map(async (outbox) => outbox.start()));
    }
  }

  async stop(): Promise<void> {
    this.#isStarted = false;
    for (const unserve of this.#unserve.splice(0)) unserve();
    const outboxes = [...this.#peers.values()].flatMap((peer) => peer.outboxes);
    await Promise.all([
      ...outboxes.map(async (outbox) => outbox.stop()),
      this.#probe.stop(),
      this.#forgetter.stop(),
      this.inbox.stop(),
    ]);
  }

  /** The outbox of one log for one peer. */
  outbox(peer: string, log: number): Outbox {
    const outbox = this.#peers.get(peer)?.outboxes[log];
    assert(outbox !== undefined, `an outbox of log ${log} for ${peer}`);
    return outbox;
  }

  /** For asking a peer what other parts of replication need. */
  line(peer: string): PeerLine {
    const line = this.#peers.get(peer)?.line;
    assert(line !== undefined, `a line to ${peer}`);
    return line;
  }

  /**
   * The current end of each log, by number. What a table's writers make after the table was shared with a peer is
   * shipped there from these positions on, at the latest.
   */
  notePositions(): readonly LogEnd[] {
    return this.#options.partitions.map(({ committed }) => committed);
  }

  /** The same of a peer's logs. Rejects when the peer cannot be reached. */
  async peerPositions(peer: string, signal?: AbortSignal): Promise<readonly LogEnd[]> {
    const answer = await this.line(peer).ask(
      'replication.position',
      encodeNothing(),
      signal === undefined ? { timeoutMs: ASK_MS } : { timeoutMs: ASK_MS, signal },
    );
    return decodePositions(answer);
  }

  /**
   * Where the peer's logs end once each of them has got one more entry: with what is received up to there the peer's
   * watermark covers all that it had made, however idle it is. Rejects when it cannot be reached.
   */
  async advancedPositions(peer: string, signal: AbortSignal): Promise<readonly LogEnd[]> {
    await this.#askToAdvance(peer, Number.MAX_SAFE_INTEGER, signal);
    return this.peerPositions(peer, signal);
  }

  /** The index of the last committed entry of each log, by number. */
  ends(): readonly number[] {
    return this.#options.partitions.map(({ committed }) => committed.index);
  }

  /** Whether everything of `origin` up to those ends, per log of it, is applied and durable here. */
  hasReceived(origin: string, ends: readonly number[]): boolean {
    return this.inbox.hasReceived(origin, ends);
  }

  /** Whether the peer is known to have applied everything of this region up to those ends, per log. */
  isAcknowledged(peer: string, ends: readonly number[]): boolean {
    const outboxes = this.#peers.get(peer)?.outboxes ?? [];
    return ends.every((index, log) => (outboxes[log]?.acknowledged?.index ?? -1) >= index);
  }

  /** Whether the peer's position in each log of this region is known, and in that log: not before the first contact. */
  isPlaced(peer: string): boolean {
    const outboxes = this.#peers.get(peer)?.outboxes ?? [];
    return outboxes.every(({ acknowledged }) => acknowledged !== undefined);
  }

  #isPlacedAtAll(): boolean {
    const { tables } = this.#options;
    return [...this.#peers.keys()].every((peer) => !tables.sharesWith(peer) || this.isPlaced(peer));
  }

  /**
   * Per region, the time up to which everything of it that came by its logs is applied here; without those not heard of.
   * What a copy will bring that is owed is not asked about.
   */
  watermarks(): TimeVector {
    const times = this.#options.partitions.map(
      // What a child that is not known here has logged may be older than what its parent has behind the split.
      ({ committed, told = committed }) => told.partitionTime,
    );
    const watermarks: Record<string, HybridTime> = { [this.#options.region]: Math.min(...times) };
    for (const peer of this.#peers.keys()) {
      const watermark = this.inbox.watermark(peer);
      if (watermark !== undefined) watermarks[peer] = watermark;
    }
    return watermarks;
  }

  /** The peer may have something new to say, or to hear: its outboxes try at once. */
  nudge(peer: string): void {
    for (const outbox of this.#peers.get(peer)?.outboxes ?? []) outbox.nudge();
  }

  /** See `Inbox.receivedAtLeast`. */
  async receivedAtLeast(
    origin: string,
    positions: readonly LogEnd[],
    signal?: AbortSignal,
  ): Promise<void> {
    return this.inbox.receivedAtLeast(origin, positions, signal);
  }

  /**
   * Entries of a log up to here are needed by no peer. Undefined while some peer has not said where it stands;
   * retention decides alone then.
   */
  releaseFloor(log: number): number | undefined {
    let floor = Number.MAX_SAFE_INTEGER;
    for (const { outboxes } of this.#peers.values()) {
      const released = outboxes[log]?.releaseFloor;
      if (released === undefined) return undefined;
      floor = Math.min(floor, released);
    }
    return floor;
  }

  #report(): ForgettingReport {
    const tables = this.#options.tables.global();
    const unsettled = tables.filter(({ settled }) => !settled);
    return { vector: this.watermarks(), unsettled: unsettled.map(({ globalId }) => globalId) };
  }

  /** What a peer is not known to have of a table; undefined before the first contact, and while a copy is owed to it. */
  pending(peer: string, table: number): Pending | undefined {
    if (this.#options.tables.owes(table, peer)) return undefined;
    return this.#peers.get(peer)?.lag.of(table, this.#options.nowMs());
  }

  status(): ReplicationStatus {
    const { region } = this.#options;
    const peers = [...this.#peers].map(([name, peer]) => this.#statusOf(name, peer));
    return { region, peers };
  }

  #statusOf(name: string, { outboxes }: Peer): PeerStatus {
    const { partitions, tables } = this.#options;
    const shared = tables.global().filter(({ members }) => members.includes(name));
    return {
      peer: name,
      clock: this.#offsetOf(name),
      outboxes: outboxes.map((outbox, log) => ({
        log,
        state: outbox.state,
        committed: partitions[log]?.committed.index ?? 0,
        acknowledged: outbox.acknowledged?.index,
      })),
      inbox: {
        watermark: tables.isOwedBy(name) ? undefined : this.inbox.watermark(name),
        logs: [...this.inbox.stands(name)].map(([log, { applied, durable }]) => ({
          log,
          applied: applied?.index,
          durable: durable?.index,
        })),
      },
      tables: shared.map(({ number }) => ({
        table: tables.nameOf(number),
        number,
        pending: this.pending(name, number),
      })),
    };
  }

  #offsetOf(peer: string): OffsetEstimate | undefined {
    const { clock } = this.#options;
    const estimate = this.#probe.estimate(peer);
    if (estimate === undefined) return undefined;
    const { offsetMs, errorMs } = estimate;
    return { offsetMs: offsetMs + clock.monotonicMs() - clock.wallMs(), errorMs };
  }

  #newPeer(name: string): Peer {
    const { bus, partitions } = this.#options;
    const line = new PeerLine(bus, name);
    const gatherer = new ShipGatherer({ line, clock: this.#options.clock });
    const peer = { line, gatherer, lag: new Lag(), outboxes: [] };
    const outboxes = partitions.map((partition, log) => {
      assert(partition.number === log, 'partitions come by number');
      return this.#newOutbox(name, peer, { partition });
    });
    return { ...peer, outboxes, nudgedAtMs: Number.NEGATIVE_INFINITY, reached: undefined };
  }

  #newOutbox(
    name: string,
    { line, gatherer, lag }: Pick<Peer, 'line' | 'gatherer' | 'lag'>,
    part: Pick<OutboxOptions, 'partition' | 'mayBegin'>,
  ): Outbox {
    const { partitions, observer, onMismatch } = this.#options;
    const log = part.partition.number;
    return new Outbox({
      ...this.#options,
      ...part,
      logs: () => partitions.length,
      line,
      gatherer,
      lag: lag.log(log),
      onMismatch: (mismatch) => onMismatch({ peer: name, log, ...mismatch }),
      onReach: (failure) => {
        this.#noteReach(name, failure);
      },
      onShipped: ({ records, bytes }) => observer.shipped(name, records, bytes),
    });
  }

  /** A partition was split: its child has a log of its own, which is the last of `partitions` by now. */
  addChild({ partition, parent, splitIndex }: ChildLog): void {
    for (const [name, peer] of this.#peers) {
      assert(partition.number === peer.outboxes.length, 'partitions come by number');
      const hasSplit = (): boolean =>
        (peer.outboxes[parent]?.acknowledged?.index ?? -1) >= splitIndex;
      const outbox = this.#newOutbox(name, peer, { partition, mayBegin: hasSplit });
      peer.outboxes.push(outbox);
      if (this.#isStarted) void outbox.start();
    }
  }

  /** One line for a peer, not one for each log. */
  #noteReach(name: string, failure: string | undefined): void {
    const peer = this.#peers.get(name);
    if (peer === undefined) return;
    const reached =
      failure === undefined && peer.outboxes.every(({ state }) => state.kind !== 'connecting');
    if (peer.reached === reached || (failure === undefined && !reached)) return;
    peer.reached = reached;
    const { logger } = this.#options;
    if (reached) logger.info({ peer: name }, 'peer reached');
    else logger.warn({ peer: name, reason: failure }, 'peer not reached; trying again');
  }

  #serve(): void {
    const { bus, clock, partitions } = this.#options;
    this.#unserve.push(
      serveFramed(bus, 'replication.hello', async (payload, from) => {
        this.#heardOf(from);
        return encodeStand(await this.inbox.hello(from, decodeHello(payload)));
      }),
      serveFramed(bus, 'replication.ship', async (payload, from) =>
        encodeStand(await this.inbox.ship(from, decodeBatch(payload))),
      ),
      serveFramed(bus, 'replication.batches', async (payload, from) =>
        encodeStands(
          await receiveTogether(decodeBatches(payload), { from, inbox: this.inbox, clock }),
        ),
      ),
      serveFramed(bus, 'replication.position', async (payload) => {
        decodeNothing(payload);
        return encodePositions(this.notePositions());
      }),
      serveFramed(bus, 'replication.advance', async (payload) => {
        await advancePartitions(partitions, decodeTime(payload));
        return encodeNothing();
      }),
      serveFramed(bus, 'replication.vector', async (payload) => {
        decodeNothing(payload);
        return encodeReport(this.#report());
      }),
      serveFramed(bus, 'clock.read', async (payload) => {
        decodeNothing(payload);
        return answerProbe(clock);
      }),
    );
  }

  /** A peer that opens outboxes has started, or the way to it has healed: no need to wait any longer. */
  #heardOf(name: string): void {
    const peer = this.#peers.get(name);
    const nowMs = this.#options.clock.monotonicMs();
    if (peer === undefined || nowMs - peer.nudgedAtMs < NUDGE_MS) return;
    peer.nudgedAtMs = nowMs;
    this.nudge(name);
  }

  async #askReport(peer: string, signal: AbortSignal): Promise<ForgettingReport> {
    const options = { timeoutMs: ASK_MS, signal };
    return decodeReport(await this.line(peer).ask('replication.vector', encodeNothing(), options));
  }

  async #askToAdvance(peer: string, time: HybridTime, signal: AbortSignal): Promise<void> {
    const options = { timeoutMs: ASK_MS, signal };
    decodeNothing(await this.line(peer).ask('replication.advance', encodeTime(time), options));
  }
}
