import { expect, test } from 'vitest';

import { call, invalid } from './raw-request.ts';
import { type Item, itemsOf, pageOf, put, refusalOf, run } from './run-statement.ts';
import { newName, newTable } from './target.ts';

const H = await newTable();
const R = await newTable({
  AttributeDefinitions: [
    { AttributeName: 'pk', AttributeType: 'S' },
    { AttributeName: 'sk', AttributeType: 'S' },
  ],
  KeySchema: [
    { AttributeName: 'pk', KeyType: 'HASH' },
    { AttributeName: 'sk', KeyType: 'RANGE' },
  ],
});

/** An item of the table with the key `id` alone. */
const hashed = async (id: string, attributes: Item = {}): Promise<Item> =>
  put(H, { id: { S: id }, ...attributes });

for (const sk of ['1', '2', '3']) {
  for (const pk of ['o', 'p']) await put(R, { pk: { S: pk }, sk: { S: sk } });
}

test('a whole key reads one item, and no item is an empty list', async () => {
  const item = await hashed('one', { a: { N: '1' } });
  expect(await itemsOf(`SELECT * FROM "${H}" WHERE id = 'one'`)).toEqual([item]);
  expect(await itemsOf(`SELECT * FROM "${H}" WHERE 'one' = id`)).toEqual([item]);
  expect(await run(`SELECT * FROM "${H}" WHERE id = 'none'`)).toEqual({
    status: 200,
    output: { Items: [] },
  });
});

test('what stands beside the key leaves items out', async () => {
  const item = await hashed('beside', { age: { N: '30' } });
  expect(await itemsOf(`SELECT * FROM "${H}" WHERE id = 'beside' AND age > 20`)).toEqual([item]);
  expect(await itemsOf(`SELECT * FROM "${H}" WHERE id = 'beside' AND age > 30`)).toEqual([]);
});

test('without a condition on the key all items are looked at', async () => {
  await hashed('scan-1', { scanned: { S: 'yes' }, n: { N: '1' } });
  await hashed('scan-2', { scanned: { S: 'yes' }, n: { N: '2' } });
  const scanned = await itemsOf(`SELECT id FROM "${H}" WHERE scanned = 'yes'`);
  expect(scanned).toHaveLength(2);
  const shown = await itemsOf(`SELECT scanned FROM "${H}"`);
  expect(shown).toContainEqual({ scanned: { S: 'yes' } });
  expect(shown).toContainEqual({});
});

const sortKeys = async (where: string): Promise<readonly (string | undefined)[]> =>
  (await itemsOf(`SELECT sk FROM "${R}" WHERE ${where}`)).map(({ sk }) => sk?.S);

test.each([
  ["pk = 'o'", ['1', '2', '3']],
  ["pk = 'o' AND sk = '2'", ['2']],
  ["pk = 'o' AND sk > '1'", ['2', '3']],
  ["pk = 'o' AND sk >= '2'", ['2', '3']],
  ["pk = 'o' AND sk < '3'", ['1', '2']],
  ["pk = 'o' AND '2' >= sk", ['1', '2']],
  ["pk = 'o' AND sk > '1' AND sk < '3'", ['2']],
  ["pk = 'o' AND sk > '3' AND sk < '1'", []],
  ["pk = 'o' AND sk BETWEEN '2' AND '9'", ['2', '3']],
  ["pk = 'o' AND begins_with(sk, '2')", ['2']],
  ["pk = 'o' AND sk IN ['1', '3']", ['1', '3']],
  ["pk = 'o' AND (sk = '1' OR sk = '3')", ['1', '3']],
  ["pk = 'o' AND (sk < '2' OR sk > '2' OR sk = '2')", ['1', '2', '3']],
  ["pk = 'o' AND NOT sk = '1'", ['2', '3']],
  ["pk = 'o' AND sk <> '1'", ['2', '3']],
  ["pk = 'o' AND sk != '1'", ['2', '3']],
  ["pk = 'o' AND NOT sk IN ['1', '3']", ['2']],
  ["pk = 'o' AND sk NOT IN ('1', '3')", ['2']],
  ["pk = 'o' AND sk NOT BETWEEN '1' AND '2'", ['3']],
  ["pk = 'o' AND sk > '0' AND sk <> '1'", ['2', '3']],
  ["pk = 'o' AND sk = '1' AND sk > '0'", ['1']],
  ["pk = 'o' AND pk = 'o'", ['1', '2', '3']],
  ["pk = 'o' AND attribute_exists(pk)", ['1', '2', '3']],
  ["pk = 'o' AND NOT sk = '1' OR pk = 'o' AND sk = '2'", ['2', '3']],
  ["pk = 'o' OR pk = 'o' AND NOT sk = '1'", ['1', '2', '3']],
  ["pk = 'o' AND (pk = 'p' OR sk = '1')", ['1']],
  ["pk > 'o' AND pk < 'q' AND sk = '3'", ['3']],
])('%s finds its items in order', async (where, expected) => {
  expect(await sortKeys(where)).toEqual(expected);
});

