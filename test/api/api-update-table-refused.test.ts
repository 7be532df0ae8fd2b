import { afterEach, beforeEach, expect, test } from 'vitest';

import { startMemoryApi } from '../support/memory-api.ts';
import type { MemoryApi } from '../support/memory-api.ts';
import {
  BOUND,
  CLASS,
  INVALID,
  MODE,
  newIndex,
  onDemand,
  SSE,
  STREAM,
  units,
  WARM,
  withIndexes,
} from '../support/update-table-requests.ts';

let api: MemoryApi;

beforeEach(async () => {
  api = await startMemoryApi();
});

afterEach(async () => {
  await api.stop();
});

const PROTECTION = { DeletionProtectionEnabled: true };

async function update(changes: object): Promise<{ status: number; body: unknown }> {
  return api.call('UpdateTable', { TableName: 'Music', ...changes });
}

const NOTHING =
  'At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates, ' +
  'SSESpecification, ReplicaUpdates, MultiAccountReplicaReady, ReplicaTransitRoleArn, MultiRegionConsistency, ' +
  'DeletionProtectionEnabled, OnDemandThroughput, WarmThroughput or TableClass is required';

test.each<[string, object, string]>([
  ['nothing', {}, NOTHING],
  ['no index changes alone', { GlobalSecondaryIndexUpdates: [] }, NOTHING],
  ['definitions alone', { AttributeDefinitions: onDemand.AttributeDefinitions }, NOTHING],
  ['no units alone', { WarmThroughput: {}, OnDemandThroughput: {} }, NOTHING],
  [
    'consistency alone',
    { MultiRegionConsistency: 'EVENTUAL' },
    NOTHING.replace('MultiRegionConsistency, ', ''),
  ],
  [
    'no index changes beside others',
    { GlobalSecondaryIndexUpdates: [], BillingMode: 'PAY_PER_REQUEST' },
    `${INVALID}List of GlobalSecondaryIndexUpdates is empty`,
  ],
  [
    'encryption and more',
    { ...SSE, ...PROTECTION, ...CLASS },
    `${INVALID}Server-Side Encryption modification must be the only operation in the request`,
  ],
  [
    'class and more',
    { ...CLASS, ...PROTECTION },
    `${INVALID}TableClass modification must be the only operation in the request`,
  ],
  [
    'protection and more',
    { ...PROTECTION, ...MODE },
    `${INVALID}DeletionProtection modification must be the only operation in the request`,
  ],
  [
    'warm throughput and more',
    { ...WARM, ...STREAM },
    `${INVALID}WarmThroughput must be the only operation in the request`,
  ],
  [
    'warm throughput and a new index',
    { ...WARM, ...withIndexes(newIndex('gsi')) },
    `${INVALID}Create global secondary index cannot be specified when updating WarmThroughput`,
  ],
  [
    'a bound and more than a mode',
    { ...BOUND, ...STREAM },
    `${INVALID}OnDemandThroughput can only be combined with BillingMode in an UpdateTable request`,
  ],
  [
    'a stream and throughput',
    { ...STREAM, ProvisionedThroughput: units(1) },
    `${INVALID}You cannot modify stream status while updating table IOPS`,
  ],
  [
    'an index and throughput',
    { ...withIndexes({ Delete: { IndexName: 'gsi' } }), ProvisionedThroughput: units(1) },
    `${INVALID}You cannot create or delete index while updating table IOPS`,
  ],
  [
    'an index and a stream',
    { ...withIndexes(newIndex('gsi')), ...STREAM },
    `${INVALID}You cannot create or delete index while changing stream status`,
  ],
  [
    'an index change that is none',
    withIndexes({}),
    `${INVALID}One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, GlobalSecondaryIndexUpdate.Delete must not be null`,
  ],
  [
    'two index changes in one',
    withIndexes({ ...newIndex('gsi'), Delete: { IndexName: 'other' } }),
    `${INVALID}Only one global secondary index action is allowed per GlobalSecondaryIndexUpdate object`,
  ],
  [
    'an index twice',
    withIndexes({ Delete: { IndexName: 'gsi' } }, newIndex('gsi')),
    `${INVALID}Only one global secondary index update per index is allowed simultaneously. Index: gsi`,
  ],
  [
    'a new index without definitions',
    { GlobalSecondaryIndexUpdates: [newIndex('gsi')] },
    `${INVALID}AttributeDefinitions is not specified for index: gsi`,
  ],
  [
    'a new index of what is not defined',
    { ...withIndexes(newIndex('gsi')), AttributeDefinitions: onDemand.AttributeDefinitions },
    `${INVALID}Some index key attributes are not defined in AttributeDefinitions. Keys: [x], AttributeDefinitions: [pk]`,
  ],
  [
    'units for a mode that has none',
    { ...MODE, ProvisionedThroughput: units(1) },
    `${INVALID}ProvisionedThroughput cannot be specified when BillingMode is PAY_PER_REQUEST`,
  ],
  [
    'a bound of nothing',
    { OnDemandThroughput: { MaxWriteRequestUnits: 0 } },
    `${INVALID}Requested MaxWriteRequestUnits for OnDemandThroughput for table is outside of valid range`,
  ],
  [
    'a stream that tells nothing',
    { StreamSpecification: { StreamEnabled: true } },
    `${INVALID}If stream is being enabled then UpdateViewType is required`,
  ],
  [
    'what no stream is to tell',
    { StreamSpecification: { StreamEnabled: false, StreamViewType: 'KEYS_ONLY' } },
    `${INVALID}If stream is being disabled, then UpdateViewType must not be specified`,
  ],
  [
    'witnesses without strong consistency',
    {
      ReplicaUpdates: [{ Create: { RegionName: 'eu-west-1' } }],
      GlobalTableWitnessUpdates: [{ Create: { RegionName: 'us-east-2' } }],
    },
    'MultiRegionConsistency must be set as STRONG when GlobalTableWitnessUpdates parameter is present.',
  ],
])('UpdateTable refuses %s, table or not', async (_what, changes, message) => {
  const { status, body } = await update(changes);
  expect({ status, body }).toEqual({
    status: 400,
    body: { __type: 'com.amazon.coral.validate#ValidationException', message },
  });
});
