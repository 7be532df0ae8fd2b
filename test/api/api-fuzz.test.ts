import { afterAll, beforeAll, expect, test } from 'vitest';

import { ClientError } from '../../src/model/errors.ts';
import { FUZZED_TABLE } from '../support/fuzz-requests.ts';
import { runFuzz } from '../support/fuzz-run.ts';
import { SIGNED_HEADERS, startMemoryApi } from '../support/memory-api.ts';
import type { MemoryApi } from '../support/memory-api.ts';

/** How many requests are made; `FUZZ_REQUESTS` and `FUZZ_SEED` ask for more, or for others. */
const requests = Number(process.env['FUZZ_REQUESTS'] ?? 100_000);
const seed = Number(process.env['FUZZ_SEED'] ?? 20_261_121);

let api: MemoryApi;
/** What was logged as a failure, but for the answers that DynamoDB itself gives with 500. */
const failures: unknown[] = [];

beforeAll(async () => {
  api = await startMemoryApi({
    log: {
      error: ({ err, ...fields }) => {
        if (!(err instanceof ClientError)) failures.push({ err, ...fields });
      },
    },
  });
  await api.call('CreateTable', FUZZED_TABLE);
});

afterAll(async () => {
  await api.stop();
});

test('a body that nests without end is refused', async () => {
  for (const [open, close] of [
    ['[', ']'],
    ['{"L":[', ']}'],
    ['{"M":{"a":', '}}'],
  ] as const) {
    const deep = open.repeat(100_000) + close.repeat(100_000);
    const { status, text } = await api.send({
      headers: { ...SIGNED_HEADERS, 'x-amz-target': 'DynamoDB_20120810.PutItem' },
      body: `{"TableName":"table","Item":{"pk":${deep}}}`,
    });
    expect({ status, text }).toMatchObject({ status: 400 });
  }
  expect(failures).toEqual([]);
});

test('a list that is too long is refused, however deep it nests', async () => {
  const deep = `${'{"L":['.repeat(50_000)}${']}'.repeat(50_000)}`;
  const puts = Array.from(
    { length: 101 },
    () => `{"Put":{"TableName":"table","Item":{"pk":${deep}}}}`,
  );
  const { status } = await api.send({
    headers: { ...SIGNED_HEADERS, 'x-amz-target': 'DynamoDB_20120810.TransactWriteItems' },
    body: `{"TransactItems":[${puts.slice(0, 2).join()},${'{},'.repeat(98)}{}]}`,
  });
  expect(status).toBe(400);
  expect(failures).toEqual([]);
});

test(`no request whatever ends in a failure or stops the daemon: ${requests} of seed ${seed}`, async () => {
  const accepted = await runFuzz({ port: api.port, seed, requests });
  expect(failures).toEqual([]);
  expect((await api.call('ListTables', {})).status).toBe(200);
  // Requests that are all refused for their shape would try little.
  expect(accepted).toBeGreaterThan(0.2);
}, 600_000);
