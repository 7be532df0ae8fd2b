import { afterEach, beforeEach, expect, test } from 'vitest';

import { startMemoryApi } from '../support/memory-api.ts';
import type { MemoryApi } from '../support/memory-api.ts';

let api: MemoryApi;

beforeEach(async () => {
  api = await startMemoryApi();
});

afterEach(async () => {
  await api.stop();
});

const UNSUPPORTED =
  'One or more parameter values were invalid: DynamoDB global tables version 2017.11.29 is not supported. ' +
  'We recommend using DynamoDB global tables version 2019.11.21, instead of version 2017.11.29 (Legacy).';
const MISSING = "Global table with name: 'Music' does not exist.";
const eu = { RegionName: 'eu-west-1' };

test.each([
  ['CreateGlobalTable', { ReplicationGroup: [eu] }, 'ValidationException', UNSUPPORTED],
  ['UpdateGlobalTable', { ReplicaUpdates: [{ Create: eu }] }, 'ValidationException', UNSUPPORTED],
  [
    'UpdateGlobalTable',
    { ReplicaUpdates: [{ Delete: eu }] },
    'GlobalTableNotFoundException',
    MISSING,
  ],
  [
    'UpdateGlobalTable',
    { ReplicaUpdates: [] },
    'ValidationException',
    'One or more parameter values were invalid',
  ],
  [
    'UpdateGlobalTable',
    { ReplicaUpdates: [{}] },
    'ValidationException',
    'One or more parameter values were invalid',
  ],
  ['DescribeGlobalTable', {}, 'GlobalTableNotFoundException', `Global table not found: ${MISSING}`],
  ['DescribeGlobalTableSettings', {}, 'GlobalTableNotFoundException', MISSING],
  [
    'UpdateGlobalTableSettings',
    { GlobalTableBillingMode: 'PAY_PER_REQUEST' },
    'GlobalTableNotFoundException',
    MISSING,
  ],
  [
    'UpdateGlobalTableSettings',
    { ReplicaSettingsUpdate: [{}] },
    'ValidationException',
    "1 validation error detected: Value null at 'replicaSettingsUpdate.1.member.regionName' failed to satisfy constraint: Member must not be null",
  ],
  [
    'CreateGlobalTable',
    {},
    'ValidationException',
    "1 validation error detected: Value null at 'replicationGroup' failed to satisfy constraint: Member must not be null",
  ],
])('%s of %j is answered %s', async (operation, input, code, message) => {
  const { status, body } = await api.call(operation, { GlobalTableName: 'Music', ...input });
  expect(status).toBe(400);
  expect(body).toEqual({ __type: expect.stringMatching(`#${code}$`) as unknown, message });
});

test('a name that is no table name is refused in words of its own', async () => {
  for (const GlobalTableName of ['', 'ab', 'a;', 'a'.repeat(256)]) {
    const { body } = await api.call('DescribeGlobalTable', { GlobalTableName });
    expect(body).toMatchObject({
      message: 'TableName must be at least 3 characters long and at most 255 characters long',
    });
  }
  const { body } = await api.call('DescribeGlobalTable', { GlobalTableName: 'abc;' });
  expect(body).toMatchObject({
    message: expect.stringContaining('regular expression pattern: [a-zA-Z0-9_.-]+') as unknown,
  });
});
