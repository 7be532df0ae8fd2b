import fc from 'fast-check';
import { expect, test } from 'vitest';

import { unreachable } from '../../src/base/assert.ts';
import { conditions, holds, itemAttributes, writeCondition } from '../support/naive-conditions.ts';
import { updated, updatedItems, updates, Unfit, writeUpdate } from '../support/naive-updates.ts';
import {
  binaries,
  canonical,
  type Item,
  numbers,
  ordered,
  Placeholders,
  strings,
  type Value,
} from '../support/naive-values.ts';
import { call } from './raw-request.ts';
import { newTable } from './target.ts';

const SEED = 20_261_121;

async function answerOf(
  operation: string,
  input: object,
): Promise<Readonly<Record<string, unknown>>> {
  const { output, ...refusal } = await call(operation, input);
  if (output === undefined)
    throw new Error(`${JSON.stringify(refusal)} to ${JSON.stringify(input)}`);
  return output;
}

/** A table with a partition key of texts and a sort key of each type. */
const TABLES = await Promise.all(
  (['S', 'N', 'B'] as const).map(async (AttributeType) => ({
    type: AttributeType,
    name: await newTable({
      AttributeDefinitions: [
        { AttributeName: 'pk', AttributeType: 'S' },
        { AttributeName: 'sk', AttributeType },
      ],
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
    }),
  })),
);
const SORT_KEYS: Readonly<Record<'S' | 'N' | 'B', fc.Arbitrary<Value>>> = {
  S: strings,
  N: numbers,
  B: binaries,
};

interface SortCondition {
  readonly operator: '=' | '<' | '<=' | '>' | '>=' | 'between' | 'none';
  readonly ends: readonly [Value, Value];
}

function fits({ operator, ends: [low, high] }: SortCondition, key: Value): boolean {
  const order = ordered(key, low) ?? 0;
  switch (operator) {
    case 'none':
      return true;
    case 'between':
      return order >= 0 && (ordered(key, high) ?? 0) <= 0;
    case '=':
      return order === 0;
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
    default:
      return unreachable(operator);
  }
}

function writeKeyCondition(
  id: string,
  { operator, ends }: SortCondition,
  to: Placeholders,
): string {
  const partition = `${to.path(['pk'])} = ${to.value({ S: id })}`;
  if (operator === 'none') return partition;
  const sort = to.path(['sk']);
  const [low, high] = ends;
  return operator === 'between'
    ? `${partition} AND ${sort} BETWEEN ${to.value(low)} AND ${to.value(high)}`
    : `${partition} AND ${sort} ${operator} ${to.value(low)}`;
}

const worlds = fc.constantFrom(...TABLES).chain(({ type, name }) =>
  fc.record({
    table: fc.constant(name),
    items: fc.uniqueArray(fc.record({ sk: SORT_KEYS[type], attributes: itemAttributes }), {
      minLength: 1,
      maxLength: 10,
      selector: ({ sk }) => JSON.stringify(sk),
    }),
    sort: fc.record({
      operator: fc.constantFrom<SortCondition['operator'][]>(
        '=',
        '<',
        '<=',
        '>',
        '>=',
        'between',
        'none',
        'none',
        'none',
      ),
      ends: fc
        .tuple(SORT_KEYS[type], SORT_KEYS[type])
        .map(([one, other]): [Value, Value] =>
          (ordered(one, other) ?? 0) <= 0 ? [one, other] : [other, one],
        ),
    }),
    filter: fc.option(conditions, { nil: undefined }),
    forward: fc.boolean(),
    limit: fc.option(fc.integer({ min: 1, max: 11 }), { nil: undefined }),
  }),
);

let partitions = 0;

/** Every page of a read, one after the other. */
async function walk(
  operation: 'Query' | 'Scan',
  input: Readonly<Record<string, unknown>> & { readonly Limit: number | undefined },
): Promise<{ items: Item[]; scanned: number }> {
  const walked: { items: Item[]; scanned: number } = { items: [], scanned: 0 };
  let ExclusiveStartKey: unknown;
  do {
    const page = await answerOf(operation, { ...input, ConsistentRead: true, ExclusiveStartKey });
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as pages are
    const { Items, Count, ScannedCount } = page as unknown as {
      Items: Item[];
      Count: number;
      ScannedCount: number;
    };
    expect(Items).toHaveLength(Count);
    expect(ScannedCount).toBeLessThanOrEqual(input.Limit ?? Infinity);
    walked.items.push(...Items);
    walked.scanned += ScannedCount;
    ExclusiveStartKey = page['LastEvaluatedKey'];
  } while (ExclusiveStartKey !== undefined);
  return walked;
}