test('several partition keys are read one after the other', async () => {
  const select = `SELECT pk, sk FROM "${R}" WHERE `;
  for (const where of [
    "pk IN ['o', 'p'] AND sk = '1'",
    "(pk = 'o' OR pk = 'p') AND sk = '1'",
    "(pk = 'o' AND sk = '1') OR (pk = 'p' AND sk = '1')",
  ]) {
    const items = await itemsOf(select + where);
    expect(items.map(({ pk }) => String(pk?.S)).toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
      'o',
      'p',
    ]);
  }
  expect(await itemsOf(`${select}pk = 'o' OR sk = '1'`)).toHaveLength(4);
});

test.each([
  "pk IN ['o', 'o']",
  "pk = 'o' OR pk = 'o'",
  "pk = 'o' AND (sk > '0' OR sk < '5')",
  "pk = 'o' AND (sk = '1' OR flag = 'two')",
  "(pk = 'o' AND flag = 'one') OR (pk = 'o' AND flag = 'two')",
  "pk = 'o' AND x <> '1' OR pk = 'o' AND sk = '2'",
])('%s could find an item twice', async (where) => {
  expect(await refusalOf(`SELECT * FROM "${R}" WHERE ${where}`)).toBe(
    'ValidationException: Overlapping conditions with range keys are not supported in where clause',
  );
});

test('a key is compared with values of its type', async () => {
  const message = (name: string): string =>
    `ValidationException: Key attribute's data type should match its data type in table's schema: Key ${name}`;
  const select = `SELECT * FROM "${R}" WHERE `;
  expect(await refusalOf(`${select}pk = 1 OR pk = 'o'`)).toBe(message('pk'));
  expect(await refusalOf(`${select}pk = 'o' AND sk IN ['1', 2]`)).toBe(message('sk'));
  expect(await itemsOf(`${select}pk > 1`)).toEqual([]);
  expect(await refusalOf(`${select}pk = ''`)).toMatch(/^ValidationException/);
});

const values = (count: number): string =>
  Array.from({ length: count }, (_, place) => `'v${place}'`).join(', ');

test('a statement is taken apart into 50 reads at most, and IN takes 100 values', async () => {
  const select = `SELECT sk FROM "${R}" WHERE `;
  const tooMany = 'ValidationException: Too many decomposed read operations for a given query.';
  expect(await refusalOf(`${select}pk IN [${values(51)}]`)).toBe(tooMany);
  expect(await refusalOf(`${select}pk = 'o' AND sk IN [${values(51)}]`)).toBe(tooMany);
  expect(await refusalOf(`${select}pk IN [${values(26)}] AND sk IN ['1', '2']`)).toBe(tooMany);
  expect(await itemsOf(`${select}pk IN [${values(50)}] AND f IN [${values(100)}]`)).toEqual([]);
  expect(await itemsOf(`${select}pk IN [${values(51)}] OR f = 'x'`)).toEqual([]);
  expect(await refusalOf(`${select}pk = 'o' AND f IN [${values(101)}]`)).toBe(
    'ValidationException: The IN operator is provided with too many operands; number of operands: 101',
  );
});

test.each([
  ["pk = 'o' ORDER BY sk DESC", ['o3', 'o2', 'o1']],
  ["pk = 'o' ORDER BY sk", ['o1', 'o2', 'o3']],
  ["pk = 'o' ORDER BY sk ASC", ['o1', 'o2', 'o3']],
  ["pk = 'o' ORDER BY pk ASC", ['o3', 'o2', 'o1']],
  ["pk IN ['o', 'p'] ORDER BY pk DESC, sk ASC", ['p1', 'p2', 'p3', 'o1', 'o2', 'o3']],
  ["pk IN ['o', 'p'] ORDER BY pk, sk DESC", ['o3', 'o2', 'o1', 'p3', 'p2', 'p1']],
  ["pk = 'o' AND sk IN ['1', '3'] ORDER BY sk DESC", ['o3', 'o1']],
])('%s is the order of the items', async (where, expected) => {
  const items = await itemsOf(`SELECT pk, sk FROM "${R}" WHERE ${where}`);
  expect(items.map(({ pk, sk }) => `${pk?.S}${sk?.S}`)).toEqual(expected);
});

test.each([
  ['ORDER BY sk', 'Must have WHERE clause in the statement when using ORDER BY clause.'],
  [
    "WHERE pk = 'o' ORDER BY Total DESC",
    'Attribute Total in ORDER BY clause must be part of the primary key',
  ],
  [
    "WHERE pk > 'a' ORDER BY sk",
    'Must have at least one non-optional hash key condition in WHERE clause when using ORDER BY clause.',
  ],
  [
    "WHERE pk IN ['o', 'p'] ORDER BY sk DESC",
    'Must have hash key in ORDER BY clause when more than one hash key condition specified in WHERE clause.',
  ],
])('%s is no order that a key can give', async (clauses, message) => {
  expect(await refusalOf(`SELECT sk FROM "${R}" ${clauses}`)).toBe(
    `ValidationException: ${message}`,
  );
});

