import { expect, test } from 'vitest';
import {
  checkFilterSparesKey,
  checkKeysScalar,
  checkUpdateSparesKey,
} from '../../src/expression/key-checks.ts';
import {
  type AttributeCondition,
  type KeyCondition,
  keyCondition,
} from '../../src/expression/key-condition.ts';
import { ExpressionCompiler } from '../../src/expression/expression-compiler.ts';
import type { AttributeValue } from '../../src/model/attribute-value.ts';
import { validationError } from '../../src/model/errors.ts';
import { keyAttributesOf } from '../../src/model/index-key-validation.ts';
import type { KeySchema } from '../../src/model/table.ts';

const compiler = new ExpressionCompiler();
const keySchema: KeySchema = {
  partition: { name: 'p', type: 'S' },
  sort: { name: 'c', type: 'N' },
};
const textSchema: KeySchema = { partition: keySchema.partition, sort: { name: 'c', type: 'S' } };
const all: Readonly<Record<string, unknown>> = {
  ':p': { S: 'k' },
  ':c': { N: '5' },
  ':d': { N: '7' },
  ':t': { S: '00' },
  ':empty': { S: '' },
};

function parse(source: string, schema = keySchema): KeyCondition {
  const used = Object.entries(all).filter(([key]) => new RegExp(`${key}\\b`).test(source));
  const { keyConditions } = compiler.compile(
    {
      KeyConditionExpression: source,
      ExpressionAttributeValues: used.length === 0 ? undefined : Object.fromEntries(used),
    },
    ['KeyConditionExpression'],
  );
  if (keyConditions === undefined) throw new Error('no key condition');
  return keyCondition(keyConditions, keyAttributesOf(schema));
}

const partition = [{ S: 'k' }];

test.each([
  ['p = :p', undefined],
  ['((c=:c) AND (p=:p))', { kind: '=', value: { N: '5' } }],
  [':p = p and :c < c', { kind: '>', value: { N: '5' } }],
  ['p = :p AND c <= :c', { kind: '<=', value: { N: '5' } }],
  [':c <= c AND p = :p', { kind: '>=', value: { N: '5' } }],
  ['p = :p AND c BeTwEeN :c aNd :d', { kind: 'between', low: { N: '5' }, high: { N: '7' } }],
])('%s is a key condition', (source, sort) => {
  expect(parse(source)).toEqual({ partition, sort: sort === undefined ? [] : [sort] });
});

test('begins_with is for texts', () => {
  expect(parse('p = :p AND begins_with(c, :t)', textSchema)).toEqual({
    partition,
    sort: [{ kind: 'begins-with', value: { S: '00' } }],
  });
});

const TYPE =
  'One or more parameter values were invalid: Condition parameter type does not match schema type';

test.each([
  ['c = :c OR p = :p', 'Invalid operator used in KeyConditionExpression: OR'],
  ['NOT c = :c AND p = :p', 'Invalid operator used in KeyConditionExpression: NOT'],
  ['p = :p AND c <> :c', 'Invalid operator used in KeyConditionExpression: <>'],
  ['p = :p AND c IN (:c)', 'Invalid operator used in KeyConditionExpression: IN'],
  [
    'p = :p AND attribute_exists(c)',
    'Invalid operator used in KeyConditionExpression: attribute_exists',
  ],
  ['p = :p AND size(c) = :c', 'KeyConditionExpressions cannot contain nested operations'],
  ['p = :p AND c.x = :c', 'KeyConditionExpressions cannot have conditions on nested attributes'],
  [
    'p = c',
    'Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition',
  ],
  [':p = :t', 'Invalid condition in KeyConditionExpression: No key attribute specified'],
  [
    ':c BETWEEN c AND :d',
    'Invalid condition in KeyConditionExpression: BETWEEN operator must have the key attribute as its first operand',
  ],
  [
    'begins_with(:t, c)',
    'Invalid condition in KeyConditionExpression: begins_with operator must have the key attribute as its first operand',
  ],
  [
    'p = :p AND c >= :c AND c <= :d',
    'KeyConditionExpressions must only contain one condition per key',
  ],
  ['p = :p AND c = :c AND d = :d', 'Conditions can be of length 1 or 2 only'],
  ['p < :p', 'Query key condition not supported'],
  ['c = :c', 'Query condition missed key schema element: p'],
  ['p = :p AND d = :c', 'Query condition missed key schema element: c'],
  ['p = :c', TYPE],
  ['p = :p AND c = :t', TYPE],
  [
    'p = :empty',
    'One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: p',
  ],
  ['p', 'Invalid KeyConditionExpression: Syntax error; token: "<EOF>", near: "p"'],
  ['p = :p AND dog(c, :c)', 'Invalid KeyConditionExpression: Invalid function name; function: dog'],
  [
    'p = :p AND begins_with(c, :c)',
    'Invalid KeyConditionExpression: Incorrect operand type for operator or function; operator or function: begins_with, operand type: N',
  ],
])('%s is refused', (source, text) => {
  expect(() => parse(source)).toThrow(validationError(text));
});

test('a table without a sort key takes one condition', () => {
  const schema = { partition: keySchema.partition, sort: undefined };
  expect(parse('p = :p', schema)).toEqual({ partition, sort: [] });
  expect(() => parse('p = :p AND c = :c', schema)).toThrow('Query key condition not supported');
});

test('keys are neither updated nor filtered by nor looked into', () => {
  const { update, filter, condition } = compiler.compile(
    {
      UpdateExpression: 'REMOVE x.y, c.x',
      FilterExpression: 'a = b AND NOT size(p) = d',
      ConditionExpression: 'attribute_exists(p[0])',
    },
    ['UpdateExpression', 'FilterExpression', 'ConditionExpression'],
  );
  expect(() => {
    if (update !== undefined) checkUpdateSparesKey(update, keySchema);
  }).toThrow(
    'One or more parameter values were invalid: Cannot update attribute c. This attribute is part of the key',
  );
  expect(() => {
    if (filter !== undefined) checkFilterSparesKey(filter, keyAttributesOf(keySchema));
  }).toThrow(
    'Filter Expression can only contain non-primary key attributes: Primary key attribute: p',
  );
  expect(() => {
    if (condition !== undefined) checkKeysScalar(condition, { keySchema, indexKeys: [] });
  }).toThrow(
    "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: Key: p",
  );
});

const many = {
  partition: [
    { name: 'p', type: 'S' },
    { name: 'q', type: 'S' },
  ],
  sort: [
    { name: 'c', type: 'N' },
    { name: 'd', type: 'S' },
  ],
} as const;

const equal = (value: AttributeValue): AttributeCondition => ({ kind: '=', value });

test('each key attribute is visited before its condition is looked at, until one does not fit', () => {
  const visited: string[] = [];
  const conditions = new Map([
    ['p', equal({ S: 'k' })],
    ['q', equal({ S: 'l' })],
    ['d', equal({ S: 'm' })],
  ]);
  const fit = (): KeyCondition =>
    keyCondition(conditions, many, ({ name }, role) => visited.push(`${role} ${name}`));
  expect(fit).toThrow(
    'RANGE key attributes c must have equality conditions specified in the query because a condition is present on key attribute d',
  );
  expect(visited).toEqual(['partition p', 'partition q', 'sort c', 'sort d']);
  conditions.set('c', equal({ N: '1' }));
  expect(fit()).toEqual({
    partition: [{ S: 'k' }, { S: 'l' }],
    sort: [equal({ N: '1' }), equal({ S: 'm' })],
  });
});
