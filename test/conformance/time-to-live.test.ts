import {
  DeleteItemCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  UpdateItemCommand,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';

import { call, invalid, type Outcome, refused, shapeErrors } from './raw-request.ts';
import { until } from '../support/until.ts';
import { client, newName, newTable, RANGE_TABLE } from './target.ts';

/** AWS removes what has expired within days: what waits for that is for an endpoint of one's own. */
const isAws = process.env['ENDPOINT'] === 'aws';

const patient = { timeout: 60_000, interval: 50 };

async function setTimeToLive(TableName: string, AttributeName = 'ttl', Enabled = true) {
  return client.send(
    new UpdateTimeToLiveCommand({
      TableName,
      TimeToLiveSpecification: { Enabled, AttributeName },
    }),
  );
}

async function described(TableName: string) {
  const { TimeToLiveDescription } = await client.send(new DescribeTimeToLiveCommand({ TableName }));
  return TimeToLiveDescription;
}

async function expiringTable(choice?: Parameters<typeof newTable>[0]): Promise<string> {
  const name = await newTable(choice);
  await setTimeToLive(name);
  await until(
    'the time to live',
    async () => (await described(name))?.TimeToLiveStatus === 'ENABLED',
  );
  return name;
}

const secondsFromNow = (seconds: number): string => String(Math.floor(Date.now() / 1000) + seconds);

async function put(TableName: string, id: string, ttl?: object): Promise<void> {
  const Item = { id: { S: id }, ...(ttl !== undefined && { ttl }) };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- whatever type the test is about
  await client.send(new PutItemCommand({ TableName, Item: Item as never }));
}

async function exists(TableName: string, id: string): Promise<boolean> {
  const Key = { id: { S: id } };
  const { Item } = await client.send(new GetItemCommand({ TableName, Key, ConsistentRead: true }));
  return Item !== undefined;
}

const table = await expiringTable();

test('enabling answers what was asked, and the description says it', async () => {
  const name = await newTable();
  const { TimeToLiveSpecification } = await setTimeToLive(name, 'expires.at');
  expect(TimeToLiveSpecification).toEqual({ Enabled: true, AttributeName: 'expires.at' });
  expect(await described(name)).toEqual({
    TimeToLiveStatus: 'ENABLED',
    AttributeName: 'expires.at',
  });
});

test('a table may be named by its ARN, and says nothing of it itself', async () => {
  const { Table } = await client.send(new DescribeTableCommand({ TableName: table }));
  expect(await described(Table?.TableArn ?? '')).toMatchObject({ TimeToLiveStatus: 'ENABLED' });
  expect(JSON.stringify(Table)).not.toMatch(/TimeToLive/);
  expect(Table?.TableStatus).toBe('ACTIVE');
});

test('the key of a table may be its time to live', async () => {
  const name = await newTable();
  expect(await setTimeToLive(name, 'id')).toMatchObject({
    TimeToLiveSpecification: { AttributeName: 'id' },
  });
});

test('enabling twice is refused, and with another attribute in other words', async () => {
  const again = async (AttributeName: string, Enabled = true): Promise<Outcome> =>
    call('UpdateTimeToLive', {
      TableName: table,
      TimeToLiveSpecification: { Enabled, AttributeName },
    });
  expect(await again('ttl')).toEqual(invalid('TimeToLive is already enabled'));
  const elsewhere =
    'TimeToLive is active on a different AttributeName: current AttributeName is ttl';
  expect(await again('other')).toEqual(invalid(elsewhere));
  expect(await again('other', false)).toEqual(invalid(elsewhere));
});

test('disabling what was never enabled is refused', async () => {
  const TableName = await newTable();
  expect(
    await call('UpdateTimeToLive', {
      TableName,
      TimeToLiveSpecification: { Enabled: false, AttributeName: 'ttl' },
    }),
  ).toEqual(invalid('TimeToLive is already disabled'));
});

test('a table that is not there is not found', async () => {
  const TableName = newName();
  const specification = { Enabled: true, AttributeName: 'ttl' };
  expect(
    await call('UpdateTimeToLive', { TableName, TimeToLiveSpecification: specification }),
  ).toEqual(
    refused(
      'ResourceNotFoundException',
      `Requested resource not found: Table: ${TableName} not found`,
    ),
  );
});

test('a setting says what and whether', async () => {
  const null1 = (path: string): string =>
    `Value null at '${path}' failed to satisfy constraint: Member must not be null`;
  expect(await call('UpdateTimeToLive', { TableName: table })).toEqual(
    invalid(shapeErrors(null1('timeToLiveSpecification'))),
  );
  expect(
    await call('UpdateTimeToLive', {
      TableName: table,
      TimeToLiveSpecification: { AttributeName: '' },
    }),
  ).toMatchObject({
    code: 'ValidationException',
    message: expect.stringMatching(/^2 validation errors detected: /) as unknown,
  });
  const AttributeName = 'a'.repeat(256);
  expect(
    await call('UpdateTimeToLive', {
      TableName: table,
      TimeToLiveSpecification: { Enabled: true, AttributeName },
    }),
  ).toEqual(
    invalid(
      shapeErrors(
        `Value '${AttributeName}' at 'timeToLiveSpecification.attributeName' failed to satisfy constraint: Member must have length less than or equal to 255`,
      ),
    ),
  );
});

test('what has not expired, or has no such time, stays and can be read', async () => {
  const kept: Record<string, object | undefined> = {
    none: undefined,
    later: { N: secondsFromNow(3600) },
    text: { S: secondsFromNow(-60) },
    milliseconds: { N: String(Date.now()) },
    'long ago': { N: secondsFromNow(-6 * 365 * 24 * 3600) },
    list: { L: [{ N: secondsFromNow(-60) }] },
    map: { M: { ttl: { N: secondsFromNow(-60) } } },
    zero: { N: '0' },
    negative: { N: '-5' },
    huge: { N: '1e100' },
  };
  for (const [id, ttl] of Object.entries(kept)) await put(table, `kept ${id}`, ttl);
  if (!isAws) {
    await put(table, 'gone', { N: secondsFromNow(-60) });
    await until('what has expired to go', async () => !(await exists(table, 'gone')));
  }
  for (const id of Object.keys(kept))
    expect([id, await exists(table, `kept ${id}`)]).toEqual([id, true]);
});

test.skipIf(isAws)('a time may have an exponent, or a fraction of a second', async () => {
  const seconds = secondsFromNow(-60);
  await put(table, 'exponent', { N: `${seconds.slice(0, -1)}e1` });
  await put(table, 'fraction', { N: `${seconds}.123456` });
  for (const id of ['exponent', 'fraction'])
    await expect.poll(async () => exists(table, id), patient).toBe(false);
});

test.skipIf(isAws)('what has expired goes, from indexes too', async () => {
  const name = await expiringTable({
    AttributeDefinitions: [
      ...(RANGE_TABLE.AttributeDefinitions ?? []),
      { AttributeName: 'kind', AttributeType: 'S' },
    ],
    KeySchema: RANGE_TABLE.KeySchema,
    LocalSecondaryIndexes: [
      {
        IndexName: 'local',
        KeySchema: [
          { AttributeName: 'id', KeyType: 'HASH' },
          { AttributeName: 'kind', KeyType: 'RANGE' },
        ],
        Projection: { ProjectionType: 'ALL' },
      },
    ],
    GlobalSecondaryIndexes: [
      {
        IndexName: 'global',
        KeySchema: [{ AttributeName: 'kind', KeyType: 'HASH' }],
        Projection: { ProjectionType: 'KEYS_ONLY' },
      },
    ],
  });
  for (const [at, ttl] of [secondsFromNow(2), secondsFromNow(3600)].entries())
    await client.send(
      new PutItemCommand({
        TableName: name,
        Item: { id: { S: 'a' }, at: { N: String(at) }, kind: { S: 'k' }, ttl: { N: ttl } },
      }),
    );
  const count = async (IndexName?: string): Promise<number | undefined> => {
    const { Count } = await client.send(
      IndexName === undefined
        ? new ScanCommand({ TableName: name, ConsistentRead: true })
        : new QueryCommand({
            TableName: name,
            IndexName,
            KeyConditionExpression: IndexName === 'local' ? 'id = :v' : 'kind = :v',
            ExpressionAttributeValues: { ':v': { S: IndexName === 'local' ? 'a' : 'k' } },
          }),
    );
    return Count;
  };
  expect(await count()).toBe(2);
  for (const of of [undefined, 'local', 'global'])
    await expect.poll(async () => count(of), patient).toBe(1);
});

test.skipIf(isAws)('a later time given before the end keeps an item', async () => {
  await put(table, 'extended', { N: secondsFromNow(2) });
  const Key = { id: { S: 'extended' } };
  await client.send(
    new UpdateItemCommand({
      TableName: table,
      Key,
      UpdateExpression: 'SET #t = :later',
      ExpressionAttributeNames: { '#t': 'ttl' },
      ExpressionAttributeValues: { ':later': { N: secondsFromNow(3600) } },
    }),
  );
  await put(table, 'not extended', { N: secondsFromNow(2) });
  await expect.poll(async () => exists(table, 'not extended'), patient).toBe(false);
  expect(await exists(table, 'extended')).toBe(true);
  await client.send(new DeleteItemCommand({ TableName: table, Key }));
});

test.skipIf(isAws)(
  'what stood before expires too, and by another attribute after a change',
  async () => {
    const name = await newTable();
    const Item = (id: string, attribute: string) => ({
      id: { S: id },
      [attribute]: { N: secondsFromNow(-60) },
    });
    for (const id of ['one', 'two'])
      await client.send(new PutItemCommand({ TableName: name, Item: Item(id, id) }));
    await setTimeToLive(name, 'one');
    await expect.poll(async () => exists(name, 'one'), patient).toBe(false);
    expect(await exists(name, 'two')).toBe(true);
    await expect.poll(async () => described(name), patient).toMatchObject({ AttributeName: 'one' });
    await expect
      .poll(async () => setTimeToLive(name, 'one', false).then(() => 'done', String), patient)
      .toBe('done');
    await expect
      .poll(async () => described(name), patient)
      .toEqual({ TimeToLiveStatus: 'DISABLED' });
    await client.send(new PutItemCommand({ TableName: name, Item: Item('one', 'one') }));
    await setTimeToLive(name, 'two');
    await expect.poll(async () => exists(name, 'two'), patient).toBe(false);
    expect(await exists(name, 'one')).toBe(true);
  },
);
