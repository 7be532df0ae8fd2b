import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type ExpressionFields,
  ExpressionCompiler,
} from '../../src/expression/expression-compiler.ts';
import type { ExpressionField } from '../../src/expression/messages.ts';
import { ClientError } from '../../src/model/errors.ts';

const ALL: readonly ExpressionField[] = [
  'UpdateExpression',
  'ConditionExpression',
  'KeyConditionExpression',
  'FilterExpression',
  'ProjectionExpression',
];

function faultOf(request: ExpressionFields, fields = ALL): string {
  try {
    new ExpressionCompiler().compile(structuredClone(request), fields);
  } catch (error) {
    if (error instanceof ClientError) return error.message;
    throw error;
  }
  return 'none';
}

const names = { '#a': 'a', '#b': 'b' };
const values = {
  ':n': { N: '1' },
  ':m': { N: '2' },
  ':s': { S: 'x' },
  ':l': { L: [] },
  ':map': { M: {} },
  ':ns': { NS: ['1'] },
  ':t': { BOOL: true },
};

/** The fault of one expression in which the placeholders above may be used. */
function fault(field: ExpressionField, source: string): string {
  const used = <T>(map: Record<string, T>): Record<string, T> | undefined => {
    const left = Object.entries(map).filter(([key]) =>
      new RegExp(`${key}(?![A-Za-z0-9_])`).test(source),
    );
    return left.length === 0 ? undefined : Object.fromEntries(left);
  };
  return faultOf({
    [field]: source,
    ExpressionAttributeNames: used(names),
    ExpressionAttributeValues: used(values),
  });
}

test.each([
  ['', 'The expression can not be empty;'],
  ['a-b', 'Syntax error; token: "-", near: "a-b"'],
  ['foo', 'Syntax error; token: "<EOF>", near: "foo"'],
  ['a IN ()', 'Syntax error; token: ")", near: "()"'],
  ['   |', 'Syntax error; token: "|", near: "   |"'],
  ['a = _b', 'Syntax error; token: "_", near: "= _b"'],
  ['a = :s a', 'Syntax error; token: "a", near: ":s a"'],
  ['attribute_exists(a) AND NOT #b', 'Syntax error; token: "<EOF>", near: "#b"'],
  ['(#a)', 'Syntax error; token: "<EOF>", near: ")"'],
  ['attribute_exists(', 'Syntax error; token: "<EOF>", near: "("'],
  ['contains (a, :s', 'Syntax error; token: "<EOF>", near: ":s"'],
  ['a = :s AND', 'Syntax error; token: "<EOF>", near: "AND"'],
  ['a = 5', 'Syntax error; token: "5", near: "= 5"'],
  ['a[:n] = :n', 'Syntax error; token: ":n", near: "[:n]"'],
  ['a BETWEEN :n OR :m', 'Syntax error; token: "OR", near: ":n OR :m"'],
  ['((a = :s))', 'The expression has redundant parentheses;'],
  ['((a)) = :s', 'The expression has redundant parentheses;'],
  ['a = ((:s))', 'The expression has redundant parentheses;'],
  ['(a = :s) AND ((a = :n))', 'The expression has redundant parentheses;'],
  ['((a = b', 'Syntax error; token: "<EOF>", near: "b"'],
  ['abort = :s', 'Attribute name is a reserved keyword; reserved keyword: abort'],
  ['x.Size = :s', 'Attribute name is a reserved keyword; reserved keyword: Size'],
  ['dog(a)', 'Invalid function name; function: dog'],
  ['Attribute_Exists(a)', 'Invalid function name; function: Attribute_Exists'],
  [
    'if_not_exists(a, b) = :s',
    'The function is not allowed in a condition expression; function: if_not_exists',
  ],
  ['size(a)', 'The function is not allowed to be used this way in an expression; function: size'],
  [
    'attribute_exists(a) < :n',
    'The function is not allowed to be used this way in an expression; function: attribute_exists',
  ],
  [
    'contains(begins_with(a, :s), :s)',
    'The function is not allowed to be used this way in an expression; function: begins_with',
  ],
  [
    '#c = :s',
    'An expression attribute name used in the document path is not defined; attribute name: #c',
  ],
  [
    '#a = :c',
    'An expression attribute value used in expression is not defined; attribute value: :c',
  ],
  [
    'size(a, b) = :n',
    'Incorrect number of operands for operator or function; operator or function: size, number of operands: 2',
  ],
  [
    'attribute_exists(a, b)',
    'Incorrect number of operands for operator or function; operator or function: attribute_exists, number of operands: 2',
  ],
  [
    'a = a',
    'The first operand must be distinct from the remaining operands for this operator or function; operator: =, first operand: [a]',
  ],
  [
    'contains(a[1].b, #a[1].#b)',
    'The first operand must be distinct from the remaining operands for this operator or function; operator: contains, first operand: [a, [1], b]',
  ],
  [
    'attribute_exists(:s)',
    'Operator or function requires a document path; operator or function: attribute_exists',
  ],
  [
    'attribute_type(a, b)',
    'Incorrect operand type for operator or function; operator or function: attribute_type, operand type: {NS,SS,L,BS,N,M,B,BOOL,NULL,S}',
  ],
  [
    'attribute_type(a, :n)',
    'Incorrect operand type for operator or function; operator or function: attribute_type, operand type: N',
  ],
  [
    'attribute_type(a, :s)',
    'Invalid attribute type name found; type: x, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}',
  ],
  [
    'begins_with(a, :n)',
    'Incorrect operand type for operator or function; operator or function: begins_with, operand type: N',
  ],
  [
    'begins_with(size(a), :s)',
    'Incorrect operand type for operator or function; operator or function: begins_with, operand type: N',
  ],
  [
    'size(:t) = :n',
    'Incorrect operand type for operator or function; operator or function: size, operand type: BOOL',
  ],
  [
    'a < :map',
    'Incorrect operand type for operator or function; operator or function: <, operand type: M',
  ],
  [
    ':l >= a',
    'Incorrect operand type for operator or function; operator or function: >=, operand type: L',
  ],
  [
    'a BETWEEN :m AND :n',
    'The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: AttributeValue: {N:2}, upper bound operand: AttributeValue: {N:1}',
  ],
  [
    'a BETWEEN :n AND :s',
    'The BETWEEN operator requires same data type for lower and upper bounds; lower bound operand: AttributeValue: {N:1}, upper bound operand: AttributeValue: {S:x}',
  ],
  [`a${'.b'.repeat(32)} = :s`, 'The document path has too many nesting levels; nesting levels: 33'],
  ['a[4294967296] = :s', 'List index is not within the allowable range; index: [4294967296]'],
])('the condition %j is refused', (source, text) => {
  expect(fault('ConditionExpression', source)).toBe(`Invalid ConditionExpression: ${text}`);
  expect(fault('FilterExpression', source)).toBe(`Invalid FilterExpression: ${text}`);
});

