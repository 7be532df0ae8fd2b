import { expect, test } from 'vitest';

import { invalid, parameter } from './raw-request.ts';
import { type Item, itemsOf, put, run } from './run-statement.ts';
import { newTable, type TableChoice } from './target.ts';

const INDEXED: TableChoice = {
  AttributeDefinitions: [
    { AttributeName: 'pk', AttributeType: 'S' },
    { AttributeName: 'sk', AttributeType: 'S' },
    { AttributeName: 'gpk', AttributeType: 'S' },
    { AttributeName: 'lsk', AttributeType: 'S' },
    { AttributeName: 'h1', AttributeType: 'S' },
    { AttributeName: 'h2', AttributeType: 'S' },
  ],
  KeySchema: [
    { AttributeName: 'pk', KeyType: 'HASH' },
    { AttributeName: 'sk', KeyType: 'RANGE' },
  ],
  GlobalSecondaryIndexes: [
    {
      IndexName: 'all',
      KeySchema: [{ AttributeName: 'gpk', KeyType: 'HASH' }],
      Projection: { ProjectionType: 'ALL' },
    },
    {
      IndexName: 'some',
      KeySchema: [{ AttributeName: 'gpk', KeyType: 'HASH' }],
      Projection: { ProjectionType: 'INCLUDE', NonKeyAttributes: ['kept'] },
    },
    {
      IndexName: 'several',
      KeySchema: [
        { AttributeName: 'h1', KeyType: 'HASH' },
        { AttributeName: 'h2', KeyType: 'HASH' },
      ],
      Projection: { ProjectionType: 'ALL' },
    },
  ],
  LocalSecondaryIndexes: [
    {
      IndexName: 'keys',
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'lsk', KeyType: 'RANGE' },
      ],
      Projection: { ProjectionType: 'KEYS_ONLY' },
    },
  ],
};
const X = await newTable(INDEXED);

const INDEX_ITEMS: readonly Item[] = [
  {
    pk: { S: 'i' },
    sk: { S: 's1' },
    gpk: { S: 'x' },
    lsk: { S: 'l1' },
    kept: { S: 'k1' },
    gone: { S: 'g1' },
  },
  {
    pk: { S: 'i' },
    sk: { S: 's2' },
    gpk: { S: 'z' },
    lsk: { S: 'l2' },
    kept: { S: 'k2' },
    gone: { S: 'g2' },
  },
  { pk: { S: 'i' }, sk: { S: 's3' }, gone: { S: 'g3' } },
];
for (const item of INDEX_ITEMS) await put(X, item);

/** Asks until the index has taken in what was written. */
async function indexed(statement: string, count: number): Promise<readonly Item[]> {
  let items: readonly Item[] = [];
  await expect
    .poll(
      async () => {
        items = await itemsOf(statement);
        return items.length;
      },
      { timeout: 30_000 },
    )
    .toBe(count);
  return items;
}

test('a global index is queried by its key, or scanned', async () => {
  const [found] = await indexed(`SELECT * FROM "${X}"."all" WHERE gpk = 'x'`, 1);
  expect(found).toEqual(INDEX_ITEMS[0]);
  expect(await indexed(`SELECT * FROM "${X}"."all" WHERE pk = 'i'`, 2)).toHaveLength(2);
  expect(await indexed(`SELECT * FROM "${X}"."some" WHERE gpk IN ['x', 'z']`, 2)).toContainEqual({
    pk: { S: 'i' },
    sk: { S: 's1' },
    gpk: { S: 'x' },
    kept: { S: 'k1' },
  });
  expect(await itemsOf(`SELECT pk FROM "${X}"."some" WHERE gone = 'g1'`)).toEqual([]);
  expect(await itemsOf(`SELECT sk FROM "${X}"."some" WHERE NOT gone = 'g1'`)).toHaveLength(2);
});

