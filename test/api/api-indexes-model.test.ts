import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { AttributeMap, AttributeValue } from '../../src/model/attribute-value.ts';
import type {
  IndexDefinition,
  IndexProjection,
  KeyAttribute,
  KeySchema,
  KeyType,
} from '../../src/model/table.ts';
import { startMemoryApi } from '../support/memory-api.ts';
import type { MemoryApi } from '../support/memory-api.ts';

/*
 * Indexes against a model that knows nothing of keys' bytes: it filters and sorts a list. Few values of each type, so that
 * many items have the same keys, and among them those that bytes could confuse.
 */

let api: MemoryApi;
let tables = 0;

beforeAll(async () => {
  api = await startMemoryApi();
});

afterAll(async () => {
  await api.stop();
});

const VALUES: Readonly<Record<KeyType, readonly AttributeValue[]>> = {
  S: ['a', 'a\u0000', 'a\u0000\u0001', 'aa', '\u00ff', '\u{1f600}'].map((S) => ({ S })),
  N: ['-10', '-2', '0', '0.5', '3', '12'].map((N) => ({ N })),
  B: ['AA==', 'AAA=', 'AAE=', 'AP8=', '/w==', '//8='].map((B) => ({ B })),
};

const NAMES = ['p', 'q', 'r', 's', 't', 'u'] as const;

interface Schema {
  readonly keySchema: KeySchema;
  readonly index: IndexDefinition;
  readonly types: Readonly<Record<string, KeyType>>;
}

const projections: fc.Arbitrary<IndexProjection> = fc.oneof(
  fc.constant<IndexProjection>({ kind: 'all' }),
  fc.constant<IndexProjection>({ kind: 'keys' }),
  fc.constant<IndexProjection>({ kind: 'include', attributes: ['q', 'x'] }),
);

const schemas: fc.Arbitrary<Schema> = fc
  .record({
    types: fc.array(fc.constantFrom<KeyType>('S', 'N', 'B'), { minLength: 8, maxLength: 8 }),
    isLocal: fc.boolean(),
    hasSort: fc.boolean(),
    order: fc.shuffledSubarray(['a', 'b', ...NAMES], { minLength: 8 }),
    partitions: fc.integer({ min: 1, max: 4 }),
    sorts: fc.integer({ min: 0, max: 4 }),
    projection: projections,
  })
  .map(({ types: kinds, isLocal, hasSort, order, partitions, sorts, projection }): Schema => {
    const names = ['a', 'b', ...NAMES];
    const types = Object.fromEntries(names.map((name, at) => [name, kinds[at] ?? 'S']));
    const key = (name: string): KeyAttribute => ({ name, type: types[name] ?? 'S' });
    const keySchema = { partition: key('a'), sort: hasSort || isLocal ? key('b') : undefined };
    const usable = hasSort || isLocal ? order : order.filter((name) => name !== 'b');
    const local = usable.filter((name) => name !== 'a').slice(0, 1);
    const index: IndexDefinition = {
      name: 'index',
      kind: isLocal ? 'local' : 'global',
      partition: isLocal ? [key('a')] : usable.slice(0, partitions).map(key),
      sort: (isLocal ? local : usable.slice(partitions, partitions + sorts)).map(key),
      projection,
    };
    return { keySchema, index, types };
  });

const itemsOf = ({ keySchema, types }: Schema): fc.Arbitrary<readonly AttributeMap[]> => {
  const needed = keySchema.sort === undefined ? ['a'] : ['a', 'b'];
  const value = (name: string): fc.Arbitrary<AttributeValue> =>
    fc.constantFrom(...VALUES[types[name] ?? 'S'].slice(0, 4));
  const keys = Object.fromEntries(needed.map((name) => [name, value(name)]));
  const optional = Object.fromEntries(
    NAMES.map((name) => [name, fc.option(value(name), { nil: undefined, freq: 9 })]),
  );
  return fc.array(
    fc.record({ ...keys, ...optional, x: fc.constant({ S: 'x' }) }).map(
      (item) =>
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- JSON drops what is undefined
        JSON.parse(JSON.stringify(item)) as AttributeMap,
    ),
    { minLength: 1, maxLength: 14 },
  );
};