test.each([
  ['', 'The expression can not be empty;'],
  ['INVALID SYNTAX HERE', 'Syntax error; token: "INVALID", near: "INVALID SYNTAX"'],
  ['ADD hits : incr', 'Syntax error; token: ":", near: "hits : incr"'],
  ['SET a = VALUE 1', 'Syntax error; token: "1", near: "VALUE 1"'],
  ['SET a = :n,', 'Syntax error; token: "<EOF>", near: ","'],
  ['SET _123 = :n', 'Syntax error; token: "_", near: "SET _123"'],
  ['SET a = :n + :n + :n', 'Syntax error; token: "+", near: ":n + :n"'],
  ['SET a = if_not_exists(b, :n + :n)', 'Syntax error; token: "+", near: ":n + :n"'],
  ['SET :n = :n', 'Syntax error; token: ":n", near: "SET :n ="'],
  ['SET set = :n', 'Syntax error; token: "set", near: "SET set ="'],
  ['ADD a b', 'Syntax error; token: "b", near: "a b"'],
  ['REMOVE a[x]', 'Syntax error; token: "x", near: "[x]"'],
  ['SET a = ((:n))', 'The expression has redundant parentheses;'],
  ['SET a = ((:n + :n))', 'The expression has redundant parentheses;'],
  ['SET a = :n SET b = :n', 'The "SET" section can only be used once in an update expression;'],
  [
    'SET a = :n REMOVE c SET b = :n',
    'The "SET" section can only be used once in an update expression;',
  ],
  ['REMOVE abort', 'Attribute name is a reserved keyword; reserved keyword: abort'],
  ['SET a = f123_hi(b, c)', 'Invalid function name; function: f123_hi'],
  ['SET a = LIST_APPEND(b, c)', 'Invalid function name; function: LIST_APPEND'],
  ['SET a = size(b)', 'The function is not allowed in an update expression; function: size'],
  [
    'SET a = list_append(list_append(b, c), :l)',
    'The function is not allowed to be used this way in an expression; function: list_append',
  ],
  [
    'SET #c = :n',
    'An expression attribute name used in the document path is not defined; attribute name: #c',
  ],
  [
    'SET a = if_not_exists(:c, :n)',
    'An expression attribute value used in expression is not defined; attribute value: :c',
  ],
  [
    'SET a = list_append(:l)',
    'Incorrect number of operands for operator or function; operator or function: list_append, number of operands: 1',
  ],
  [
    'SET a = if_not_exists(:n, :m)',
    'Operator or function requires a document path; operator or function: if_not_exists',
  ],
  [
    'SET a = list_append(:l, :s)',
    'Incorrect operand type for operator or function; operator or function: list_append, operand type: S',
  ],
  [
    'SET a = :s + :n',
    'Incorrect operand type for operator or function; operator or function: +, operand type: S',
  ],
  [
    'SET a = b - :l',
    'Incorrect operand type for operator or function; operator or function: -, operand type: L',
  ],
  [
    'ADD a :s',
    'Incorrect operand type for operator or function; operator: ADD, operand type: STRING',
  ],
  [
    'ADD a :l',
    'Incorrect operand type for operator or function; operator: ADD, operand type: LIST',
  ],
  [
    'DELETE a :n',
    'Incorrect operand type for operator or function; operator: DELETE, operand type: NUMBER',
  ],
  [
    'DELETE a :map',
    'Incorrect operand type for operator or function; operator: DELETE, operand type: MAP',
  ],
  [
    'SET a = :n REMOVE a',
    'Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a], path two: [a]',
  ],
  [
    'SET a = :n, #a.b = :m',
    'Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a], path two: [a, b]',
  ],
  [
    'SET a[1][2] = :n, a[1] = :m',
    'Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a, [1], [2]], path two: [a, [1]]',
  ],
  [
    'SET a.b = :n, a[1] = :m',
    'Two document paths conflict with each other; must remove or rewrite one of these paths; path one: [a, b], path two: [a, [1]]',
  ],
])('the update %j is refused', (source, text) => {
  expect(fault('UpdateExpression', source)).toBe(`Invalid UpdateExpression: ${text}`);
});