test('a global index has nothing that it does not project', async () => {
  await indexed(`SELECT * FROM "${X}"."some" WHERE gpk = 'x'`, 1);
  const some = `FROM "${X}"."some" WHERE gpk = 'x'`;
  expect(await run(`SELECT gone, m ${some}`)).toEqual(
    invalid(parameter('Global secondary index some does not project [gone, m]')),
  );
  expect(await run(`SELECT gone FROM "${X}"."some"`)).toEqual(
    invalid(parameter('Global secondary index some does not project [gone]')),
  );
  const unprojected = (names: string): object =>
    invalid(
      parameter(`Secondary index some does not project one or more filter attributes: [${names}]`),
    );
  expect(await run(`SELECT pk ${some} AND gone = 'g1'`)).toEqual(unprojected('gone'));
  expect(await run(`SELECT pk ${some} AND gone IS MISSING`)).toEqual(unprojected('gone'));
  expect(await run(`SELECT pk ${some} AND NOT (gone = 'g1' OR kept = 'x')`)).toEqual(
    unprojected('gone'),
  );
  expect(await run(`SELECT pk ${some} AND b = '1' AND (a = '2' OR kept = '3')`)).toEqual(
    unprojected('a, b'),
  );
  const or = `SELECT pk FROM "${X}"."some" WHERE `;
  expect(await run(`${or}gpk IN ['y', 'z'] AND gone = 'g1'`)).toEqual(unprojected('gone'));
  expect(await run(`${or}(gpk = 'y' OR gpk = 'z') AND zz = '1'`)).toEqual(unprojected('zz'));
  expect(await run(`${or}(gpk = 'b' AND u1 = '1') OR (gpk = 'q' AND u2 = '1')`)).toEqual(
    unprojected('u2'),
  );
  expect(await itemsOf(`${or}(gpk = 'y' AND gone = 'g1') OR (gpk = 'y2')`)).toEqual([]);
  expect(await itemsOf(`${or}(gpk = 'y' AND kept = '1') OR (gpk = 'z' AND a = '1')`)).toEqual([]);
  expect(await itemsOf(`${or}gpk = 'y' AND (gpk = 'z' OR zz = '1')`)).toEqual([]);
});

test('a local index gives its entries, and the items where more is asked for', async () => {
  const keys = `FROM "${X}"."keys" WHERE pk = 'i'`;
  expect(await itemsOf(`SELECT * ${keys}`, { ConsistentRead: true })).toEqual([
    { pk: { S: 'i' }, sk: { S: 's1' }, lsk: { S: 'l1' } },
    { pk: { S: 'i' }, sk: { S: 's2' }, lsk: { S: 'l2' } },
  ]);
  expect(await itemsOf(`SELECT gone ${keys} AND lsk = 'l2'`, { ConsistentRead: true })).toEqual([
    { gone: { S: 'g2' } },
  ]);
  expect(await itemsOf(`SELECT sk ${keys} ORDER BY lsk DESC`, { ConsistentRead: true })).toEqual([
    { sk: { S: 's2' } },
    { sk: { S: 's1' } },
  ]);
  expect(await run(`SELECT pk ${keys} AND gone = 'g1'`)).toEqual(
    invalid(
      parameter('Secondary index keys does not project one or more filter attributes: [gone]'),
    ),
  );
  expect(await itemsOf(`SELECT pk FROM "${X}"."keys" WHERE gone = 'g1'`)).toEqual([]);
});

test('an index is read as it can be', async () => {
  expect(await run(`SELECT * FROM "${X}"."all" WHERE gpk = 'x'`, { ConsistentRead: true })).toEqual(
    invalid('Strongly consistent read is not supported on Global Secondary Indexes'),
  );
  const several =
    'PartiQL statements cannot be executed on tables with multi-attribute HASH keys or multi-attribute RANGE keys.';
  for (const statement of [
    `SELECT * FROM "${X}"."several" WHERE h1 = 'a'`,
    `SELECT * FROM "${X}"."several" WHERE h1 = 5`,
    `SELECT COUNT(*) FROM "${X}"."several"`,
  ]) {
    expect(await run(statement)).toEqual(invalid(several));
  }
});

const unitsOf = async (
  statement: string,
  options: Parameters<typeof run>[1] = {},
): Promise<unknown> => {
  const { output } = await run(statement, { ReturnConsumedCapacity: 'INDEXES', ...options });
  return output?.['ConsumedCapacity'];
};

test('units of an index are told apart from those of the table', async () => {
  await indexed(`SELECT * FROM "${X}"."all" WHERE gpk = 'x'`, 1);
  expect(await unitsOf(`SELECT * FROM "${X}"."all" WHERE gpk = 'x'`)).toEqual({
    TableName: X,
    CapacityUnits: 0.5,
    Table: { CapacityUnits: 0 },
    GlobalSecondaryIndexes: { all: { CapacityUnits: 0.5 } },
  });
  const reachBack = `SELECT gone FROM "${X}"."keys" WHERE pk = 'i'`;
  expect(await unitsOf(reachBack)).toMatchObject({
    Table: { CapacityUnits: 1 },
    LocalSecondaryIndexes: { keys: { CapacityUnits: 0.5 } },
  });
  expect(await unitsOf(reachBack, { ConsistentRead: true })).toMatchObject({
    Table: { CapacityUnits: 2 },
    LocalSecondaryIndexes: { keys: { CapacityUnits: 1 } },
  });
});
