import fc from 'fast-check';
import { expect, test } from 'vitest';
import { VERDICT_MS, WallJudge, type WallState } from '../../src/clock/wall-judge.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const START_MS = 1_700_000_000_000;

interface Setting {
  readonly clock: VirtualClock;
  readonly judge: WallJudge;
  readonly kinds: WallState['kind'][];
  /** Tells the judge that these peers' wall clocks stand so far from true time. */
  readonly measure: (peers: Readonly<Record<string, number>>, errorMs?: number) => void;
}

function setting(): Setting {
  const clock = new VirtualClock(START_MS);
  const kinds: WallState['kind'][] = [];
  const judge = new WallJudge(clock, (state) => kinds.push(state.kind));
  return {
    clock,
    judge,
    kinds,
    measure: (peers, errorMs = 5) => {
      for (const [peer, aheadMs] of Object.entries(peers)) {
        judge.peerOffset(peer, { offsetMs: START_MS + aheadMs, errorMs });
      }
    },
  };
}

test('a wall clock that goes with the monotonic clock is the time', async () => {
  const { clock, judge, kinds } = setting();
  for (let hour = 1; hour < 5; hour++) {
    await clock.advance(3_600_000);
    expect(judge.believedMs()).toBe(START_MS + hour * 3_600_000);
  }
  expect(kinds).toEqual([]);
});

test('a step within the tolerance is taken for an adjustment', () => {
  const { clock, judge } = setting();
  clock.jumpWall(-400);
  expect(judge.believedMs()).toBe(START_MS - 400);
  expect(judge.state.kind).toBe('believed');
});

test('after a jump either way time goes on by the monotonic clock, with an alarm', async () => {
  for (const jumpMs of [401, -401, 3_600_000, -3_600_000]) {
    const { clock, judge, kinds } = setting();
    clock.jumpWall(jumpMs);
    expect(judge.believedMs()).toBe(START_MS);
    expect(judge.state).toEqual({ kind: 'jumped', byMs: jumpMs });
    await clock.advance(250);
    expect(judge.believedMs()).toBe(START_MS + 250);
    expect(kinds).toEqual(['jumped']);
  }
});

test('a wall clock that is set back to where it belongs is believed again', async () => {
  const { clock, judge, kinds } = setting();
  clock.jumpWall(60_000);
  judge.believedMs();
  await clock.advance(5000);
  clock.jumpWall(-59_990);
  expect(judge.believedMs()).toBe(START_MS + 5010);
  expect(kinds).toEqual(['jumped', 'believed']);
});

test('two peers that agree show up a wall clock that never jumped', async () => {
  const { clock, judge, measure, kinds } = setting();
  measure({ b: 1000, c: 1100 });
  await clock.advance(200);
  expect(judge.believedMs()).toBe(START_MS + 200);
  expect(judge.state).toEqual({ kind: 'disagrees', byMs: -1000 });
  clock.jumpWall(900);
  expect(judge.believedMs()).toBe(START_MS + 1100);
  expect(kinds).toEqual(['disagrees', 'believed']);
});

test('a disagreement lasts while nobody says otherwise', async () => {
  const { clock, judge, measure } = setting();
  measure({ b: 1000, c: 1100 });
  judge.believedMs();
  await clock.advance(400_000);
  judge.believedMs();
  expect(judge.offsetOf('b')).toBeUndefined();
  expect(judge.state.kind).toBe('disagrees');
});

test('one peer proves nothing, nor do two that differ or stand on either side', () => {
  for (const peers of [
    { b: 5000 },
    { b: 5000, c: 9000 },
    { b: 5000, c: -5000 },
    { b: 10, c: 7000 },
  ]) {
    const { judge, measure } = setting();
    measure(peers);
    judge.believedMs();
    expect(judge.state.kind).toBe('believed');
  }
});

test('peers within the error of their measurement prove nothing', () => {
  const { judge, measure } = setting();
  measure({ b: 600, c: 620 }, 250);
  judge.believedMs();
  expect(judge.state.kind).toBe('believed');
  measure({ b: 600, c: 620 }, 10);
  judge.believedMs();
  expect(judge.state.kind).toBe('disagrees');
});

test('a peer that is none any more has no say', () => {
  const { judge, measure } = setting();
  measure({ b: 5000, c: 5000 });
  judge.forgetPeer('c');
  judge.believedMs();
  expect(judge.state.kind).toBe('believed');
});

test('two agreeing peers vouch for a wall clock that jumped rightly, as after a sleep', () => {
  const { clock, judge, measure, kinds } = setting();
  clock.jumpWall(3_600_000);
  judge.believedMs();
  measure({ b: 3_600_010, c: 3_599_990 });
  expect(judge.believedMs()).toBe(START_MS + 3_600_000);
  expect(kinds).toEqual(['jumped', 'believed']);
});

test('what was measured of peers before a jump speaks against it', () => {
  const { clock, judge, measure } = setting();
  measure({ b: 0, c: 0 });
  judge.believedMs();
  clock.jumpWall(3_600_000);
  expect(judge.believedMs()).toBe(START_MS);
  expect(judge.offsetOf('b')).toEqual({ offsetMs: -3_600_000, errorMs: 5 });
});

test('a pause between two readings is no jump, even if it happens twice', () => {
  const pausesMs: number[] = [];
  let timeMs = 0;
  const judge = new WallJudge({
    wallMs: () => {
      timeMs += pausesMs.shift() ?? 0;
      return START_MS + timeMs;
    },
    monotonicMs: () => timeMs,
    sleep: async () => {},
    defer: () => {},
  });
  pausesMs.push(2000, 3000);
  expect(judge.believedMs()).toBe(START_MS + 5000);
  expect(judge.state.kind).toBe('believed');
});

test('with two honest peers, time stays near the truth whatever the wall clock does', async () => {
  const jumps = fc.array(
    fc.tuple(
      fc.oneof(fc.integer({ min: -1e9, max: 1e9 }), fc.integer({ min: -900, max: 900 })),
      // Peers are asked about it no more often: until then only one jump that is too far shows.
      fc.integer({ min: VERDICT_MS, max: 3000 }),
    ),
    { maxLength: 30 },
  );
  await fc.assert(
    fc.asyncProperty(jumps, async (story) => {
      const { clock, judge, measure } = setting();
      for (const [jumpMs, pauseMs] of story) {
        measure({ b: 20, c: -20 }, 10);
        judge.believedMs();
        clock.jumpWall(jumpMs);
        await clock.advance(pauseMs);
        const apartMs = judge.believedMs() - (START_MS + clock.monotonicMs());
        // The tolerance, the peers' own skew and error, and what may have drifted since they were measured.
        expect(Math.abs(apartMs)).toBeLessThanOrEqual(400 + 20 + 10 + 10);
      }
    }),
  );
});
