/**
 * Time as a port. Nothing below the adapters reads the system's time or waits on it, so that a
 * simulated world can run the same core in virtual time.
 */
export interface Clock {
  /** Wall time in milliseconds since 1970, as the machine believes it. It may jump either way. */
  wallMs(): number;
  /** Milliseconds since some fixed moment, fractional, never going back. For durations and leases. */
  monotonicMs(): number;
  /** Resolves after at least `ms`; resolves early, without error, when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /**
   * Runs `task` after whatever is ready now has run: where a long run gives way to others, and
   * where work of one moment gathers. Tasks run in the order in which they were given.
   */
  defer(task: () => void): void;
}

/** Why a sleep that nobody waits for any more is ended: without a reason each `abort` makes an error with its stack. */
export const WOKEN = 'woken';

/** Gives way to whatever is ready; a long synchronous run calls it about every millisecond. */
export async function yieldTo(clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    clock.defer(resolve);
  });
}
