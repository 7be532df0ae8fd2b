import type { Clock } from '../base/clock.ts';

/** Pauses after looks that failed: doubled from the first to the last. */
const firstPauseMs = 500;
const lastPauseMs = 15_000;

export interface Look {
  /** Aborted by `stop`: the look is to end soon, with an error or without. */
  readonly signal: AbortSignal;
  /** Whoever waits for this look need not wait for its end. */
  readonly underWay: () => void;
}

export interface UpkeepOptions {
  readonly clock: Clock;
  /** Does what is due. Resolves with after how long to look again; with undefined to look when it is woken. */
  readonly look: (look: Look) => Promise<number | undefined>;
  /** Told of each look that failed. Returns whether to look again without being asked to. */
  readonly onFailure: (error: unknown) => boolean;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Keeps one thing as it should be, in the background: looks after it, one look at a time, until it is stopped. A look
 * that fails is repeated after a pause. No error gets out of it but to whoever asked for that look.
 */
export class Upkeep {
  readonly #options: UpkeepOptions;
  #run: AbortController | undefined;
  #loop: Promise<void> = Promise.resolve();
  #isWoken = false;
  #endPause: () => void = () => {};
  #waiters: Waiter[] = [];

  constructor(options: UpkeepOptions) {
    this.#options = options;
  }

  get isRunning(): boolean {
    return this.#run !== undefined;
  }

  /** Begins, or looks once more. Resolves or rejects as that look does; resolves when it is stopped before. */
  async start(): Promise<void> {
    const looked = new Promise<void>((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
    });
    if (this.#run === undefined) {
      const run = new AbortController();
      this.#run = run;
      const before = this.#loop;
      this.#loop = before.then(async () => this.#keep(run.signal));
    } else this.wake();
    return looked;
  }

  /** Something may be due. */
  wake(): void {
    this.#isWoken = true;
    this.#endPause();
  }

  /** Resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.#run?.abort();
    this.#run = undefined;
    this.#endPause();
    await this.#loop;
    for (const { resolve } of this.#waiters.splice(0)) resolve();
  }

  async #keep(signal: AbortSignal): Promise<void> {
    let failures = 0;
    const isOver = (): boolean => signal.aborted;
    while (!isOver()) {
      this.#isWoken = false;
      const waiters = this.#waiters.splice(0);
      const underWay = (): void => {
        for (const { resolve } of waiters) resolve();
      };
      let againMs: number | undefined;
      try {
        againMs = await this.#options.look({ signal, underWay });
        failures = 0;
        underWay();
      } catch (error) {
        for (const { reject } of waiters) reject(error);
        failures += 1;
        const isAgain = isOver() || this.#options.onFailure(error);
        againMs = isAgain ? pauseAfterMs(failures) : undefined;
        // Whoever fails and is woken again and again must not keep everything busy.
        await this.#options.clock.sleep(firstPauseMs, signal);
      }
      if (!isOver()) await this.#pause(againMs);
    }
  }

  async #pause(ms: number | undefined): Promise<void> {
    if (this.#isWoken) return;
    const ended = new AbortController();
    const woken = new Promise<void>((resolve) => {
      this.#endPause = () => {
        ended.abort();
        resolve();
      };
    });
    await (ms === undefined ? woken : this.#options.clock.sleep(ms, ended.signal));
    this.#endPause = () => {};
  }
}

const pauseAfterMs = (failures: number): number =>
  Math.min(lastPauseMs, firstPauseMs * 2 ** (failures - 1));
