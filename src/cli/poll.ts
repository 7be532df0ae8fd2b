import { SystemClock } from '../daemon/system-clock.ts';

/**
 * Asks again and again until the answer is true. Rejects, naming `what` was waited for, after `limitMs`, and with
 * whatever `ask` rejects with.
 */
export async function poll(
  what: string,
  { limitMs, everyMs }: { readonly limitMs: number; readonly everyMs: number },
  ask: () => Promise<boolean>,
): Promise<void> {
  const clock = new SystemClock();
  const deadlineMs = clock.monotonicMs() + limitMs;
  while (!(await ask())) {
    if (clock.monotonicMs() > deadlineMs) {
      throw new Error(`waited ${limitMs / 1000} s for ${what}, in vain`);
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
