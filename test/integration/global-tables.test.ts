import {
  DeleteTableCommand,
  DynamoDBServiceException,
  PutItemCommand,
  ResourceInUseException,
  ResourceNotFoundException,
  UpdateItemCommand,
  UpdateTableCommand,
  type UpdateTableCommandInput,
} from '@aws-sdk/client-dynamodb';
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
  TABLE,
  untilEqual,
  untilMembers,
} from '../support/test-table.ts';
import { until } from '../support/until.ts';
import { keepWriting } from '../support/writers.ts';

const ALL: readonly string[] = [US, EU, AP];

async function globalTableLab(choices = {}): Promise<{
  lab: TestLab;
  us: TestRegion;
  eu: TestRegion;
  ap: TestRegion;
}> {
  const lab = await TestLab.start(ALL, choices);
  await createGlobalTable(lab.regions);
  return { lab, us: lab.region(US), eu: lab.region(EU), ap: lab.region(AP) };
}

/** Conflicts that a region has counted, all together. */
async function conflictsOf(region: TestRegion): Promise<number> {
  const samples = await region.metric('tidemark_replication_conflicts_total');
  return samples.reduce((sum, { value }) => sum + value, 0);
}

test('a write in one region is read in the others, updated there, and deleted in the third', async () => {
  const { lab, us, eu, ap } = await globalTableLab();
  await put(us, 'one', 'from us');
  await until('eu to have it', async () => (await get(eu, 'one')) === 'from us');
  await eu.client.send(
    new UpdateItemCommand({
      TableName: TABLE,
      Key: { id: { S: 'one' } },
      UpdateExpression: 'SET v = :v, n = :n',
      ConditionExpression: 'v = :old',
      ExpressionAttributeValues: {
        ':v': { S: 'from eu' },
        ':old': { S: 'from us' },
        ':n': { N: '12345678901234567890.123456789012345678' },
      },
    }),
  );
  await until('ap to have the update', async () => (await get(ap, 'one')) === 'from eu');
  await remove(ap, 'one');
  await until('us to see it deleted', async () => (await get(us, 'one')) === undefined);
  expect(await untilEqual(lab.regions)).toEqual(new Map());
});

test('a new replica gets what was there, and what every member writes meanwhile', async () => {
  const lab = await TestLab.start(ALL);
  const [us, eu, ap] = [lab.region(US), lab.region(EU), lab.region(AP)];
  await createTable(us);
  const held = new Map<string, string>();
  for (const id of await putMany(us, { prefix: 'before ', count: 500 })) held.set(id, id);
  await remove(us, 'before 7');
  held.delete('before 7');

  const first = keepWriting([us], { prefix: 'joining eu' });
  await replicate(us, [eu]);
  for (const [id, v] of await first.stop()) held.set(id, v);

  const second = keepWriting([us, eu], { prefix: 'joining ap' });
  await changeReplica(us, 'Create', { region: AP });
  await untilMembers(lab.regions);
  for (const [id, v] of await second.stop()) held.set(id, v);

  expect(await untilEqual(lab.regions)).toEqual(held);
  expect(ap.table(TABLE)?.itemCount).toBe(held.size);
});

test('a third replica that is added from us-east-1 has what eu-west-1 writes meanwhile', async () => {
  const lab = await TestLab.start(ALL);
  const [us, eu] = [lab.region(US), lab.region(EU)];
  await createTable(us);
  await replicate(us, [eu]);
  // What eu writes reaches us late, so that the copy that us sends lacks it.
  lab.setLinks([US, EU], { delayMs: 100 });
  const load = keepWriting([eu], { prefix: 'eu' });
  await until('writes in eu', () => load.answered.size > 50);
  await changeReplica(us, 'Create', { region: AP });
  await untilMembers(lab.regions);
  const held = await load.stop();
  expect(held.size).toBeGreaterThan(50);
  expect(await untilEqual(lab.regions)).toEqual(held);
});

