import { assert } from '../base/assert.ts';

/**
 * What is not known to be applied in the target: per log and table a queue of what was committed, shortened as the
 * target acknowledges. Exact while a queue has few entries. When a target stays away, neighbours are merged, so that
 * memory stays bounded: a bucket then counts in full until its last entry is acknowledged, and is as old as its
 * first. So a merged queue may say too much, by less than one bucket, and never too little.
 */
export class Lag {
  readonly #logs = new Map<number, LogLag>();

  /** The queues of one log. */
  log(log: number): LogLag {
    let found = this.#logs.get(log);
    if (found === undefined) {
      found = new LogLag();
      this.#logs.set(log, found);
    }
    return found;
  }

  /**
   * Of one table, over all logs, at `nowMs` of this region's clock. Undefined before the target was heard of for
   * each of them, and while what a log already held by then is still being counted.
   */
  of(table: number, nowMs: number): Pending | undefined {
    if (this.#logs.size === 0) return undefined;
    let records = 0;
    let bytes = 0;
    let oldestMs: number | undefined;
    for (const log of this.#logs.values()) {
      if (!log.isCaughtUp) return undefined;
      const queue = log.queue(table);
      if (queue?.oldestMs === undefined) continue;
      records += queue.records;
      bytes += queue.bytes;
      oldestMs = Math.min(oldestMs ?? Number.POSITIVE_INFINITY, queue.oldestMs);
    }
    return { records, bytes, ageMs: oldestMs === undefined ? 0 : Math.max(0, nowMs - oldestMs) };
  }
}

export interface Pending {
  readonly records: number;
  readonly bytes: number;
  /** Age of the oldest; 0 when nothing is pending. */
  readonly ageMs: number;
}

/** What one entry holds for one target and table. */
export interface Commitment {
  readonly index: number;
  readonly table: number;
  readonly records: number;
  readonly bytes: number;
  /** When it was committed, by this region's clock. */
  readonly committedMs: number;
}

/** The commitments of one log that one target has not acknowledged. */
export class LogLag {
  readonly #queues = new Map<number, PendingQueue>();
  #counted: number | undefined;
  #stoodAt = 0;
  #acknowledged = 0;

  /** Up to where the target is known to have everything. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** The last entry that was counted; undefined before the first contact, when nothing is known. */
  get counted(): number | undefined {
    return this.#counted;
  }

  /** Whether all that the log held when the target was first heard of is counted: before that too little is. */
  get isCaughtUp(): boolean {
    return this.#counted !== undefined && this.#counted >= this.#stoodAt;
  }

  /**
   * The target has what is up to `after`, and not more, whatever it acknowledged before; the log stands at `end`. What
   * is between has to be counted, anew as far as it was: nothing is known until then.
   */
  countFrom(after: number, end: number): void {
    this.#stoodAt = end;
    this.#counted = after;
    this.#acknowledged = after;
    this.#queues.clear();
  }

  /** Says that everything of the entry was given to `add`. */
  countedTo(index: number): void {
    this.#counted = Math.max(this.#counted ?? 0, index);
  }

  /** In order of index. What is acknowledged already does not count. */
  add(commitment: Commitment): void {
    if (commitment.index <= this.#acknowledged) return;
    let queue = this.#queues.get(commitment.table);
    if (queue === undefined) {
      queue = new PendingQueue();
      this.#queues.set(commitment.table, queue);
    }
    queue.add(commitment);
  }

  /** The target has everything up to `index`. */
  acknowledge(index: number): void {
    if (index <= this.#acknowledged) return;
    this.#acknowledged = index;
    for (const [table, queue] of this.#queues) {
      queue.acknowledge(index);
      if (queue.length === 0) this.#queues.delete(table);
    }
  }

  queue(table: number): PendingQueue | undefined {
    return this.#queues.get(table);
  }
}

/** Of a table in a log, for one target. */
const BUCKETS_MAX = 1024;

interface Bucket {
  through: number;
  records: number;
  bytes: number;
  readonly oldestMs: number;
}

class PendingQueue {
  #buckets: Bucket[] = [];
  /** Buckets before it are acknowledged. */
  #head = 0;
  #records = 0;
  #bytes = 0;

  get records(): number {
    return this.#records;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** When the oldest was committed; undefined when nothing is pending. */
  get oldestMs(): number | undefined {
    return this.#buckets[this.#head]?.oldestMs;
  }

  /** How many buckets there are; never more than the bound. */
  get length(): number {
    return this.#buckets.length - this.#head;
  }

  add({ index, records, bytes, committedMs }: Commitment): void {
    const last = this.#buckets.at(-1);
    assert(last === undefined || index >= last.through, 'commitments come in order');
    this.#records += records;
    this.#bytes += bytes;
    this.#buckets.push({ through: index, records, bytes, oldestMs: committedMs });
    if (this.length > BUCKETS_MAX) this.#merge();
  }

  acknowledge(index: number): void {
    for (;;) {
      const bucket = this.#buckets[this.#head];
      if (bucket === undefined || bucket.through > index) break;
      this.#records -= bucket.records;
      this.#bytes -= bucket.bytes;
      this.#head += 1;
    }
    if (this.#head > BUCKETS_MAX || this.#head === this.#buckets.length) {
      this.#buckets = this.#buckets.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Every two neighbours become one. */
  #merge(): void {
    const merged: Bucket[] = [];
    for (let at = this.#head; at < this.#buckets.length; at += 2) {
      const first = this.#buckets[at];
      const second = this.#buckets[at + 1];
      if (first === undefined) break;
      if (second === undefined) {
        merged.push(first);
        continue;
      }
      merged.push({
        through: second.through,
        records: first.records + second.records,
        bytes: first.bytes + second.bytes,
        oldestMs: first.oldestMs,
      });
    }
    this.#buckets = merged;
    this.#head = 0;
  }
}
