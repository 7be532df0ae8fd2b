import { cp, rm } from 'node:fs/promises';

import { DeleteTableCommand } from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';

import { AP, EU, TestLab, type TestRegion, US } from '../support/test-lab.ts';
import {
  changeReplica,
  createGlobalTable,
  createTable,
  describe,
  get,
  put,
  putMany,
  remove,
  replicate,
  scanAll,
  untilEqual,
  untilMembers,
} from '../support/test-table.ts';
import { until } from '../support/until.ts';
import { keepWriting } from '../support/writers.ts';

const ALL: readonly string[] = [US, EU, AP];

/** Long enough that a phase is seen before it is over. */
const STATUS_MS = 250;

test('a region that comes back on an older copy of its data gets back what its peers have of it', async () => {
  const lab = await TestLab.start(ALL);
  const [us, eu, ap] = [lab.region(US), lab.region(EU), lab.region(AP)];
  await createGlobalTable(lab.regions);
  const held = new Map<string, string>();
  const hold = (ids: readonly string[]): void => {
    for (const id of ids) held.set(id, id);
  };
  hold(await putMany(eu, { prefix: 'before ', count: 60 }));
  hold(await putMany(us, { prefix: 'us before ', count: 60 }));
  await untilEqual(lab.regions);

  await eu.stop();
  const older = `${lab.folder}/older`;
  await cp(eu.dataDirectory, older, { recursive: true });
  await eu.start();
  hold(await putMany(eu, { prefix: 'after ', count: 60 }));
  hold(await putMany(us, { prefix: 'us after ', count: 60 }));
  for (const id of ['before 1', 'us before 1', 'after 1']) {
    await remove(eu, id);
    held.delete(id);
  }
  await put(eu, 'before 2', 'changed');
  held.set('before 2', 'changed');
  expect(await untilEqual(lab.regions)).toEqual(held);

  await eu.stop();
  await rm(eu.dataDirectory, { recursive: true });
  await cp(older, eu.dataDirectory, { recursive: true });
  await eu.start();
  // Before it has heard from anybody it may write where it has written before.
  hold(await putMany(eu, { prefix: 'again ', count: 60 }));
  await put(eu, 'before 3', 'changed again');
  held.set('before 3', 'changed again');
  expect(await untilEqual(lab.regions)).toEqual(held);

  hold(await putMany(eu, { prefix: 'later ', count: 60 }));
  hold(await putMany(ap, { prefix: 'ap later ', count: 60 }));
  await put(eu, 'before 2', 'changed once more');
  held.set('before 2', 'changed once more');
  expect(await untilEqual(lab.regions)).toEqual(held);
  await eu.stop();
  await eu.start();
  expect(await untilEqual(lab.regions)).toEqual(held);
});

test('writes that a region made on an older copy of its data, and cut off, are shipped when it is joined again', async () => {
  const lab = await TestLab.start([US, EU]);
  const [us, eu] = [lab.region(US), lab.region(EU)];
  await createGlobalTable(lab.regions);
  await putMany(eu, { prefix: 'before ', count: 30 });
  await untilEqual(lab.regions);
  await eu.stop();
  const older = `${lab.folder}/older`;
  await cp(eu.dataDirectory, older, { recursive: true });
  await eu.start();
  await putMany(eu, { prefix: 'seen by us ', count: 30 });
  await untilEqual(lab.regions);

  await eu.stop();
  await rm(eu.dataDirectory, { recursive: true });
  await cp(older, eu.dataDirectory, { recursive: true });
  lab.setLinks([US, EU], { up: false });
  await eu.start();
  await putMany(eu, { prefix: 'cut off ', count: 80 });
  await putMany(us, { prefix: 'us meanwhile ', count: 30 });
  lab.setLinks([US, EU], { up: true });
  expect((await untilEqual(lab.regions)).size).toBe(170);
});

interface Step {
  readonly phase: string;
  readonly restarted: string;
}

/** The home, the replica, and in the phase that asks all others for something one of these. */
const stepsOf = (phases: readonly string[], asking: string): readonly Step[] =>
  phases.flatMap((phase) =>
    (phase === asking ? [US, EU, AP] : [US, EU]).map((restarted) => ({ phase, restarted })),
  );

/** Waits until the region that orders the change has come to a phase of it. */
async function untilPhase(us: TestRegion, table: string, phase: string): Promise<void> {
  await until(`the phase ${phase}`, () => us.table(table)?.members[EU]?.phase === phase);
}

