import { expect, test } from 'vitest';

import { AP, EU, TestLab, type TestRegion, US } from '../support/test-lab.ts';
import {
  changeReplica,
  createGlobalTable,
  createTable,
  describe,
  get,
  pendingRecords,
  put,
  putMany,
  remove,
  replicate,
  TABLE,
  untilEqual,
  untilMembers,
} from '../support/test-table.ts';
import { until } from '../support/until.ts';
import { keepWriting } from '../support/writers.ts';

const ALL: readonly string[] = [US, EU, AP];

/** By the source, in seconds; undefined when there is no sample. */
async function lagSeconds(source: TestRegion, target: string): Promise<number | undefined> {
  const samples = await source.metric('tidemark_replication_lag_seconds');
  return samples.find(({ labels }) => labels['target'] === target && labels['table'] === TABLE)
    ?.value;
}

const untilNoLag = async (source: TestRegion, target: string): Promise<void> => {
  await until(
    `no lag from ${source.name} to ${target}`,
    async () => (await lagSeconds(source, target)) === 0,
  );
};

test('with a link cut both sides take writes and lag rises; healed, they are equal and lag is 0', async () => {
  const lab = await TestLab.start([US, EU]);
  const [us, eu] = [lab.region(US), lab.region(EU)];
  await createGlobalTable(lab.regions);
  await untilNoLag(us, EU);
  await untilNoLag(eu, US);

  lab.setLinks([US, EU], { up: false });
  const load = keepWriting([us, eu], { prefix: 'cut' });
  const lags: number[] = [];
  await until('a lag of 3 seconds', async () => {
    const lag = (await lagSeconds(us, EU)) ?? -1;
    lags.push(lag);
    return lag > 3;
  });
  // Nothing is acknowledged meanwhile, so the oldest record only gets older.
  expect(lags).toEqual(lags.toSorted((a, b) => a - b));
  expect(await lagSeconds(eu, US)).toBeGreaterThan(1);
  const held = await load.stop();
  const written = await pendingRecords(us, { targets: [eu] });
  expect(written).toBe([...held.keys()].filter((id) => id.includes(US)).length);

  lab.setLinks([US, EU], { up: true });
  expect(await untilEqual(lab.regions)).toEqual(held);
  await untilNoLag(us, EU);
  await untilNoLag(eu, US);
});

test('a link that comes and goes under load loses nothing', async () => {
  const lab = await TestLab.start(ALL);
  await createGlobalTable(lab.regions);
  const load = keepWriting(lab.regions, { prefix: 'flicker' });
  for (let round = 1; round <= 10; round += 1) {
    lab.network.endpoint(EU).links.set(US, { up: round % 2 === 0 });
    lab.network.endpoint(US).links.set(EU, { up: round % 3 === 0 });
    lab.network.endpoint(AP).links.set(EU, { delayMs: round * 7 });
    const goal = load.answered.size + 60;
    await until('more writes', () => load.answered.size > goal);
  }
  for (const pair of [
    [US, EU],
    [AP, EU],
  ] as const)
    lab.setLinks(pair, { up: true, delayMs: 0 });
  const held = await load.stop();
  expect(await untilEqual(lab.regions)).toEqual(held);
});

test('there is no lag before the first contact, 0 once there is, and a stopped peer makes it rise', async () => {
  const lab = await TestLab.start([US, EU]);
  const [us, eu] = [lab.region(US), lab.region(EU)];
  await createGlobalTable(lab.regions);
  await untilNoLag(us, EU);
  await eu.stop();
  await put(us, 'one', '1');
  await until('lag to rise', async () => ((await lagSeconds(us, EU)) ?? 0) > 0.5);

  await us.stop();
  await us.start();
  expect(await lagSeconds(us, EU)).toBeUndefined();
  await put(us, 'two', '2');
  expect(await lagSeconds(us, EU)).toBeUndefined();

  await eu.start();
  expect((await untilEqual(lab.regions)).size).toBe(2);
  await untilNoLag(us, EU);
});

