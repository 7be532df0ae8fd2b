/** Lets one through at a time, in the order in which they come. */
export class Turnstile {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs the task when all before it have ended; never, when `signal` aborts before that. */
  async pass(signal: AbortSignal, task: () => Promise<void>): Promise<void> {
    const before = this.#last;
    const passing = passAfter(before, signal, task);
    this.#last = Promise.allSettled([before, passing]);
    return passing;
  }
}

async function passAfter(
  before: Promise<unknown>,
  signal: AbortSignal,
  task: () => Promise<void>,
): Promise<void> {
  await orAborted(before, signal);
  if (!signal.aborted) await task();
}

/** Resolves when the promise is settled or the signal aborts. What the promise rejects with is its owner's matter. */
export async function orAborted(promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const over = new AbortController();
  const aborted = new Promise<void>((resolve) => {
    signal.addEventListener(
      'abort',
      () => {
        resolve();
      },
      { once: true, signal: over.signal },
    );
  });
  await Promise.race([promise.catch(() => {}), aborted]);
  over.abort();
}
