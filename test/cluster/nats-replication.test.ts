import {
  type AttributeValue,
  CreateTableCommand,
  DescribeTableCommand,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
} from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';

import { NATS_VERSION_MIN } from '../../src/cli/nats-server.ts';
import { startNatsLab } from '../support/nats-lab.ts';
import { natsSuite } from '../support/nats-suite.ts';
import { EU, type TestRegion, US } from '../support/test-lab.ts';
import {
  createGlobalTable,
  get,
  put,
  putMany,
  replicate,
  TABLE,
  untilEqual,
} from '../support/test-table.ts';
import { until } from '../support/until.ts';

/** In an item of the largest size that holds nothing else: each counts two bytes, and fourteen on the wire. */
const NULLS_MAX = 204_750;

const ITEM = 'largest';

/** A key `id`, and a global index of all by `state`, for which records carry the image before as well. */
async function createIndexed({ client }: TestRegion): Promise<void> {
  await client.send(
    new CreateTableCommand({
      TableName: TABLE,
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      AttributeDefinitions: [
        { AttributeName: 'id', AttributeType: 'S' },
        { AttributeName: 'state', AttributeType: 'S' },
      ],
      GlobalSecondaryIndexes: [
        {
          IndexName: 'by-state',
          KeySchema: [{ AttributeName: 'state', KeyType: 'HASH' }],
          Projection: { ProjectionType: 'ALL' },
        },
      ],
      BillingMode: 'PAY_PER_REQUEST',
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
    }),
  );
  await until('the table to be ACTIVE', async () => {
    const { Table } = await client.send(new DescribeTableCommand({ TableName: TABLE }));
    return Table?.TableStatus === 'ACTIVE';
  });
}

const largest = (state: string): Record<string, AttributeValue> => ({
  id: { S: ITEM },
  state: { S: state },
  v: { L: Array.from({ length: NULLS_MAX }, () => ({ NULL: true })) },
});

/** What of the item is small. */
const stateOf = async ({ client }: TestRegion): Promise<string | undefined> => {
  const { Item } = await client.send(
    new GetItemCommand({
      TableName: TABLE,
      Key: { id: { S: ITEM } },
      ProjectionExpression: '#s',
      ExpressionAttributeNames: { '#s': 'state' },
    }),
  );
  return Item?.['state']?.S;
};

async function indexed({ client }: TestRegion, state: string): Promise<number> {
  const { Count = 0 } = await client.send(
    new QueryCommand({
      TableName: TABLE,
      IndexName: 'by-state',
      Select: 'COUNT',
      KeyConditionExpression: '#s = :s',
      ExpressionAttributeNames: { '#s': 'state' },
      ExpressionAttributeValues: { ':s': { S: state } },
    }),
  );
  return Count;
}

await natsSuite('replication over NATS', NATS_VERSION_MIN, () => {
  test('the largest item, with the image that it replaced, is replicated through a server that takes 64 KB', async () => {
    const lab = await startNatsLab([US, EU], { servers: { maxPayload: 64 * 1024 } });
    const [us, eu] = [lab.region(US), lab.region(EU)];
    await createIndexed(us);
    await us.client.send(new PutItemCommand({ TableName: TABLE, Item: largest('first') }));
    await replicate(us, [eu]);
    await until('the copy of the item', async () => (await stateOf(eu)) === 'first');
    for (const [from, to, state] of [
      [us, eu, 'second'],
      [eu, us, 'third'],
    ] as const) {
      await from.client.send(new PutItemCommand({ TableName: TABLE, Item: largest(state) }));
      await until(`the item as ${state}`, async () => (await stateOf(to)) === state, {
        detail: () => lab.regions.map(({ logger }) => logger.lines),
      });
    }
    for (const region of lab.regions) {
      await until('the index', async () => (await indexed(region, 'third')) === 1);
      expect(await indexed(region, 'second')).toBe(0);
      const read = new GetItemCommand({ TableName: TABLE, Key: { id: { S: ITEM } } });
      const { Item } = await region.client.send(read);
      expect(Item?.['v']?.L?.length).toBe(NULLS_MAX);
    }
  });

  test("a peer's NATS that is gone for a while costs nothing but time, in either direction", async () => {
    const lab = await startNatsLab([US, EU]);
    const [us, eu] = [lab.region(US), lab.region(EU)];
    await createGlobalTable(lab.regions);
    await lab.nats(EU).kill();
    await putMany(us, { prefix: 'from us ', count: 200 });
    await putMany(eu, { prefix: 'from eu ', count: 200 });
    const samples = await us.metric('tidemark_nats_connected');
    expect(samples.map(({ labels, value }) => [labels['region'], value])).toEqual([
      [US, 1],
      [EU, 0],
    ]);
    await lab.nats(EU).restart();
    const items = await untilEqual(lab.regions);
    expect(items.size).toBe(400);
  });

  test('a link is cut and slowed through the operations port, as between the regions of one process', async () => {
    const lab = await startNatsLab([US, EU]);
    const [us, eu] = [lab.region(US), lab.region(EU)];
    await createGlobalTable(lab.regions);
    await us.post(`/links/${EU}`, { up: false });
    await put(us, 'one', 'from us');
    await put(eu, 'two', 'from eu');
    await until('eu to be heard', async () => (await get(us, 'two')) === 'from eu');
    expect(await get(eu, 'one')).toBeUndefined();
    await us.post(`/links/${EU}`, { up: true, delayMs: 50 });
    await until('us to be heard', async () => (await get(eu, 'one')) === 'from us');
    expect(us.running.operations.links()).toEqual([{ peer: EU, up: true, delayMs: 50 }]);
  });
});
