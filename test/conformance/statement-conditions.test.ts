import { expect, test } from 'vitest';

import { invalid, parameter } from './raw-request.ts';
import { type Item, itemsOf, placeIn, put, run } from './run-statement.ts';
import { newTable } from './target.ts';

const H = await newTable();

/** An item of the table with the key `id` alone. */
const hashed = async (id: string, attributes: Item = {}): Promise<Item> =>
  put(H, { id: { S: id }, ...attributes });
const FUNCTIONS: Item = {
  ss: { SS: ['a', 'b', 'c'] },
  s: { S: 'str' },
  n: { N: '1' },
  l: { L: [{ S: 'a' }] },
  m: { M: { sub: { S: 'x' } } },
  nul: { NULL: true },
  flag: { BOOL: true },
  image: { B: Buffer.alloc(400) },
  address: { S: '7834 24th Kirkland' },
};
await hashed('fn', FUNCTIONS);

const holds = async (condition: string): Promise<boolean> =>
  (await itemsOf(`SELECT id FROM "${H}" WHERE id = 'fn' AND ${condition}`)).length === 1;

test.each([
  'attribute_exists(ss)',
  'attribute_exists("ss")',
  'ATTRIBUTE_EXISTS(ss)',
  'NOT attribute_exists(nope)',
  '(attribute_exists(nope) OR attribute_exists(ss))',
  'attribute_exists(m.sub)',
  'attribute_exists(l[0])',
  'attribute_not_exists(nope)',
  'attribute_not_exists(m.nope)',
  'size(s) = 3',
  'size(ss) = 3',
  'size("image") > 300',
  "attribute_type(ss, 'SS')",
  "contains(address, 'Kirkland')",
  "contains(ss, 'a')",
  "begins_with(s, 'st')",
  "NOT begins_with(s, 'al')",
  'nul IS NULL',
  'nul = NULL',
  's IS NOT NULL',
  'nope IS NOT NULL',
  'nope IS MISSING',
  's IS NOT MISSING',
  'flag IS BOOL',
  's IS STRING',
  'n IS NUMERIC',
  'm IS STRUCT',
  'l IS LIST',
  'image IS BLOB',
  'flag = true',
  'n BETWEEN 0 AND 5',
  'n NOT BETWEEN 2 AND 5',
  'n IN [1, 2]',
  'n NOT IN (2, 3)',
  "m = {'sub': 'x'}",
  "l = ['a']",
  "ss = <<'c', 'b', 'a'>>",
  "m.sub = 'x'",
  "l[0] = 'a'",
  'n = 1 AND NOT (n = 2 OR n = 3)',
  "n = 2 OR s = 'str'",
  'attribute_exists(ss) = true',
  'attribute_exists(nope) = false',
  'true = attribute_exists(n)',
  'attribute_exists(n) <> 1',
  "contains(nope, 'z') = false",
  '(n BETWEEN 0 AND 5) = true',
  "(n = 5 OR s = 'x') = false",
  'attribute_exists(nope) IN [true, false]',
  'attribute_exists(n) = attribute_exists(s)',
  'attribute_exists(n) = flag',
])('%s holds', async (condition) => {
  expect(await holds(condition)).toBe(true);
});

test.each([
  'attribute_exists(nope)',
  'attribute_not_exists(ss)',
  'size(s) = 4',
  "attribute_type(ss, 'S')",
  's IS NULL',
  'nope IS NULL',
  'nul IS NOT NULL',
  's IS BOOL',
  'n = 2',
  "n = '1'",
  "n < 'a'",
  'attribute_exists(n) = 1',
  'NOT attribute_exists(n) = true',
  '(attribute_exists(n) = true) = false',
  'attribute_exists(n) = s',
])('%s does not hold', async (condition) => {
  expect(await holds(condition)).toBe(false);
});

const OPERAND = 'Incorrect operand type for operator or function; operator or function:';

test.each([
  [
    "attribute_exists('ss')",
    'Operator or function requires a document path; operator or function: attribute_exists',
  ],
  [
    'attribute_exists()',
    'Incorrect number of operands for operator or function; operator or function: attribute_exists, number of operands: 0',
  ],
  [
    'attribute_exists(ss, n)',
    'Incorrect number of operands for operator or function; operator or function: attribute_exists, number of operands: 2',
  ],
  [
    "attribute_type(s, 'X')",
    'Invalid attribute type name found; type: X, valid types: {N,BS,L,B,NULL,M,S,SS,NS,BOOL}',
  ],
  ['attribute_type(l, 1)', `${OPERAND} attribute_type, operand type: N`],
  ['attribute_type(l, true)', `${OPERAND} attribute_type, operand type: BOOL`],
  ['n < true', `${OPERAND} <, operand type: BOOL`],
  ['n >= null', `${OPERAND} >=, operand type: NULL`],
  ['n BETWEEN true AND false', `${OPERAND} BETWEEN, operand type: BOOL`],
  ['attribute_exists(n) > false', `${OPERAND} >, operand type: BOOL`],
  ["s = <<'a', 'a'>>", parameter('Input collection [a, a] contains duplicates.')],
  ['s', 'The arguments to AND/OR must be Expressions'],
  ['n = MISSING', 'MISSING must be compared using IS operator'],
])('the condition %s is refused', async (condition, message) => {
  expect(await run(`SELECT id FROM "${H}" WHERE id = 'fn' AND ${condition}`)).toEqual(
    invalid(message),
  );
});

test('functions that are none are told where', async () => {
  const exists = `SELECT id FROM "${H}" WHERE id = 'fn' AND EXISTS(ss)`;
  expect(await run(exists)).toEqual(
    invalid(`Unrecognized function: exists at ${placeIn(exists, 'EXISTS')}`),
  );
  const add = `SELECT id FROM "${H}" WHERE id = 'fn' AND set_add(ss, <<'x'>>) = ss`;
  expect(await run(add)).toEqual(
    invalid(`Unrecognized function: set_add at ${placeIn(add, 'set_add')}`),
  );
  const column = `SELECT attribute_exists(ss) FROM "${H}" WHERE id = 'fn'`;
  expect(await run(column)).toEqual(
    invalid(`Unexpected path component at ${placeIn(column, 'attribute_exists')}`),
  );
});

test('WHERE says something that holds or not', async () => {
  expect(await run(`SELECT id FROM "${H}" WHERE id`)).toEqual(
    invalid('WHERE clause must contain an expression that resolves to a boolean'),
  );
});