test('of three regions that write one item at once, the last writer wins everywhere, and each loser counts once', async () => {
  const { lab, us, eu, ap } = await globalTableLab();
  await put(us, 'contested', 'at first');
  await untilEqual(lab.regions);
  for (const pair of [
    [US, EU],
    [US, AP],
    [EU, AP],
  ] as const)
    lab.setLinks(pair, { up: false });
  await put(ap, 'contested', 'first');
  await put(us, 'contested', 'second');
  await put(eu, 'contested', 'third');
  for (const pair of [
    [US, EU],
    [US, AP],
    [EU, AP],
  ] as const)
    lab.setLinks(pair, { up: true });

  const held = await untilEqual(lab.regions);
  expect(held.get('contested')).toBe('third');
  for (const region of [us, eu, ap]) expect(await conflictsOf(region)).toBe(2);
  const samples = await us.metric('tidemark_replication_conflicts_total');
  for (const { labels } of samples) expect(labels).toMatchObject({ target: US, table: TABLE });
});

test('overwrites of what was seen, and what is delivered twice, are no conflicts', async () => {
  const { lab, us, eu, ap } = await globalTableLab();
  for (let round = 0; round < 3; round += 1) {
    for (const region of lab.regions) {
      await put(region, 'in turn', `${region.name} ${round}`);
      await put(region, 'in turn', `${region.name} ${round} again`);
      await untilEqual(lab.regions);
    }
  }
  // Records that are under way arrive, and their acknowledgement does not, so they are sent again.
  lab.network.endpoint(US).links.set(EU, { delayMs: 400 });
  await putMany(us, { prefix: 'sent twice ', count: 50 });
  lab.network.endpoint(EU).links.set(US, { up: false });
  await until('eu to have some', async () => (await scanAll(eu)).size > 1);
  lab.setLinks([US, EU], { up: true, delayMs: 0 });
  await untilEqual(lab.regions);
  await eu.stop();
  await eu.start();
  await put(eu, 'in turn', 'after a restart');
  expect((await untilEqual(lab.regions)).get('in turn')).toBe('after a restart');
  for (const region of [us, eu, ap]) expect(await conflictsOf(region)).toBe(0);
});

test('what is deleted stays deleted: an older write that comes late does not bring it back', async () => {
  const { lab, us, eu } = await globalTableLab();
  const ids = await putMany(us, { prefix: 'doomed ', count: 100 });
  await untilEqual(lab.regions);
  lab.setLinks([US, EU], { up: false });
  lab.setLinks([EU, AP], { up: false });
  for (const id of ids.slice(0, 50)) await put(eu, id, 'older than the delete');
  for (const id of ids) await remove(us, id);
  for (const id of ids.slice(0, 10)) await put(eu, id, 'newer than the delete');
  lab.setLinks([US, EU], { up: true });
  lab.setLinks([EU, AP], { up: true });
  const held = await untilEqual(lab.regions);
  expect([...held.keys()].toSorted()).toEqual(ids.slice(0, 10).toSorted());
  await eu.stop();
  await us.stop();
  await Promise.all([eu.start(), us.start()]);
  expect(await untilEqual(lab.regions)).toEqual(held);
});

test('a delay that is set on a link holds every record up that long, and nothing else', async () => {
  const { lab, us, eu, ap } = await globalTableLab();
  await untilEqual(lab.regions);
  const counted = async (): Promise<{ quick: number; all: number }> => {
    const buckets = (await eu.metric('tidemark_replication_latency_seconds_bucket')).filter(
      ({ labels }) => labels['source'] === US,
    );
    const upTo = (bound: string): number =>
      buckets.find(({ labels }) => labels['le'] === bound)?.value ?? 0;
    return { quick: upTo('0.2'), all: upTo('+Inf') };
  };
  // Latency is corrected by the measured offset, which must be known well before the way gets long.
  await until('a good measurement of the offset', async () => {
    const errors = await eu.metric('tidemark_clock_offset_error_seconds');
    return errors.some(({ labels, value }) => labels['peer'] === US && value < 0.02);
  });
  const before = await counted();
  await us.post(`/links/${EU}`, { delayMs: 300 });
  await eu.post(`/links/${US}`, { delayMs: 300 });
  await putMany(us, { prefix: 'slow ', count: 20 });
  await until('ap to have them', async () => (await scanAll(ap)).size === 20);
  await untilEqual(lab.regions);
  const after = await counted();
  expect(after.all - before.all).toBe(20);
  expect(after.quick).toBe(before.quick);
});

