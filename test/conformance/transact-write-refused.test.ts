import { describe, expect, test } from 'vitest';

import { call, complaint, invalid, refused, shapeErrors } from './raw-request.ts';
import { expectRefusal, newName } from './target.ts';
import {
  checkThere,
  count,
  indexed,
  key,
  one,
  put,
  remove,
  stored,
  two,
  write,
  type Item,
} from './transact-write.ts';

describe('what is refused before a transaction begins', () => {
  const transact = async (...TransactItems: readonly unknown[]): ReturnType<typeof call> =>
    call('TransactWriteItems', { TransactItems });

  test('shapes', async () => {
    expect(await call('TransactWriteItems', {})).toEqual(
      invalid(shapeErrors(complaint('null', 'transactItems', 'Member must not be null'))),
    );
    expect(await transact()).toEqual(
      invalid(
        shapeErrors(
          complaint("'[]'", 'transactItems', 'Member must have length greater than or equal to 1'),
        ),
      ),
    );
    for (const [kind, member] of [
      ['Put', 'put.item'],
      ['Update', 'update.key'],
      ['Delete', 'delete.key'],
      ['ConditionCheck', 'conditionCheck.key'],
    ] as const) {
      const full = {
        TableName: one,
        UpdateExpression: 'REMOVE a',
        ConditionExpression: 'attribute_exists(id)',
      };
      expect(await transact({ [kind]: full })).toEqual(
        invalid(
          shapeErrors(
            complaint('null', `transactItems.1.member.${member}`, 'Member must not be null'),
          ),
        ),
      );
    }
    expect(await transact(put('x'), { Put: { Item: key('y') } })).toEqual(
      invalid(
        shapeErrors(
          complaint('null', 'transactItems.2.member.put.tableName', 'Member must not be null'),
        ),
      ),
    );
  });

  test('a check without a condition, an update without an expression', async () => {
    const bare = { TableName: one, Key: key('x') };
    expect(await transact({ ConditionCheck: bare })).toEqual(
      invalid(
        shapeErrors(
          complaint(
            'null',
            'transactItems.1.member.conditionCheck.conditionExpression',
            'Member must not be null',
          ),
        ),
      ),
    );
    expect(await transact({ Update: bare })).toEqual(
      invalid(
        shapeErrors(
          complaint(
            'null',
            'transactItems.1.member.update.updateExpression',
            'Member must not be null',
          ),
        ),
      ),
    );
  });

  test('more than a hundred actions', async () => {
    const actions = Array.from({ length: 101 }, (_, at) => put(`of 101: ${at}`));
    const { code, message = '' } = await transact(...actions);
    expect(code).toBe('ValidationException');
    expect(message).toMatch(
      /^1 validation error detected: Value '\[.+\]' at 'transactItems' failed to satisfy constraint: Member must have length less than or equal to 100$/su,
    );
    expect(await stored('of 101: 0')).toBeUndefined();
  });

  test('values that are none of those that there are', async () => {
    const asked = { TransactItems: [put('x')] };
    expect(
      await call('TransactWriteItems', {
        ...asked,
        ReturnConsumedCapacity: 'hi',
        ReturnItemCollectionMetrics: 'hi',
      }),
    ).toEqual(
      invalid(
        shapeErrors(
          complaint(
            "'hi'",
            'returnConsumedCapacity',
            'Member must satisfy enum value set: [INDEXES, TOTAL, NONE]',
          ),
          complaint(
            "'hi'",
            'returnItemCollectionMetrics',
            'Member must satisfy enum value set: [SIZE, NONE]',
          ),
        ),
      ),
    );
    for (const option of ['none', 'dog']) {
      const { code, message } = await transact({
        Delete: { TableName: one, Key: key('x'), ReturnValuesOnConditionCheckFailure: option },
      });
      expect(code).toBe('ValidationException');
      expect(message).toContain(
        `Value '${option}' at 'transactItems.1.member.delete.returnValuesOnConditionCheckFailure'`,
      );
    }
  });

  test('JSON of other types', async () => {
    expect((await call('TransactWriteItems', { TransactItems: 'x' })).code).toBe(
      'SerializationException',
    );
    expect((await transact({ Put: { TableName: one, Item: [] } })).code).toBe(
      'SerializationException',
    );
    const names = { ConditionExpression: 'attribute_exists(id)' };
    const wrong = { ...names, ExpressionAttributeNames: { '#x': 7 } };
    expect((await transact({ Put: { TableName: one, Item: key('x'), ...wrong } })).code).toBe(
      'SerializationException',
    );
  });

  test('an action that is none, or two', async () => {
    expect(await transact({})).toEqual(
      invalid(
        'Invalid Request: TransactWriteRequest should contain Delete or Put or Update request',
      ),
    );
    expect(await transact({ ...put('x'), ...remove('y') })).toEqual(
      invalid('TransactItems can only contain one of Check, Put, Update or Delete'),
    );
  });

  test('expressions, names and values', async () => {
    const puts = (more: object): object => ({ Put: { TableName: one, Item: key('x'), ...more } });
    const ConditionExpression = 'attribute_exists(id)';
    const cases: readonly (readonly [object, string])[] = [
      [
        { ConditionExpression: 'hello!' },
        'Invalid ConditionExpression: Syntax error; token: "!", near: "hello!"',
      ],
      [
        { ConditionExpression: 'attribute_exists(#x)' },
        'Invalid ConditionExpression: An expression attribute name used in the document path is not defined; attribute name: #x',
      ],
      [
        { ConditionExpression: 'id = :x' },
        'Invalid ConditionExpression: An expression attribute value used in expression is not defined; attribute value: :x',
      ],
      [
        { ConditionExpression, ExpressionAttributeNames: { '#x': 'x' } },
        'Value provided in ExpressionAttributeNames unused in expressions: keys: {#x}',
      ],
      [
        { ConditionExpression, ExpressionAttributeValues: { ':x': { N: '7' } } },
        'Value provided in ExpressionAttributeValues unused in expressions: keys: {:x}',
      ],
      [
        { ConditionExpression, ExpressionAttributeValues: {} },
        'ExpressionAttributeValues must not be empty',
      ],
      [
        { ConditionExpression: `attribute_exists(${'a'.repeat(4097)})` },
        'Invalid ConditionExpression: Expression size has exceeded the maximum allowed size;',
      ],
    ];
    for (const [more, message] of cases)
      expect(await transact(put('beside'), puts(more))).toMatchObject({
        code: 'ValidationException',
        message: expect.stringContaining(message) as unknown,
      });
    const twice = { UpdateExpression: 'SET a = :a SET b = :a' };
    const values = { ExpressionAttributeValues: { ':a': { N: '1' } } };
    const { message } = await transact({
      Update: { TableName: one, Key: key('x'), ...twice, ...values },
    });
    expect(message).toBe(
      'Invalid UpdateExpression: The "SET" section can only be used once in an update expression;',
    );
  });

  test('names and values are not looked at where there is no expression', async () => {
    const more = {
      ExpressionAttributeNames: { '#x': 'x' },
      ExpressionAttributeValues: { ':x': { S: 'x' } },
    };
    await write([{ Put: { TableName: one, Item: key('without'), ...more } }]);
    expect(await stored('without')).toEqual(key('without'));
    await write([{ Delete: { TableName: one, Key: key('without'), ...more } }]);
    expect(await stored('without')).toBeUndefined();
  });

  test('an empty key, of the table or of an index', async () => {
    const table =
      'One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: id';
    const Key = key('');
    expect(await transact(put(''))).toEqual(invalid(table));
    expect(await transact(remove(''))).toEqual(invalid(table));
    expect(await transact(checkThere(''))).toEqual(invalid(table));
    expect(
      await transact({ Update: { TableName: one, Key, UpdateExpression: 'REMOVE a' } }),
    ).toEqual(invalid(table));
    const named = { id: { S: 'x' }, at: { S: 'y' } };
    expect(
      await transact({ Put: { TableName: indexed, Item: { ...named, g: { S: '' } } } }),
    ).toEqual(
      invalid(
        'One or more parameter values are not valid. A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty string value. IndexName: global, IndexKey: g',
      ),
    );
    const Update = {
      TableName: indexed,
      Key: named,
      UpdateExpression: 'SET g = :g',
      ExpressionAttributeValues: { ':g': { S: '' } },
    };
    expect(await transact({ Update })).toEqual(
      invalid(
        'One or more parameter values are not valid. The update expression attempted to update a secondary index key to a value that is not supported. The AttributeValue for a key attribute cannot contain an empty string value.',
      ),
    );
  });

  test('several actions on one item', async () => {
    const twice = invalid('Transaction request cannot include multiple operations on one item');
    expect(await transact(put('twice'), put('twice'))).toEqual(twice);
    expect(await transact(put('x'), checkThere('twice'), count('twice'))).toEqual(twice);
    const Item = { id: { S: 'x' }, at: { N: '1' }, more: { S: 'y' } };
    const Key = { at: { N: '1.0' }, id: { S: 'x' } };
    expect(
      await transact({ Put: { TableName: two, Item } }, { Delete: { TableName: two, Key } }),
    ).toEqual(twice);
    expect(await stored('twice')).toBeUndefined();
  });

  test('tables that are not there, before anything that is about items', async () => {
    const missing = { Put: { TableName: newName(), Item: key('x') } };
    const notFound = refused('ResourceNotFoundException', 'Requested resource not found');
    expect(await transact(missing)).toEqual(notFound);
    expect(await transact(put('x'), put('x'), missing)).toEqual(notFound);
    expect(await transact({ Put: { TableName: one, Item: {} } }, missing)).toEqual(notFound);
    // Expressions and sizes come before tables.
    const syntax = { Put: { TableName: one, Item: {}, ConditionExpression: '!' } };
    expect((await transact(missing, syntax)).code).toBe('ValidationException');
  });

  test('an item to put of more than 400 KB, and more than 4 MB in all', async () => {
    const text = (bytes: number): Item => ({ t: { S: 'x'.repeat(bytes) } });
    const full = 400 * 1024 - 'idlarget'.length;
    await write([put('large', text(full))]);
    expect(await transact(put('large', text(full + 1)))).toEqual(
      invalid('Item size has exceeded the maximum allowed size'),
    );
    const many = Array.from({ length: 12 }, (_, at) => put(`of 4 MB: ${at}`, text(350_000)));
    await expectRefusal(write(many), {
      name: 'ValidationException',
      message: /size cannot exceed/u,
    });
    await write(many.slice(0, 10));
    await write(Array.from({ length: 10 }, (_, at) => remove(`of 4 MB: ${at}`)));
  });
});
