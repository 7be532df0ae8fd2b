import { expect, test } from 'vitest';

import { itemsOf, placeIn, put, refusalOf, run, stored } from './run-statement.ts';
import { newName, newTable, RANGE_TABLE } from './target.ts';

const T = await newTable(RANGE_TABLE);
const KEY = `id = 'g' AND "at" = 1`;
const Key = { id: { S: 'g' }, at: { N: '1' } };
await put(T, {
  ...Key,
  n: { N: '5' },
  s: { S: "it's" },
  ss: { SS: ['a', 'b'] },
  l: { L: [{ S: 'a' }, { S: 'b' }] },
  m: { M: { x: { S: 'y' }, k: { L: [{ S: 'c' }] } } },
});

const NOT_WELL_FORMED = "ValidationException: Statement wasn't well formed, can't be processed: ";
const LEFTOVER = 'Unexpected token after expression';

test.each([
  [`SELECT * FROM "${T}" WHERE n = 1 foo`, LEFTOVER],
  [`SELECT * FROM "${T}" WHERE n = 1 e5`, LEFTOVER],
  [`SELECT * FROM "${T}" WHERE n = 1)`, LEFTOVER],
  [`INSERT INTO "${T}" VALUE {'id': 'x', 'at': 1} foo`, LEFTOVER],
  [`INSERT INTO "${T}" t VALUE {'id': 'x', 'at': 1}`, LEFTOVER],
  [`UPDATE "${T}" SET a = 9 WHERE ${KEY} foo`, LEFTOVER],
  [`DELETE FROM "${T}" WHERE ${KEY} foo`, LEFTOVER],
  [`DELETE FROM "${T}" WHERE ${KEY} ORDER BY id`, LEFTOVER],
  [`SELECT * FROM "${T}" ORDER BY id WHERE id = 'g'`, LEFTOVER],
  [`FROM "${T}" SET c = 1 WHERE ${KEY}`, LEFTOVER],
  [`FROM "${T}" SET c = 1 WHERE ${KEY} SET d = 2`, LEFTOVER],
  [`SELECTT * FROMM "${T}"`, LEFTOVER],
  [`SELECT * FROM "${T}" WHERE n = 1e2147483648`, ''],
  [`SELECT * FROM "${T}" WHERE n = 1e99999999999`, ''],
  [`SELECT * FROM "${T}" WHERE n = 1.5e-2147483647`, ''],
  [`SELECT * FROM "${T}" WHERE n = 1 # note`, ''],
  [`SELECT * FROM "${T}" WHERE n = 1 /* note`, ''],
  [`SELECT * FROM "${T}`, ''],
  [`SELECT * FROM "${T}" WHERE s = 'open`, ''],
  [`SELECT * FROM "${T}" WHERE`, 'Unexpected term'],
  [`SELECT * FROM "${T}" WHERE;`, 'Unexpected term'],
  [`SELECT id FROM "${T}" WHERE   `, 'Unexpected term'],
  [`UPDATE "${T}" SET a = 1 WHERE`, 'Unexpected term'],
  [`DELETE FROM "${T}" WHERE`, 'Unexpected term'],
  [`SELECT * FROM "${T}" WHERE NOT`, 'Unexpected term'],
  [`SELECT * FROM "${T}" WHERE (`, 'Unexpected term'],
  [`SELECT * FROM "${T}-never" WHERE`, 'Unexpected term'],
  ['SELECT * FROM', 'Unexpected term'],
  [`SELECT * FROM "${T}" WHERE n = 1 AND`, 'Missing right-hand side expression of infix operator'],
  [`SELECT * FROM "${T}" WHERE n = 1 OR`, 'Missing right-hand side expression of infix operator'],
  [`SELECT * FROM "${T}" WHERE ORDER BY id`, 'Unexpected keyword'],
  [`INSERT INTO "${T}" (key, value) VALUES (1, 2)`, 'Unexpected keyword'],
  [`SELECT * FROM "${T}" WHERE n = 1 AND x IS FOO`, 'Expected type name'],
  [`SELECT * FROM "${T}" WHERE IS NULL`, 'Unexpected operator'],
  [`SELECT * FROM "${T}" WHERE n = LIKE`, 'Unexpected operator'],
  ['DELETE FROM', 'Expected identifier for simple path'],
  ['DELETE FROM;', 'Expected identifier for simple path'],
  [`DELETE FROM WHERE ${KEY}`, 'Expected identifier for simple path'],
  [`SLECT * FROM "${T}" WHERE ${KEY}`, 'Expected data manipulation'],
  ['UPDATE Pay-ments SET a = 1 WHERE b = 2', 'Expected data manipulation'],
  [`SELECT * FROM "${T}" WHERE attribute_exists(m.inner)`, 'Invalid path dot component'],
])('%s is not well formed', async (statement, fault) => {
  expect(await refusalOf(statement)).toBe(NOT_WELL_FORMED + fault);
});

