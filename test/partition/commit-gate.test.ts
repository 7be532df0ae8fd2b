import { expect, test } from 'vitest';

import {
  CommitGate,
  gateHeldMs,
  gateWaitMs,
  gateWritersMin,
  hastyGroups,
  manyWriters,
} from '../../src/partition/commit-gate.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** A gate, and what it has opened for: how many writers each time. */
function gateOf() {
  const clock = new VirtualClock();
  const gate = new CommitGate(clock);
  const opened: number[] = [];
  let waiting = 0;
  const flush = (): void => {
    opened.push(waiting);
    gate.sent(waiting);
    waiting = 0;
  };
  const come = (writers: number): void => {
    for (let writer = 0; writer < writers; writer += 1) {
      waiting += 1;
      gate.wait(flush);
    }
  };
  return { clock, gate, opened, come };
}

/** A gate that has seen so many writers at once, all of whom were answered. */
async function gateUsedBy(writers: number) {
  const world = gateOf();
  world.come(writers);
  await world.clock.advance(10);
  expect(world.opened).toEqual([writers]);
  world.gate.ended(writers);
  world.opened.length = 0;
  return world;
}

test('who writes alone never waits', async () => {
  const { clock, gate, opened, come } = gateOf();
  for (let write = 0; write < 5; write += 1) {
    come(1);
    await clock.settle();
    gate.ended(1);
  }
  expect(opened).toEqual([1, 1, 1, 1, 1]);
  expect(clock.monotonicMs()).toBe(0);
});

test('of fewer than some writers none waits for another', async () => {
  const { clock, opened, come } = gateOf();
  come(gateWritersMin - 1);
  await clock.settle();
  come(1);
  await clock.settle();
  expect(opened).toEqual([gateWritersMin - 1]);
});

test('most of those who were at it come before a group is closed, and no time need pass', async () => {
  const { clock, opened, come } = await gateUsedBy(16);
  const sinceMs = clock.monotonicMs();
  come(13);
  await clock.settle();
  expect(opened).toEqual([]);
  come(1);
  await clock.settle();
  expect(opened).toEqual([14]);
  expect(clock.monotonicMs()).toBe(sinceMs);
});

test('where the others do not come again nobody waits longer than the limit, and the next nobody for them', async () => {
  const { clock, gate, opened, come } = await gateUsedBy(16);
  come(5);
  await clock.advance(gateWaitMs / 2);
  expect(opened).toEqual([]);
  await clock.advance(gateWaitMs / 2);
  expect(opened).toEqual([5]);
  gate.ended(5);
  come(5);
  await clock.settle();
  expect(opened).toEqual([5, 5]);
});

test('after a group that waited in vain some wait for nobody, and then one does again', async () => {
  const { clock, gate, opened, come } = await gateUsedBy(16);
  come(5);
  await clock.advance(gateWaitMs);
  gate.ended(5);
  for (let group = 0; group < hastyGroups; group += 1) {
    come(6);
    await clock.settle();
    come(6);
    await clock.settle();
    gate.ended(12);
    opened.length = 0;
  }
  come(6);
  await clock.settle();
  expect(opened).toEqual([]);
  come(6);
  await clock.settle();
  expect(opened).toEqual([12]);
});

test('where many write at once it is not in vain that only some of them came in time', async () => {
  const { clock, gate, opened, come } = await gateUsedBy(manyWriters * 2);
  come(manyWriters);
  await clock.advance(gateWaitMs);
  gate.ended(manyWriters);
  come(manyWriters / 2);
  await clock.settle();
  expect(opened).toEqual([manyWriters]);
});

test('who comes while a time limit of others runs has a whole one', async () => {
  const { clock, gate, opened, come } = await gateUsedBy(16);
  come(5);
  await clock.advance(gateWaitMs / 2);
  come(11);
  await clock.settle();
  expect(opened).toEqual([16]);
  gate.ended(16);
  come(5);
  await clock.advance(gateWaitMs * 0.75);
  expect(opened).toEqual([16]);
  await clock.advance(gateWaitMs * 0.25);
  expect(opened).toEqual([16, 5]);
});

test('while others are on their way into a log nobody goes behind them, until they were answered and had time to come again', async () => {
  const { clock, gate, opened, come } = gateOf();
  come(16);
  await clock.settle();
  come(3);
  await clock.advance(gateWaitMs * 3);
  expect(opened).toEqual([16]);
  gate.ended(16);
  await clock.advance(gateWaitMs / 2);
  expect(opened).toEqual([16]);
  await clock.advance(gateWaitMs / 2);
  expect(opened).toEqual([16, 3]);
});

test('a log that does not answer is not waited for long', async () => {
  const { clock, opened, come } = gateOf();
  come(16);
  await clock.settle();
  come(3);
  await clock.advance(gateHeldMs - 1);
  expect(opened).toEqual([16]);
  await clock.advance(1);
  expect(opened).toEqual([16, 3]);
});

test('writers that are gone are forgotten, group by group', async () => {
  const { clock, gate, opened, come } = await gateUsedBy(16);
  for (let round = 0; round < 20; round += 1) {
    come(14);
    await clock.settle();
    gate.ended(14);
  }
  expect(opened).toHaveLength(20);
  come(12);
  await clock.settle();
  expect(opened).toHaveLength(21);
});

test('partitions that wait together are closed together, each once', async () => {
  const clock = new VirtualClock();
  const gate = new CommitGate(clock);
  const closed: string[] = [];
  const [one, other] = [(): void => void closed.push('one'), (): void => void closed.push('other')];
  for (const flush of [one, other, one]) gate.wait(flush);
  await clock.settle();
  expect(closed).toEqual(['one', 'other']);
});