test('the statuses of a table that gets a replica, and loses it, come in the order of AWS', async () => {
  const lab = await TestLab.start([US, EU], { statusMs: 150 });
  const [us, eu] = [lab.region(US), lab.region(EU)];
  await createTable(us);
  await putMany(us, { prefix: 'item ', count: 20 });
  const added = watch([us, eu]);
  const answer = await changeReplica(us, 'Create', { region: EU });
  expect(answer).toMatchObject({
    TableStatus: 'UPDATING',
    GlobalTableVersion: '2019.11.21',
    Replicas: [],
  });
  await untilMembers([us, eu]);
  expect(await added.stop()).toEqual([
    ['ACTIVE', 'UPDATING []', 'UPDATING [eu-west-1 CREATING]', 'ACTIVE [eu-west-1 ACTIVE]'],
    ['none', 'CREATING [us-east-1 ACTIVE]', 'ACTIVE [us-east-1 ACTIVE]'],
  ]);
  expect((await describe(us))?.TableId).not.toBe((await describe(eu))?.TableId);

  const removed = watch([us, eu]);
  await changeReplica(us, 'Delete', { region: EU });
  await until('both to be done', async () => {
    const table = await describe(us);
    return table?.TableStatus === 'ACTIVE' && table.Replicas === undefined;
  });
  await until('the replica to be gone', async () => (await describe(eu)) === undefined);
  const [inUs, inEu = []] = await removed.stop();
  expect(inUs).toEqual([
    'ACTIVE [eu-west-1 ACTIVE]',
    'UPDATING [eu-west-1 ACTIVE]',
    'ACTIVE [eu-west-1 DELETING]',
    'ACTIVE',
  ]);
  expect(inEu[0]).toBe('ACTIVE [us-east-1 ACTIVE]');
  expect(inEu.at(-1)).toBe('none');
  const regional = await describe(us);
  expect(regional).not.toHaveProperty('GlobalTableVersion');
  expect(regional).not.toHaveProperty('Replicas');
  expect((await scanAll(us)).size).toBe(20);
});

/** Notes each table's status, with its replicas, whenever it has changed. */
function watch(regions: readonly TestRegion[]): { stop(): Promise<readonly string[][]> } {
  const seen = regions.map((): string[] => []);
  const over = new AbortController();
  const look = async (): Promise<void> => {
    for (const [at, region] of regions.entries()) {
      const table = await describe(region);
      const replicas = table?.Replicas?.map((each) => `${each.RegionName} ${each.ReplicaStatus}`);
      const status = table === undefined ? 'none' : String(table.TableStatus);
      const line = replicas === undefined ? status : `${status} [${replicas.join()}]`;
      if (line !== seen[at]?.at(-1)) seen[at]?.push(line);
    }
  };
  const watching = (async () => {
    while (!over.signal.aborted) await look();
    await look();
  })();
  return {
    stop: async () => {
      over.abort();
      await watching;
      return seen;
    },
  };
}

test('while a replica is CREATING it is only described, and the table takes no other change', async () => {
  const lab = await TestLab.start(ALL, { statusMs: 400 });
  const [us, eu] = [lab.region(US), lab.region(EU)];
  await createTable(us);
  await put(us, 'one', '1');
  await changeReplica(us, 'Create', { region: EU });
  await expect(changeReplica(us, 'Create', { region: AP })).rejects.toThrow(ResourceInUseException);
  await until(
    'the replica to be CREATING',
    async () => (await describe(eu))?.TableStatus === 'CREATING',
  );
  await expect(get(eu, 'one')).rejects.toThrow(ResourceNotFoundException);
  await expect(put(eu, 'two', '2')).rejects.toThrow(ResourceNotFoundException);
  await expect(eu.client.send(new DeleteTableCommand({ TableName: TABLE }))).rejects.toThrow(
    ResourceInUseException,
  );
  expect((await describe(eu))?.TableStatus).toBe('CREATING');
  await put(us, 'three', '3');
  expect(await get(us, 'one')).toBe('1');
  await untilMembers([us, eu]);
  expect((await untilEqual([us, eu])).size).toBe(2);
});

const create = (name: string): object => ({ Create: { RegionName: name } });
const drop = (name: string): object => ({ Delete: { RegionName: name } });