test.each([
  ['', 'The expression can not be empty;'],
  ['a,', 'Syntax error; token: "<EOF>", near: ","'],
  ['a,,b', 'Syntax error; token: ",", near: ",,b"'],
  ['(a)', 'Syntax error; token: "(", near: "(a"'],
  ['a, abort', 'Attribute name is a reserved keyword; reserved keyword: abort'],
  [
    '#c',
    'An expression attribute name used in the document path is not defined; attribute name: #c',
  ],
  [
    'a.b[0], a.b[0]',
    'Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a, b, [0]], path two: [a, b, [0]]',
  ],
  [
    'a.b, a[1]',
    'Two document paths conflict with each other; must remove or rewrite one of these paths; path one: [a, b], path two: [a, [1]]',
  ],
  [`a${'.b'.repeat(32)}`, 'The document path has too many nesting levels; nesting levels: 33'],
])('the projection %j is refused', (source, text) => {
  expect(fault('ProjectionExpression', source)).toBe(`Invalid ProjectionExpression: ${text}`);
});

test.each([
  ['a = :s', 'none'],
  ['(a)[1] = :s AND (a).b = :s', 'none'],
  ['((a = :s) AND (b = :s))', 'none'],
  ['( ( ( size ( #b )) < #a.Maximum ) AND ( #a > :n ) )', 'none'],
  ['NOT NOT a = :s', 'none'],
  ['a in (:s,(:n), b) or not contains(a, size(b))', 'none'],
  [`a${'.b'.repeat(31)} = :s`, 'none'],
])('the condition %j is taken', (source, text) => {
  expect(fault('ConditionExpression', source)).toBe(text);
});

test.each([
  ['SET a = (b + :n)', 'none'],
  ['SET a = (b) + (:n)', 'none'],
  ['SET a = ((b) + :n)', 'none'],
  ['set  a=list_append(if_not_exists(a, :l), :l)remove b add c :ns delete d :ns', 'none'],
  ['SET a = if_not_exists(b, if_not_exists(c, :n)) - :n', 'none'],
  ['SET a[1] = :n, a[2] = :m REMOVE a[3], b.c', 'none'],
])('the update %j is taken', (source, text) => {
  expect(fault('UpdateExpression', source)).toBe(text);
});

const tests = (count: number): string => Array.from({ length: count }, () => 'a=b').join(' OR ');
const among = (count: number): string =>
  `a IN (${Array.from({ length: count }, () => ':s').join()})`;