const worlds = schemas.chain((schema) =>
  itemsOf(schema).chain((items) =>
    fc.record({
      schema: fc.constant(schema),
      items: fc.constant(items),
      removed: fc.subarray([...items]),
      seed: fc.nat(),
    }),
  ),
);

interface PageBody {
  readonly Items: readonly AttributeMap[];
  readonly LastEvaluatedKey?: AttributeMap;
}

async function call(operation: string, input: object): Promise<PageBody> {
  const { status, body } = await api.call(operation, input);
  expect({ status, body }).toMatchObject({ status: 200 });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the tests look at what they want of it
  return body as PageBody;
}

async function createTable({ keySchema, index, types }: Schema): Promise<string> {
  tables += 1;
  const name = `model-${tables}`;
  await api.region.createTable(name, {
    keySchema,
    attributeDefinitions: Object.entries(types).map(([attribute, type]) => ({
      name: attribute,
      type,
    })),
    billingMode: 'PAY_PER_REQUEST',
    provisionedThroughput: { read: 0, write: 0 },
    indexes: [index],
  });
  return name;
}

const namesOf = (keys: readonly KeyAttribute[]): readonly string[] => keys.map(({ name }) => name);

const tableKeyOf = ({ partition, sort }: KeySchema, item: AttributeMap): AttributeMap =>
  part(item, sort === undefined ? [partition.name] : [partition.name, sort.name]);

const part = (item: AttributeMap, names: readonly string[]): AttributeMap =>
  Object.fromEntries(Object.entries(item).filter(([name]) => names.includes(name)));

/** What the table holds at the end: the last item put under each key, less what was deleted. */
function standing({ schema, items, removed }: World): readonly AttributeMap[] {
  const byKey = new Map<string, AttributeMap>();
  for (const item of items) byKey.set(text(tableKeyOf(schema.keySchema, item)), item);
  for (const item of removed) byKey.delete(text(tableKeyOf(schema.keySchema, item)));
  return [...byKey.values()];
}

interface World {
  readonly schema: Schema;
  readonly items: readonly AttributeMap[];
  readonly removed: readonly AttributeMap[];
  readonly seed: number;
}

const text = (value: object): string =>
  JSON.stringify(Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1)));

function projected({ schema: { index, keySchema } }: World, item: AttributeMap): AttributeMap {
  const { projection } = index;
  if (projection.kind === 'all') return item;
  const more = projection.kind === 'include' ? projection.attributes : [];
  const tableKey = Object.keys(tableKeyOf(keySchema, item));
  return part(item, [...tableKey, ...namesOf(index.partition), ...namesOf(index.sort), ...more]);
}

/** The items that the index has, each with the projection of it. */
const indexed = (world: World): readonly AttributeMap[] =>
  standing(world).filter((item) =>
    [...world.schema.index.partition, ...world.schema.index.sort].every(({ name }) => name in item),
  );

function compare(one: AttributeValue | undefined, other: AttributeValue | undefined): number {
  if (one === undefined || other === undefined) throw new Error('a key attribute is there');
  if ('N' in one && 'N' in other) return Number(one.N) - Number(other.N);
  return Buffer.compare(rawBytes(one), rawBytes(other));
}

const rawBytes = (value: AttributeValue): Buffer => {
  if ('S' in value) return Buffer.from(value.S);
  return Buffer.from('B' in value ? value.B : '', 'base64');
};

function compareItems(
  keys: readonly KeyAttribute[],
  one: AttributeMap,
  other: AttributeMap,
): number {
  for (const { name } of keys) {
    const order = compare(one[name], other[name]);
    if (order !== 0) return order;
  }
  return 0;
}

const OPERATORS = ['=', '<', '<=', '>', '>=', 'BETWEEN', 'begins_with'] as const;

interface Ask {
  readonly expression: string;
  readonly values: AttributeMap;
  readonly holds: (item: AttributeMap) => boolean;
}

