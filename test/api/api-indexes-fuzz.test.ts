import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { createIndexedTable, EXAMPLE_INDEXES } from '../support/indexed-table.ts';
import { startMemoryApi } from '../support/memory-api.ts';
import type { MemoryApi } from '../support/memory-api.ts';

let api: MemoryApi;
let TableName: string;

beforeAll(async () => {
  api = await startMemoryApi();
  TableName = await createIndexedTable(api.region);
});

afterAll(async () => {
  await api.stop();
});

const attributeName = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'h1', 'h2', 'r1', 'r2', 'r3', 'x');

const value = fc.oneof(
  fc.constantFrom<object>(
    { S: '' },
    { S: 'a' },
    { S: 'x'.repeat(1025) },
    { S: 'x'.repeat(2049) },
    { N: '1' },
    { N: 'one' },
    { B: '' },
    { B: 'AAE=' },
    { NULL: true },
    { L: [] },
    {},
  ),
  fc.constant({ S: 'a' }),
  fc.constant({ N: '1' }),
);

const attributes = fc.dictionary(attributeName, value, { maxKeys: 8 });

const operator = fc.constantFrom(
  '=',
  '=',
  '=',
  '<',
  '<=',
  '>',
  '>=',
  'begins_with',
  'BETWEEN',
  '<>',
);

const terms = fc.array(fc.tuple(attributeName, operator, value), { minLength: 1, maxLength: 9 });

function keyCondition(all: readonly (readonly [string, string, object])[]): object {
  const texts = all.map(([name, sign], at) => {
    if (sign === 'begins_with') return `begins_with(${name}, :v${at})`;
    return sign === 'BETWEEN' ? `${name} BETWEEN :v${at} AND :v${at}` : `${name} ${sign} :v${at}`;
  });
  return {
    KeyConditionExpression: texts.join(' AND '),
    ExpressionAttributeValues: Object.fromEntries(all.map(([, , each], at) => [`:v${at}`, each])),
  };
}

const legacyCondition = fc
  .tuple(
    fc.constantFrom('EQ', 'EQ', 'LT', 'BETWEEN', 'BEGINS_WITH', 'NULL', 'IN', 'NE'),
    fc.array(value, { maxLength: 2 }),
  )
  .map(([ComparisonOperator, AttributeValueList]) => ({ ComparisonOperator, AttributeValueList }));

const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined });

const page = fc.record({
  IndexName: optional(fc.constantFrom(...EXAMPLE_INDEXES.map(({ name }) => name), 'none')),
  ExclusiveStartKey: optional(attributes),
  Select: optional(fc.constantFrom('ALL_ATTRIBUTES', 'ALL_PROJECTED_ATTRIBUTES', 'COUNT')),
  ConsistentRead: optional(fc.boolean()),
  FilterExpression: optional(attributeName.map((name) => `attribute_exists(${name})`)),
  ProjectionExpression: optional(attributeName.map((name) => `${name}.y`)),
  Limit: optional(fc.integer({ min: 1, max: 3 })),
  ReturnConsumedCapacity: optional(fc.constantFrom('INDEXES', 'TOTAL')),
});

const requests = fc.oneof(
  fc
    .tuple(page, terms)
    .map(([input, all]) => ({ operation: 'Query', input: { ...input, ...keyCondition(all) } })),
  fc
    .tuple(page, fc.dictionary(attributeName, legacyCondition, { maxKeys: 4 }))
    .map(([{ IndexName, ExclusiveStartKey, Select }, KeyConditions]) => ({
      operation: 'Query',
      input: { IndexName, ExclusiveStartKey, Select, KeyConditions },
    })),
  fc
    .tuple(page, optional(fc.record({ Segment: fc.nat(2), TotalSegments: fc.constant(3) })))
    .map(([input, segment]) => ({ operation: 'Scan', input: { ...input, ...segment } })),
  attributes.map((Item) => ({ operation: 'PutItem', input: { Item: { ...KEY, ...Item } } })),
  terms.map((all) => ({
    operation: 'UpdateItem',
    input: {
      Key: KEY,
      UpdateExpression: `SET ${all.map(([name], at) => `${name} = :v${at}`).join(', ')}`,
      ExpressionAttributeValues: Object.fromEntries(all.map(([, , each], at) => [`:v${at}`, each])),
    },
  })),
);

const KEY = { a: { S: 'a' }, b: { S: 'a' } };

test('no request on a table with indexes, however it misses their keys, ends in a 500', async () => {
  const statuses = new Map<number, number>();
  await fc.assert(
    fc.asyncProperty(requests, async ({ operation, input }) => {
      const { status, body } = await api.call(operation, { TableName, ...input });
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      expect({ status, body }).not.toMatchObject({ status: 500 });
    }),
    { numRuns: 2000, seed: 7 },
  );
  expect(statuses.get(200)).toBeGreaterThan(100);
  expect(statuses.get(400)).toBeGreaterThan(100);
}, 60_000);
