import { rm } from 'node:fs/promises';

import { expect, test } from 'vitest';

import { EU, TestLab, type TestRegion, US } from '../support/test-lab.ts';
import { createGlobalTable, get, put, putMany, remove, untilEqual } from '../support/test-table.ts';
import { until } from '../support/until.ts';
import { keepWriting } from '../support/writers.ts';

/** The least that can be set. What is kept is a segment or two of 32 MB, as long as it is not more than this. */
const RETENTION_BYTES = 16 * 1024 * 1024;

const VALUE = 'x'.repeat(380_000);
const TEST_MS = 90_000;

const resyncsOf = async (region: TestRegion): Promise<number> => {
  const samples = await region.metric('tidemark_replication_resyncs_total');
  return samples.reduce((sum, { value }) => sum + value, 0);
};

test(
  'a peer that was away for longer than the log is kept is resynced, keeps its own writes and loses what was deleted',
  { timeout: TEST_MS },
  async () => {
    const lab = await TestLab.start([US, EU], { retention: { bytes: RETENTION_BYTES } });
    const [us, eu] = [lab.region(US), lab.region(EU)];
    await createGlobalTable(lab.regions);
    const ids = await putMany(us, { prefix: 'shared ', count: 40 });
    await untilEqual(lab.regions);
    expect(await resyncsOf(us)).toBe(0);

    lab.setLinks([US, EU], { up: false });
    for (const id of ids.slice(0, 20)) await remove(us, id);
    await putMany(eu, { prefix: 'of eu ', count: 20 });
    await put(eu, 'shared 5', 'after the delete');
    for (let at = 0; at < 200; at += 1) await put(us, `large ${at % 45}`, `${at} ${VALUE}`);
    await until(
      'the log to be trimmed',
      () => us.running.operations.zones().every(({ logBytes }) => Number(logBytes) < 50_000_000),
      { limitMs: 40_000, detail: () => us.running.operations.zones() },
    );

    const load = keepWriting([us, eu], { prefix: 'meanwhile' });
    lab.setLinks([US, EU], { up: true });
    await until('a resync', async () => (await resyncsOf(us)) > 0);
    await until('eu to have the last', async () => (await get(eu, 'large 44')) !== undefined);
    const meanwhile = await load.stop();
    const held = await untilEqual(lab.regions);
    expect(held.size).toBe(20 + 20 + 1 + 45 + meanwhile.size);
    expect(held.get('shared 5')).toBe('after the delete');
    expect(held.get('large 44')).toBe(`179 ${VALUE}`);
    await put(eu, 'later', 'from eu');
    await put(us, 'later too', 'from us');
    expect((await untilEqual(lab.regions)).size).toBe(held.size + 2);
  },
);

test('a region whose clock is far ahead, and one that follows it, both have their later writes win', async () => {
  const lab = await TestLab.start([US, EU]);
  const ahead = await TestLab.start([US, EU], { clock: { offsetMs: 3_600_000 } });
  for (const each of [lab, ahead]) {
    await createGlobalTable(each.regions);
    const [us, eu] = [each.region(US), each.region(EU)];
    for (let round = 0; round < 5; round += 1)
      for (const region of [us, eu]) {
        await put(region, 'in turn', `${region.name} ${round}`);
        const held = await untilEqual(each.regions);
        expect(held.get('in turn')).toBe(`${region.name} ${round}`);
      }
  }
});

test('a zone that is lost while its region receives is rebuilt, with all that came meanwhile', async () => {
  const lab = await TestLab.start([US, EU]);
  const [us, eu] = [lab.region(US), lab.region(EU)];
  await createGlobalTable(lab.regions);
  const load = keepWriting(lab.regions, { prefix: 'load' });
  for (const [region, zone] of [
    [eu, 'b'],
    [us, 'a'],
  ] as const) {
    await region.post(`/zones/${zone}/stop`);
    await rm(region.zonePath(zone), { recursive: true });
    const goal = load.answered.size + 200;
    await until('more writes', () => load.answered.size > goal);
    await region.post(`/zones/${zone}/start`);
    await region.untilZones('live');
  }
  const held = await load.stop();
  expect(await untilEqual(lab.regions)).toEqual(held);
  for (const [region, zones] of [
    [eu, ['a', 'c']],
    [us, ['b', 'c']],
  ] as const) {
    for (const zone of zones) await region.post(`/zones/${zone}/stop`);
    for (const [id, v] of held) expect(await get(region, id, { consistent: false })).toBe(v);
  }
});
