import { assert } from '../../base/assert.ts';
import type { Clock } from '../../base/clock.ts';
import { latin1Of } from '../../base/latin1.ts';
import { decodeMessage, encodeMessage } from '../../base/message-codec.ts';
import { BusError, type Bus } from '../../bus/bus.ts';
import { decodeFrame, encodeFrame, FrameError } from '../../bus/frame.ts';
import { nodeSubjectOf } from '../../bus/subjects.ts';
import { START, type Position } from '../../storage/apply.ts';
import { readEpochEnds, readEpochStarts } from '../../storage/copy.ts';
import { metaRange, positionKey } from '../../storage/key-layout.ts';
import {
  StoreError,
  type KeyRange,
  type KeyValueIterator,
  type KeyValuePair,
  type KeyValueSnapshot,
} from '../../storage/key-value-store.ts';
import { decodePosition } from '../../storage/meta-codec.ts';
import { unpackPairs, type CopyAnswer, type CopyRequest } from './copy-calls.ts';

const answerMsDefault = 5000;
const tellMs = 1000;
/** A request that nobody has answered is sent so often in all: each may be repeated. */
const triesMax = 3;
const retryMs = 300;

/** How often the other node is told that its view is in use still, also while nothing is read. */
const keepEveryMs = 4000;

/** While the other node serves enough others it is asked again, so often and so many times. */
const busyMs = 500;
const busyTriesMax = 240;

const pairsMaxOfPage = 0xffff_ffff;

export interface RemoteSnapshotOptions {
  readonly region: string;
  /** Who asks, and who is asked. */
  readonly zone: string;
  readonly from: string;
  readonly partition: number;
  /** At random. */
  readonly ticket: string;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Another node's store as it stood when it was opened, for one partition: what that partition keeps of itself is had at once, a
 * range page by page. Whatever goes wrong on the way is a `StoreError`, of that store or `io`; or the signal's reason.
 */
export class RemoteSnapshot implements KeyValueSnapshot {
  readonly zone: string;
  readonly partitionCount: number;
  readonly position: Position;
  /** See `Copy.epochEnds`. */
  readonly epochEnds: readonly Position[];
  /** See `Copy.epochStarts`; empty of a node with an earlier program. */
  readonly epochStarts: readonly Position[];
  readonly #options: RemoteSnapshotOptions;
  readonly #ticket: string;
  readonly #own: ReadonlyMap<string, Uint8Array>;
  readonly #closed = new AbortController();
  readonly #keeping: Promise<void>;

  static async open(options: RemoteSnapshotOptions): Promise<RemoteSnapshot> {
    const { zone, from, partition, ticket, clock, signal } = options;
    for (let tries = 1; ; tries += 1) {
      const answer = await ask(options, { kind: 'open', ticket, zone, partition });
      if (answer.kind === 'opened') return new RemoteSnapshot(options, answer);
      if (answer.kind !== 'busy' || tries === busyTriesMax) throw unexpected(from, answer);
      await clock.sleep(busyMs, signal);
      signal.throwIfAborted();
    }
  }

  private constructor(
    options: RemoteSnapshotOptions,
    { partitionCount, own }: CopyAnswer & { kind: 'opened' },
  ) {
    const { partition, from } = options;
    this.#options = options;
    this.#ticket = options.ticket;
    this.#own = new Map(unpackPairs(own).map(([key, value]) => [latin1Of(key), value]));
    this.zone = from;
    this.partitionCount = partitionCount;
    const position = this.get(positionKey(partition));
    this.position = position === undefined ? START : decodePosition(position);
    this.epochEnds = readEpochEnds(this, partition);
    this.epochStarts = readEpochStarts(this, partition);
    this.#keeping = this.#keep();
  }

