import type { Clock } from '../../src/base/clock.ts';
import { type Random, randomBelow } from '../../src/base/random.ts';
import {
  type IterateOptions,
  type KeyRange,
  type KeyValueIterator,
  type KeyValueOperation,
  type KeyValuePair,
  type KeyValueSnapshot,
  type KeyValueStore,
  StoreError,
} from '../../src/storage/key-value-store.ts';
import { MemoryStoreDisk } from '../support/memory-store.ts';
import type { ProcessLife } from './process-life.ts';

/** One zone's store as the machine has it. It outlives the processes that open it. */
export class SimulatedStore {
  disk = new MemoryStoreDisk();
  /** One that is being made beside it. */
  #next = new MemoryStoreDisk();
  latencyMs = 0;
  isFull = false;
  /** A checksum in it does not hold: whatever is read or written next says so, until it is wiped. */
  isRotten = false;
  /** So many synced batches fail, each telling it. */
  syncFailures = 0;
  onSyncFailed = (): void => {};
  readonly #world: Clock;
  readonly #random: Random;

  constructor(world: Clock, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  async open(life: ProcessLife): Promise<KeyValueStore> {
    return life.hear(async () => {
      await this.pause();
      if (life.isDead) return new Promise(() => {});
      if (this.isRotten) throw rotten();
      return ProcessStore.open(life, this, this.disk);
    });
  }

  /** A blank one, in place of one that was begun and not taken. */
  async openNext(life: ProcessLife): Promise<KeyValueStore> {
    return life.hear(async () => {
      await this.pause();
      if (life.isDead) return new Promise(() => {});
      this.#next = new MemoryStoreDisk();
      return ProcessStore.open(life, this, this.#next);
    });
  }

  /** The next one is the store from now on. */
  async takeNext(life: ProcessLife): Promise<void> {
    return life.hear(async () => {
      await this.pause();
      if (life.isDead) return;
      this.disk = this.#next;
      this.#next = new MemoryStoreDisk();
      this.isRotten = false;
    });
  }

  wipe(): void {
    this.disk.restore([]);
    this.syncFailures = 0;
    this.#next = new MemoryStoreDisk();
    this.isRotten = false;
  }

  /** The process is gone. Without power, so is some of what was not synced. */
  end(how: 'process' | 'power'): void {
    for (const disk of [this.disk, this.#next]) {
      const { unsyncedCount } = disk;
      disk.powerCut(
        how === 'process' ? unsyncedCount : randomBelow(this.#random, unsyncedCount + 1),
      );
    }
  }

  async pause(): Promise<void> {
    if (this.latencyMs > 0) await this.#world.sleep(this.latencyMs * (0.5 + this.#random.next()));
  }

  /** Whether the sync of a batch fails now. What of the batch is there, nobody knows. */
  failsSync(): boolean {
    if (this.syncFailures === 0) return false;
    this.syncFailures -= 1;
    this.onSyncFailed();
    return true;
  }

  isLucky(): boolean {
    return this.#random.next() < 0.5;
  }

  check(disk: MemoryStoreDisk): void {
    if (this.isRotten && disk === this.disk) throw rotten();
  }
}

const rotten = (): StoreError => new StoreError('damaged', 'a checksum in the store does not hold');

/** A store as one process has it open. */
class ProcessStore implements KeyValueStore {
  readonly readsAhead = false;
  readonly #life: ProcessLife;
  readonly #machine: SimulatedStore;
  readonly #disk: MemoryStoreDisk;
  readonly #store: KeyValueStore;
  #last: Promise<void> = Promise.resolve();
  /** After a write that failed every later one fails. */
  #hasFailed = false;

  static async open(
    life: ProcessLife,
    machine: SimulatedStore,
    disk: MemoryStoreDisk,
  ): Promise<ProcessStore> {
    return new ProcessStore({ life, machine, disk, store: await disk.open() });
  }

  private constructor(parts: {
    readonly life: ProcessLife;
    readonly machine: SimulatedStore;
    readonly disk: MemoryStoreDisk;
    readonly store: KeyValueStore;
  }) {
    this.#life = parts.life;
    this.#machine = parts.machine;
    this.#disk = parts.disk;
    this.#store = parts.store;
  }

  #check(): void {
    this.#machine.check(this.#disk);
  }

  get(key: Uint8Array): Uint8Array | undefined {
    this.#check();
    return this.#store.get(key);
  }

  async readAhead(): Promise<void> {
    this.#check();
  }

  async write(
    batch: readonly KeyValueOperation[],
    options?: { readonly sync?: boolean },
  ): Promise<void> {
    return this.#inTurn(async () => {
      if (options?.sync !== true || !this.#machine.failsSync())
        return this.#store.write(batch, options);
      this.#hasFailed = true;
      if (this.#machine.isLucky()) await this.#store.write(batch);
      throw new StoreError('io', 'the sync of a batch failed');
    });
  }

  snapshot(): KeyValueSnapshot {
    this.#check();
    const snapshot = this.#store.snapshot();
    return {
      get: (key) => {
        this.#check();
        return snapshot.get(key);
      },
      iterate: (range, options) => this.#slowly(snapshot.iterate(range, options)),
      close: async () => snapshot.close(),
    };
  }

  iterate(range: KeyRange, options?: IterateOptions): KeyValueIterator {
    this.#check();
    return this.#slowly(this.#store.iterate(range, options));
  }

  #slowly(iterator: KeyValueIterator): KeyValueIterator {
    return {
      next: async (count): Promise<readonly KeyValuePair[]> =>
        this.#life.hear(async () => {
          await this.#machine.pause();
          this.#check();
          return iterator.next(count);
        }),
      close: async () => iterator.close(),
    };
  }

  async clear(range: KeyRange): Promise<void> {
    return this.#inTurn(async () => this.#store.clear(range));
  }

  async close(): Promise<void> {
    await this.#last.catch(() => {});
    return this.#store.close();
  }

  async #inTurn(task: () => Promise<void>): Promise<void> {
    const run = this.#last.then(async () =>
      this.#life.hear(async () => {
        await this.#machine.pause();
        if (this.#life.isDead) return;
        this.#check();
        if (this.#hasFailed) throw new StoreError('io', 'a write has failed before');
        if (this.#machine.isFull) throw new StoreError('full', 'no space for a batch');
        await task();
      }),
    );
    this.#last = run.catch(() => {});
    return run;
  }
}
