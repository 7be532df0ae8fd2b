import type { LogEnd } from '../log/entry.ts';
import { type Batch, sameEnd } from './batch.ts';
import type { Stand } from './wire.ts';

/** Batches of one log that are being received at once. */
const RECEIVING_MAX = 32;

interface Receiving {
  readonly batch: Batch;
  /** Whether all of it, and all before it, is durable. Never rejects. */
  readonly done: Promise<boolean>;
}

/**
 * Where the inbox stands with one log of one origin. A batch is taken only where the one before it ends; several are
 * received at once, and count in their order.
 */
export class ReceivedLog {
  readonly #onApplied: () => void;
  #applied: LogEnd | undefined;
  #durable: LogEnd | undefined;
  #receiving: Receiving[] = [];

  /** `position`: as it was saved. */
  constructor(position: LogEnd | undefined, onApplied: () => void) {
    this.#applied = position;
    this.#durable = position;
    this.#onApplied = onApplied;
  }

  /** Everything up to here is durable in this region. */
  get applied(): LogEnd | undefined {
    return this.#applied;
  }

  get stand(): Stand {
    return { applied: this.#applied, durable: this.#durable, waitsFor: undefined };
  }

  /** Whether `batch` goes on where the last one taken ends. */
  continues(batch: Batch): boolean {
    const end = this.#receiving.at(-1)?.batch.to ?? this.#applied;
    return end !== undefined && sameEnd(end, batch.from) && this.#receiving.length < RECEIVING_MAX;
  }

  /** Takes a batch that continues; `received` resolves when its records are durable. Resolves when it counts, or (false) never will. */
  async take(batch: Batch, received: Promise<void>): Promise<boolean> {
    const before = this.#receiving.at(-1)?.done ?? Promise.resolve(true);
    const receiving: Receiving = { batch, done: this.#count(batch, before, received) };
    this.#receiving.push(receiving);
    const counted = await receiving.done;
    const at = this.#receiving.indexOf(receiving);
    if (at < 0) return counted;
    if (counted) this.#receiving.splice(at, 1);
    else this.#receiving = [];
    return counted;
  }

  /** Waits for a batch that is on its way in already, as when it was delivered twice. */
  async join(batch: Batch): Promise<void> {
    const same = ({ batch: other }: Receiving): boolean =>
      sameEnd(other.from, batch.from) && sameEnd(other.to, batch.to);
    await this.#receiving.find(same)?.done;
  }

  /** Waits until nothing is on its way in. */
  async quiet(): Promise<void> {
    while (this.#receiving.length > 0) await this.#receiving.at(-1)?.done;
  }

  /** Sets the position, if it is `expected` and nothing is on its way in. */
  place(at: LogEnd, expected: LogEnd | undefined): boolean {
    const current = this.#applied;
    const matches =
      expected === undefined || current === undefined
        ? expected === current
        : sameEnd(expected, current);
    if (!matches || this.#receiving.length > 0) return false;
    this.#applied = at;
    this.#durable = undefined;
    this.#onApplied();
    return true;
  }

  saved(position: LogEnd): void {
    this.#durable = position;
  }

  async #count(batch: Batch, before: Promise<boolean>, received: Promise<void>): Promise<boolean> {
    const [inOrder, durable] = await Promise.all([
      before,
      received.then(
        () => true,
        () => false,
      ),
    ]);
    if (!inOrder || !durable) return false;
    this.#applied = batch.to;
    this.#onApplied();
    return true;
  }
}
