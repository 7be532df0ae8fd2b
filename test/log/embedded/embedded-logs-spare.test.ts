import { expect, test } from 'vitest';

import { gatherLookMs, type GroupObservation } from '../../../src/log/embedded/zone-log.ts';
import type { AppendOutcome } from '../../../src/log/replicated-log.ts';
import { LogRegion, LogWriter, readAll } from '../../support/log-region.ts';

const spareGatherMs = 5;

/** A region whose last zone gathers, with groups that take a millisecond each, and how many each zone has written. */
async function openWithSpare() {
  const region = new LogRegion(1, 1);
  const groups = { a: 0, b: 0, c: 0 };
  const observe = ({ zone }: GroupObservation): void => {
    groups[zone] += 1;
  };
  const logs = await region.open({ spareGatherMs, observe });
  const writer = new LogWriter(logs.log(0));
  await region.clock.runUntilSettled(writer.open());
  return { region, logs, writer, groups };
}

/** One append a millisecond. */
async function appendMany(
  { region, writer }: Awaited<ReturnType<typeof openWithSpare>>,
  count: number,
): Promise<readonly AppendOutcome[]> {
  const outcomes: AppendOutcome[] = [];
  for (let at = 0; at < count; at += 1) {
    void writer.append(`value ${at}`).then((outcome) => outcomes.push(outcome));
    await region.clock.advance(1);
  }
  await region.clock.advance(20);
  return outcomes;
}

test('the last zone has fewer groups while both others take writes, and all of it in the end', async () => {
  const world = await openWithSpare();
  const before = { ...world.groups };
  expect(await appendMany(world, 100)).toEqual(Array.from({ length: 100 }, () => 'durable'));
  expect(world.groups.a - before.a).toBeGreaterThan(30);
  expect(world.groups.c - before.c).toBeLessThan((world.groups.a - before.a) / 2);
  expect(world.logs.zonePosition('c', 0)).toBe(101);
  await world.region.clock.runUntilSettled(world.logs.stop());
});

test('the last zone gathers nothing while another one is away: it is waited for', async () => {
  const world = await openWithSpare();
  await world.region.clock.runUntilSettled(world.logs.stopZone('a'));
  const before = { ...world.groups };
  expect(await appendMany(world, 100)).toEqual(Array.from({ length: 100 }, () => 'durable'));
  expect(world.groups.c - before.c).toBeGreaterThan((world.groups.b - before.b) * 0.8);
  await world.region.clock.runUntilSettled(world.logs.stop());
});

test('what is acknowledged while the last zone gathers survives a power cut and the loss of another zone', async () => {
  const world = await openWithSpare();
  const acknowledged: string[] = [];
  const isBehind = (): boolean => world.logs.zonePosition('c', 0) < world.logs.zonePosition('b', 0);
  for (let at = 0; at < 50 || (!isBehind() && at < 80); at += 1) {
    const value = `value ${at}`;
    void world.writer
      .append(value)
      .then((outcome) => outcome === 'durable' && acknowledged.push(value));
    await world.region.clock.advance(1);
  }
  expect(isBehind()).toBe(true);
  world.region.powerCut();
  const again = await world.region.open({ except: ['a'] });
  const entries = await world.region.clock.runUntilSettled(readAll(again.log(0)));
  const found = entries.map(({ payload }) => Buffer.from(payload).toString());
  expect(acknowledged.length).toBeGreaterThan(30);
  expect(found).toEqual(expect.arrayContaining(acknowledged));
  await world.region.clock.runUntilSettled(again.stop());
});

test('a pause of the last zone ends soon when another disk stalls', async () => {
  const region = new LogRegion(1, 1);
  const logs = await region.open({ spareGatherMs: 500 });
  const writer = new LogWriter(logs.log(0));
  await region.clock.runUntilSettled(writer.open());
  await region.clock.advance(gatherLookMs);
  region.disks.b.setLatencyMs(1000);
  const fromMs = region.clock.monotonicMs();
  expect(await region.clock.runUntilSettled(writer.append('while b stalls'))).toBe('durable');
  // Two looks, and what zone c takes for its group.
  expect(region.clock.monotonicMs() - fromMs).toBeLessThanOrEqual(2 * gatherLookMs + 5);
  region.disks.b.setLatencyMs(1);
  await region.clock.runUntilSettled(logs.stop());
});
