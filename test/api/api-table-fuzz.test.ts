import fc from 'fast-check';
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

/** Mostly what there may be, sometimes not. */
const oneOf = (...values: readonly unknown[]): fc.Arbitrary<unknown> =>
  fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...values) },
    { weight: 1, arbitrary: fc.constantFrom(null, 0, -1, '', {}, [], 1e15, true) },
  );
const some = (members: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<object> =>
  fc.record(members, { requiredKeys: [] });
const listOf = (element: fc.Arbitrary<unknown>, maxLength: number): fc.Arbitrary<unknown> =>
  fc.array(element, { maxLength });

const name = oneOf('pk', 'sk', 'x', 'y');
const indexName = oneOf('gsi', 'lsi', 'other');
const units = oneOf(1, 2, 5, 13_000, -1);
const KeySchema = listOf(fc.record({ AttributeName: name, KeyType: oneOf('HASH', 'RANGE') }), 3);
const Projection = some({
  ProjectionType: oneOf('ALL', 'KEYS_ONLY', 'INCLUDE'),
  NonKeyAttributes: listOf(name, 2),
});
const ProvisionedThroughput = some({ ReadCapacityUnits: units, WriteCapacityUnits: units });
const OnDemandThroughput = some({ MaxReadRequestUnits: units, MaxWriteRequestUnits: units });
const WarmThroughput = some({ ReadUnitsPerSecond: units, WriteUnitsPerSecond: units });
const index = some({ IndexName: indexName, KeySchema, Projection, ProvisionedThroughput });
const settings = {
  BillingMode: oneOf('PAY_PER_REQUEST', 'PROVISIONED'),
  ProvisionedThroughput,
  OnDemandThroughput,
  WarmThroughput,
  StreamSpecification: some({
    StreamEnabled: oneOf(true, false),
    StreamViewType: oneOf('KEYS_ONLY', 'NEW_IMAGE'),
  }),
  SSESpecification: some({
    Enabled: oneOf(true, false),
    SSEType: oneOf('KMS', 'AES256'),
    KMSMasterKeyId: oneOf('alias/x', 'arn:aws:kms:a:b:key/c', 'id'),
  }),
  TableClass: oneOf('STANDARD', 'STANDARD_INFREQUENT_ACCESS'),
  DeletionProtectionEnabled: oneOf(true, false),
};
const AttributeDefinitions = listOf(
  fc.record({ AttributeName: name, AttributeType: oneOf('S', 'N', 'B') }),
  4,
);
const creation = some({
  AttributeDefinitions,
  KeySchema,
  ...settings,
  LocalSecondaryIndexes: listOf(index, 2),
  GlobalSecondaryIndexes: listOf(index, 2),
});
const update = some({
  AttributeDefinitions,
  ...settings,
  GlobalSecondaryIndexUpdates: listOf(
    some({
      Create: index,
      Update: some({
        IndexName: indexName,
        ProvisionedThroughput,
        OnDemandThroughput,
        WarmThroughput,
      }),
      Delete: some({ IndexName: indexName }),
    }),
    2,
  ),
});
/** One thing at a time, as a table takes it. */
const singleUpdate = fc
  .tuple(update, fc.nat())
  .map(([changes, at]) =>
    Object.entries(changes).filter((_, each, all) => each === at % all.length),
  )
  .map((entries) => Object.fromEntries(entries));

const music = {
  TableName: 'Music',
  AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
  KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
  BillingMode: 'PAY_PER_REQUEST',
};

test('whatever is asked of a new table, it is made or refused', async () => {
  await fc.assert(
    fc.asyncProperty(creation, async (request) => {
      const { status } = await api.call('CreateTable', { TableName: 'Music', ...request });
      expect([200, 400]).toContain(status);
      if (status === 400) return;
      expect((await api.call('DescribeTable', { TableName: 'Music' })).status).toBe(200);
      await api.call('UpdateTable', { TableName: 'Music', DeletionProtectionEnabled: false });
      expect((await api.call('DeleteTable', { TableName: 'Music' })).status).toBe(200);
    }),
    { seed: 1, numRuns: 200 },
  );
}, 30_000);

test('whatever is asked of a table, it is done or refused, and the table can be described', async () => {
  await api.call('CreateTable', music);
  const answers = new Map<number, number>();
  await fc.assert(
    fc.asyncProperty(fc.oneof(update, singleUpdate), async (request) => {
      const { status } = await api.call('UpdateTable', { TableName: 'Music', ...request });
      expect([200, 400]).toContain(status);
      answers.set(status, (answers.get(status) ?? 0) + 1);
      expect((await api.call('DescribeTable', { TableName: 'Music' })).status).toBe(200);
    }),
    { seed: 1, numRuns: 300 },
  );
  expect(answers.get(200)).toBeGreaterThan(20);
}, 30_000);
