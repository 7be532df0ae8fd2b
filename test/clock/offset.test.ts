import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OffsetWindow, type OffsetSample } from '../../src/clock/offset.ts';

const TRUE_OFFSET_MS = 1_700_000_000_000;

interface Exchange {
  readonly sentMs: number;
  readonly outMs: number;
  readonly heldMs: number;
  readonly backMs: number;
}

/** What the two sides read when the ways there and back take so long. */
function sampleOf({ sentMs, outMs, heldMs, backMs }: Exchange, offsetMs: number): OffsetSample {
  return {
    sentMonotonicMs: sentMs,
    peerReceivedWallMs: Math.floor(sentMs + outMs + offsetMs),
    peerAnsweredWallMs: Math.floor(sentMs + outMs + heldMs + offsetMs),
    returnedMonotonicMs: sentMs + outMs + heldMs + backMs,
  };
}

const exchange = (sentMs: number, outMs: number, backMs: number): Exchange => ({
  sentMs,
  outMs,
  heldMs: 1,
  backMs,
});

test('a way that takes equally long both ways gives the offset exactly', () => {
  const window = new OffsetWindow();
  window.add(sampleOf(exchange(100, 40, 40), TRUE_OFFSET_MS));
  expect(window.estimate(181)).toEqual({ offsetMs: TRUE_OFFSET_MS, errorMs: 41 });
});

test('nothing measured, or nothing lately, is no estimate', () => {
  const window = new OffsetWindow();
  expect(window.estimate(0)).toBeUndefined();
  window.add(sampleOf(exchange(0, 5, 5), TRUE_OFFSET_MS));
  expect(window.estimate(60_000)).toBeDefined();
  expect(window.estimate(60_012)).toBeUndefined();
});

test('the sample with the shortest way counts', () => {
  const window = new OffsetWindow();
  window.add(sampleOf(exchange(0, 90, 10), TRUE_OFFSET_MS));
  window.add(sampleOf(exchange(1000, 2, 2), TRUE_OFFSET_MS));
  window.add(sampleOf(exchange(2000, 10, 90), TRUE_OFFSET_MS));
  expect(window.estimate(2101)?.offsetMs).toBe(TRUE_OFFSET_MS);
  expect(window.estimate(2101)?.errorMs).toBeLessThan(4);
});

test('a peer whose clock is set is followed at once', () => {
  const window = new OffsetWindow();
  window.add(sampleOf(exchange(0, 2, 2), TRUE_OFFSET_MS));
  window.add(sampleOf(exchange(1000, 30, 30), TRUE_OFFSET_MS + 5000));
  expect(window.estimate(1061)?.offsetMs).toBe(TRUE_OFFSET_MS + 5000);
});

test('a sample in which the peer went back in time is left out', () => {
  const window = new OffsetWindow();
  window.add({
    sentMonotonicMs: 0,
    peerReceivedWallMs: 5000,
    peerAnsweredWallMs: 4000,
    returnedMonotonicMs: 10,
  });
  expect(window.estimate(10)).toBeUndefined();
});

test('the truth is always within the error, however uneven the ways', () => {
  const way = fc.double({ min: 0, max: 2000, noNaN: true });
  const exchanges = fc.array(
    fc.record({
      pauseMs: fc.double({ min: 0, max: 5000, noNaN: true }),
      out: way,
      held: way,
      back: way,
    }),
    { minLength: 1, maxLength: 40 },
  );
  const offset = fc.double({ min: -1e6, max: 2e12, noNaN: true });
  fc.assert(
    fc.property(exchanges, offset, (story, offsetMs) => {
      const window = new OffsetWindow();
      let nowMs = 0;
      for (const { pauseMs, out, held, back } of story) {
        const sentMs = nowMs + pauseMs;
        window.add(sampleOf({ sentMs, outMs: out, heldMs: held, backMs: back }, offsetMs));
        nowMs = sentMs + out + held + back;
        const estimate = window.estimate(nowMs);
        expect(estimate).toBeDefined();
        if (estimate === undefined) return;
        expect(Math.abs(estimate.offsetMs - offsetMs)).toBeLessThanOrEqual(
          estimate.errorMs + 0.001,
        );
      }
    }),
  );
});