test('the limits of length, operators and candidates are held', () => {
  const exact = `a = b${' '.repeat(4096 - 5)}`;
  expect(fault('ConditionExpression', exact)).toBe('none');
  expect(fault('ConditionExpression', `${exact} `)).toBe(
    'Invalid ConditionExpression: Expression size has exceeded the maximum allowed size; expression size: 4097',
  );
  expect(fault('FilterExpression', tests(150))).toBe('none');
  expect(fault('FilterExpression', tests(151))).toBe(
    'Invalid FilterExpression: The expression contains too many operators; operator count: 301',
  );
  expect(fault('FilterExpression', among(100))).toBe('none');
  expect(fault('FilterExpression', among(101))).toBe(
    'Invalid FilterExpression: The IN operator is provided with too many operands; number of operands: 101',
  );
});

test.each<[ExpressionFields, string]>([
  [
    { ConditionExpression: 'a = b', ExpressionAttributeNames: {} },
    'ExpressionAttributeNames must not be empty',
  ],
  [
    { ConditionExpression: 'a = b', ExpressionAttributeValues: {} },
    'ExpressionAttributeValues must not be empty',
  ],
  [
    { ConditionExpression: 'a = b', ExpressionAttributeNames: { '#va#l': 'a' } },
    'ExpressionAttributeNames contains invalid key: Syntax error; key: "#va#l"',
  ],
  [
    { ConditionExpression: 'a = b', ExpressionAttributeValues: { a: { S: 'x' } } },
    'ExpressionAttributeValues contains invalid key: Syntax error; key: "a"',
  ],
  [
    { ConditionExpression: 'a = :a', ExpressionAttributeValues: { ':a': {} } },
    'ExpressionAttributeValues contains invalid value: Supplied AttributeValue is empty, must contain exactly one of the supported datatypes for key :a',
  ],
  [
    { ConditionExpression: 'a = b', ExpressionAttributeNames: { '#x': 'x', '#y': 'y' } },
    'Value provided in ExpressionAttributeNames unused in expressions: keys: {#x, #y}',
  ],
  [
    {
      ConditionExpression: 'a = :b',
      ExpressionAttributeValues: { ':x': { S: 'x' }, ':b': { S: 'x' } },
    },
    'Value provided in ExpressionAttributeValues unused in expressions: keys: {:x}',
  ],
  [
    { ExpressionAttributeNames: { '#x': 'x' } },
    'ExpressionAttributeNames can only be specified when using expressions',
  ],
  [
    { ExpressionAttributeValues: { ':x': { S: 'x' } } },
    'ExpressionAttributeValues can only be specified when using expressions: UpdateExpression and ConditionExpression are null',
  ],
])('placeholders of %j are refused', (request, text) => {
  expect(faultOf(request, ['UpdateExpression', 'ConditionExpression'])).toBe(text);
});

test('placeholders count as used by any of a request’s expressions', () => {
  const request: ExpressionFields = {
    UpdateExpression: 'SET #a = :n',
    ConditionExpression: '#b = :m',
    ExpressionAttributeNames: { '#a': 'a', '#b': 'b' },
    ExpressionAttributeValues: { ':n': { N: '1' }, ':m': { N: '1' } },
  };
  expect(faultOf(request)).toBe('none');
});

const PIECES =
  'SET remove ADD DELETE AND or NOT IN BETWEEN ( (( ) )) [ ] . , = < <> >= + - 0 99999999999 a #a :n _ ' +
  'size contains list_append if_not_exists attribute_exists \n 😀 "';
const pieces = fc.constantFrom(...PIECES.split(' '));
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(pieces, { maxLength: 30 }).map((parts) => parts.join(' ')),
  fc.array(pieces, { maxLength: 30 }).map((parts) => parts.join('')),
  fc
    .tuple(fc.constantFrom('(', 'NOT ', 'size(', 'a.', 'SET a = ('), fc.nat(4096))
    .map(([part, count]) => part.repeat(count)),
);

test('no text whatever makes a parser fail but with a client’s error', () => {
  fc.assert(
    fc.property(anyText, fc.constantFrom(...ALL), (source, field) => {
      expect(faultOf({ [field]: source })).toMatch(/./);
    }),
    { numRuns: 2000 },
  );
});

test('deep parentheses are refused in words', () => {
  for (const [open, close] of [
    ['(', ')'],
    ['NOT (', ')'],
    ['size(', ')'],
  ] as const) {
    const depth = Math.floor(4000 / (open.length + 1));
    const text = fault('FilterExpression', `${open.repeat(depth)}a = b${close.repeat(depth)}`);
    expect(text).toMatch(/^Invalid FilterExpression: /);
  }
});
