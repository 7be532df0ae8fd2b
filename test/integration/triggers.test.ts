import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import {
  CreateTableCommand,
  DeleteItemCommand,
  PutItemCommand,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';

import { TestLab, US, type TestRegion } from '../support/test-lab.ts';
import { until } from '../support/until.ts';

/** As it would be deployed to Lambda: it knows nothing of where it runs. */
const HANDLER = `
import { appendFileSync } from 'node:fs';

let invocations = 0;
export const handler = async (event, context) => {
  invocations += 1;
  for (const record of event.Records) {
    const { Keys, NewImage } = record.dynamodb;
    appendFileSync(new URL('seen.jsonl', import.meta.url), JSON.stringify({
      id: Keys.id.S, n: Number(NewImage?.n?.N ?? -1), event: record.eventName,
      source: record.eventSource, arn: record.eventSourceARN, name: context.functionName,
    }) + '\\n');
  }
  if (invocations % 4 === 3) throw new Error('a bad day');
};
`;

interface Seen {
  readonly id: string;
  readonly n: number;
  readonly event: string;
  readonly source: string;
  readonly arn: string;
  readonly name: string;
}

async function createOrders({ client }: TestRegion): Promise<void> {
  await client.send(
    new CreateTableCommand({
      TableName: 'orders',
      AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      BillingMode: 'PAY_PER_REQUEST',
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
    }),
  );
  await waitUntilTableExists(
    { client, maxWaitTime: 30, minDelay: 0.05, maxDelay: 0.2 },
    { TableName: 'orders' },
  );
}

const put = async ({ client }: TestRegion, id: string, n: number): Promise<void> => {
  const Item = { id: { S: id }, n: { N: String(n) } };
  await client.send(new PutItemCommand({ TableName: 'orders', Item }));
};

async function get(region: TestRegion, path: string): Promise<unknown> {
  const response = await fetch(`${region.running.operationsEndpoint}${path}`);
  return response.json();
}

test('a handler file follows a table through restarts: nothing is missing, and each item is in order', async () => {
  const lab = await TestLab.start([US], { statusMs: 0 });
  const region = lab.region(US);
  const file = join(lab.folder, 'handler.mjs');
  await writeFile(file, HANDLER);
  const seen = async (): Promise<readonly Seen[]> => {
    const text = await readFile(join(lab.folder, 'seen.jsonl'), 'utf8').catch(() => '');
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line): Seen => JSON.parse(line));
  };
  await createOrders(region);
  await put(region, 'k0', 0);
  await region.post('/triggers', {
    name: 'follow',
    table: 'orders',
    to: `module:${file}`,
    startingPosition: 'TRIM_HORIZON',
    batchSize: 7,
    bisectOnError: true,
  });
  const keys = ['k0', 'k1', 'k2', 'k3', 'k4'];
  for (let n = 1; n <= 60; n++) {
    await put(region, keys[n % keys.length] ?? '', n);
    if (n === 20 || n === 40) {
      await region.stop();
      await region.start();
    }
  }
  await region.client.send(
    new DeleteItemCommand({ TableName: 'orders', Key: { id: { S: 'k0' } } }),
  );
  await until('the delete to be seen', async () =>
    (await seen()).some(({ event }) => event === 'REMOVE'),
  );
  await until('everything to be handled', async () => {
    const shown = JSON.stringify(await get(region, '/triggers/follow'));
    return shown.includes('"state":"running"') && shown.includes('"pendingRecords":0,"shards"');
  });

  const all = await seen();
  for (const [at, key] of keys.entries()) {
    const values = all.filter(({ id, n }) => id === key && n >= 0).map(({ n }) => n);
    const expected = Array.from({ length: 61 }, (_, n) => n).filter((n) => n % 5 === at);
    expect([...new Set(values)]).toEqual(expected);
    // What comes again comes from a little before, never from further on.
    let last = -1;
    for (const value of values) {
      const place = expected.indexOf(value);
      expect(place).toBeLessThanOrEqual(last + 1);
      last = Math.max(last, place);
    }
  }
  expect(all.find(({ id }) => id === 'k1')).toMatchObject({
    event: 'INSERT',
    source: 'aws:dynamodb',
    name: 'follow',
    arn: expect.stringMatching(/^arn:aws:dynamodb:us-east-1:\d{12}:table\/orders\/stream\//u),
  });
  const lag = await region.metric('tidemark_trigger_lag_seconds');
  expect(lag).toMatchObject([{ labels: { trigger: 'follow', table: 'orders' }, value: 0 }]);

  await region.post('/triggers/follow/delete');
  expect(await get(region, '/triggers')).toEqual({ triggers: [] });
});
