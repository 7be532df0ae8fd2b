import {
  type AttributeValue,
  PutItemCommand,
  type TransactGetItem,
  TransactGetItemsCommand,
  type TransactGetItemsCommandInput,
  type TransactGetItemsCommandOutput,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';

import { call, complaint, invalid, parameter, refused, shapeErrors } from './raw-request.ts';
import { client, expectRefusal, isConflict, newName, newTable, RANGE_TABLE } from './target.ts';

type Item = Record<string, AttributeValue>;

const one = await newTable();
const two = await newTable(RANGE_TABLE);
const key = (id: string): Item => ({ id: { S: id } });

async function given(id: string, more: Item = {}): Promise<Item> {
  const made = { ...key(id), ...more };
  await client.send(new PutItemCommand({ TableName: one, Item: made }));
  return made;
}

const get = (id: string, ProjectionExpression?: string): TransactGetItem => ({
  Get: { TableName: one, Key: key(id), ProjectionExpression },
});

const read = async (
  TransactItems: TransactGetItem[],
  choice: Partial<TransactGetItemsCommandInput> = {},
): Promise<TransactGetItemsCommandOutput> =>
  client.send(new TransactGetItemsCommand({ TransactItems, ...choice }));

const transact = async (...TransactItems: readonly unknown[]): ReturnType<typeof call> =>
  call('TransactGetItems', { TransactItems });

test('items of several tables come in the order of the gets', async () => {
  const large = await given('large', {
    everything: { M: { l: { L: [{ N: '1' }, { BOOL: true }, { NULL: true }] } } },
    set: { SS: ['a', 'ü'] },
    bytes: { B: new Uint8Array([0, 255]) },
  });
  const small = await given('small');
  const ranged = { id: { S: 'r' }, at: { N: '1' } };
  await client.send(new PutItemCommand({ TableName: two, Item: ranged }));
  const { Responses, ConsumedCapacity } = await read([
    get('small'),
    { Get: { TableName: two, Key: ranged } },
    get('large'),
  ]);
  expect(Responses).toEqual([{ Item: small }, { Item: ranged }, { Item: large }]);
  expect(ConsumedCapacity).toBeUndefined();
});

test('what is not there has an answer without an item', async () => {
  const there = await given('there');
  expect((await read([get('nowhere')])).Responses).toEqual([{}]);
  expect((await read([get('nowhere'), get('there')])).Responses).toEqual([{}, { Item: there }]);
  const { output } = await transact(get('nowhere'));
  expect(output).toEqual({ Responses: [{}] });
});

test('each get has its own projection', async () => {
  await given('projected', {
    x: { N: '1' },
    y: { N: '2' },
    m: { M: { a: { S: 'a' }, b: { S: 'b' } } },
  });
  await given('whole', { x: { N: '1' } });
  const named = {
    Get: {
      TableName: one,
      Key: key('projected'),
      ProjectionExpression: '#x, m.#b',
      ExpressionAttributeNames: { '#x': 'x', '#b': 'b' },
    },
  };
  expect((await read([named, get('whole')])).Responses).toEqual([
    { Item: { x: { N: '1' }, m: { M: { b: { S: 'b' } } } } },
    { Item: { ...key('whole'), x: { N: '1' } } },
  ]);
  expect((await read([get('whole', 'nothing'), get('projected', 'x')])).Responses).toEqual([
    {},
    { Item: { x: { N: '1' } } },
  ]);
  expect((await read([get('projected', 'x, y')])).Responses).toEqual([
    { Item: { x: { N: '1' }, y: { N: '2' } } },
  ]);
});

test('a hundred items are read at once', async () => {
  await given('of 100: 0');
  await given('of 100: 99');
  const { Responses = [] } = await read(
    Array.from({ length: 100 }, (_, at) => get(`of 100: ${at}`)),
  );
  expect(Responses).toHaveLength(100);
  expect(Responses[0]).toEqual({ Item: key('of 100: 0') });
  expect(Responses[1]).toEqual({});
  expect(Responses[99]).toEqual({ Item: key('of 100: 99') });
});

test('a transaction is seen whole or not at all', async () => {
  const ids = ['left', 'middle', 'right'];
  const set = async (n: number): Promise<unknown> =>
    client.send(
      new TransactWriteItemsCommand({
        TransactItems: ids.map((id) => ({
          Put: { TableName: one, Item: { ...key(id), n: { N: String(n) } } },
        })),
      }),
    );
  await set(0);
  const seen: (readonly (string | undefined)[])[] = [];
  const look = async (): Promise<void> => {
    try {
      const { Responses = [] } = await read(ids.map((id) => get(id)));
      seen.push(Responses.map(({ Item: item }) => item?.['n']?.N));
    } catch (error) {
      if (!isConflict(error)) throw error;
    }
  };
  const writer = (async (): Promise<void> => {
    for (let n = 1; n <= 20; n += 1) {
      // At AWS a reader may keep a writer out; the next number is written then.
      await set(n).catch((error: unknown) => {
        if (!isConflict(error)) throw error;
      });
    }
  })();
  for (let at = 0; at < 40; at += 1) await look();
  await writer;
  await look();
  for (const numbers of seen) expect(new Set(numbers).size).toBe(1);
  expect(seen.length).toBeGreaterThan(0);
});

test('each item costs two units for every 4 KB, and two when it is not there', async () => {
  await given('5 KB', { t: { S: 'x'.repeat(5000) } });
  const items = [
    get('5 KB'),
    get('nowhere'),
    { Get: { TableName: two, Key: { id: { S: 'nowhere' }, at: { N: '1' } } } },
  ];
  const { ConsumedCapacity = [] } = await read(items, { ReturnConsumedCapacity: 'TOTAL' });
  expect(ConsumedCapacity).toHaveLength(2);
  expect(ConsumedCapacity).toContainEqual({
    TableName: one,
    CapacityUnits: 6,
    ReadCapacityUnits: 6,
  });
  expect(ConsumedCapacity).toContainEqual({
    TableName: two,
    CapacityUnits: 2,
    ReadCapacityUnits: 2,
  });
  const indexes = await read([get('5 KB')], { ReturnConsumedCapacity: 'INDEXES' });
  expect(indexes.ConsumedCapacity).toEqual([
    {
      TableName: one,
      CapacityUnits: 4,
      ReadCapacityUnits: 4,
      Table: { CapacityUnits: 4, ReadCapacityUnits: 4 },
    },
  ]);
});

test('shapes that are refused', async () => {
  const missing = 'Member must not be null';
  expect(await call('TransactGetItems', {})).toEqual(
    invalid(shapeErrors(complaint('null', 'transactItems', missing))),
  );
  expect(await transact()).toEqual(
    invalid(
      shapeErrors(
        complaint("'[]'", 'transactItems', 'Member must have length greater than or equal to 1'),
      ),
    ),
  );
  expect(await transact({})).toEqual(
    invalid(shapeErrors(complaint('null', 'transactItems.1.member.get', missing))),
  );
  expect(await transact({ Get: { TableName: one } })).toEqual(
    invalid(shapeErrors(complaint('null', 'transactItems.1.member.get.key', missing))),
  );
  const many = await transact(...Array.from({ length: 101 }, (_, at) => get(String(at))));
  expect(many.code).toBe('ValidationException');
  expect(many.message).toMatch(
    /^1 validation error detected: Value '\[.+\]' at 'transactItems' failed to satisfy constraint: Member must have length less than or equal to 100$/su,
  );
  const odd = await call('TransactGetItems', {
    TransactItems: [get('x')],
    ReturnConsumedCapacity: 'hi',
  });
  expect(odd).toEqual(
    invalid(
      shapeErrors(
        complaint(
          "'hi'",
          'returnConsumedCapacity',
          'Member must satisfy enum value set: [INDEXES, TOTAL, NONE]',
        ),
      ),
    ),
  );
  expect((await call('TransactGetItems', { TransactItems: 7 })).code).toBe(
    'SerializationException',
  );
});

test('projections and their names that are refused, though the table is not there', async () => {
  const TableName = newName();
  const projected = (more: object): object => ({ Get: { TableName, Key: key('x'), ...more } });
  expect(await transact(projected({ ProjectionExpression: '!!!' }))).toEqual(
    invalid('Invalid ProjectionExpression: Syntax error; token: "!", near: "!!"'),
  );
  expect(await transact(get('x'), projected({ ProjectionExpression: '#z' }))).toEqual(
    invalid(
      'Invalid ProjectionExpression: An expression attribute name used in the document path is not defined; attribute name: #z',
    ),
  );
  const names = { ExpressionAttributeNames: { '#q': 'q' } };
  expect(await transact(projected({ ProjectionExpression: 'x', ...names }))).toEqual(
    invalid('Value provided in ExpressionAttributeNames unused in expressions: keys: {#q}'),
  );
  const { status } = await transact({ Get: { TableName: one, Key: key('x'), ...names } });
  expect(status).toBe(200);
});

test('a table that is not there', async () => {
  const missing = { Get: { TableName: newName(), Key: key('x') } };
  const notFound = refused('ResourceNotFoundException', 'Requested resource not found');
  expect(await transact(missing)).toEqual(notFound);
  expect(await transact(get('x'), get('x'), missing)).toEqual(notFound);
});

test('the same item twice', async () => {
  expect(await transact(get('x'), get('y'), get('x'))).toEqual(
    invalid('Transaction request cannot include multiple operations on one item'),
  );
});

test('an empty key is refused, any other wrong one cancels the transaction', async () => {
  expect(await transact(get(''))).toEqual(
    invalid(
      'One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: id',
    ),
  );
  const mismatch = 'The provided key element does not match the schema';
  const cases: readonly (readonly [Item, string])[] = [
    [{}, mismatch],
    [{ id: { N: '1' } }, mismatch],
    [{ other: { S: 'x' } }, mismatch],
    [{ ...key('x'), more: { S: 'y' } }, mismatch],
    [
      key('x'.repeat(2049)),
      parameter('Size of hashkey has exceeded the maximum size limit of2048 bytes'),
    ],
  ];
  for (const [Key, Message] of cases) {
    const error = await expectRefusal(read([get('x'), { Get: { TableName: one, Key } }]), {
      name: 'TransactionCanceledException',
      message:
        'Transaction cancelled, please refer cancellation reasons for specific reasons [None, ValidationError]',
    });
    expect(error).toMatchObject({
      CancellationReasons: [{ Code: 'None' }, { Code: 'ValidationError', Message }],
    });
  }
});

test('items of more than 4 MB together are not read', async () => {
  const ids = Array.from({ length: 12 }, (_, at) => `of 4 MB: ${at}`);
  for (const id of ids) await given(id, { t: { S: 'x'.repeat(380_000) } });
  expect((await read(ids.slice(0, 10).map((id) => get(id)))).Responses).toHaveLength(10);
  const error: unknown = await read(ids.map((id) => get(id))).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(Error);
});
