import { setMaxListeners } from 'node:events';

import { AssertionError } from '../../src/base/assert.ts';
import type { Clock } from '../../src/base/clock.ts';

interface Timer {
  readonly dueMs: number;
  readonly fire: () => void;
}

/** Turns of deferred work without an end in sight: something defers itself for ever. */
const SETTLE_TURNS_MAX = 1_000_000;

/**
 * Virtual time. It stands still until a test moves it, and nothing really waits. Deferred tasks run by
 * themselves, in order, without time passing; sleepers wake in the order in which they are due, and those due
 * at the same moment in the order in which they went to sleep. After each of them everything that it made
 * ready runs before time goes on. The order is the same in each run, as long as nothing waits for real input.
 */
export class VirtualClock implements Clock {
  readonly #world: World;
  #wallAheadMs: number;

  /** `wallMs`: what the wall clock shows when the monotonic clock shows `monotonicMs`, 0 at first. */
  constructor(wallMs = Date.UTC(2026, 0, 1), world = new World(loopTurns)) {
    this.#world = world;
    this.#wallAheadMs = wallMs - world.nowMs;
  }

  /** Only for what waits for no real input at all: see `quickTurns`. */
  static quick(): VirtualClock {
    return new VirtualClock(undefined, new World(quickTurns()));
  }

  wallMs(): number {
    return Math.floor(this.#world.nowMs + this.#wallAheadMs);
  }

  monotonicMs(): number {
    return this.#world.nowMs;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.#world.sleep(ms, signal);
  }

  defer(task: () => void): void {
    this.#world.defer(task);
  }

  /** Sets the wall clock forward, or back by a negative number. The monotonic clock takes no notice. */
  jumpWall(byMs: number): void {
    this.#wallAheadMs += byMs;
  }

  /** A clock in the same virtual time with a wall clock of its own, for another region of one world. */
  beside(options: { readonly wallAheadMs: number }): VirtualClock {
    return new VirtualClock(this.wallMs() + options.wallAheadMs, this.#world);
  }

  /** Lets `ms` pass, waking who is due on the way. */
  async advance(ms: number): Promise<void> {
    await this.#world.advanceTo(this.#world.nowMs + ms);
  }

  /** Runs what is ready, and what that makes ready, without time passing. */
  async settle(): Promise<void> {
    await this.#world.settle();
  }

  /** Goes from sleeper to sleeper until nobody sleeps, for `limitMs` at most: who sleeps in a loop never ends. */
  async runUntilIdle(limitMs = 3_600_000): Promise<void> {
    const endMs = this.#world.nowMs + limitMs;
    await this.#world.settle();
    for (let dueMs = this.#world.nextDueMs; dueMs !== undefined; dueMs = this.#world.nextDueMs) {
      if (dueMs > endMs) break;
      await this.#world.advanceTo(dueMs);
    }
  }

  /** Goes from sleeper to sleeper until `promise` is settled. Throws when `limitMs` pass, or nobody sleeps. */
  async runUntilSettled<T>(promise: Promise<T>, limitMs = 3_600_000): Promise<T> {
    const seen = { settled: false };
    const mark = (): void => {
      seen.settled = true;
    };
    promise.then(mark, mark);
    const endMs = this.#world.nowMs + limitMs;
    await this.#world.settle();
    while (!seen.settled) {
      const dueMs = this.#world.nextDueMs;
      if (dueMs === undefined)
        throw new AssertionError('nobody sleeps, and the promise is pending');
      if (dueMs > endMs) throw new AssertionError(`the promise is pending after ${limitMs} ms`);
      await this.#world.advanceTo(dueMs);
    }
    return promise;
  }
}

/** Runs a task once everything that is ready has run, tasks in the order in which they were given. */
type Turns = (task: () => void) => void;

/**
 * Turns of the event loop, without the loop: it costs more than most of what runs in one. Whatever waits for real input
 * does not go on meanwhile, but for now and then.
 */
function quickTurns(): Turns {
  const tasks: (() => void)[] = [];
  let isRunning = false;
  let turns = 0;
  const next = (): void => {
    turns += 1;
    // A tick that a microtask asks for comes when no microtask is left.
    if (turns % TURNS_PER_LOOP === 0) setImmediate(run);
    else queueMicrotask(() => process.nextTick(run));
  };
  const run = (): void => {
    const task = tasks.shift();
    task?.();
    if (tasks.length > 0) next();
    else isRunning = false;
  };
  return (task) => {
    tasks.push(task);
    if (isRunning) return;
    isRunning = true;
    next();
  };
}

const TURNS_PER_LOOP = 10_000;

const loopTurns: Turns = (task) => {
  setImmediate(task);
};

/** What all clocks of one virtual time share. */
class World {
  nowMs = 0;
  readonly #turns: Turns;
  /** By due time; of equals the earlier first. */
  readonly #timers: Timer[] = [];
  #deferred = 0;

  constructor(turns: Turns) {
    this.#turns = turns;
  }

  get nextDueMs(): number | undefined {
    return this.#timers[0]?.dueMs;
  }

  defer(task: () => void): void {
    this.#deferred++;
    this.#turns(() => {
      this.#deferred--;
      task();
    });
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted === true) {
        resolve();
        return;
      }
      if (ms <= 0) {
        this.defer(resolve);
        return;
      }
      const cancel = (): void => {
        this.#timers.splice(this.#timers.indexOf(timer), 1);
        resolve();
      };
      const timer: Timer = {
        dueMs: this.nowMs + ms,
        fire: () => {
          signal?.removeEventListener('abort', cancel);
          resolve();
        },
      };
      // As many as there are may wait for one end: Node takes more than ten for a leak.
      if (signal !== undefined) setMaxListeners(0, signal);
      signal?.addEventListener('abort', cancel, { once: true });
      this.#insert(timer);
    });
  }

  async settle(): Promise<void> {
    let turns = 0;
    do {
      if (++turns > SETTLE_TURNS_MAX) throw new AssertionError('deferred tasks never end');
      await new Promise<void>((resolve) => {
        this.#turns(resolve);
      });
    } while (this.#deferred > 0);
  }

  async advanceTo(endMs: number): Promise<void> {
    await this.settle();
    for (let timer = this.#timers[0]; timer !== undefined; timer = this.#timers[0]) {
      if (timer.dueMs > endMs) break;
      this.#timers.shift();
      this.nowMs = Math.max(this.nowMs, timer.dueMs);
      timer.fire();
      await this.settle();
    }
    this.nowMs = Math.max(this.nowMs, endMs);
  }

  #insert(timer: Timer): void {
    let at = this.#timers.length;
    while (at > 0 && (this.#timers[at - 1]?.dueMs ?? 0) > timer.dueMs) at--;
    this.#timers.splice(at, 0, timer);
  }
}
