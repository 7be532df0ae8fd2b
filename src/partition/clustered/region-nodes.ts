import { decodeMessage, encodeMessage } from '../../base/message-codec.ts';
import type { Clock } from '../../base/clock.ts';
import type { Service } from '../../base/service.ts';
import { BusError, type Bus } from '../../bus/bus.ts';
import { decodeFrame, encodeFrame } from '../../bus/frame.ts';
import { nodeSubjectOf } from '../../bus/subjects.ts';
import { OffsetWindow, type OffsetEstimate } from '../../clock/offset.ts';
import type { HeldHashes } from '../../storage/meta-codec.ts';
import type { Neighbours } from './node-partition.ts';

/** How often a node asks the others how they are. */
const askEveryMs = 300;

const answerMs = 600;

/** A node that has not answered for so long is not in reach. */
const silentMs = 1200;

/** What a node says of itself. */
export interface NodeReport {
  readonly zone: string;
  readonly release: string;
  /** The node's wall clock, when it answered. */
  readonly wallMs: number;
  /** Where clients connect, and where its operations are; undefined until they listen. */
  readonly endpoint: string | undefined;
  readonly operations: string | undefined;
  /** What its copies are in as a whole, in one word. */
  readonly state: string;
  /** It leads nothing, and will not. */
  readonly isDraining: boolean;
  /** Nothing was ever applied to its copies. */
  readonly isBlank: boolean;
  /** Why it does not work as it should; undefined when nothing is wrong. */
  readonly trouble: string | undefined;
  readonly partitions: readonly PartitionReport[];
  /** Of the node that has the region's seat: the term, and per partition up to where no follower needs the log. */
  /** It reads entries that split a partition; an earlier release does not say so. */
  readonly readsSplits?: boolean;
  readonly seat: { readonly term: number; readonly released: readonly number[] } | undefined;
}

export interface PartitionReport {
  readonly leads: boolean;
  /** The epoch that it knows of. */
  readonly epoch: number;
  /** The index up to which its copy has applied the log, and up to which that is synced. */
  readonly applied: number;
  readonly synced: number;
  /** Its copy is being filled from another node's. */
  readonly isRebuilding: boolean;
  /** Of a partition that came of a split: which hashes the copy holds, and what it came of. */
  readonly held?: HeldHashes | undefined;
}

export interface RegionNodesOptions {
  readonly region: string;
  readonly zone: string;
  /** The zones of the others. */
  readonly others: readonly string[];
  readonly bus: Bus;
  readonly clock: Clock;
  readonly report: () => NodeReport;
  /** What is known of another node's wall clock by now: see `OffsetWindow`. */
  readonly onOffset: (zone: string, estimate: OffsetEstimate) => void;
}

interface Heard {
  readonly report: NodeReport;
  readonly atMs: number;
}

/** The other nodes of the region: each is asked again and again how it is. */
export class RegionNodes implements Service, Neighbours {
  readonly #options: RegionNodesOptions;
  readonly #heard = new Map<string, Heard>();
  readonly #offsets = new Map<string, OffsetWindow>();
  readonly #lost = new Map<string, Set<() => void>>();
  readonly #stopped = new AbortController();
  #asking: Promise<unknown> = Promise.resolve();
  #unserve = (): void => {};

  constructor(options: RegionNodesOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { bus, region, zone, report, others } = this.#options;
    this.#unserve = bus.serve(nodeSubjectOf(region, zone, 'node.report'), async () =>
      encodeFrame(encodeMessage(report())),
    );
    this.#asking = Promise.all(others.map(async (other) => this.#keepAsking(other)));
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#unserve();
    await this.#asking;
  }

  async #keepAsking(zone: string): Promise<void> {
    const { clock } = this.#options;
    while (!this.#stopped.signal.aborted) {
      const askedMs = clock.monotonicMs();
      await this.#ask(zone);
      // One that has not answered in time is asked again at once.
      const leftMs = askEveryMs - (clock.monotonicMs() - askedMs);
      if (leftMs > 0) await clock.sleep(leftMs, this.#stopped.signal);
    }
  }

  async #ask(zone: string): Promise<void> {
    const { bus, region, clock } = this.#options;
    const subject = nodeSubjectOf(region, zone, 'node.report');
    const atMs = clock.monotonicMs();
    try {
      const answer = await bus.request(
        region,
        { subject, payload: encodeFrame(encodeMessage({})) },
        { timeoutMs: answerMs, signal: this.#stopped.signal },
      );
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- made by the same wire version
      const report = decodeMessage(decodeFrame(answer)) as NodeReport;
      this.#heard.set(zone, { report, atMs });
      this.#measure(zone, report.wallMs, atMs);
    } catch (error) {
      // What cannot be understood, of another release perhaps, is as good as no answer.
      if (error instanceof BusError && error.code === 'unreachable') this.#heard.delete(zone);
    }
    if (this.report(zone) !== undefined) return;
    for (const listener of this.#lost.get(zone) ?? []) listener();
  }

  #measure(zone: string, wallMs: number, askedMs: number): void {
    const { clock, onOffset } = this.#options;
    const nowMs = clock.monotonicMs();
    const window = this.#offsets.get(zone) ?? new OffsetWindow();
    this.#offsets.set(zone, window);
    window.add({
      sentMonotonicMs: askedMs,
      peerReceivedWallMs: wallMs,
      peerAnsweredWallMs: wallMs,
      returnedMonotonicMs: nowMs,
    });
    const estimate = window.estimate(nowMs);
    if (estimate !== undefined) onOffset(zone, estimate);
  }

  /** Calls `listener` when the node is found to be out of reach, again and again; returns how to stop that. */
  onLost(zone: string, listener: () => void): () => void {
    const listeners = this.#lost.get(zone) ?? new Set();
    this.#lost.set(zone, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  /** What a node has said lately; undefined while it is not in reach. */
  report(zone: string): NodeReport | undefined {
    const heard = this.#heard.get(zone);
    if (heard === undefined) return undefined;
    return this.#options.clock.monotonicMs() - heard.atMs > silentMs ? undefined : heard.report;
  }

  /** Nothing tells that the node is gone, and yet it has not answered lately: who asks it anything would wait. */
  isSilent(zone: string): boolean {
    return this.#heard.has(zone) && this.report(zone) === undefined;
  }

  get others(): readonly string[] {
    return this.#options.others;
  }

  leaderOf(partition: number): string | undefined {
    const leading = this.others.flatMap((zone) => {
      const said = this.report(zone)?.partitions[partition];
      return said?.leads === true ? [{ zone, epoch: said.epoch }] : [];
    });
    return leading.toSorted((a, b) => b.epoch - a.epoch)[0]?.zone;
  }
}
