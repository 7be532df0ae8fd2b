import { DescribeTableCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';

import { FUZZED_TABLE } from '../support/fuzz-requests.ts';
import { runFuzz } from '../support/fuzz-run.ts';
import { SIGNED_HEADERS, sendRaw } from '../support/memory-api.ts';
import { TestLab, US } from '../support/test-lab.ts';

const REQUESTS = 10_000;
const SEED = 1_121;

test('no request whatever makes a region fail, or leaves it unable to serve', async () => {
  const lab = await TestLab.start([US]);
  const { client, running } = lab.region(US);
  const port = Number(new URL(running.endpoint).port);
  const created = await sendRaw(port, {
    headers: { ...SIGNED_HEADERS, 'x-amz-target': 'DynamoDB_20120810.CreateTable' },
    body: JSON.stringify(FUZZED_TABLE),
  });
  expect(created.status).toBe(200);
  const status = async (): Promise<unknown> => {
    const { Table } = await client.send(new DescribeTableCommand({ TableName: 'table' }));
    return Table?.TableStatus;
  };
  await expect.poll(status, { timeout: 10_000 }).toBe('ACTIVE');
  expect(await runFuzz({ port, seed: SEED, requests: REQUESTS })).toBeGreaterThan(0.2);
  await expect.poll(status, { timeout: 30_000 }).toBe('ACTIVE');
  const { Count = 0 } = await client.send(
    new ScanCommand({ TableName: 'table', ConsistentRead: true }),
  );
  expect(Count).toBeGreaterThan(0);
}, 120_000);
