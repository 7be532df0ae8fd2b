import {
  type AttributeValue,
  PutItemCommand,
  ScanCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { describe, expect, test } from 'vitest';

import { call, invalid, refused } from './raw-request.ts';
import { client, newTable } from './target.ts';

const TableName = await newTable();

type Item = Record<string, AttributeValue>;

const NAMES: Readonly<Record<string, string>> = { '#list': 'list', '#map': 'map', '#dot': 'a.b' };
const VALUES: Readonly<Record<string, AttributeValue>> = {
  ':0': { N: '0' },
  ':1': { N: '1' },
  ':2': { N: '2' },
  ':3': { N: '3' },
  ':5': { N: '5' },
  ':x': { S: 'x' },
  ':hello': { S: 'hello' },
  ':he': { S: 'he' },
  ':ell': { S: 'ell' },
  ':b': { B: new Uint8Array([1]) },
  ':true': { BOOL: true },
  ':null': { NULL: true },
  ':L': { S: 'L' },
  ':S': { S: 'S' },
  ':SS': { S: 'SS' },
  ':letters': { SS: ['b', 'a'] },
  ':a': { S: 'a' },
  ':empty': { L: [] },
  ':more': { L: [{ N: '3' }, { N: '4' }] },
  ':map': { M: { one: { N: '1' } } },
  ':ns': { NS: ['1', '3'] },
  ':ss': { SS: ['a', 'c'] },
};

/** Those of the placeholders that the expression has; DynamoDB refuses any that it does not use. */
function placeholders(expression: string) {
  const used = new Set(expression.match(/[#:]\w+/g));
  const pick = <T>(all: Readonly<Record<string, T>>): Record<string, T> | undefined => {
    const picked = Object.entries(all).filter(([name]) => used.has(name));
    return picked.length === 0 ? undefined : Object.fromEntries(picked);
  };
  return { ExpressionAttributeNames: pick(NAMES), ExpressionAttributeValues: pick(VALUES) };
}

const item: Item = {
  id: { S: 'item' },
  n: { N: '2' },
  s: { S: 'hello' },
  b: { B: new Uint8Array([1, 2, 3]) },
  yes: { BOOL: true },
  nil: { NULL: true },
  letters: { SS: ['a', 'b'] },
  list: { L: [{ N: '1' }, { S: 'x' }, { M: { deep: { N: '3' } } }] },
  map: { M: { one: { N: '1' }, two: { S: 'hello' } } },
  'a.b': { N: '1' },
};
await client.send(new PutItemCommand({ TableName, Item: item }));

async function holds(FilterExpression: string): Promise<boolean> {
  const { Count } = await client.send(
    new ScanCommand({
      TableName,
      ConsistentRead: true,
      FilterExpression,
      ...placeholders(FilterExpression),
    }),
  );
  return Count === 1;
}

describe('conditions and filters', () => {
  test.each([
    ['n = :2', true],
    ['n <> :2', false],
    ['n <> :x', true],
    ['absent <> :x', true],
    ['absent = :x', false],
    ['n < :3 and n <= :2 and n > :1 and n >= :2', true],
    ['s < :2', false],
    ['not s < :2', true],
    ['s > :he', true],
    ['n between :1 and :2', true],
    ['n BETWEEN :3 AND :5', false],
    [':2 between :1 and n', true],
    ['n in (:1, :x, :2)', true],
    ['s in (:x)', false],
    ['letters = :letters', true],
    ['#map.one = :1 and #list[2].deep = :3 and #list[0] < #map.one', false],
    ['#list[7] = :1', false],
    ['#dot = :1', true],
    ['yes = :true', true],
    ['nil = :null', true],
    ['n = :1 or n = :2 and s = :hello', true],
    ['(n = :2 or n = :1) and s = :x', false],
    ['not n = :2 or s = :hello', true],
    ['not (n = :2 or s = :hello)', false],
  ])('%s: %s', async (expression, expected) => {
    expect(await holds(expression)).toBe(expected);
  });
});

describe('functions', () => {
  test.each([
    ['attribute_exists(#list[2].deep)', true],
    ['attribute_exists(#list[3])', false],
    ['attribute_not_exists(absent)', true],
    ['attribute_type(#list, :L)', true],
    ['attribute_type(letters, :S)', false],
    ['attribute_type(letters, :SS)', true],
    ['begins_with(s, :he)', true],
    ['begins_with(b, :b)', true],
    ['begins_with(n, :he)', false],
    ['contains(s, :ell)', true],
    ['contains(letters, :a)', true],
    ['contains(letters, :ell)', false],
    ['contains(#list, :x)', true],
    ['contains(n, :x)', false],
    ['size(s) = :5', true],
    ['size(b) = :3', true],
    ['size(letters) = :2', true],
    ['size(#list) = :3 and size(#map) = :2', true],
    ['size(n) > :0', false],
    ['size(absent) = :0', false],
  ])('%s: %s', async (expression, expected) => {
    expect(await holds(expression)).toBe(expected);
  });
});

const given: Item = {
  id: { S: 'updated' },
  n: { N: '10' },
  list: { L: [{ N: '1' }, { N: '2' }] },
  map: { M: { one: { N: '1' }, two: { N: '2' } } },
  ns: { NS: ['1', '2'] },
  ss: { SS: ['a', 'c'] },
};

describe('updates', () => {
  const list = (...numbers: readonly string[]) => ({ L: numbers.map((N) => ({ N })) });

  test.each<[string, Item]>([
    ['set n = n + :1', { n: { N: '11' } }],
    ['set n = :1 - n', { n: { N: '-9' } }],
    ['set m = if_not_exists(m, :5)', { m: { N: '5' } }],
    ['set n = if_not_exists(n, :5)', { n: { N: '10' } }],
    ['set n = if_not_exists(m, :0) + :1', { n: { N: '1' } }],
    ['set #list = list_append(#list, :more)', { list: list('1', '2', '3', '4') }],
    ['set #list = list_append(:more, #list)', { list: list('3', '4', '1', '2') }],
    ['set m = list_append(if_not_exists(m, :empty), :more)', { m: list('3', '4') }],
    ['set #list[1] = :5', { list: list('1', '5') }],
    ['set #list[9] = :5', { list: list('1', '2', '5') }],
    ['set #list[7] = :5, #list[3] = :3', { list: list('1', '2', '3', '5') }],
    ['remove #list[0]', { list: list('2') }],
    ['remove #list[0], #list[1]', { list: { L: [] } }],
    ['remove #list[5]', {}],
    ['set #list[0] = :5 remove #list[1]', { list: list('5') }],
    [
      'set #map.three = :3',
      { map: { M: { one: { N: '1' }, two: { N: '2' }, three: { N: '3' } } } },
    ],
    ['remove #map.one', { map: { M: { two: { N: '2' } } } }],
    ['set #map = :map', { map: { M: { one: { N: '1' } } } }],
    ['set m = #map.two', { m: { N: '2' } }],
    ['add n :5', { n: { N: '15' } }],
    ['add m :5', { m: { N: '5' } }],
    ['add #map.one :5', { map: { M: { one: { N: '6' }, two: { N: '2' } } } }],
    ['add ns :ns', { ns: { NS: ['1', '2', '3'] } }],
    ['add m :ss', { m: { SS: ['a', 'c'] } }],
    ['delete ns :ns', { ns: { NS: ['2'] } }],
    ['delete m :ss', {}],
    [
      'SET n = :1 ADD m :1 DELETE ns :ns REMOVE #map',
      { n: { N: '1' }, m: { N: '1' }, ns: { NS: ['2'] } },
    ],
  ])('%s', async (UpdateExpression, changes) => {
    await client.send(new PutItemCommand({ TableName, Item: given }));
    const { Attributes = {} } = await client.send(
      new UpdateItemCommand({
        TableName,
        Key: { id: { S: 'updated' } },
        UpdateExpression,
        ...placeholders(UpdateExpression),
        ReturnValues: 'ALL_NEW',
      }),
    );
    const expected: Item = { ...given, ...changes };
    if (UpdateExpression.endsWith('REMOVE #map')) delete expected['map'];
    const { ns, ...rest } = Attributes;
    const { ns: expectedNs, ...expectedRest } = expected;
    expect(rest).toEqual(expectedRest);
    expect(ns?.NS?.toSorted()).toEqual(expectedNs?.NS);
  });

  test('a set that loses its last member is no more', async () => {
    await client.send(new PutItemCommand({ TableName, Item: given }));
    const { Attributes } = await client.send(
      new UpdateItemCommand({
        TableName,
        Key: { id: { S: 'updated' } },
        UpdateExpression: 'DELETE ss :ss',
        ExpressionAttributeValues: { ':ss': { SS: ['c', 'a', 'z'] } },
        ReturnValues: 'ALL_NEW',
      }),
    );
    expect(Attributes).not.toHaveProperty('ss');
  });
});

const wire: Readonly<Record<string, unknown>> = { ...VALUES, ':b': { B: 'AQ==' } };

/** The complaint about a whole request that has just this expression. */
async function complaintAbout(field: string, expression: string): Promise<string | undefined> {
  const { ExpressionAttributeNames, ExpressionAttributeValues = {} } = placeholders(expression);
  const values = Object.keys(ExpressionAttributeValues).map((name) => [name, wire[name]] as const);
  const isUpdate = field === 'UpdateExpression' || field === 'ConditionExpression';
  const { status, message } = await call(isUpdate ? 'UpdateItem' : 'Scan', {
    TableName,
    ...(isUpdate ? { Key: { id: { S: 'item' } } } : {}),
    [field]: expression,
    ExpressionAttributeNames,
    ExpressionAttributeValues: values.length === 0 ? undefined : Object.fromEntries(values),
  });
  expect(status).toBe(400);
  return message;
}

const misused = (name: string): string =>
  `The function is not allowed to be used this way in an expression; function: ${name}`;
const operands = (name: string, count: number): string =>
  `Incorrect number of operands for operator or function; operator or function: ${name}, number of operands: ${count}`;
const operandType = (name: string, type: string): string =>
  `Incorrect operand type for operator or function; operator or function: ${name}, operand type: ${type}`;

describe('conditions that are refused', () => {
  test.each([
    ['', 'The expression can not be empty;'],
    ['n = ', 'Syntax error; token: "<EOF>", near: "="'],
    ['n = 5', 'Syntax error; token: "5", near: "= 5"'],
    ['n == :1', 'Syntax error; token: "=", near: "== :1"'],
    ['((n = :1))', 'The expression has redundant parentheses;'],
    ['size = :1', 'Attribute name is a reserved keyword; reserved keyword: size'],
    ['dog(n)', 'Invalid function name; function: dog'],
    ['size(n)', misused('size')],
    ['attribute_exists(n) = :1', misused('attribute_exists')],
    [
      'if_not_exists(n, :1) = :1',
      'The function is not allowed in a condition expression; function: if_not_exists',
    ],
    [
      '#none = :1',
      'An expression attribute name used in the document path is not defined; attribute name: #none',
    ],
    [
      'n = :none',
      'An expression attribute value used in expression is not defined; attribute value: :none',
    ],
    ['attribute_exists(n, s)', operands('attribute_exists', 2)],
    ['begins_with(s)', operands('begins_with', 1)],
    [
      'attribute_exists(:1)',
      'Operator or function requires a document path; operator or function: attribute_exists',
    ],
    ['begins_with(s, :1)', operandType('begins_with', 'N')],
    ['n < :true', operandType('<', 'BOOL')],
    [
      'attribute_type(n, :x)',
      'Invalid attribute type name found; type: x, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}',
    ],
    [
      'n = n',
      'The first operand must be distinct from the remaining operands for this operator or function; operator: =, first operand: [n]',
    ],
    [
      'n between :3 and :1',
      'The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: AttributeValue: {N:3}, upper bound operand: AttributeValue: {N:1}',
    ],
    [
      'n between :1 and :x',
      'The BETWEEN operator requires same data type for lower and upper bounds; lower bound operand: AttributeValue: {N:1}, upper bound operand: AttributeValue: {S:x}',
    ],
    [
      `n${'.n'.repeat(32)} = :1`,
      'The document path has too many nesting levels; nesting levels: 33',
    ],
  ])('%j', async (expression, fault) => {
    for (const field of ['ConditionExpression', 'FilterExpression'])
      expect(await complaintAbout(field, expression)).toBe(`Invalid ${field}: ${fault}`);
  });

  test('more than 4 KB, more than 300 operators, more than 100 candidates', async () => {
    const filter = async (expression: string): Promise<string | undefined> =>
      complaintAbout('FilterExpression', expression);
    expect(await filter(`n = :1${' '.repeat(4091)}`)).toBe(
      'Invalid FilterExpression: Expression size has exceeded the maximum allowed size; expression size: 4097',
    );
    const tests = Array.from({ length: 151 }, () => 'n=s').join(' OR ');
    expect(await filter(tests)).toBe(
      'Invalid FilterExpression: The expression contains too many operators; operator count: 301',
    );
    const candidates = Array.from({ length: 101 }, () => ':1').join();
    expect(await filter(`n in (${candidates})`)).toBe(
      'Invalid FilterExpression: The IN operator is provided with too many operands; number of operands: 101',
    );
  });
});

const two = (kind: 'overlap' | 'conflict', one: string, other: string): string =>
  `Two document paths ${kind} with each other; must remove or rewrite one of these paths; path one: [${one}], path two: [${other}]`;

describe('updates that are refused', () => {
  test.each([
    ['', 'The expression can not be empty;'],
    ['n = :1', 'Syntax error; token: "n", near: "n ="'],
    ['SET n', 'Syntax error; token: "<EOF>", near: "n"'],
    ['SET n = :1,', 'Syntax error; token: "<EOF>", near: ","'],
    ['SET n = :1 + :1 + :1', 'Syntax error; token: "+", near: ":1 + :1"'],
    ['SET n = :1 SET m = :1', 'The "SET" section can only be used once in an update expression;'],
    ['SET n = size(m)', 'The function is not allowed in an update expression; function: size'],
    ['SET n = dog(m)', 'Invalid function name; function: dog'],
    ['SET n = list_append(m)', operands('list_append', 1)],
    ['SET n = list_append(m, :1)', operandType('list_append', 'N')],
    ['SET n = m + :x', operandType('+', 'S')],
    [
      'SET n = if_not_exists(:1, :2)',
      'Operator or function requires a document path; operator or function: if_not_exists',
    ],
    ['SET abort = :1', 'Attribute name is a reserved keyword; reserved keyword: abort'],
    [
      'ADD n :x',
      'Incorrect operand type for operator or function; operator: ADD, operand type: STRING',
    ],
    [
      'DELETE n :1',
      'Incorrect operand type for operator or function; operator: DELETE, operand type: NUMBER',
    ],
    ['SET n = :1 REMOVE n', two('overlap', 'n', 'n')],
    ['SET m = :1, m.n = :2', two('overlap', 'm', 'm, n')],
    ['SET m.n = :1, m[1] = :2', two('conflict', 'm, n', 'm, [1]')],
  ])('%j', async (expression, fault) => {
    expect(await complaintAbout('UpdateExpression', expression)).toBe(
      `Invalid UpdateExpression: ${fault}`,
    );
  });
});

describe('projections that are refused', () => {
  test.each([
    ['', 'The expression can not be empty;'],
    ['n,', 'Syntax error; token: "<EOF>", near: ","'],
    ['n, abort', 'Attribute name is a reserved keyword; reserved keyword: abort'],
    [
      '#none',
      'An expression attribute name used in the document path is not defined; attribute name: #none',
    ],
    ['m.n[0], m.n[0]', two('overlap', 'm, n, [0]', 'm, n, [0]')],
    ['m.n, m[1]', two('conflict', 'm, n', 'm, [1]')],
  ])('%j', async (expression, fault) => {
    expect(await complaintAbout('ProjectionExpression', expression)).toBe(
      `Invalid ProjectionExpression: ${fault}`,
    );
  });
});

describe('placeholders that are refused', () => {
  test.each([
    [{ ExpressionAttributeNames: {} }, 'ExpressionAttributeNames must not be empty'],
    [{ ExpressionAttributeValues: {} }, 'ExpressionAttributeValues must not be empty'],
    [
      { ExpressionAttributeNames: { n: 'n' } },
      'ExpressionAttributeNames contains invalid key: Syntax error; key: "n"',
    ],
    [
      { ExpressionAttributeValues: { ':a-b': { S: 'x' } } },
      'ExpressionAttributeValues contains invalid key: Syntax error; key: ":a-b"',
    ],
    [
      { ExpressionAttributeValues: { ':v': {} } },
      'ExpressionAttributeValues contains invalid value: Supplied AttributeValue is empty, must contain exactly one of the supported datatypes for key :v',
    ],
    [
      { ExpressionAttributeNames: { '#unused': 'n' } },
      'Value provided in ExpressionAttributeNames unused in expressions: keys: {#unused}',
    ],
    [
      { ExpressionAttributeValues: { ':unused': { S: 'x' } } },
      'Value provided in ExpressionAttributeValues unused in expressions: keys: {:unused}',
    ],
  ])('%j', async (input, message) => {
    const FilterExpression = 'attribute_exists(n)';
    expect(await call('Scan', { TableName, FilterExpression, ...input })).toEqual(invalid(message));
  });

  test('what the expression says is looked at before the table', async () => {
    const nowhere = { TableName: 'conformance.no-such-table' };
    expect(await call('Scan', { ...nowhere, FilterExpression: '' })).toEqual(
      invalid('Invalid FilterExpression: The expression can not be empty;'),
    );
    expect(await call('Scan', { ...nowhere, FilterExpression: 'attribute_exists(n)' })).toEqual(
      refused('ResourceNotFoundException', 'Requested resource not found'),
    );
  });
});