test('a query is what a naive model says, whatever the key, the condition, the filter and the page', async () => {
  await fc.assert(
    fc.asyncProperty(worlds, async ({ table, items, sort, filter, forward, limit }) => {
      partitions += 1;
      const id = `query ${partitions}`;
      const stored = items.map(({ sk, attributes }): Item => ({
        ...attributes,
        pk: { S: id },
        sk,
      }));
      await answerOf('BatchWriteItem', {
        RequestItems: { [table]: stored.map((Item) => ({ PutRequest: { Item } })) },
      });
      const to = new Placeholders();
      const KeyConditionExpression = writeKeyCondition(id, sort, to);
      const FilterExpression = filter === undefined ? undefined : writeCondition(filter, to);
      const walked = await walk('Query', {
        TableName: table,
        KeyConditionExpression,
        FilterExpression,
        ...to.members(),
        ScanIndexForward: forward,
        Limit: limit,
      });
      const inRange = stored
        .filter(({ sk = {} }) => fits(sort, sk))
        .toSorted(
          (one, other) => (ordered(one['sk'] ?? {}, other['sk'] ?? {}) ?? 0) * (forward ? 1 : -1),
        );
      const expected = inRange.filter((item) => filter === undefined || holds(filter, item));
      expect(canonical(walked.items)).toEqual(canonical(expected));
      expect(walked.scanned).toBe(inRange.length);
    }),
    { seed: SEED, numRuns: 100 },
  );
});

const KEYS_OF_SCANS = ['a', 'b', 'c', 'd'] as const;

test('a scan is what a naive model says, whatever the filter, the segments and the page', async () => {
  const table = await newTable({
    AttributeDefinitions: [
      { AttributeName: 'pk', AttributeType: 'N' },
      { AttributeName: 'sk', AttributeType: 'S' },
    ],
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ],
  });
  // One table for all: each run puts over some of the items, and takes others away.
  const model = new Map<string, Item>();
  const changes = fc.uniqueArray(
    fc.record({
      pk: numbers,
      sk: fc.constantFrom(...KEYS_OF_SCANS).map((S) => ({ S })),
      attributes: fc.option(itemAttributes, { nil: undefined, freq: 3 }),
    }),
    { minLength: 1, maxLength: 12, selector: ({ pk, sk }) => JSON.stringify([pk, sk]) },
  );
  const runs = fc.record({
    changes,
    filter: fc.option(conditions, { nil: undefined }),
    segments: fc.integer({ min: 1, max: 3 }),
    limit: fc.option(fc.integer({ min: 3, max: 20 }), { nil: undefined }),
  });
  await fc.assert(
    fc.asyncProperty(runs, async ({ changes: some, filter, segments, limit }) => {
      const writes = some.map(({ pk, sk, attributes }) => {
        const key = { pk, sk };
        if (attributes === undefined) {
          model.delete(JSON.stringify(key));
          return { DeleteRequest: { Key: key } };
        }
        model.set(JSON.stringify(key), { ...attributes, ...key });
        return { PutRequest: { Item: { ...attributes, ...key } } };
      });
      await answerOf('BatchWriteItem', { RequestItems: { [table]: writes } });
      const to = new Placeholders();
      const FilterExpression = filter === undefined ? undefined : writeCondition(filter, to);
      const input = { TableName: table, FilterExpression, ...to.members(), Limit: limit };
      const parts = await Promise.all(
        Array.from({ length: segments }, async (_, Segment) =>
          walk('Scan', { ...input, Segment, TotalSegments: segments }),
        ),
      );
      const texts = (items: readonly Item[]): string[] =>
        items.map((item) => JSON.stringify(canonical(item))).toSorted();
      const expected = [...model.values()].filter(
        (item) => filter === undefined || holds(filter, item),
      );
      expect(texts(parts.flatMap(({ items }) => items))).toEqual(texts(expected));
      expect(parts.reduce((sum, { scanned }) => sum + scanned, 0)).toBe(model.size);
    }),
    { seed: SEED, numRuns: 40 },
  );
});

test('an update is what a naive interpreter makes of it, or is refused and changes nothing', async () => {
  const [{ name: TableName } = { name: '' }] = TABLES;
  let done = 0;
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(updatedItems, updates, async (attributes, update) => {
      done += 1;
      const Key = { pk: { S: 'update' }, sk: { S: String(done) } };
      const item: Item = { ...attributes, ...Key };
      await answerOf('PutItem', { TableName, Item: item });
      const to = new Placeholders();
      const UpdateExpression = writeUpdate(update, to);
      const { status, code } = await call('UpdateItem', {
        TableName,
        Key,
        UpdateExpression,
        ...to.members(),
      });
      const expected = interpreted(item, update);
      if (expected === undefined) refused += 1;
      expect([status, code]).toEqual(
        expected === undefined ? [400, 'ValidationException'] : [200, undefined],
      );
      const after = await answerOf('GetItem', { TableName, Key, ConsistentRead: true });
      expect(canonical(after['Item'])).toEqual(canonical(expected ?? item));
    }),
    { seed: SEED, numRuns: 200 },
  );
  // A check on the generator: both must happen often.
  expect(refused).toBeGreaterThan(done / 20);
  expect(refused).toBeLessThan((done * 3) / 4);
});

function interpreted(item: Item, update: Parameters<typeof updated>[1]): Item | undefined {
  try {
    return updated(item, update);
  } catch (error) {
    if (error instanceof Unfit) return undefined;
    throw error;
  }
}
