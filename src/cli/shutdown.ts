import { EXIT } from './exit-code.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** One key press may arrive twice, from the terminal and from npm; a second wish comes later than this. */
const SAME_WISH_MS = 50;

/** What asks the process to stop: the first wish stops in order, a second one exits at once. */
export class Shutdown {
  /** Resolves with the first wish. */
  readonly requested: Promise<void>;
  readonly #onSignal = (): void => this.request();
  readonly #now: () => number;
  readonly #exit: (code: number) => void;
  #resolve: (() => void) | undefined;
  #firstMs: number | undefined;

  /** `now` counts milliseconds; `exit` ends the process. */
  constructor({
    now,
    exit,
  }: {
    readonly now: () => number;
    readonly exit: (code: number) => void;
  }) {
    this.#now = now;
    this.#exit = exit;
    this.requested = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  get isRequested(): boolean {
    return this.#firstMs !== undefined;
  }

  listen(): void {
    for (const signal of SIGNALS) process.on(signal, this.#onSignal);
  }

  /** As a signal does. */
  request(): void {
    const nowMs = this.#now();
    if (this.#firstMs === undefined) {
      this.#firstMs = nowMs;
      this.#resolve?.();
    } else if (nowMs - this.#firstMs > SAME_WISH_MS) {
      this.#exit(EXIT.interrupted);
    }
  }
}
