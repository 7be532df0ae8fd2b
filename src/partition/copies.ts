import { type Clock, WOKEN } from '../base/clock.ts';
import { internalError } from '../model/errors.ts';
import type { Copy } from '../storage/copy.ts';
import { StoreError, type KeyValueStore } from '../storage/key-value-store.ts';
import type { StorageNode } from '../storage/storage-node.ts';

/** A copy that serves reads: it has applied everything that the leader's overlay no longer holds. */
export interface ServingCopy {
  readonly node: StorageNode;
  readonly copy: Copy;
}

/** How long a read waits for a copy to apply what was committed before it. */
const appliedWaitMs = 5000;

export interface CopiesOptions {
  readonly number: number;
  readonly clock: Clock;
  readonly onDamage: (zone: string, error: Error) => void;
}

interface Waiting {
  readonly index: number;
  readonly resolve: () => void;
}

/**
 * The copies of one partition that reads may use, nearest first. One that fails is taken out and reported;
 * its zone is mended elsewhere.
 */
export class Copies {
  readonly #options: CopiesOptions;
  #serving: readonly ServingCopy[] = [];
  #waiting: Waiting[] = [];
  readonly #onWanted = new Set<() => void>();
  #onApplied: (floor: number) => void = () => {};

  constructor(options: CopiesOptions) {
    this.#options = options;
  }

  get serving(): readonly ServingCopy[] {
    return this.#serving;
  }

  /** The store that reads ask first, if items are to be read ahead in it now. See `KeyValueStore.readAhead`. */
  get storeToReadAhead(): KeyValueStore | undefined {
    const store = this.#serving[0]?.node.store;
    return store?.readsAhead === true ? store : undefined;
  }

  /** Everything at or below is applied by every serving copy. 0 when there is none. */
  get floor(): number {
    let floor = Number.POSITIVE_INFINITY;
    for (const { copy } of this.#serving) floor = Math.min(floor, copy.position.index);
    return floor === Number.POSITIVE_INFINITY ? 0 : floor;
  }

  /** Told the floor whenever a serving copy has applied more, or one has gone. */
  onApplied(listener: (floor: number) => void): void {
    this.#onApplied = listener;
  }

  /** Whether somebody waits for a copy to apply more. */
  get isWanted(): boolean {
    return this.#waiting.length > 0;
  }

  /** Told when somebody begins to wait. */
  onWanted(listener: () => void): () => void {
    this.#onWanted.add(listener);
    return () => this.#onWanted.delete(listener);
  }

  add(serving: ServingCopy): void {
    const home = this.#options.number % 3;
    const distance = (zone: string): number => (zone.charCodeAt(0) - 97 - home + 3) % 3;
    this.#serving = [...this.#serving, serving].toSorted(
      (a, b) => distance(a.node.zone) - distance(b.node.zone),
    );
    this.applied();
  }

  remove(zone: string): void {
    this.#serving = this.#serving.filter(({ node }) => node.zone !== zone);
    this.applied();
  }

  /** Takes out whoever is behind another, so that nobody waits for it. It is offered again when it has caught up. */
  leaveBehind(): void {
    const most = Math.max(0, ...this.#serving.map(({ copy }) => copy.position.index));
    if (this.#serving.every(({ copy }) => copy.position.index === most)) return;
    this.#serving = this.#serving.filter(({ copy }) => copy.position.index === most);
    this.applied();
  }

  /** A serving copy's position has moved. */
  applied(): void {
    this.#onApplied(this.floor);
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    const nobodyServes = this.#serving.length === 0;
    this.#waiting = [];
    for (const each of waiting) {
      if (nobodyServes || this.nearestAt(each.index) !== undefined) each.resolve();
      else this.#waiting.push(each);
    }
  }

  /** The nearest copy that has applied everything up to `index`. Rejects with `InternalServerError` when none does in time. */
  async appliedThrough(index: number): Promise<ServingCopy> {
    const found = this.nearestAt(index) ?? (await this.#waitFor(index, appliedWaitMs));
    if (found === undefined) throw internalError();
    return found;
  }

  /** The same, or after `waitMs` the nearest as it is. */
  async appliedWithin(index: number, waitMs: number): Promise<ServingCopy> {
    return this.nearestAt(index) ?? (await this.#waitFor(index, waitMs)) ?? this.#best();
  }

  /** The same, when there is one now. */
  nearestAt(index: number): ServingCopy | undefined {
    return this.#serving.find(({ copy }) => copy.position.index >= index);
  }

  async #waitFor(index: number, waitMs: number): Promise<ServingCopy | undefined> {
    // Throws when nobody serves: then there is nothing to wait for.
    this.#best();
    const waited = new AbortController();
    let waiting: Waiting | undefined;
    const applied = new Promise<void>((resolve) => {
      waiting = { index, resolve };
      this.#waiting.push(waiting);
    });
    for (const listener of this.#onWanted) listener();
    await Promise.race([applied, this.#options.clock.sleep(waitMs, waited.signal)]);
    waited.abort(WOKEN);
    this.#waiting = this.#waiting.filter((each) => each !== waiting);
    return this.nearestAt(index);
  }

  /** The nearest copy. Throws `InternalServerError` when there is none. */
  #best(): ServingCopy {
    const [best] = this.#serving;
    if (best === undefined) throw internalError();
    return best;
  }

  /** Reads from the nearest copy that can; a damaged one is taken out on the way. */
  read<T>(read: (copy: ServingCopy) => T): T {
    for (;;) {
      const best = this.#best();
      try {
        return read(best);
      } catch (error) {
        this.#takeOut(best, error);
      }
    }
  }

  /** As `read`, for reads that wait, from the copy that `choose` comes to. */
  async readAsync<T>(
    choose: () => Promise<ServingCopy>,
    read: (copy: ServingCopy) => Promise<T>,
  ): Promise<T> {
    for (;;) {
      const copy = await choose();
      try {
        return await read(copy);
      } catch (error) {
        this.#takeOut(copy, error);
      }
    }
  }

  /**
   * One that was taken out before, as when its zone was stopped during the read, is no news. The last one stays: what
   * else it holds can be read.
   */
  #takeOut(failed: ServingCopy, error: unknown): void {
    const isDamage =
      error instanceof StoreError && (error.code === 'damaged' || error.code === 'io');
    if (!isDamage) throw error;
    if (!this.#serving.includes(failed)) return;
    const { zone } = failed.node;
    const isLast = this.#serving.length === 1;
    if (!isLast) this.remove(zone);
    this.#options.onDamage(zone, error);
    if (isLast) throw internalError();
  }

  /** Nobody will serve any more: whoever waits is let go, and finds no copy. */
  close(): void {
    this.#serving = [];
    this.applied();
  }
}
