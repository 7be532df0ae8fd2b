import type { Clock } from '../../src/base/clock.ts';
import { type Random, randomBelow } from '../../src/base/random.ts';
import {
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
  latencyMs = 0;
  isFull = false;
  /** A checksum in it does not hold: whatever is read or written next says so, until it is wiped. */
  isRotten = false;
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
      return new ProcessStore(life, this, await this.disk.open());
    });
  }

  wipe(): void {
    this.disk.restore([]);
    this.isRotten = false;
  }

  /** The process is gone. Without power, so is some of what was not synced. */
  end(how: 'process' | 'power'): void {
    const { unsyncedCount } = this.disk;
    this.disk.powerCut(
      how === 'process' ? unsyncedCount : randomBelow(this.#random, unsyncedCount + 1),
    );
  }

  async pause(): Promise<void> {
    if (this.latencyMs > 0) await this.#world.sleep(this.latencyMs * (0.5 + this.#random.next()));
  }

  check(): void {
    if (this.isRotten) throw rotten();
  }
}

const rotten = (): StoreError => new StoreError('damaged', 'a checksum in the store does not hold');

/** A store as one process has it open. */
class ProcessStore implements KeyValueStore {
  readonly #life: ProcessLife;
  readonly #machine: SimulatedStore;
  readonly #store: KeyValueStore;
  #last: Promise<void> = Promise.resolve();

  constructor(life: ProcessLife, machine: SimulatedStore, store: KeyValueStore) {
    this.#life = life;
    this.#machine = machine;
    this.#store = store;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    this.#machine.check();
    return this.#store.get(key);
  }

  async write(
    batch: readonly KeyValueOperation[],
    options?: { readonly sync?: boolean },
  ): Promise<void> {
    return this.#inTurn(async () => this.#store.write(batch, options));
  }

  snapshot(): KeyValueSnapshot {
    this.#machine.check();
    const snapshot = this.#store.snapshot();
    const machine = this.#machine;
    const life = this.#life;
    return {
      get: (key) => {
        machine.check();
        return snapshot.get(key);
      },
      iterate: (range, options) => slowly(life, machine, snapshot.iterate(range, options)),
      close: async () => snapshot.close(),
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
        this.#machine.check();
        if (this.#machine.isFull) throw new StoreError('full', 'no space for a batch');
        await task();
      }),
    );
    this.#last = run.catch(() => {});
    return run;
  }
}

function slowly(
  life: ProcessLife,
  machine: SimulatedStore,
  iterator: KeyValueIterator,
): KeyValueIterator {
  return {
    next: async (count): Promise<readonly KeyValuePair[]> =>
      life.hear(async () => {
        await machine.pause();
        machine.check();
        return iterator.next(count);
      }),
    close: async () => iterator.close(),
  };
}