/** A key condition about one of the indexed items, of as many sort attributes and with such an operator as `seed` says. */
function askOf({ schema: { index }, seed }: World, about: AttributeMap): Ask {
  const depth = index.sort.length === 0 ? 0 : seed % (index.sort.length + 1);
  const last = OPERATORS[Math.trunc(seed / 8) % OPERATORS.length] ?? '=';
  const keys = [...index.partition, ...index.sort.slice(0, depth)];
  const values: Record<string, AttributeValue> = {};
  const tests: ((item: AttributeMap) => boolean)[] = [];
  const terms = keys.map(({ name, type }, at) => {
    const value = about[name];
    if (value === undefined) throw new Error('an indexed item has its keys');
    values[`:v${at}`] = value;
    const isLast = depth > 0 && at === keys.length - 1;
    const operator = isLast && !(last === 'begins_with' && type === 'N') ? last : '=';
    tests.push((item) => holds(operator, item[name], value));
    if (operator === 'begins_with') return `begins_with(${name}, :v${at})`;
    return operator === 'BETWEEN'
      ? `${name} BETWEEN :v${at} AND :v${at}`
      : `${name} ${operator} :v${at}`;
  });
  return {
    expression: terms.join(' AND '),
    values,
    holds: (item) => tests.every((each) => each(item)),
  };
}

function holds(
  operator: (typeof OPERATORS)[number],
  left: AttributeValue | undefined,
  right: AttributeValue,
): boolean {
  const order = compare(left, right);
  switch (operator) {
    case '=':
    case 'BETWEEN':
      return order === 0;
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
    case 'begins_with':
    default: {
      const prefix = rawBytes(right);
      return left !== undefined && rawBytes(left).subarray(0, prefix.length).equals(prefix);
    }
  }
}

async function walk(operation: 'Query' | 'Scan', input: object): Promise<readonly AttributeMap[]> {
  const items: AttributeMap[] = [];
  let ExclusiveStartKey: AttributeMap | undefined;
  do {
    const page = await call(operation, { ...input, ExclusiveStartKey });
    items.push(...page.Items);
    ExclusiveStartKey = page.LastEvaluatedKey;
  } while (ExclusiveStartKey !== undefined);
  return items;
}

async function write({ schema, items, removed }: World): Promise<string> {
  const TableName = await createTable(schema);
  for (const Item of items) await call('PutItem', { TableName, Item });
  for (const item of removed) {
    await call('DeleteItem', { TableName, Key: tableKeyOf(schema.keySchema, item) });
  }
  return TableName;
}

const texts = (items: readonly AttributeMap[]): readonly string[] => items.map(text).toSorted();

test('a query of an index is what a filtered and sorted list is, both ways and with every limit', async () => {
  await fc.assert(
    fc.asyncProperty(worlds, async (world) => {
      const inIndex = indexed(world);
      const about = inIndex[world.seed % Math.max(inIndex.length, 1)];
      if (about === undefined) return;
      const { expression, values, holds: isFound } = askOf(world, about);
      const expected = inIndex.filter(isFound);
      const input = {
        TableName: await write(world),
        IndexName: 'index',
        KeyConditionExpression: expression,
        ExpressionAttributeValues: values,
      };
      const whole = (await call('Query', input)).Items;
      expect(texts(whole)).toEqual(texts(expected.map((item) => projected(world, item))));
      const sorts = world.schema.index.sort;
      const sorted = whole.toSorted((one, other) => compareItems(sorts, one, other));
      expect(whole).toEqual(sorted);
      const back = { ...input, ScanIndexForward: false };
      expect((await call('Query', back)).Items).toEqual(whole.toReversed());
      for (let Limit = 1; Limit <= whole.length; Limit += 1) {
        expect(await walk('Query', { ...input, Limit })).toEqual(whole);
        expect(await walk('Query', { ...back, Limit })).toEqual(whole.toReversed());
      }
    }),
    { numRuns: 60 },
  );
}, 60_000);

test('a scan of an index is the projection of the table, in segments and with every limit', async () => {
  await fc.assert(
    fc.asyncProperty(worlds, async (world) => {
      const expected = texts(indexed(world).map((item) => projected(world, item)));
      const input = { TableName: await write(world), IndexName: 'index' };
      for (let Limit = 1; Limit <= Math.max(expected.length, 1); Limit += 1) {
        expect(texts(await walk('Scan', { ...input, Limit }))).toEqual(expected);
      }
      const TotalSegments = (world.seed % 5) + 1;
      const segments: AttributeMap[] = [];
      for (let Segment = 0; Segment < TotalSegments; Segment += 1) {
        segments.push(...(await walk('Scan', { ...input, Segment, TotalSegments, Limit: 2 })));
      }
      expect(texts(segments)).toEqual(expected);
    }),
    { numRuns: 40 },
  );
}, 60_000);