test('a statement nests as deeply as is of use, and no deeper', async () => {
  for (const [open, close] of [
    ['(', ')'],
    ['[', ']'],
    ['NOT ', ''],
    ['- ', ''],
    ['{', '}'],
    ['size(', ')'],
    ['m[', ']'],
  ] as const) {
    const deep = `${open.repeat(1200)}n${close.repeat(1200)}`;
    const refusal = await refusalOf(`SELECT * FROM "${T}" WHERE ${deep} = 1`);
    expect(refusal).toMatch(NOT_WELL_FORMED);
  }
  const groups = `${'('.repeat(50)}n = 5${')'.repeat(50)}`;
  expect(await itemsOf(`SELECT id FROM "${T}" WHERE ${KEY} AND ${groups}`)).toHaveLength(1);
  const many = Array.from({ length: 250 }, () => 'n = 5').join(' AND ');
  expect(await itemsOf(`SELECT id FROM "${T}" WHERE ${KEY} AND ${many}`)).toHaveLength(1);
});

test.each(['INT4', 'INT8', 'DOUBLE PRECISION', 'CHARACTER VARYING'])(
  'IS %s is a type, and no statement',
  async (type) => {
    expect(await refusalOf(`x IS ${type}`)).toBe(
      'ValidationException: Unsupported operation: IsType',
    );
  },
);

test.each([
  [`SELECT * FROM "${T}" t WHERE ${KEY}`, 'Aliasing is not supported'],
  [`SELECT * FROM "${T}" AS t WHERE ${KEY}`, 'Aliasing is not supported'],
  [`UPDATE "${T}" t SET a = 3 WHERE ${KEY}`, 'Aliasing is not supported'],
  [`DELETE FROM "${T}" t WHERE ${KEY}`, 'Aliasing is not supported'],
  [`SELECT * FROM "" WHERE ${KEY}`, 'Path component cannot be an empty string'],
  [`SELECT * FROM "${T}"."" WHERE ${KEY}`, 'Path component cannot be an empty string'],
  [
    `SELECT * FROM "${T}"."i"."x" WHERE ${KEY}`,
    'A path may contain at most 2 components in the FROM clause',
  ],
  [`SELECT * FROM "${T}"."no-such" WHERE ${KEY}`, 'The table does not have the specified index'],
  [`UPDATE "${T}"."i" SET a = 1 WHERE ${KEY}`, 'This operation is not supported on an index'],
  [`DELETE FROM "${T}"."i" WHERE ${KEY}`, 'This operation is not supported on an index'],
])('%s is refused for its table', async (statement, message) => {
  expect(await refusalOf(statement)).toBe(`ValidationException: ${message}`);
});

test('an INSERT into an index tells where', async () => {
  const statement = `INSERT INTO "${T}"."i" VALUE {'id': 'x', 'at': 1}`;
  const where = placeIn(statement, `"${T}"`);
  expect(await refusalOf(statement)).toBe(
    'ValidationException: FROM clause may only contain a single table name in data manipulation ' +
      `statements at ${where}`,
  );
});

test('a table that is not there is not found, unless something else is wrong', async () => {
  const none = newName();
  expect(await refusalOf(`SELECT * FROM "${none}" WHERE id = 'x'`)).toBe(
    'ResourceNotFoundException: Requested resource not found',
  );
  expect(await refusalOf(`FROM "${none}" WHERE id = 'x' SET c = 1`)).toBe(
    'ResourceNotFoundException: Requested resource not found',
  );
  expect(await refusalOf(`SELECT id FROM "${none}" WHERE id < ?`, [{ BOOL: true }])).toBe(
    'ValidationException: Incorrect operand type for operator or function; operator or function: <, operand type: BOOL',
  );
  const count = `SELECT COUNT(*) FROM "${none}"`;
  expect(await refusalOf(count)).toBe(
    `ValidationException: Unexpected path component at ${placeIn(count, 'COUNT')}`,
  );
});

test('LIMIT in a statement is not supported, and is told where', async () => {
  const statement = `SELECT * FROM "${T}" WHERE ${KEY} LIMIT 25`;
  expect(await refusalOf(statement)).toBe(
    `ValidationException: Unsupported clause: LIMIT at 1:${statement.length - 1}:2`,
  );
});

