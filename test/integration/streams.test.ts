import { UpdateTableCommand } from '@aws-sdk/client-dynamodb';
import type { _Record } from '@aws-sdk/client-dynamodb-streams';
import { expect, test } from 'vitest';

import { SeededRandom } from '../support/seeded-random.ts';
import { randomBelow } from '../../src/base/random.ts';
import { latestStreamArn, StreamConsumer, streamsClient } from '../support/stream-consumer.ts';
import { EU, TestLab, type TestRegion, US } from '../support/test-lab.ts';
import {
  createGlobalTable,
  createTable,
  describe,
  put,
  remove,
  scanAll,
  TABLE,
  untilEqual,
} from '../support/test-table.ts';
import { until } from '../support/until.ts';

async function enableStream(region: TestRegion): Promise<string> {
  await region.client.send(
    new UpdateTableCommand({
      TableName: TABLE,
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
    }),
  );
  await until('the stream to be there', async () => {
    const table = await describe(region);
    return table?.TableStatus === 'ACTIVE';
  });
  return latestStreamArn(region, TABLE);
}

/** Writes and removes a few items again and again. */
async function churn(region: TestRegion, random: SeededRandom, count: number): Promise<void> {
  for (let at = 0; at < count; at += 1) {
    const id = `item ${randomBelow(random, 12)}`;
    if (random.next() < 0.3) await remove(region, id);
    else await put(region, id, `value ${randomBelow(random, 1000)}`);
  }
}

const valuesOf = ({ items }: StreamConsumer): ReadonlyMap<string | undefined, string | undefined> =>
  new Map([...items.values()].map(({ id, v }) => [id?.S, v?.S]));

/** Each change of an item begins with what the one before has left. */
function expectChained(records: readonly _Record[]): void {
  const standing = new Map<string, unknown>();
  for (const { eventName, dynamodb } of records) {
    const key = JSON.stringify(dynamodb?.Keys);
    expect(dynamodb?.OldImage).toEqual(standing.get(key));
    expect(eventName).toBe(
      dynamodb?.NewImage === undefined
        ? 'REMOVE'
        : dynamodb.OldImage === undefined
          ? 'INSERT'
          : 'MODIFY',
    );
    if (dynamodb?.NewImage === undefined) standing.delete(key);
    else standing.set(key, dynamodb.NewImage);
  }
}

test('the stream, folded, is the table; a consumer goes on where it was after a start, and through new shards', async () => {
  // Shards of a second, so that some pass.
  const lab = await TestLab.start([US], { streams: { shardHours: 1 / 3600 } });
  const us = lab.region(US);
  await createTable(us);
  const arn = await enableStream(us);
  const random = new SeededRandom(4);
  let client = streamsClient(us);
  const consumer = new StreamConsumer(arn, () => client);
  for (let run = 0; run < 3; run += 1) {
    await churn(us, random, 60);
    await consumer.catchUp(7);
    await churn(us, random, 60);
    client.destroy();
    await us.stop();
    await us.start();
    client = streamsClient(us);
    await churn(us, random, 10);
    await consumer.catchUp();
    expect(valuesOf(consumer)).toEqual(await scanAll(us));
  }
  expect(consumer.ended.size).toBeGreaterThan(0);
  expectChained(consumer.records);
  const numbers = consumer.records.map(({ dynamodb }) => dynamodb?.SequenceNumber);
  expect(new Set(numbers).size).toBe(numbers.length);
  // One who comes late is told the same.
  const late = new StreamConsumer(arn, () => client);
  await late.catchUp();
  expect(new Set(late.records.map(({ eventID }) => eventID))).toEqual(
    new Set(consumer.records.map(({ eventID }) => eventID)),
  );
  client.destroy();
});

test("in every region of a global table its stream, folded, is that region's replica", async () => {
  const lab = await TestLab.start([US, EU]);
  const [us, eu] = [lab.region(US), lab.region(EU)];
  await createGlobalTable(lab.regions);
  const random = new SeededRandom(9);
  await Promise.all([churn(us, random, 80), churn(eu, random, 80)]);
  await untilEqual(lab.regions);
  const arns: string[] = [];
  for (const region of [us, eu]) {
    const client = streamsClient(region);
    const arn = await latestStreamArn(region, TABLE);
    arns.push(arn);
    const consumer = new StreamConsumer(arn, () => client);
    await consumer.catchUp();
    expect(valuesOf(consumer)).toEqual(await scanAll(region));
    expectChained(consumer.records);
    expect(new Set(consumer.records.map(({ awsRegion }) => awsRegion))).toEqual(
      new Set([region.name]),
    );
    client.destroy();
  }
  expect(arns.map((arn) => arn.split(':')[3])).toEqual([US, EU]);
});