for (const { phase, restarted } of stepsOf(['requested', 'preparing', 'copying'], 'preparing'))
  test(`a replica comes to be although ${restarted} is restarted while it is ${phase}`, async () => {
    const lab = await TestLab.start(ALL, { statusMs: STATUS_MS });
    const [us, eu, ap] = [lab.region(US), lab.region(EU), lab.region(AP)];
    await createTable(us);
    await replicate(us, [ap]);
    const held = new Map<string, string>();
    for (const id of await putMany(us, { prefix: 'before ', count: 50 })) held.set(id, id);
    const others = [us, ap].filter((region) => region.name !== restarted);
    const load = keepWriting(others, { prefix: 'meanwhile' });
    await changeReplica(us, 'Create', { region: EU });
    await untilPhase(us, 'things', phase);
    const region = lab.region(restarted);
    await region.stop();
    await region.start();
    await untilMembers(lab.regions);
    for (const [id, v] of await load.stop()) held.set(id, v);
    for (const id of await putMany(eu, { prefix: 'after ', count: 10 })) held.set(id, id);
    expect(await untilEqual(lab.regions)).toEqual(held);
  });

for (const { phase, restarted } of stepsOf(['draining', 'deleting'], 'draining'))
  test(`a replica goes although ${restarted} is restarted while it is ${phase}`, async () => {
    const lab = await TestLab.start(ALL, { statusMs: STATUS_MS });
    const [us, eu, ap] = [lab.region(US), lab.region(EU), lab.region(AP)];
    await createGlobalTable(lab.regions);
    const held = new Map<string, string>();
    for (const id of await putMany(eu, { prefix: 'of eu ', count: 50 })) held.set(id, id);
    await changeReplica(us, 'Delete', { region: EU });
    await untilPhase(us, 'things', phase);
    const region = lab.region(restarted);
    await region.stop();
    await region.start();
    await untilMembers([us, ap]);
    await until('the replica to be gone', async () => (await describe(eu)) === undefined);
    for (const id of await putMany(ap, { prefix: 'after ', count: 10 })) held.set(id, id);
    expect(await untilEqual([us, ap])).toEqual(held);
    // The name is free there: another replica can come.
    await changeReplica(ap, 'Create', { region: EU });
    await untilMembers(lab.regions);
    expect(await untilEqual(lab.regions)).toEqual(held);
  });

test('a table that is made again under its name never receives the late records of the old one', async () => {
  const lab = await TestLab.start([US, EU]);
  const [us, eu] = [lab.region(US), lab.region(EU)];
  await createGlobalTable(lab.regions);
  await put(us, 'old', 'shared');
  await untilEqual(lab.regions);
  // Some of eu's records are on their way when the link is cut, and arrive after all; others wait for it to heal.
  lab.network.endpoint(EU).links.set(US, { delayMs: 1500 });
  await putMany(eu, { prefix: 'on its way ', count: 50 });
  lab.setLinks([US, EU], { up: false });
  await putMany(eu, { prefix: 'late ', count: 50 });

  await changeReplica(us, 'Delete', { region: EU });
  await until('us to be alone', async () => (await describe(us))?.Replicas === undefined);
  await us.client.send(new DeleteTableCommand({ TableName: 'things' }));
  await until('the table to be gone', async () => (await describe(us)) === undefined);
  await createTable(us);
  await put(us, 'new', 'of us');

  lab.setLinks([US, EU], { up: true, delayMs: 0 });
  await until('eu to hear that it is no member', async () => {
    const table = await describe(eu);
    return table?.TableStatus === 'ACTIVE' && table.Replicas === undefined;
  });
  await putMany(eu, { prefix: 'of its own ', count: 20 });
  // Another table goes between the two, so what could come has come when it is equal.
  await createGlobalTable(lab.regions, 'other');
  await putMany(eu, { prefix: 'other ', count: 20, table: 'other' });
  await untilEqual(lab.regions, 'other');
  expect(await scanAll(us)).toEqual(new Map([['new', 'of us']]));
  expect(await get(eu, 'late 1')).toBe('late 1');

  await eu.client.send(new DeleteTableCommand({ TableName: 'things' }));
  await until('the table to be gone', async () => (await describe(eu)) === undefined);
  await replicate(us, [eu]);
  await put(eu, 'new too', 'of eu');
  expect(await untilEqual(lab.regions)).toEqual(
    new Map([
      ['new', 'of us'],
      ['new too', 'of eu'],
    ]),
  );
});

test('everything that three regions agreed on is there after all of them were stopped', async () => {
  const lab = await TestLab.start(ALL);
  await createGlobalTable(lab.regions);
  const load = keepWriting(lab.regions, { prefix: 'kept' });
  await until('some writes', () => load.answered.size > 200);
  const held = await load.stop();
  await Promise.all(lab.regions.map(async (region) => region.stop()));
  await Promise.all(lab.regions.map(async (region) => region.start()));
  await untilMembers(lab.regions);
  expect(await untilEqual(lab.regions)).toEqual(held);
});
