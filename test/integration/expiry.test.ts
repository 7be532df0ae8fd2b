import {
  CreateTableCommand,
  DeleteTableCommand,
  DescribeTimeToLiveCommand,
  PutItemCommand,
  type TimeToLiveDescription,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';

import { AP, EU, TestLab, type TestRegion, US } from '../support/test-lab.ts';
import {
  changeReplica,
  createGlobalTable,
  createTable,
  get,
  put,
  TABLE,
  untilMembers,
} from '../support/test-table.ts';
import { until } from '../support/until.ts';

async function setTimeToLive(
  region: TestRegion,
  AttributeName = 'ttl',
  Enabled = true,
): Promise<void> {
  const TimeToLiveSpecification = { AttributeName, Enabled };
  await region.client.send(
    new UpdateTimeToLiveCommand({ TableName: TABLE, TimeToLiveSpecification }),
  );
}

async function described(region: TestRegion): Promise<TimeToLiveDescription | undefined> {
  const command = new DescribeTimeToLiveCommand({ TableName: TABLE });
  return (await region.client.send(command)).TimeToLiveDescription;
}

const untilDescribed = async (
  regions: readonly TestRegion[],
  expected: TimeToLiveDescription,
): Promise<void> => {
  for (const region of regions)
    await until(`${region.name} to be ${JSON.stringify(expected)}`, async () => {
      const found = await described(region);
      return JSON.stringify(found) === JSON.stringify(expected);
    });
};

const sum = async (region: TestRegion, metric: string): Promise<number> =>
  (await region.metric(metric)).reduce((total, { value }) => total + value, 0);

const ENABLED = { TimeToLiveStatus: 'ENABLED', AttributeName: 'ttl' } as const;

async function lend(region: TestRegion, id: string, seconds: number): Promise<void> {
  const ttl = { N: String(Math.floor(Date.now() / 1000) + seconds) };
  const Item = { id: { S: id }, v: { S: id }, ttl };
  await region.client.send(new PutItemCommand({ TableName: TABLE, Item }));
}

const untilGone = async (regions: readonly TestRegion[], id: string): Promise<void> => {
  for (const region of regions)
    await until(`${id} to be gone in ${region.name}`, async () => {
      return (await get(region, id)) === undefined;
    });
};

test('the setting is the global table’s, from any replica, and in one that comes later', async () => {
  const lab = await TestLab.start([US, EU, AP]);
  const [us, eu, ap] = [lab.region(US), lab.region(EU), lab.region(AP)];
  await createGlobalTable([us, eu]);
  await lend(us, 'before', -60);
  await setTimeToLive(eu);
  await untilDescribed([us, eu], ENABLED);
  await untilGone([us, eu], 'before');
  await expect(setTimeToLive(us)).rejects.toThrow('TimeToLive is already enabled');
  await changeReplica(us, 'Create', { region: AP });
  await untilMembers([us, eu, ap]);
  await until('the third replica to expire items', async () => {
    const found = await described(ap).catch(() => undefined);
    return found?.TimeToLiveStatus === 'ENABLED';
  });
  await lend(ap, 'there', 1);
  await put(ap, 'kept', 'x');
  await until('the item to arrive', async () => (await get(us, 'there')) !== undefined);
  await untilGone([ap, eu, us], 'there');
  expect(await get(eu, 'kept')).toBe('x');
  await setTimeToLive(ap, 'ttl', false);
  await untilDescribed([us, eu, ap], { TimeToLiveStatus: 'DISABLED' });
});

test('a replica expires what a region wrote that is gone, without a conflict when that is back', async () => {
  const lab = await TestLab.start([US, EU]);
  const [us, eu] = [lab.region(US), lab.region(EU)];
  await createGlobalTable([us, eu]);
  await setTimeToLive(us);
  await untilDescribed([us, eu], ENABLED);
  await lend(us, 'orphan', 2);
  await until('the item to arrive', async () => (await get(eu, 'orphan')) !== undefined);
  await us.stop();
  await untilGone([eu], 'orphan');
  expect(await sum(eu, 'tidemark_expired_items_total')).toBe(1);
  await us.start();
  await untilGone([us], 'orphan');
  await put(us, 'later', 'x');
  await until('what came later to arrive', async () => (await get(eu, 'later')) === 'x');
  for (const region of [us, eu]) {
    expect(await sum(region, 'tidemark_replication_conflicts_total')).toBe(0);
    expect(await sum(region, 'tidemark_replication_alarms_total')).toBe(0);
  }
});

test('a restart goes on, the lag is told, and a pause between changes can be asked for', async () => {
  const lab = await TestLab.start([US], {
    timeToLive: { changePauseMinutes: 60 },
    statusMs: 200,
  });
  const us = lab.region(US);
  await createTable(us);
  await setTimeToLive(us);
  expect(await described(us)).toEqual(ENABLED);
  await expect(setTimeToLive(us, 'ttl', false)).rejects.toThrow(
    'Time to live has been modified multiple times within a fixed interval',
  );
  await expect(setTimeToLive(us)).rejects.toThrow('TimeToLive is already enabled');
  for (const id of ['one', 'two']) await lend(us, id, 2);
  await us.stop();
  await us.start();
  await untilDescribed([us], ENABLED);
  for (const id of ['one', 'two']) await untilGone([us], id);
  expect(await sum(us, 'tidemark_expired_items_total')).toBe(2);
  await until('no lag', async () => (await sum(us, 'tidemark_expiry_lag_seconds')) === 0);
  await expect(setTimeToLive(us, 'ttl', false)).rejects.toThrow('modified multiple times');
});

test('a table that comes or goes takes no time to live, and one that has just got one can be deleted', async () => {
  const us = (await TestLab.start([US], { statusMs: 500 })).region(US);
  await us.client.send(
    new CreateTableCommand({
      TableName: TABLE,
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
      BillingMode: 'PAY_PER_REQUEST',
    }),
  );
  await expect(setTimeToLive(us)).rejects.toMatchObject({
    name: 'ResourceInUseException',
    message: `Attempt to change a resource which is still in use: Table is being created: ${TABLE}`,
  });
  await expect(described(us)).rejects.toThrow(
    'Cannot describe time to live while table is in CREATING state',
  );
  await until('the table to take a time to live', async () =>
    setTimeToLive(us).then(
      () => true,
      () => false,
    ),
  );
  expect(await described(us)).toEqual(ENABLED);
  await us.client.send(new DeleteTableCommand({ TableName: TABLE }));
  await expect(setTimeToLive(us, 'ttl', false)).rejects.toMatchObject({
    name: 'ResourceInUseException',
  });
  await expect(described(us)).rejects.toThrow('DELETING');
});
