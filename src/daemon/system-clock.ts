import { setMaxListeners } from 'node:events';

import type { Clock } from '../base/clock.ts';

/** The longest wait that one of Node's timers takes; a longer one would fire at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** The machine's own time: `Date`, `performance` and the event loop's timers. */
export class SystemClock implements Clock {
  wallMs(): number {
    return Date.now();
  }

  monotonicMs(): number {
    return performance.now();
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted === true) {
        resolve();
        return;
      }
      const endMs = performance.now() + ms;
      let timer: NodeJS.Timeout;
      const finish = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', finish);
        resolve();
      };
      // A timer counts whole milliseconds from the start of its turn, so that it may fire a little early.
      const wait = (): void => {
        const leftMs = endMs - performance.now();
        if (leftMs <= 0) finish();
        else timer = setTimeout(wait, Math.min(Math.ceil(leftMs), TIMER_MS_MAX));
      };
      timer = setTimeout(wait, Math.min(Math.max(ms, 0), TIMER_MS_MAX));
      if (signal === undefined) return;
      // As many as there are may wait for one end: Node takes more than ten for a leak.
      setMaxListeners(0, signal);
      signal.addEventListener('abort', finish, { once: true });
    });
  }

  defer(task: () => void): void {
    setImmediate(task);
  }
}