test('a region that was stopped for a while gets all that it missed, and the others what it had', async () => {
  const lab = await TestLab.start(ALL);
  const [us, eu, ap] = [lab.region(US), lab.region(EU), lab.region(AP)];
  await createGlobalTable(lab.regions);
  lab.setLinks([EU, US], { up: false });
  lab.setLinks([EU, AP], { up: false });
  await putMany(eu, { prefix: 'unshipped ', count: 40 });
  await eu.post('/region/stop');
  await putMany(us, { prefix: 'missed ', count: 200 });
  await putMany(ap, { prefix: 'missed too ', count: 200 });
  lab.setLinks([EU, US], { up: true });
  lab.setLinks([EU, AP], { up: true });
  await eu.post('/region/start');
  expect((await untilEqual(lab.regions)).size).toBe(440);
});

for (const { home, via } of [
  { home: US, via: AP },
  { home: AP, via: EU },
  { home: EU, via: AP },
])
  test(`us-east-1 is cut from eu-west-1, dies and is removed via ${via}: the survivors are equal (home ${home})`, async () => {
    const lab = await TestLab.start(ALL);
    const [us, eu, ap] = [lab.region(US), lab.region(EU), lab.region(AP)];
    const at = lab.region(home);
    await createTable(at);
    await replicate(
      at,
      lab.regions.filter((region) => region !== at),
    );
    const shared = await putMany(us, { prefix: 'shared ', count: 60 });
    const held = new Map(await untilEqual(lab.regions));

    lab.setLinks([US, EU], { up: false });
    for (const id of await putMany(us, { prefix: 'us alone ', count: 60 })) held.set(id, id);
    for (const id of shared.slice(0, 20)) {
      await remove(us, id);
      held.delete(id);
    }
    for (const id of shared.slice(20, 30)) {
      await put(us, id, 'overwritten');
      held.set(id, 'overwritten');
    }
    for (const id of shared.slice(10, 15)) {
      await put(eu, id, 'after the delete');
      held.set(id, 'after the delete');
    }
    await until(
      'ap to have it all',
      async () => (await pendingRecords(us, { targets: [ap] })) === 0,
    );
    await untilNoLag(us, AP);
    expect(await get(eu, 'us alone 0')).toBeUndefined();
    await us.stop();

    await changeReplica(lab.region(via), 'Delete', { region: US });
    await untilMembers([eu, ap]);
    expect(await untilEqual([eu, ap])).toEqual(held);
    await put(eu, 'later', 'from eu');
    await put(ap, 'later too', 'from ap');
    expect((await untilEqual([eu, ap])).size).toBe(held.size + 2);
  });

test('a region that was removed while it was lost and returns is no member, and what it never shipped stays readable', async () => {
  const lab = await TestLab.start(ALL);
  const [us, eu, ap] = [lab.region(US), lab.region(EU), lab.region(AP)];
  await createGlobalTable(lab.regions);
  await put(us, 'shared', '1');
  await untilEqual(lab.regions);
  lab.setLinks([US, EU], { up: false });
  lab.setLinks([US, AP], { up: false });
  await put(us, 'unshipped', '1');
  await us.stop();
  await changeReplica(eu, 'Delete', { region: US });
  await untilMembers([eu, ap]);
  await remove(eu, 'shared');
  await put(eu, 'meanwhile', '1');

  lab.setLinks([US, EU], { up: true });
  lab.setLinks([US, AP], { up: true });
  await us.start();
  await until('us to hear that it is no member', async () => {
    const table = await describe(us);
    return table?.TableStatus === 'ACTIVE' && table.Replicas === undefined;
  });
  expect(await get(us, 'unshipped')).toBe('1');
  expect(await get(us, 'shared')).toBe('1');
  await put(us, 'of its own', '1');
  expect(await get(us, 'of its own')).toBe('1');
  const held = await untilEqual([eu, ap]);
  expect(held).toEqual(new Map([['meanwhile', '1']]));
  expect(await get(us, 'meanwhile')).toBeUndefined();
});
