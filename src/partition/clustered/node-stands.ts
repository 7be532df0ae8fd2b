import { decodeMessage, encodeMessage } from '../../base/message-codec.ts';
import { BusError, type Bus } from '../../bus/bus.ts';
import { decodeFrame, encodeFrame, FrameError } from '../../bus/frame.ts';
import { nodeSubjectOf } from '../../bus/subjects.ts';
import type { Clock } from '../../base/clock.ts';
import { START, type Position } from '../../storage/apply.ts';
import type { StorageNode } from '../../storage/storage-node.ts';
import type { StreamLog } from '../../log/jetstream/stream-log.ts';
import type { Stuck } from './node-partition.ts';

const answerMs = 1000;

/** A log that is lost elsewhere is looked at so often, and so many times: a leader at rest would not notice. */
const probeMs = 300;
const probesMax = 50;

/** What is wrong with a partition at this node. */
export interface Trouble {
  readonly partition: number;
  /** Of the stream that it is about; 0 where none is known any more. */
  readonly generation: number;
  /** Undefined where it could not be opened. */
  readonly log: StreamLog | undefined;
  readonly why: Stuck;
}

/** How a node is with a partition, as it says itself. */
export interface Stand {
  readonly zone: string;
  /** Undefined where nothing is wrong. */
  readonly trouble: Stuck['kind'] | undefined;
  readonly generation: number;
  readonly position: Position;
  /** Whether the copy can be read: it is not being filled, and its store works. */
  readonly isWhole: boolean;
  /** How long ago it has read the log to its end for somebody who asked; undefined where it has not. */
  readonly readAgoMs?: number | undefined;
}

export interface NodeStandsOptions {
  readonly region: string;
  readonly zone: string;
  /** The zones of the other nodes. */
  readonly others: readonly string[];
  readonly bus: Bus;
  readonly node: () => StorageNode;
  readonly clock: Clock;
  /** As this node reads it; undefined while it is not open. */
  readonly logOf: (partition: number) => StreamLog | undefined;
}

/** What the nodes of a region tell each other of partitions that something is wrong with. */
export class NodeStands {
  readonly #options: NodeStandsOptions;
  readonly #troubles = new Map<number, Trouble>();
  readonly #probing = new Set<number>();
  /** When each log was last read to its end by a probe. */
  readonly #readMs = new Map<number, number>();
  readonly #stopped = new AbortController();
  #unserve = (): void => {};

  constructor(options: NodeStandsOptions) {
    this.#options = options;
  }

  start(): void {
    const { bus, region, zone } = this.#options;
    this.#unserve = bus.serve(nodeSubjectOf(region, zone, 'node.stand'), async (payload) => {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- made by `#ask` of the same wire version
      const { partition } = decodeMessage(decodeFrame(payload)) as { readonly partition: number };
      void this.#probe(partition);
      return encodeFrame(encodeMessage(this.own(partition)));
    });
  }

  stop(): void {
    this.#stopped.abort();
    this.#unserve();
  }

  /** Reads the log until that succeeds, or it turns out to be lost. */
  async #probe(partition: number): Promise<void> {
    const { clock, logOf } = this.#options;
    if (this.#troubles.has(partition) || this.#probing.has(partition)) return;
    this.#probing.add(partition);
    try {
      for (let probes = 0; probes < probesMax; probes += 1) {
        const log = logOf(partition);
        if (log?.available !== true) return;
        // What is wrong with its format is found by who follows it.
        if (await log.refresh().catch(() => true)) {
          this.#readMs.set(partition, clock.monotonicMs());
          return;
        }
        await clock.sleep(probeMs, this.#stopped.signal);
        if (this.#stopped.signal.aborted) return;
      }
    } finally {
      this.#probing.delete(partition);
    }
  }

  /** From now on, until `settled`, the others are told so. */
  troubled(trouble: Trouble): void {
    this.#troubles.set(trouble.partition, trouble);
  }

  settled(trouble: Trouble): void {
    if (this.#troubles.get(trouble.partition) === trouble) this.#troubles.delete(trouble.partition);
  }

  own(partition: number): Stand {
    const { zone, node: nodeNow, clock } = this.#options;
    const trouble = this.#troubles.get(partition);
    const readMs = this.#readMs.get(partition);
    const node = nodeNow();
    // One that has not applied the split that the partition came of has nothing of it, and nothing to say against its log.
    const copy = node.copies.get(partition);
    const { position, rebuilding } = copy ?? { position: START, rebuilding: true };
    return {
      zone,
      trouble: trouble?.why.kind,
      generation: trouble?.generation ?? 0,
      position,
      isWhole: !rebuilding && node.failure === undefined,
      readAgoMs: readMs === undefined ? undefined : clock.monotonicMs() - readMs,
    };
  }

  /** Of the nodes that are in reach. */
  async others(partition: number, signal: AbortSignal): Promise<readonly Stand[]> {
    const { others } = this.#options;
    const stands = await Promise.all(
      others.map(async (zone) => this.#ask(zone, partition, signal)),
    );
    return stands.filter((stand) => stand !== undefined);
  }

  async #ask(zone: string, partition: number, signal: AbortSignal): Promise<Stand | undefined> {
    const { bus, region } = this.#options;
    const subject = nodeSubjectOf(region, zone, 'node.stand');
    const payload = encodeFrame(encodeMessage({ partition }));
    try {
      const options = { timeoutMs: answerMs, signal };
      const answer = await bus.request(region, { subject, payload }, options);
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- made by `start` of the same wire version
      return decodeMessage(decodeFrame(answer)) as Stand;
    } catch (error) {
      if (error instanceof BusError || error instanceof FrameError) return undefined;
      throw error;
    }
  }
}

/** Later epochs first, and of equals what is longer. */
export const compareStands = (a: Stand, b: Stand): number =>
  b.position.epoch - a.position.epoch ||
  b.position.index - a.position.index ||
  (a.zone < b.zone ? -1 : 1);
