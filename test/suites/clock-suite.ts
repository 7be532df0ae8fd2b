import { describe, expect, test } from 'vitest';
import { type Clock, yieldTo } from '../../src/base/clock.ts';

export interface ClockAdapter {
  readonly clock: Clock;
  /** Lets that much time pass, really or not. */
  readonly pass: (ms: number) => Promise<void>;
}

/** What every `Clock` promises. */
export function clockSuite(name: string, open: () => ClockAdapter): void {
  describe(`the clock contract: ${name}`, () => {
    test('the wall clock shows a date of our time, in milliseconds', () => {
      const wallMs = open().clock.wallMs();
      expect(wallMs).toBeGreaterThan(Date.UTC(2020, 0, 1));
      expect(wallMs).toBeLessThan(Date.UTC(2248, 0, 1));
    });

    test('the monotonic clock never goes back, and goes on', async () => {
      const { clock, pass } = open();
      const firstMs = clock.monotonicMs();
      let lastMs = firstMs;
      for (let round = 0; round < 1000; round++) {
        const nowMs = clock.monotonicMs();
        expect(nowMs).toBeGreaterThanOrEqual(lastMs);
        lastMs = nowMs;
      }
      await pass(5);
      expect(clock.monotonicMs()).toBeGreaterThanOrEqual(firstMs + 5);
    });

    test('a sleep never ends early', async () => {
      const { clock, pass } = open();
      for (const ms of [1, 3, 7.5]) {
        const startMs = clock.monotonicMs();
        const sleep = clock.sleep(ms);
        await pass(ms);
        await sleep;
        expect(clock.monotonicMs() - startMs).toBeGreaterThanOrEqual(ms);
      }
    });

    test('a sleep of nothing, or of less, ends by itself', async () => {
      const { clock } = open();
      await expect(clock.sleep(0)).resolves.toBeUndefined();
      await expect(clock.sleep(-5)).resolves.toBeUndefined();
    });

    test('a shorter sleep ends before a longer one', async () => {
      const { clock, pass } = open();
      const woken: string[] = [];
      const long = clock.sleep(30).then(() => woken.push('long'));
      const short = clock.sleep(2).then(() => woken.push('short'));
      await pass(30);
      await Promise.all([long, short]);
      expect(woken).toEqual(['short', 'long']);
    });

    test('an abort wakes a sleeper at once, without an error', async () => {
      const { clock } = open();
      const abort = new AbortController();
      const sleep = clock.sleep(60 * 86_400_000, abort.signal);
      abort.abort();
      await expect(sleep).resolves.toBeUndefined();
    });

    test('a sleep under an aborted signal ends at once', async () => {
      const sleep = open().clock.sleep(86_400_000, AbortSignal.abort());
      await expect(sleep).resolves.toBeUndefined();
    });

    test('an abort after the sleep changes nothing', async () => {
      const { clock, pass } = open();
      const abort = new AbortController();
      const sleep = clock.sleep(1, abort.signal);
      await pass(1);
      await expect(sleep).resolves.toBeUndefined();
      abort.abort();
      await expect(sleep).resolves.toBeUndefined();
    });

    test('a sleep longer than 2^31 ms does not end at once', async () => {
      const { clock, pass } = open();
      const abort = new AbortController();
      let awake = false;
      const sleeper = async (): Promise<void> => {
        await clock.sleep(2 ** 31 + 1000, abort.signal);
        awake = true;
      };
      const sleep = sleeper();
      await pass(20);
      expect(awake).toBe(false);
      abort.abort();
      await sleep;
    });

    test('deferred tasks run in order, after what is ready now', async () => {
      const { clock } = open();
      const ran: string[] = [];
      clock.defer(() => {
        ran.push('first deferred');
        clock.defer(() => ran.push('deferred by the first'));
      });
      clock.defer(() => ran.push('second deferred'));
      ran.push('synchronous');
      await Promise.resolve().then(() => ran.push('ready'));
      await yieldTo(clock);
      await yieldTo(clock);
      expect(ran).toEqual([
        'synchronous',
        'ready',
        'first deferred',
        'second deferred',
        'deferred by the first',
      ]);
    });
  });
}