const OVERFLOW =
  'Number overflow. Attempting to store a number with magnitude larger than supported range';
const UNDERFLOW =
  'Number underflow. Attempting to store a number with magnitude smaller than supported range';

test.each([
  [`SELECT * FROM "${T}" WHERE n = 1e126`, `${OVERFLOW} under root`],
  [`SELECT * FROM "${T}" WHERE n = 1e-131`, `${UNDERFLOW} under root`],
  [
    `SELECT * FROM "${T}" WHERE n = 123456789012345678901234567890123456789`,
    'Attempting to store more than 38 significant digits in a Number under root',
  ],
  [`UPDATE "${T}" SET a = 1e-131 WHERE ${KEY}`, `${UNDERFLOW} under root`],
  [`INSERT INTO "${T}" VALUE {'id': 'x', 'm': {'x': 1e126}}`, `${OVERFLOW} under root.x`],
  [`INSERT INTO "${T}" VALUE {'id': 'x', 'l': [1, 1e126]}`, `${OVERFLOW} under root[1]`],
  [`INSERT INTO "${T}" VALUE {'id': 'x', 's': <<>>}`, 'Empty bags are not supported'],
  [
    `INSERT INTO "${T}" VALUE {'id': 'x', 's': <<1, 'a'>>}`,
    'Unsupported data type in Bag. DynamoDB only supports either numbers or strings in bags',
  ],
  [
    `INSERT INTO "${T}" VALUE {'id': 'x', 's': <<'a', 'a'>>}`,
    'One or more parameter values were invalid: Input collection [a, a] contains duplicates.',
  ],
  [
    `UPDATE "${T}" SET a = set_add(a, <<2, 2.0>>) WHERE ${KEY}`,
    'One or more parameter values were invalid: Input collection [2, 2.0] contains duplicates! under root',
  ],
  [
    `UPDATE "${T}" SET d = ${"{'a':".repeat(32)}1${'}'.repeat(32)} WHERE ${KEY}`,
    `Nesting Levels have exceeded supported limits under root${'.a'.repeat(32)}`,
  ],
  [
    `UPDATE "${T}" SET d = {'a':${'['.repeat(31)}1${']'.repeat(31)}} WHERE ${KEY}`,
    `Nesting Levels have exceeded supported limits under root.a${'[0]'.repeat(31)}`,
  ],
])('%s is refused for a value in it', async (statement, message) => {
  expect(await refusalOf(statement)).toBe(`ValidationException: ${message}`);
});

test('a parameter stands for a whole value, not inside one', async () => {
  const update = `UPDATE "${T}" SET x = [?] WHERE ${KEY}`;
  expect(await refusalOf(update, [{ S: 'v' }])).toBe(
    `ValidationException: Unsupported data type: Parameter under key root[0] at ${placeIn(update, '?')}`,
  );
  const insert = `INSERT INTO "${T}" VALUE {'id': 'x', 'at': 1, 'm': {'k': ?}}`;
  expect(await refusalOf(insert, [{ S: 'v' }])).toBe(
    `ValidationException: Unsupported data type: Parameter under key root.k at ${placeIn(insert, '?')}`,
  );
  const call = `INSERT INTO "${T}" VALUE {'id': 'x', 'ss': set_add(<<'a'>>, <<'b'>>)}`;
  expect(await refusalOf(call)).toBe(
    `ValidationException: Unsupported data type: set_add under key root at ${placeIn(call, 'set_add')}`,
  );
});

test('parameters are as many as question marks', async () => {
  const message = "ValidationException: Number of parameters in request and statement don't match.";
  const statement = `SELECT * FROM "${T}" WHERE id = ? AND "at" = ?`;
  expect(await refusalOf(statement)).toBe(message);
  expect(await refusalOf(statement, [{ S: 'g' }])).toBe(message);
  expect(await refusalOf(statement, [{ S: 'g' }, { N: '1' }, { N: '2' }])).toBe(message);
  const Parameters = [{ S: 'g' }, { N: '1' }];
  expect(await itemsOf(statement, { Parameters })).toHaveLength(1);
  expect(await itemsOf(`SELECT * FROM "${T}" WHERE ${KEY} AND s <> '?'`)).toHaveLength(1);
});

