import {
  CreateTableCommand,
  DeleteTableCommand,
  QueryCommand,
  UpdateTableCommand,
  type TableDescription,
  type UpdateTableCommandInput,
} from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';

import { EU, TestLab, type TestRegion, US } from '../support/test-lab.ts';
import { createGlobalTable, createTable, describe, put, TABLE } from '../support/test-table.ts';
import { until } from '../support/until.ts';

const update = async (
  region: TestRegion,
  changes: Omit<UpdateTableCommandInput, 'TableName'>,
): Promise<TableDescription | undefined> => {
  const answer = await region.client.send(new UpdateTableCommand({ TableName: TABLE, ...changes }));
  return answer.TableDescription;
};

const byValue = {
  AttributeDefinitions: [{ AttributeName: 'v', AttributeType: 'S' }],
  GlobalSecondaryIndexUpdates: [
    {
      Create: {
        IndexName: 'by-v',
        KeySchema: [{ AttributeName: 'v', KeyType: 'HASH' }],
        Projection: { ProjectionType: 'ALL' },
      },
    },
  ],
} satisfies Omit<UpdateTableCommandInput, 'TableName'>;

async function untilIndex(region: TestRegion, status: string | undefined): Promise<void> {
  await until(`the index in ${region.name} to be ${status}`, async () => {
    const table = await describe(region);
    const index = table?.GlobalSecondaryIndexes?.find(({ IndexName }) => IndexName === 'by-v');
    return index?.IndexStatus === status && table?.TableStatus === 'ACTIVE';
  });
}

test('an index that is added to a table with items is shown at each step, and then has them', async () => {
  const lab = await TestLab.start([US], { statusMs: 300 });
  const us = lab.region(US);
  await createTable(us);
  for (const id of ['one', 'two', 'three']) await put(us, id, 'same');
  const added = await update(us, byValue);
  expect(added).toMatchObject({
    TableStatus: 'UPDATING',
    GlobalSecondaryIndexes: [{ IndexName: 'by-v', IndexStatus: 'CREATING', Backfilling: false }],
  });
  await expect(us.client.send(new DeleteTableCommand({ TableName: TABLE }))).rejects.toThrow(
    'Cannot delete table while indexes are being created, updated, or deleted.',
  );
  await expect(
    update(us, { GlobalSecondaryIndexUpdates: [{ Delete: { IndexName: 'by-v' } }] }),
  ).rejects.toThrow('Index creation is in resource allocation phase.');
  await untilIndex(us, 'ACTIVE');
  const found = await us.client.send(
    new QueryCommand({
      TableName: TABLE,
      IndexName: 'by-v',
      KeyConditionExpression: 'v = :v',
      ExpressionAttributeValues: { ':v': { S: 'same' } },
    }),
  );
  expect(found.Count).toBe(3);
  const index = (await describe(us))?.GlobalSecondaryIndexes?.[0];
  expect(index).toMatchObject({ ItemCount: 3 });
  expect(index).not.toHaveProperty('Backfilling');
  const deleted = await update(us, {
    GlobalSecondaryIndexUpdates: [{ Delete: { IndexName: 'by-v' } }],
  });
  expect(deleted).toMatchObject({
    TableStatus: 'UPDATING',
    GlobalSecondaryIndexes: [{ IndexStatus: 'DELETING' }],
  });
  await untilIndex(us, undefined);
  expect((await describe(us))?.AttributeDefinitions).toEqual([
    { AttributeName: 'id', AttributeType: 'S' },
  ]);
  await us.client.send(new DeleteTableCommand({ TableName: TABLE }));
});

test('a new table and its indexes are ACTIVE at the same time, and protected as asked', async () => {
  const lab = await TestLab.start([US], { statusMs: 200 });
  const { client } = lab.region(US);
  const created = await client.send(
    new CreateTableCommand({
      TableName: TABLE,
      AttributeDefinitions: ['id', 'v'].map((AttributeName) => ({
        AttributeName,
        AttributeType: 'S' as const,
      })),
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      BillingMode: 'PROVISIONED',
      ProvisionedThroughput: { ReadCapacityUnits: 1, WriteCapacityUnits: 1 },
      GlobalSecondaryIndexes: [
        {
          IndexName: 'by-v',
          KeySchema: [{ AttributeName: 'v', KeyType: 'HASH' }],
          Projection: { ProjectionType: 'KEYS_ONLY' },
          ProvisionedThroughput: { ReadCapacityUnits: 2, WriteCapacityUnits: 2 },
        },
      ],
      DeletionProtectionEnabled: true,
    }),
  );
  expect(created.TableDescription).toMatchObject({
    TableStatus: 'CREATING',
    GlobalSecondaryIndexes: [{ IndexStatus: 'CREATING' }],
  });
  await expect(client.send(new DeleteTableCommand({ TableName: TABLE }))).rejects.toThrow(
    `Table is being created: ${TABLE}`,
  );
  await untilIndex(lab.region(US), 'ACTIVE');
  await expect(client.send(new DeleteTableCommand({ TableName: TABLE }))).rejects.toThrow(
    'Resource cannot be deleted as it is currently protected against deletion.',
  );
  const ProvisionedThroughput = { ReadCapacityUnits: 5, WriteCapacityUnits: 5 };
  const updated = await update(lab.region(US), { ProvisionedThroughput });
  expect(updated).toMatchObject({
    TableStatus: 'UPDATING',
    ProvisionedThroughput: { ReadCapacityUnits: 1 },
  });
  await expect(update(lab.region(US), { ProvisionedThroughput })).rejects.toThrow(
    `Table IOPS are currently being updated. Table: ${TABLE}`,
  );
  await untilIndex(lab.region(US), 'ACTIVE');
  expect(await describe(lab.region(US))).toMatchObject({ ProvisionedThroughput });
});

test('an index and settings that one region asks for are in all, and outlive their stops', async () => {
  const lab = await TestLab.start([US, EU]);
  const [us, eu] = [lab.region(US), lab.region(EU)];
  await createGlobalTable(lab.regions);
  await put(us, 'one', 'x');
  await update(eu, byValue);
  await untilIndex(us, 'ACTIVE');
  await untilIndex(eu, 'ACTIVE');
  await update(us, { TableClass: 'STANDARD_INFREQUENT_ACCESS' });
  await until('the class to be in eu', async () => {
    const table = await describe(eu);
    return table?.TableClassSummary?.LastUpdateDateTime !== undefined;
  });
  await eu.stop();
  await eu.start();
  expect(await describe(eu)).toMatchObject({
    TableStatus: 'ACTIVE',
    TableClassSummary: { TableClass: 'STANDARD_INFREQUENT_ACCESS' },
    GlobalSecondaryIndexes: [{ IndexName: 'by-v', IndexStatus: 'ACTIVE' }],
  });
  await update(eu, { GlobalSecondaryIndexUpdates: [{ Delete: { IndexName: 'by-v' } }] });
  await untilIndex(us, undefined);
  await untilIndex(eu, undefined);
});