test('a SELECT goes on from its token until there is none', async () => {
  for (const statement of [
    `SELECT pk, sk FROM "${R}" WHERE pk IN ['o', 'p'] ORDER BY pk DESC`,
    `SELECT pk, sk FROM "${R}" WHERE pk = 'o' OR pk = 'p'`,
    `SELECT pk, sk FROM "${R}"`,
    `SELECT pk, sk FROM "${R}" WHERE pk IN ['o', 'p'] AND sk IN ['1', '2', '3']`,
  ]) {
    const whole = await itemsOf(statement);
    for (const Limit of [1, 2, 4, 100]) {
      const pages: Item[] = [];
      let token: string | undefined;
      do {
        const page = await pageOf(statement, { Limit, token });
        expect(page.items.length).toBeLessThanOrEqual(Limit);
        pages.push(...page.items);
        token = page.token;
      } while (token !== undefined);
      expect(pages).toEqual(whole);
    }
  }
});

test('Limit counts what is looked at, not what is found', async () => {
  const found: Item[] = [];
  let token: string | undefined;
  let pages = 0;
  do {
    const page = await pageOf(`SELECT * FROM "${R}" WHERE sk = '3'`, { Limit: 1, token });
    found.push(...page.items);
    token = page.token;
    pages += 1;
  } while (token !== undefined);
  expect(found).toHaveLength(2);
  expect(pages).toBeGreaterThanOrEqual(6);
});

test('a page tells the key that it ended at', async () => {
  const { output } = await run(`SELECT * FROM "${R}" WHERE pk = 'o'`, { Limit: 2 });
  expect(output?.['LastEvaluatedKey']).toEqual({ pk: { S: 'o' }, sk: { S: '2' } });
});

test('a token is good for its own statement and parameters', async () => {
  const statement = `SELECT * FROM "${R}" WHERE pk = ?`;
  const Parameters = [{ S: 'o' }];
  const { token: NextToken = '' } = await pageOf(statement, { Parameters, Limit: 1 });
  const other = invalid('NextToken does not match request');
  expect(await run(statement, { Parameters: [{ S: 'p' }], NextToken })).toEqual(other);
  expect(await run(`SELECT * FROM "${R}"`, { NextToken })).toEqual(other);
  expect((await run(statement, { Parameters, NextToken, Limit: 2 })).status).toBe(200);
  for (const broken of ['garbage', `${NextToken}x`, NextToken.slice(0, -4), '{}']) {
    const { code, message } = await run(statement, { Parameters, NextToken: broken });
    expect([code, message]).toEqual(['ValidationException', 'Invalid NextToken']);
  }
});

test('columns are named once', async () => {
  expect(await refusalOf(`SELECT s, s FROM "${H}"`)).toMatch(/^ValidationException/);
  expect(await refusalOf(`SELECT m.sub, n.sub FROM "${H}"`)).toBe(
    'ValidationException: Duplicate identifiers in select clause: sub',
  );
});

const unitsOf = async (
  statement: string,
  options: Parameters<typeof run>[1] = {},
): Promise<unknown> => {
  const { output } = await run(statement, { ReturnConsumedCapacity: 'INDEXES', ...options });
  return output?.['ConsumedCapacity'];
};

test('units are those of the reads and writes that a statement makes', async () => {
  await hashed('units', { v: { S: 'x'.repeat(5000) } });
  const TableName = H;
  const of = (units: number): object => ({
    TableName,
    CapacityUnits: units,
    Table: { CapacityUnits: units },
  });
  expect(await unitsOf(`SELECT * FROM "${H}" WHERE id = 'units'`)).toEqual(of(1));
  expect(
    await unitsOf(`SELECT * FROM "${H}" WHERE id = 'units'`, { ConsistentRead: true }),
  ).toEqual(of(2));
  expect(await unitsOf(`SELECT * FROM "${H}" WHERE id IN ['units', 'nope']`)).toEqual(of(1.5));
  expect(await unitsOf(`INSERT INTO "${H}" VALUE {'id': 'units-1'}`)).toEqual(of(1));
  expect(await unitsOf(`UPDATE "${H}" SET a = 1 WHERE id = 'units'`)).toEqual(of(5));
  expect(await unitsOf(`DELETE FROM "${H}" WHERE id = 'units'`)).toEqual(of(5));
  expect(
    await unitsOf(`SELECT * FROM "${H}" WHERE id = 'x'`, { ReturnConsumedCapacity: 'TOTAL' }),
  ).toEqual({ TableName, CapacityUnits: 0.5 });
});

test('shapes are checked as of any operation', async () => {
  expect((await call('ExecuteStatement', {})).code).toBe('ValidationException');
  const Statement = `SELECT * FROM "${newName()}"`;
  for (const more of [{ Limit: 0 }, { Parameters: [] }, { NextToken: '' }]) {
    expect((await call('ExecuteStatement', { Statement, ...more })).code).toBe(
      'ValidationException',
    );
  }
});
