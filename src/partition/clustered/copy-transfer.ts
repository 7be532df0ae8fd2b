import type { Clock } from '../../base/clock.ts';
import { decodeMessage, encodeMessage } from '../../base/message-codec.ts';
import { randomUuid, type Random } from '../../base/random.ts';
import type { Bus } from '../../bus/bus.ts';
import { decodeFrame, encodeFrame } from '../../bus/frame.ts';
import { nodeSubjectOf } from '../../bus/subjects.ts';
import type { Position } from '../../storage/apply.ts';
import { metaRange } from '../../storage/key-layout.ts';
import { readRange } from '../../storage/key-ranges.ts';
import {
  StoreError,
  type KeyValuePair,
  type KeyValueSnapshot,
} from '../../storage/key-value-store.ts';
import { onSide, RebuildError } from '../../storage/rebuild.ts';
import type { StorageNode } from '../../storage/storage-node.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { rebuildCopy, type RebuildObserver } from '../rebuild-copy.ts';
import { packedBytes, packPairs, type CopyAnswer, type CopyRequest } from './copy-calls.ts';
import { RemoteSnapshot } from './remote-snapshot.ts';

/** A page ends with the pair by which it passes this. */
const pageBytes = 512 * 1024;

/** Pairs read from the store at a time: what a page has no room for is read again. */
const pairsPerRead = 32;

/** So many views are open for others at once; who comes then waits. */
export const viewsMax = 4;

/** A view that nobody has asked for so long is closed. */
export const viewIdleMs = 15_000;

export interface CopyTransferOptions {
  readonly region: string;
  readonly zone: string;
  readonly bus: Bus;
  /** This node's. It may be another one later: views of the one before fail. */
  readonly node: () => StorageNode;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly observer: RebuildObserver;
}

/** This node's store as it stood at a moment, kept open for another node. */
interface View {
  readonly ticket: string;
  /** For whom, and of which partition: there is one view of each. */
  readonly owner: string;
  readonly snapshot: KeyValueSnapshot;
  readonly closed: AbortController;
  askedMs: number;
  /** Requests being answered. */
  busy: number;
}

/** Copies of partitions on their way from one node of a region to another, over the bus. */
export class CopyTransfer {
  readonly #options: CopyTransferOptions;
  readonly #views = new Map<string, View>();
  readonly #stopped = new AbortController();
  readonly #expiring = new Set<Promise<void>>();
  #unserve = (): void => {};

  constructor(options: CopyTransferOptions) {
    this.#options = options;
  }

  /** Answers other nodes from now on. */
  start(): void {
    const { bus, region, zone } = this.#options;
    this.#unserve = bus.serve(nodeSubjectOf(region, zone, 'node.copy'), async (payload) => {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- made by `RemoteSnapshot` of the same wire version
      const request = decodeMessage(decodeFrame(payload)) as CopyRequest;
      return encodeFrame(encodeMessage(await this.#answerTo(request)));
    });
  }

  /** Closes every view; the store may be closed then. Never rejects. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#unserve();
    for (const { closed } of this.#views.values()) closed.abort();
    await Promise.all(this.#expiring);
  }

  /**
   * The store of the node in zone `from` as it stands now, for one partition. It must be closed. Rejects with `StoreError`, or with
   * the signal's reason.
   */
  async open(partition: number, from: string, signal: AbortSignal): Promise<RemoteSnapshot> {
    const { region, zone, bus, clock, random } = this.#options;
    const ticket = randomUuid(random);
    return RemoteSnapshot.open({ region, zone, from, partition, ticket, bus, clock, signal });
  }

  /**
   * Makes this node's copy equal to that of the node in zone `from`, as it stands now; says so as `rebuildCopy` does. Resolves
   * with where the copy stands then. Rejects with `RebuildError`: of side `source` another may be tried; or with the signal's reason.
   */
  async fill(partition: number, from: string, signal: AbortSignal): Promise<Position> {
    const source = await onSide('source', async () => this.open(partition, from, signal));
    try {
      return await this.fillFrom(source, partition, signal);
    } finally {
      await source.close();
    }
  }

  /** The same from what is open already, and stays so. */
  async fillFrom(
    source: RemoteSnapshot,
    partition: number,
    signal: AbortSignal,
  ): Promise<Position> {
    const { node, clock, logger, observer } = this.#options;
    const target = node();
    const { zone, partitionCount } = source;
    if (partitionCount !== target.partitionCount) {
      const words = `zone ${zone} has ${partitionCount} partitions, not ${target.partitionCount}`;
      throw new RebuildError('source', new StoreError('format', words));
    }
    const from = { zone, partitionCount, snapshot: source };
    await rebuildCopy({ target, source: from, partition, signal, clock, logger, observer });
    return target.copy(partition).position;
  }

