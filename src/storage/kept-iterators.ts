import { WOKEN, type Clock } from '../base/clock.ts';
import type { KeyRange, KeyValueIterator, KeyValuePair } from './key-value-store.ts';

/** A store's iterator over all keys, in one direction. */
export interface SeekableIterator extends KeyValueIterator {
  /** The next pair read is the first at or after the key, in the iterator's direction. */
  seek(key: Uint8Array): void;
}

/** In each direction: so many short reads at the same time are spared the opening of an iterator. */
const IDLE_MAX = 16;

/** How long an iterator stays open at most that nobody reads from: it keeps files that a compaction has replaced. */
const KEPT_MS = 500;

/**
 * Iterators over all keys that stay open after a read, because to open and close one costs more than a short read does. Each sees the
 * store as of its opening: it serves until the store changes, and is closed then, so that a compaction may drop what only it sees. `end` it
 * before the store is closed.
 */
export class KeptIterators {
  readonly #open: (reverse: boolean) => SeekableIterator;
  readonly #clock: Clock;
  readonly #ended = new AbortController();
  readonly #idle = { forward: [] as SeekableIterator[], backward: [] as SeekableIterator[] };
  /** How many changes there have been. */
  #changes = 0;
  #isReleasing = false;

  constructor(open: (reverse: boolean) => SeekableIterator, clock: Clock) {
    this.#open = open;
    this.#clock = clock;
  }

  /** The pairs of a range as of the last change. It may read some behind the range, too. */
  iterate(range: KeyRange, reverse: boolean): KeyValueIterator {
    const idle = reverse ? this.#idle.backward : this.#idle.forward;
    const iterator = idle.pop() ?? this.#open(reverse);
    const changes = this.#changes;
    iterator.seek(reverse ? range.to : range.from);
    return new RangeIterator(iterator, { ...range, reverse }, (isBroken) => {
      if (isBroken || changes !== this.#changes || idle.length >= IDLE_MAX) close(iterator);
      else this.#keep(iterator, idle);
    });
  }

  #keep(iterator: SeekableIterator, idle: SeekableIterator[]): void {
    idle.push(iterator);
    if (!this.#isReleasing) void this.#releaseLater();
  }

  /** One wait for all: to wait for each by itself would cost every read a timer. */
  async #releaseLater(): Promise<void> {
    this.#isReleasing = true;
    await this.#clock.sleep(KEPT_MS, this.#ended.signal);
    this.#isReleasing = false;
    this.release();
  }

  /** The store has changed: none that is open is used for another read. Those that are being read from go on as they are. */
  release(): void {
    this.#changes += 1;
    const { forward, backward } = this.#idle;
    for (const iterator of forward.splice(0)) close(iterator);
    for (const iterator of backward.splice(0)) close(iterator);
  }

  end(): void {
    this.#ended.abort(WOKEN);
    this.release();
  }
}

/** One that cannot be closed is closed with its store, which says so. */
function close(iterator: SeekableIterator): void {
  iterator.close().catch(() => undefined);
}

interface DirectedRange extends KeyRange {
  readonly reverse: boolean;
}

/** Reads a range from an iterator that stands at its beginning and knows no end. */
class RangeIterator implements KeyValueIterator {
  readonly #iterator: SeekableIterator;
  readonly #range: DirectedRange;
  readonly #giveBack: (isBroken: boolean) => void;
  #hasEnded = false;
  #isClosed = false;
  #isBroken = false;

  constructor(
    iterator: SeekableIterator,
    range: DirectedRange,
    giveBack: (isBroken: boolean) => void,
  ) {
    this.#iterator = iterator;
    this.#range = range;
    this.#giveBack = giveBack;
  }

  async next(count: number): Promise<readonly KeyValuePair[]> {
    for (;;) {
      if (this.#hasEnded) return [];
      const pairs = this.#within(await this.#read(count));
      // One that stood at the end of a reversed range, which is not in it, was alone.
      if (pairs.length > 0) return pairs;
    }
  }

  /** Until it succeeds the iterator is taken to be in use, or broken. */
  async #read(count: number): Promise<readonly KeyValuePair[]> {
    this.#isBroken = true;
    const pairs = await this.#iterator.next(count);
    this.#isBroken = false;
    return pairs;
  }

  #within(pairs: readonly KeyValuePair[]): readonly KeyValuePair[] {
    const { from, to, reverse } = this.#range;
    let end = pairs.length;
    for (; end > 0; end -= 1) {
      const [key] = pairs[end - 1] ?? [to];
      if (reverse ? Buffer.compare(key, from) >= 0 : Buffer.compare(key, to) < 0) break;
    }
    this.#hasEnded = end < pairs.length || pairs.length === 0;
    const [first] = pairs;
    const start = reverse && first !== undefined && Buffer.compare(first[0], to) >= 0 ? 1 : 0;
    return start === 0 && end === pairs.length ? pairs : pairs.slice(start, end);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#giveBack(this.#isBroken);
  }
}