test('a parameter that is no value is complained about before the statement', async () => {
  const broken = `UPDATE "${T}" SET WHERE`;
  expect(await refusalOf(broken, [{ SS: ['a', 'a'] }])).toBe(
    'ValidationException: One or more parameter values were invalid: Input collection [a, a] contains duplicates.',
  );
  expect(await refusalOf(broken, [{ SS: [] }])).toBe(
    'ValidationException: One or more parameter values were invalid: An string set  may not be empty',
  );
});

const UNREADABLE = 'The parameter cannot be converted to a numeric value';
const deep = (levels: number): object =>
  levels === 0 ? { S: 'leaf' } : { M: { n: deep(levels - 1) } };
const NESTING =
  'Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit';

test.each([
  [{ N: '1e99999999999' }, `${UNREADABLE}: 1e99999999999`],
  [{ N: '1e2147483648' }, `${UNREADABLE}: 1e2147483648`],
  [{ N: '1e-2147483648' }, `${UNREADABLE}: 1e-2147483648`],
  [{ N: '1e2147483647' }, UNDERFLOW],
  [{ N: '' }, UNREADABLE],
  [{ L: [{ N: '1' }, { N: '1e99999999999' }] }, `${UNREADABLE}: 1e99999999999`],
  [{ NS: ['1', '1e99999999999'] }, `${UNREADABLE}: 1e99999999999`],
  [deep(40), NESTING],
  [{ M: { d: deep(40), bad: { N: 'abc' } } }, NESTING],
  [{ M: { bad: { N: 'abc' }, d: deep(40) } }, `${UNREADABLE}: abc`],
])('the parameter %j is refused', async (parameter, message) => {
  for (const statement of [
    `SELECT * FROM "${T}" WHERE id = 'g' AND n = ?`,
    `INSERT INTO "${T}" VALUE {'id': 'x', 'at': 1, 'n': ?}`,
    `UPDATE "${T}" SET n = ? WHERE ${KEY}`,
  ]) {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it is wrong on purpose
    expect(await refusalOf(statement, [parameter as { S: string }])).toBe(
      `ValidationException: ${message}`,
    );
  }
});

test('numbers are written in any way, quotes are doubled, comments are passed over', async () => {
  for (const literal of ['5', '5.0', '.5e1', '50e-1', '0.5E+1', '- - 5', '+5']) {
    expect(await itemsOf(`SELECT id FROM "${T}" WHERE ${KEY} AND n = ${literal}`)).toHaveLength(1);
  }
  for (const statement of [
    `-- a note\nSELECT id FROM "${T}" WHERE ${KEY}`,
    `SELECT/**/id FROM "${T}" -- the table\nWHERE id/* key */= 'g' AND "at" = 1 --`,
    `select id from "${T}" where ${KEY} and s = 'it''s';`,
    `SELECT "id" FROM "${T}" WHERE "id" = 'g' AND "at" = 1; -- done`,
  ]) {
    expect(await itemsOf(statement)).toEqual([{ id: { S: 'g' } }]);
  }
  expect(await refusalOf(`UPDATE "${T}" SET n=n--1 WHERE ${KEY}`)).toMatch(/^ValidationException/);
  expect((await stored(T, Key))?.['n']).toEqual({ N: '5' });
});

test('words of SQL name nothing unless they are quoted', async () => {
  for (const word of ['size', 'count', 'user', 'date', 'value', 'level', 'order']) {
    expect(await refusalOf(`SELECT ${word} FROM "${T}" WHERE ${KEY}`)).toMatch(NOT_WELL_FORMED);
    expect(await itemsOf(`SELECT "${word}" FROM "${T}" WHERE ${KEY}`)).toEqual([{}]);
  }
});

test('paths are answered by their last name, and elements with their index', async () => {
  const select = `SELECT m.x, l[1], m.k[0], l[-0] FROM "${T}" WHERE ${KEY}`;
  expect(await itemsOf(select)).toEqual([
    { x: { S: 'y' }, 'l[1]': { S: 'b' }, 'k[0]': { S: 'c' }, 'l[0]': { S: 'a' } },
  ]);
  expect(await refusalOf(`SELECT l[-1] FROM "${T}" WHERE ${KEY}`)).toBe(
    'ValidationException: List index is not within the allowable range; index: [-1] at 1:11:1',
  );
  expect(await refusalOf(`SELECT l[2147483648] FROM "${T}" WHERE ${KEY}`)).toBe(
    'ValidationException: List index is not within the allowable range; index: [2147483648] at 1:10:10',
  );
});

test('what a statement lacks or has too much of its shape is refused as of any request', async () => {
  for (const Statement of ['', 'x'.repeat(8193)]) {
    expect((await run(Statement)).code).toBe('ValidationException');
  }
});
