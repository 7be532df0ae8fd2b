import { expect, test } from 'vitest';

import { shownDefinition } from '../../src/model/shown-definition.ts';
import type { Table, TableDefinition, TableUpdate } from '../../src/model/table.ts';

const first: TableDefinition = {
  keySchema: { partition: { name: 'id', type: 'S' }, sort: undefined },
  attributeDefinitions: [{ name: 'id', type: 'S' }],
  billingMode: 'PROVISIONED',
  provisionedThroughput: { read: 1, write: 1 },
  warmThroughput: { read: 1, write: 1 },
};
const second: TableDefinition = {
  ...first,
  provisionedThroughput: { read: 2, write: 2 },
  warmThroughput: { read: 2, write: 2 },
};
const third: TableDefinition = { ...second, tableClass: 'STANDARD_INFREQUENT_ACCESS' };

const shown = (definition: TableDefinition, updates: readonly TableUpdate[]): TableDefinition => {
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
    updates,
  };
  return shownDefinition(table);
};

test('a table without updates is shown as it is', () => {
  expect(shown(third, [])).toEqual(third);
});

test('what is under way is shown as it was before, each by itself', () => {
  const throughput = { kind: 'throughput', index: undefined, sinceMs: 1, before: first } as const;
  const tableClass = { kind: 'class', index: undefined, sinceMs: 2, before: second } as const;
  expect(shown(third, [throughput, tableClass])).toEqual(first);
  expect(shown(third, [tableClass])).toEqual(second);
  expect(shown(third, [throughput])).toEqual({
    ...first,
    tableClass: 'STANDARD_INFREQUENT_ACCESS',
  });
});
