import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HybridClock } from '../../src/clock/hybrid-clock.ts';
import { hybridTimeOf, TICKS_PER_MS, wallMsOf } from '../../src/clock/hybrid-time.ts';
import { WALL_TOLERANCE_MS, WallJudge } from '../../src/clock/wall-judge.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const START_MS = 1_700_000_000_000;

/** A hybrid clock over a time that tests set at will. */
function settable(): { clock: HybridClock; readonly set: (ms: number) => void } {
  let believedMs = START_MS;
  const clock = new HybridClock({ believedMs: () => believedMs });
  return { clock, set: (ms) => (believedMs = ms) };
}

test('a time is the first tick of its millisecond, and counts on within it', () => {
  const { clock, set } = settable();
  expect(clock.now()).toBe(START_MS * TICKS_PER_MS);
  expect(clock.now()).toBe(START_MS * TICKS_PER_MS + 1);
  set(START_MS + 1);
  expect(clock.now()).toBe((START_MS + 1) * TICKS_PER_MS);
});

test('a time set back makes the clock count ticks until it has caught up', () => {
  const { clock, set } = settable();
  const before = clock.now();
  set(START_MS - 60_000);
  expect(clock.now()).toBe(before + 1);
  expect(clock.aheadMs()).toBeCloseTo(60_000, 1);
  expect(clock.nowMs()).toBeCloseTo(START_MS, 1);
  set(START_MS + 5);
  expect(clock.now()).toBe(hybridTimeOf(START_MS + 5));
  expect(clock.aheadMs()).toBe(0);
});

test('a move forward is a floor for all later times, a move back nothing', () => {
  const { clock } = settable();
  const far = hybridTimeOf(START_MS + 1000);
  clock.moveTo(far);
  expect(clock.now()).toBe(far + 1);
  clock.moveTo(far - 500);
  expect(clock.now()).toBe(far + 2);
  expect(() => {
    clock.moveTo(0.5);
  }).toThrow('whole number');
});

test('looking at the time uses none up', () => {
  const { clock } = settable();
  const before = clock.now();
  expect(clock.nowMs()).toBe(START_MS);
  expect(clock.now()).toBe(before + 1);
});

type Step =
  | { readonly kind: 'pass' | 'jump'; readonly ms: number }
  | { readonly kind: 'moveTo'; readonly ms: number };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 5000 }) }),
    fc.record({ kind: fc.constant('jump' as const), ms: fc.integer({ min: -1e9, max: 1e9 }) }),
    fc.record({ kind: fc.constant('jump' as const), ms: fc.integer({ min: -600, max: 600 }) }),
    fc.record({ kind: fc.constant('moveTo' as const), ms: fc.integer({ min: -1e6, max: 1e6 }) }),
  ),
  { maxLength: 40 },
);

test('under any jumps of the wall clock, times strictly increase and are whole numbers', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (story) => {
      const system = new VirtualClock(START_MS);
      const clock = new HybridClock(new WallJudge(system));
      let last = 0;
      for (const step of story) {
        if (step.kind === 'pass') await system.advance(step.ms);
        else if (step.kind === 'jump') system.jumpWall(step.ms);
        else clock.moveTo(hybridTimeOf(START_MS + step.ms));
        for (let count = 0; count < 3; count++) {
          const time = clock.now();
          expect(Number.isSafeInteger(time)).toBe(true);
          expect(time).toBeGreaterThan(last);
          last = time;
        }
      }
    }),
  );
});

test('under any single jump, times stay with the monotonic clock within the tolerance', async () => {
  const jump = fc.integer({ min: -1e10, max: 1e10 });
  await fc.assert(
    fc.asyncProperty(jump, fc.array(fc.nat(10_000)), async (jumpMs, pausesMs) => {
      const system = new VirtualClock(START_MS);
      const clock = new HybridClock(new WallJudge(system));
      clock.now();
      system.jumpWall(jumpMs);
      for (const pauseMs of pausesMs) {
        await system.advance(pauseMs);
        // The allowance for drift lets a jump a little above the tolerance pass after a long silence.
        const allowedMs = WALL_TOLERANCE_MS + system.monotonicMs() / 1000 + 1;
        const apartMs = wallMsOf(clock.now()) - (START_MS + system.monotonicMs());
        expect(Math.abs(apartMs)).toBeLessThanOrEqual(allowedMs);
      }
    }),
  );
});

test('a clock whose wall clock never jumps shows wall time', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 100_000 })), async (pausesMs) => {
      const system = new VirtualClock(START_MS);
      const clock = new HybridClock(new WallJudge(system));
      for (const pauseMs of pausesMs) {
        await system.advance(pauseMs);
        expect(clock.now()).toBe(hybridTimeOf(system.wallMs()));
      }
    }),
  );
});