  async #answerTo(request: CopyRequest): Promise<CopyAnswer> {
    try {
      if (request.kind === 'open') return await this.#open(request);
      const view = this.#views.get(request.ticket);
      if (view === undefined || view.closed.signal.aborted) return { kind: 'gone' };
      view.askedMs = this.#options.clock.monotonicMs();
      if (request.kind === 'page') return await this.#page(view, request);
      if (request.kind === 'close') view.closed.abort();
      return { kind: 'done' };
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      const { zone, logger } = this.#options;
      logger.error({ zone, error }, 'a copy could not be read for another node');
      return { kind: 'failed', code: error.code, message: error.message };
    }
  }

  async #open({ ticket, zone, partition }: CopyRequest & { kind: 'open' }): Promise<CopyAnswer> {
    const node = this.#options.node();
    const view = this.#views.get(ticket) ?? this.#newView(node, { ticket, zone, partition });
    if (view === undefined) return { kind: 'busy' };
    if (view.closed.signal.aborted) return { kind: 'gone' };
    const read = async (): Promise<Uint8Array> =>
      packPairs(await readRange(view.snapshot, metaRange(partition)));
    const own = await this.#read(view, read);
    return { kind: 'opened', partitionCount: node.partitionCount, own };
  }

  /** Undefined while as many are open as may be. Throws `StoreError`. */
  #newView(
    node: StorageNode,
    of: { readonly ticket: string; readonly zone: string; readonly partition: number },
  ): View | undefined {
    const { ticket, zone, partition } = of;
    const owner = `${zone}/${partition}`;
    for (const view of this.#views.values()) if (view.owner === owner) view.closed.abort();
    const open = [...this.#views.values()].filter(({ closed }) => !closed.signal.aborted);
    if (open.length >= viewsMax) return undefined;
    if (node.failure !== undefined) throw new StoreError('io', node.failure.message);
    if (node.copies.get(partition)?.rebuilding !== false)
      throw new StoreError('io', `the copy of partition ${partition} is not whole`);
    const view = {
      ticket,
      owner,
      snapshot: node.store.snapshot(),
      closed: new AbortController(),
      askedMs: this.#options.clock.monotonicMs(),
      busy: 0,
    };
    this.#keepOpen(view);
    return view;
  }

  /** Until it is closed, or nobody asks any more. */
  #keepOpen(view: View): void {
    this.#views.set(view.ticket, view);
    if (this.#stopped.signal.aborted) view.closed.abort();
    const expiring = this.#expire(view).finally(() => this.#expiring.delete(expiring));
    this.#expiring.add(expiring);
  }

  async #expire(view: View): Promise<void> {
    const { clock, logger } = this.#options;
    const { signal } = view.closed;
    while (!signal.aborted) {
      const leftMs = view.askedMs + viewIdleMs - clock.monotonicMs();
      if (leftMs <= 0 && view.busy === 0) view.closed.abort();
      else await clock.sleep(Math.max(leftMs, viewIdleMs / 10), signal);
    }
    // What is being read ends first.
    while (view.busy > 0) await clock.sleep(1);
    this.#views.delete(view.ticket);
    await view.snapshot.close().catch((error: unknown) => {
      logger.warn({ error }, 'a view of the store was not closed');
    });
  }

  async #read<T>(view: View, read: () => Promise<T>): Promise<T> {
    view.busy += 1;
    try {
      return await read();
    } finally {
      view.busy -= 1;
    }
  }

  async #page(view: View, request: CopyRequest & { kind: 'page' }): Promise<CopyAnswer> {
    const { from, to, pairsMax } = request;
    return this.#read(view, async () => {
      const iterator = view.snapshot.iterate({ from, to });
      try {
        const pairs: KeyValuePair[] = [];
        let bytes = 0;
        for (;;) {
          const found = await iterator.next(Math.min(pairsPerRead, pairsMax));
          if (found.length === 0) return { kind: 'page', pairs: packPairs(pairs), isLast: true };
          for (const pair of found) {
            pairs.push(pair);
            bytes += packedBytes(pair);
            if (bytes >= pageBytes || pairs.length >= pairsMax)
              return { kind: 'page', pairs: packPairs(pairs), isLast: false };
          }
        }
      } finally {
        await iterator.close();
      }
    });
  }
}
