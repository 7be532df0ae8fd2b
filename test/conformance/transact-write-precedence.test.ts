import { describe, expect, test } from 'vitest';

import { call, complaint, invalid, type Outcome, shapeErrors } from './raw-request.ts';
import { newName } from './target.ts';
import { key, one } from './transact-write.ts';

/** Which complaint a transaction with several faults is answered with. The table is never there. */
const nowhere = newName();

const transact = async (...TransactItems: readonly object[]): Promise<Outcome> =>
  call('TransactWriteItems', { TransactItems });

const put = (id: string, more: object = {}): object => ({
  Put: { TableName: nowhere, Item: { ...key(id), ...more } },
});
const remove = (Key: unknown, more: object = {}): object => ({
  Delete: { TableName: nowhere, Key, ...more },
});
const check = (Key: unknown, more: object = {}): object => ({
  ConditionCheck: {
    TableName: nowhere,
    Key,
    ConditionExpression: 'attribute_not_exists(id)',
    ...more,
  },
});

function nested(levels: number): object {
  let value: object = { S: 'leaf' };
  for (let level = 0; level < levels; level++) value = { M: { n: value } };
  return value;
}

const NESTING =
  'Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit';
const NAMELESS = 'Empty attribute name';
const UNREADABLE = 'Invalid ConditionExpression: Syntax error; token: "=", near: "= = b"';
const unreadable = { ConditionExpression: 'a = = b' };
const unused = { ExpressionAttributeValues: { ':v': { S: 'x' } } };
const UNUSED = 'Value provided in ExpressionAttributeValues unused in expressions: keys: {:v}';
const deepValue = {
  ConditionExpression: 'd = :deep',
  ExpressionAttributeValues: { ':deep': nested(40) },
};

describe('one action after the other, whatever is wrong', () => {
  test.each([
    ['too deep an item', [put('b', { d: nested(40) }), put('a', { '': { S: 'x' } })], NESTING],
    [
      'too deep an item before a nested attribute without a name',
      [put('a', { m: { M: { '': { S: 'x' } } }, d: nested(40) })],
      NESTING,
    ],
    ['no name', [put('a', { '': { S: 'x' } }), put('b', { d: nested(100) })], NAMELESS],
    [
      'no name before a deep value',
      [put('a', { '': { S: 'x' } }), check(key('b'), deepValue)],
      NAMELESS,
    ],
    ['a deep value', [check(key('b'), deepValue), put('a', { '': { S: 'x' } })], NESTING],
    ['too deep a key', [remove({ id: nested(40) }), remove(key('a'), unreadable)], NESTING],
    [
      'an unreadable condition',
      [remove(key('a'), unreadable), remove({ id: nested(100) })],
      UNREADABLE,
    ],
    ['an unused value', [check(key('a'), unused), check({ id: nested(100) })], UNUSED],
    ['an unused value, though no table is there', [put('a'), check(key('b'), unused)], UNUSED],
    ['an unused value, though an item comes twice', [put('a'), check(key('a'), unused)], UNUSED],
  ])('%s', async (_fault, actions, message) => {
    expect(await transact(...actions)).toEqual(invalid(message));
  });

  test('a name that is missing is told before values, wherever it stands', async () => {
    for (const more of [
      { '': { S: 'x' }, d: nested(100) },
      { d: nested(100), '': { S: 'x' } },
    ])
      expect(await transact(put('a', more))).toEqual(invalid(NAMELESS));
  });

  test('an expression is told before the key that it comes with', async () => {
    expect(await transact(remove({ id: nested(100) }, unreadable))).toEqual(invalid(UNREADABLE));
    const long = { ...unused, ConditionExpression: `a = :v${' AND a = :v'.repeat(373)}` };
    expect(await transact(remove({ id: nested(100) }, long))).toEqual(
      invalid(
        'Invalid ConditionExpression: Expression size has exceeded the maximum allowed size; expression size: 4109',
      ),
    );
  });
});

test('a token is told before what is to be returned', async () => {
  const token = 'x'.repeat(37);
  expect(
    await call('TransactWriteItems', {
      TransactItems: [{ Put: { TableName: one, Item: key('token') } }],
      ClientRequestToken: token,
      ReturnConsumedCapacity: 'ALL',
    }),
  ).toEqual(
    invalid(
      shapeErrors(
        complaint(
          `'${token}'`,
          'clientRequestToken',
          'Member must have length less than or equal to 36',
        ),
        complaint(
          "'ALL'",
          'returnConsumedCapacity',
          'Member must satisfy enum value set: [INDEXES, TOTAL, NONE]',
        ),
      ),
    ),
  );
});
