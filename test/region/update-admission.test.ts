import { expect, test } from 'vitest';

import type { Table, TableUpdateKind } from '../../src/model/table.ts';
import type { TableChange } from '../../src/region/region.ts';
import { assertMayDelete, assertMayUpdate } from '../../src/region/update-admission.ts';

const IN_USE = 'Attempt to change a resource which is still in use: ';

const definition: Table['definition'] = {
  keySchema: { partition: { name: 'id', type: 'S' }, sort: undefined },
  attributeDefinitions: [{ name: 'id', type: 'S' }],
  billingMode: 'PAY_PER_REQUEST',
  provisionedThroughput: { read: 0, write: 0 },
  tableClass: 'STANDARD_INFREQUENT_ACCESS',
};

const table: Table = {
  number: 1,
  name: 'Orders',
  tableId: 'id',
  globalId: 'global',
  createdAtMs: 1,
  status: 'ACTIVE',
  definition,
  global: undefined,
  parted: undefined,
};

const during = (kind: TableUpdateKind, index?: string): Table => ({
  ...table,
  updates: [{ kind, index, sinceMs: 1, before: definition }],
});

const withIndex = (
  status: Table['status'],
  { backfilling = false, updates = [] as Table['updates'] } = {},
): Table => ({
  ...table,
  ...(updates !== undefined && { updates }),
  indexes: [
    {
      definition: {
        name: 'gsi1',
        kind: 'global',
        partition: [{ name: 'x', type: 'S' }],
        sort: [],
        projection: { kind: 'all' },
      },
      number: 2,
      status,
      backfilling,
    },
  ],
});
const allocating = withIndex('CREATING', {
  backfilling: true,
  updates: [{ kind: 'allocation', index: 'gsi1', sinceMs: 1, before: definition }],
});
const backfilling = withIndex('CREATING', { backfilling: true });

const units: TableChange = { provisionedThroughput: { read: 1, write: 1 } };
const bound: TableChange = { onDemandThroughput: { read: 1, write: undefined } };
const deletion = (name: string): TableChange => ({ indexes: [{ kind: 'delete', name }] });
const indexUpdate: TableChange = {
  indexes: [{ kind: 'update', name: 'gsi1', throughput: {} }],
};
const ONE_INDEX =
  'Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table';

test.each<[string, Table, TableChange, string]>([
  ['creation', { ...table, status: 'CREATING' }, units, `${IN_USE}Table is being created: Orders`],
  ['deletion', { ...table, status: 'DELETING' }, units, `${IN_USE}Table is being deleted: Orders`],
  [
    'other throughput',
    during('throughput'),
    units,
    `${IN_USE}Table IOPS are currently being updated. Table: Orders`,
  ],
  [
    'the deletion of an index',
    withIndex('DELETING'),
    { ...units, billingMode: 'PROVISIONED' },
    `${IN_USE}Can't change table IOPS when an index is being deleted. Table: Orders Indexes: [gsi1]`,
  ],
  [
    'the deletion of an index that it is about',
    withIndex('DELETING'),
    { ...units, ...indexUpdate },
    `${IN_USE}Index is being deleted. Table: Orders Index: gsi1`,
  ],
  [
    'a change of the mode',
    during('billing'),
    bound,
    `${IN_USE}OnDemandThroughput cannot be updated while BillingMode update is in progress`,
  ],
  [
    'a change of the class',
    during('class'),
    bound,
    `${IN_USE}OnDemandThroughput cannot be updated while TableClass update is in progress. TableClassUpdateInProgress: STANDARD_INFREQUENT_ACCESS`,
  ],
  [
    'the allocation of an index',
    allocating,
    bound,
    `${IN_USE}OnDemandThroughput cannot be updated while index creation is in progress for indexes: [gsi1]`,
  ],
  [
    'a change of throughput',
    during('throughput'),
    { stream: 'KEYS_ONLY' },
    `${IN_USE}Can't enable or disable stream while table IOPS are being updated. Table: Orders`,
  ],
  [
    'a change of the class',
    during('class'),
    { stream: 'KEYS_ONLY' },
    `${IN_USE}Can't change stream status when a table class update is in progress. Table: Orders TableClassUpdateInProgress: STANDARD_INFREQUENT_ACCESS`,
  ],
  [
    'the allocation of an index',
    allocating,
    { stream: 'KEYS_ONLY' },
    `${IN_USE}Can't change stream status when an index is being created`,
  ],
  [
    'another change of the class',
    during('class'),
    { tableClass: 'STANDARD' },
    `${IN_USE}Can't update table class when a table class update is in progress. Table: Orders TableClassUpdateInProgress: STANDARD_INFREQUENT_ACCESS`,
  ],
  [
    'a change of the stream',
    during('stream'),
    { tableClass: 'STANDARD' },
    `${IN_USE}Can't update table class when stream status is being updated. Table: Orders`,
  ],
  [
    'encryption',
    during('encryption'),
    { encryption: 'off' },
    `${IN_USE}Server-Side Encryption is still being updated`,
  ],
  [
    'its allocation',
    allocating,
    deletion('gsi1'),
    `${IN_USE}Index creation is in resource allocation phase. Retry deletion during backfilling phase or when the index is active. Table: Orders Index: gsi1`,
  ],
  ['the backfill of another index', backfilling, deletion('gsi2'), ONE_INDEX],
  ['the deletion of another index', withIndex('DELETING'), deletion('gsi2'), ONE_INDEX],
  [
    'another change of the index',
    withIndex('UPDATING'),
    indexUpdate,
    `${IN_USE}Index is being updated. Table: Orders Index: gsi1`,
  ],
  [
    'a change of throughput',
    during('throughput'),
    deletion('gsi1'),
    `${IN_USE}Can't create or delete indexes while table IOPS are being updated. Table: Orders`,
  ],
  [
    'a change of the stream',
    during('stream'),
    deletion('gsi1'),
    `${IN_USE}Can't create or delete an index when stream status is being updated.`,
  ],
])('during %s a change is refused', (_what, standing, change, message) => {
  expect(() => assertMayUpdate(standing, change)).toThrow(message);
});

test.each<[string, Table, TableChange]>([
  [
    'the mode that is, during a deletion of an index',
    withIndex('DELETING'),
    { billingMode: 'PAY_PER_REQUEST' },
  ],
  ['the deletion of an index that is being filled', backfilling, deletion('gsi1')],
  ['throughput while an index is being filled', backfilling, units],
  ['encryption during whatever', during('stream'), { encryption: { keyId: undefined } }],
  ['warm throughput during whatever', during('billing'), { warmThroughput: { read: 1, write: 1 } }],
])('%s is let through', (_what, standing, change) => {
  expect(() => assertMayUpdate(standing, change)).not.toThrow();
});

test.each<[string, Table, string]>([
  ['is created', { ...table, status: 'CREATING' }, `${IN_USE}Table is being created: Orders`],
  ['is protected', { ...table, deletionProtection: true }, 'Resource cannot be deleted as it is'],
  [
    'has an index that is being filled',
    backfilling,
    `${IN_USE}Cannot delete table while indexes are being created, updated, or deleted.`,
  ],
  [
    'has its stream changed',
    during('stream'),
    `${IN_USE}Cannot delete table while stream is being enabled/disabled.`,
  ],
  [
    'has its key changed',
    during('encryption'),
    `${IN_USE}Table: Orders is in the process of being`,
  ],
])('a table that %s is not deleted', (_what, standing, message) => {
  expect(() => assertMayDelete(standing)).toThrow(message);
});
