import { type Clock, WOKEN } from '../base/clock.ts';
import { internalError } from '../model/errors.ts';
import { hashOf, SYSTEM_TABLE, type HashRange } from '../storage/key-layout.ts';
import type { CommittedSplit } from './split-codec.ts';

/** How long whoever wants what a split gives away waits for its end. */
const splitWaitMs = 5000;

export interface HeldHashesOptions {
  /** The number of the partition. */
  readonly partition: number;
  /** The hashes that the layout gives it. */
  readonly hashes: () => HashRange;
  readonly clock: Clock;
}

/**
 * The keys that a partition's leader takes records of, and those that it is asked for. They differ while a split is under way:
 * from its append on nothing is taken of what it gives away, and until the child leads that, it is asked here.
 */
export class HeldHashes {
  readonly #options: HeldHashesOptions;
  /** The hashes from here on are given away by a split that was appended, whatever becomes of it. */
  #middle: number | undefined;
  #committed: CommittedSplit | undefined;
  #waiting: (() => void)[] = [];
  #isStopped = false;

  constructor(options: HeldHashesOptions) {
    this.#options = options;
  }

  /** Whether the partition takes records of the key. */
  holds(table: number, itemKey: Uint8Array): boolean {
    if (!this.leads(table, itemKey)) return false;
    return this.#middle === undefined || table === SYSTEM_TABLE || hashOf(itemKey) < this.#middle;
  }

  /** Whether it is asked for the key: until a child leads what it was given, it is. */
  leads(table: number, itemKey: Uint8Array): boolean {
    const { partition, hashes } = this.#options;
    if (table === SYSTEM_TABLE) return partition === 0;
    const hash = hashOf(itemKey);
    const { from, to } = hashes();
    return hash >= from && hash < to;
  }

  /** `pending`: it may become durable yet. `committed`: until `handedOver`, whoever wants what was given away waits. */
  get splitState(): 'none' | 'pending' | 'committed' {
    if (this.#middle === undefined) return 'none';
    return this.#committed === undefined ? 'pending' : 'committed';
  }

  /** The split that is committed, from that moment until `handedOver`. */
  get committedSplit(): CommittedSplit | undefined {
    return this.#committed;
  }

  /** A split was appended. */
  giveFrom(middle: number): void {
    this.#middle = middle;
  }

  commit(split: CommittedSplit): void {
    this.#committed = split;
    this.#middle = split.middle;
  }

  /** What was appended and not committed is lost. */
  forgetUncommitted(): void {
    if (this.#committed === undefined) this.#middle = undefined;
    this.#letGoOn();
  }

  /** The child leads what it was given, and `hashes` says so. */
  handedOver(): void {
    this.#middle = undefined;
    this.#committed = undefined;
    this.#letGoOn();
  }

  /** The leader stops: whoever waits is told that it cannot be said now. */
  stop(): void {
    this.#isStopped = true;
    this.#letGoOn();
  }

  /**
   * Resolves once no split is under way that concerns the key: the partition holds it, or another one leads it by now.
   * Rejects with `InternalServerError` where that takes too long, or the leader stops.
   */
  async splitOver(table: number, itemKey: Uint8Array): Promise<void> {
    if (this.#middle === undefined || this.holds(table, itemKey)) return;
    await this.#oneOver();
  }

  /** Where the hashes end that are held: those of a split that was appended are not. */
  get end(): number {
    return this.#middle ?? this.#options.hashes().to;
  }

  /** Resolves once no split is under way. Rejects as `splitOver` does. */
  async noneUnderWay(): Promise<void> {
    while (this.#middle !== undefined) await this.#oneOver();
  }

  /** Resolves once the split that is under way is over; another may be by then. */
  async #oneOver(): Promise<void> {
    const waited = new AbortController();
    const over = new Promise<true>((resolve) => {
      this.#waiting.push(() => resolve(true));
    });
    const isOver = await Promise.race([
      over,
      this.#options.clock.sleep(splitWaitMs, waited.signal),
    ]);
    waited.abort(WOKEN);
    if (isOver !== true || this.#isStopped) throw internalError();
  }

  #letGoOn(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