test('changes of replicas that cannot be are refused in the words of AWS', async () => {
  const lab = await TestLab.start(ALL);
  const [us, eu, ap] = [lab.region(US), lab.region(EU), lab.region(AP)];
  await createTable(us);
  await replicate(us, [eu]);
  await createTable(ap);

  const refused = async (
    input: Omit<UpdateTableCommandInput, 'TableName'>,
    region = us,
  ): Promise<string> => {
    const error: unknown = await region.client
      .send(new UpdateTableCommand({ TableName: TABLE, ...input }))
      .then(() => undefined)
      .catch((thrown: unknown) => thrown);
    if (!(error instanceof DynamoDBServiceException)) throw new Error('it was not refused');
    return `${error.name} ${error.message}`;
  };
  const exists =
    'ValidationException Failed to create a the new replica of table with name: ‘things’ because one or more replicas already existed as tables.';

  expect(await refused({ ReplicaUpdates: [create(EU)] })).toBe(exists);
  expect(await refused({ ReplicaUpdates: [create(AP)] })).toBe(exists);
  expect(await refused({ ReplicaUpdates: [drop(AP)] })).toBe(
    'ValidationException Update global table operation failed because one or more replicas were not part of the global table. Please retry the request without these replicas: [ap-northeast-1].',
  );
  for (const update of [create(EU), drop(EU)])
    expect(await refused({ ReplicaUpdates: [update] }, eu)).toBe(
      'ValidationException Cannot add or delete the local region through ReplicaUpdates. Use CreateTable, DeleteTable, or UpdateTable as required.',
    );
  expect(await refused({ ReplicaUpdates: [create('MARS-1')] }, eu)).toMatch(
    /^ValidationException Region MARS-1 is not supported. The latest version of global tables are only supported in the following regions: \[/u,
  );
  expect(await refused({ ReplicaUpdates: [{}] }, eu)).toBe(
    'ValidationException There are no actions specified in the Replica Update Action of the request.',
  );
  expect(await refused({ ReplicaUpdates: [{ Update: { RegionName: US } }] }, eu)).toBe(
    'ValidationException There are no actions specified in the Replica Update Action of the request.',
  );
  expect(await refused({ ReplicaUpdates: [create(US), create(AP)] }, eu)).toBe(
    'ValidationException Update table operation with more than one create or delete replica actions not allowed',
  );
  expect(await refused({ ReplicaUpdates: [{ ...create(US), ...drop(AP) }] }, eu)).toBe(
    'ValidationException Update table operation with more than one type of replica actions not allowed.',
  );
  expect(await refused({ ReplicaUpdates: [create(US)], BillingMode: 'PAY_PER_REQUEST' }, eu)).toBe(
    'ValidationException One or more parameter values were invalid: Replica modification must be the only operation in the request',
  );
});

const claim = (v: string): PutItemCommand =>
  new PutItemCommand({
    TableName: TABLE,
    Item: { id: { S: 'claimed' }, v: { S: v } },
    ConditionExpression: 'attribute_not_exists(id)',
  });

test('a condition is judged by what the region itself holds', async () => {
  const { lab, us, eu } = await globalTableLab();
  await untilEqual(lab.regions);
  lab.setLinks([US, EU], { up: false });
  lab.setLinks([US, AP], { up: false });
  await us.client.send(claim('by us'));
  await eu.client.send(claim('by eu'));
  await expect(us.client.send(claim('again'))).rejects.toThrow('The conditional request failed');
  lab.setLinks([US, EU], { up: true });
  lab.setLinks([US, AP], { up: true });
  expect((await untilEqual(lab.regions)).get('claimed')).toBe('by eu');
});

test('a replica that is deleted by DeleteTable in its own region leaves the others as they were', async () => {
  const { us, eu, ap } = await globalTableLab();
  const ids = await putMany(eu, { prefix: 'kept ', count: 50 });
  await eu.client.send(new DeleteTableCommand({ TableName: TABLE }));
  await until('it to be gone', async () => (await describe(eu)) === undefined);
  await untilMembers([us, ap]);
  expect([...(await untilEqual([us, ap])).keys()].toSorted()).toEqual(ids.toSorted());
});
