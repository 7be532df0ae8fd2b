import { expect, test } from 'vitest';

import { World, type WorldRegion } from '../support/replication-world.ts';

/** Two regions with so much between them that nothing else counts. */
async function farApart(): Promise<{ readonly world: World; readonly source: WorldRegion }> {
  const world = new World({ names: ['a', 'b'], wallAheadMs: [0, 300] });
  await world.start();
  world.network.endpoint('a').links.set('b', { delayMs: 80 });
  world.network.endpoint('b').links.set('a', { delayMs: 80 });
  await world.clock.advance(5000);
  return { world, source: world.region('a') };
}

test("latency and lag count from the commit, a write's age from its version", async () => {
  const { world, source } = await farApart();
  for (const partition of source.partitions) partition.commitTakesMs = 30;
  source.put('x', '1');
  await world.clock.advance(60);
  expect(source.pending('b')?.ageMs).toBeCloseTo(30, 1);
  await world.clock.advance(1000);
  const { latenciesMs, writeAgesMs, clampedMs } = world.region('b');
  expect(latenciesMs).toHaveLength(1);
  expect(writeAgesMs).toHaveLength(1);
  expect(writeAgesMs[0]).toBeGreaterThanOrEqual(78);
  expect((writeAgesMs[0] ?? 0) - (latenciesMs[0] ?? 0)).toBeCloseTo(30);
  expect(clampedMs).toBe(0);
  await world.stop();
});

test("where the commit's time is not known the version's stands in", async () => {
  const { world, source } = await farApart();
  for (const partition of source.partitions) {
    partition.commitTakesMs = 30;
    partition.knowsCommits = false;
  }
  source.put('x', '1');
  await world.clock.advance(60);
  expect(source.pending('b')?.ageMs).toBeCloseTo(60, 1);
  await world.clock.advance(1000);
  const { latenciesMs, writeAgesMs } = world.region('b');
  expect(latenciesMs).toHaveLength(1);
  expect(latenciesMs).toEqual(writeAgesMs);
  await world.stop();
});

test('by how much a latency is below zero is counted', async () => {
  const { world, source } = await farApart();
  for (const partition of source.partitions) partition.commitTakesMs = 100;
  source.put('x', '1');
  await world.clock.advance(1000);
  const { latenciesMs, writeAgesMs, clampedMs } = world.region('b');
  expect(latenciesMs).toEqual([0]);
  expect(clampedMs).toBeCloseTo(100 - (writeAgesMs[0] ?? 0));
  expect(clampedMs).toBeGreaterThan(10);
  await world.stop();
});