  /** Of what the partition keeps of itself. */
  get(key: Uint8Array): Uint8Array | undefined {
    const { from, to } = metaRange(this.#options.partition);
    const isOwn = Buffer.compare(key, from) >= 0 && Buffer.compare(key, to) < 0;
    assert(isOwn, 'a remote snapshot has only what its partition keeps of itself');
    return this.#own.get(latin1Of(key));
  }

  iterate(range: KeyRange, options?: { readonly reverse?: boolean }): KeyValueIterator {
    assert(options?.reverse !== true, 'a remote snapshot is read forwards');
    return new RemoteIterator(range, async (rest, pairsMax) => this.#page(rest, pairsMax));
  }

  async #page({ from, to }: KeyRange, pairsMax: number): Promise<Page> {
    const ticket = this.#ticket;
    const answer = await ask(this.#options, { kind: 'page', ticket, from, to, pairsMax });
    if (answer.kind !== 'page') throw unexpected(this.zone, answer);
    return { pairs: unpackPairs(answer.pairs), isLast: answer.isLast };
  }

  async #keep(): Promise<void> {
    const { clock } = this.#options;
    for (;;) {
      await clock.sleep(keepEveryMs, this.#closed.signal);
      if (this.#closed.signal.aborted) return;
      await this.#tell('keep', this.#closed.signal);
    }
  }

  /** Never rejects: a view that nobody closes ends by itself. */
  async close(): Promise<void> {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    await this.#keeping;
    await this.#tell('close', new AbortController().signal);
  }

  /** Whoever reads hears of what is wrong. */
  async #tell(kind: 'keep' | 'close', signal: AbortSignal): Promise<void> {
    const options = { ...this.#options, signal, answerMs: tellMs };
    await askOnce(options, { kind, ticket: this.#ticket }).catch(() => undefined);
  }
}

interface Page {
  readonly pairs: readonly KeyValuePair[];
  readonly isLast: boolean;
}

class RemoteIterator implements KeyValueIterator {
  readonly #read: (rest: KeyRange, pairsMax: number) => Promise<Page>;
  #rest: KeyRange;
  #pairs: readonly KeyValuePair[] = [];
  #at = 0;
  #isEnded = false;

  constructor(range: KeyRange, read: (rest: KeyRange, pairsMax: number) => Promise<Page>) {
    this.#rest = range;
    this.#read = read;
  }

  async next(count: number): Promise<readonly KeyValuePair[]> {
    if (this.#at === this.#pairs.length && !this.#isEnded) {
      // Who asks for one looks only whether there is one.
      const { pairs, isLast } = await this.#read(this.#rest, count === 1 ? 1 : pairsMaxOfPage);
      const last = pairs.at(-1);
      this.#pairs = pairs;
      this.#at = 0;
      this.#isEnded = isLast || last === undefined;
      if (last !== undefined) this.#rest = { from: successor(last[0]), to: this.#rest.to };
    }
    const found = this.#pairs.slice(this.#at, this.#at + count);
    this.#at += found.length;
    return found;
  }

  async close(): Promise<void> {
    this.#pairs = [];
    this.#at = 0;
    this.#isEnded = true;
  }
}

/** The least key above a key. */
function successor(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}

async function ask(options: RemoteSnapshotOptions, request: CopyRequest): Promise<CopyAnswer> {
  const { clock, signal } = options;
  for (let tries = 1; ; tries += 1) {
    try {
      return await askOnce(options, request);
    } catch (error) {
      signal.throwIfAborted();
      const isFault = error instanceof BusError || error instanceof FrameError;
      if (!isFault) throw error;
      if (tries === triesMax) throw new StoreError('io', error.message, { cause: error });
      await clock.sleep(retryMs, signal);
      signal.throwIfAborted();
    }
  }
}

async function askOnce(
  options: RemoteSnapshotOptions & { readonly answerMs?: number },
  request: CopyRequest,
): Promise<CopyAnswer> {
  const { bus, region, from, signal, answerMs: timeoutMs = answerMsDefault } = options;
  const subject = nodeSubjectOf(region, from, 'node.copy');
  const payload = encodeFrame(encodeMessage(request));
  const answer = await bus.request(region, { subject, payload }, { timeoutMs, signal });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- made by `CopyTransfer` of the same wire version
  return decodeMessage(decodeFrame(answer)) as CopyAnswer;
}

function unexpected(zone: string, answer: CopyAnswer): StoreError {
  return answer.kind === 'failed'
    ? new StoreError(answer.code, `of zone ${zone}: ${answer.message}`)
    : new StoreError('io', `zone ${zone} says ${answer.kind}`);
}
