import {
  DeleteItemCommand,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';

import { call, invalid } from './raw-request.ts';
import { client, newTable, RANGE_TABLE } from './target.ts';

const TableName = await newTable(RANGE_TABLE);

let places = 0;
const newKey = () => ({ id: { S: 'number' }, at: { N: String((places += 1)) } });

async function stored(text: string): Promise<string | undefined> {
  const Key = newKey();
  await client.send(new PutItemCommand({ TableName, Item: { ...Key, n: { N: text } } }));
  const { Item } = await client.send(new GetItemCommand({ TableName, Key, ConsistentRead: true }));
  return Item?.['n']?.N;
}

const DIGITS_38 = '12345678901234567890123456789012345678';

test.each([
  ['0', '0'],
  ['-0', '0'],
  ['000', '0'],
  ['0.000', '0'],
  ['007', '7'],
  ['1.50', '1.5'],
  ['-1.0', '-1'],
  ['.5', '0.5'],
  ['1e3', '1000'],
  ['1E+3', '1000'],
  ['12.5e-3', '0.0125'],
  [DIGITS_38, DIGITS_38],
  [`-0.${DIGITS_38}`, `-0.${DIGITS_38}`],
  [`${DIGITS_38}.000`, DIGITS_38],
  ['1e-130', `0.${'0'.repeat(129)}1`],
  ['9e125', `9${'0'.repeat(125)}`],
])('%s is kept as %s', async (text, canonical) => {
  expect(await stored(text)).toBe(canonical);
});

const OVERFLOW =
  'Number overflow. Attempting to store a number with magnitude larger than supported range';
const UNDERFLOW =
  'Number underflow. Attempting to store a number with magnitude smaller than supported range';
const UNREADABLE = 'The parameter cannot be converted to a numeric value';

test.each([
  ['', UNREADABLE],
  ['x', `${UNREADABLE}: x`],
  ['1x', `${UNREADABLE}: 1x`],
  ['NaN', `${UNREADABLE}: NaN`],
  ['Infinity', `${UNREADABLE}: Infinity`],
  ['0x10', `${UNREADABLE}: 0x10`],
  [`${DIGITS_38}9`, 'Attempting to store more than 38 significant digits in a Number'],
  ['1e126', OVERFLOW],
  ['-1e126', OVERFLOW],
  ['1e-131', UNDERFLOW],
])('%j is refused, as a value, as a key and in an expression', async (N, message) => {
  const Key = { id: { S: 'number' }, at: { N } };
  expect(await call('PutItem', { TableName, Item: { ...newKey(), n: { N } } })).toEqual(
    invalid(message),
  );
  expect(await call('GetItem', { TableName, Key })).toEqual(invalid(message));
  expect(
    await call('UpdateItem', {
      TableName,
      Key: newKey(),
      UpdateExpression: 'SET n = :v',
      ExpressionAttributeValues: { ':v': { N } },
    }),
  ).toEqual(invalid(`ExpressionAttributeValues contains invalid value: ${message} for key :v`));
});

test.each([
  ['1e126', OVERFLOW],
  ['1e-131', UNDERFLOW],
  ['1e2147483647', UNDERFLOW],
  ['1e2147483648', `${UNREADABLE}: 1e2147483648`],
])(
  '%s is refused as a decimal of Java is, by batches of writes and transactions',
  async (N, message) => {
    const n = { L: [{ N: '1' }, { NS: [N] }] };
    const batch = { RequestItems: { [TableName]: [{ PutRequest: { Item: { ...newKey(), n } } }] } };
    expect(await call('BatchWriteItem', batch)).toEqual(invalid(message));
    const Put = { TableName, Item: { ...newKey(), n } };
    expect(await call('TransactWriteItems', { TransactItems: [{ Put }] })).toEqual(
      invalid(message),
    );
    const Get = { TableName, Key: { id: { S: 'number' }, at: { N } } };
    expect(await call('TransactGetItems', { TransactItems: [{ Get }] })).toEqual(invalid(message));
    const Update = {
      TableName,
      Key: newKey(),
      UpdateExpression: 'SET n = :v',
      ExpressionAttributeValues: { ':v': n },
    };
    expect(await call('TransactWriteItems', { TransactItems: [{ Update }] })).toEqual(
      invalid(`ExpressionAttributeValues contains invalid value: ${message} for key :v`),
    );
  },
);

test.each([
  ['0.1', '+', '0.2', '0.3'],
  ['1', '-', '1.0', '0'],
  ['-5', '-', '-7', '2'],
  [DIGITS_38, '-', '1', '12345678901234567890123456789012345677'],
  ['1e20', '+', '1e-17', '100000000000000000000.00000000000000001'],
])('%s %s %s is %s, exactly', async (a, operator, b, expected) => {
  const Key = newKey();
  await client.send(new PutItemCommand({ TableName, Item: { ...Key, a: { N: a } } }));
  const { Attributes } = await client.send(
    new UpdateItemCommand({
      TableName,
      Key,
      UpdateExpression: `SET r = a ${operator} :b`,
      ExpressionAttributeValues: { ':b': { N: b } },
      ReturnValues: 'UPDATED_NEW',
    }),
  );
  expect(Attributes).toEqual({ r: { N: expected } });
});

test('two writings of a number are one key and one member of a set', async () => {
  const key = (N: string) => ({ id: { S: 'same' }, at: { N } });
  await client.send(new PutItemCommand({ TableName, Item: { ...key('10'), n: { N: '1' } } }));
  await client.send(new PutItemCommand({ TableName, Item: { ...key('1e1'), n: { N: '2' } } }));
  const { Count } = await client.send(
    new QueryCommand({
      TableName,
      KeyConditionExpression: 'id = :id',
      ExpressionAttributeValues: { ':id': { S: 'same' } },
    }),
  );
  expect(Count).toBe(1);
  const { Attributes } = await client.send(
    new DeleteItemCommand({ TableName, Key: key('10.0'), ReturnValues: 'ALL_OLD' }),
  );
  expect(Attributes).toEqual({ ...key('10'), n: { N: '2' } });
});

test('numbers are in the order of their values, whatever their signs and sizes', async () => {
  const ordered = [
    '-9e125',
    '-1000',
    '-10',
    '-9.5',
    '-1',
    '-0.5',
    '-1e-130',
    '0',
    '1e-130',
    '0.5',
    '0.51',
    '1',
    '9',
    '10',
    '10.5',
    '1000',
    '9e125',
  ];
  for (const N of [...ordered].toSorted())
    await client.send(new PutItemCommand({ TableName, Item: { id: { S: 'order' }, at: { N } } }));
  const read = async (ScanIndexForward: boolean) => {
    const { Items = [] } = await client.send(
      new QueryCommand({
        TableName,
        ConsistentRead: true,
        ScanIndexForward,
        KeyConditionExpression: 'id = :id',
        ExpressionAttributeValues: { ':id': { S: 'order' } },
      }),
    );
    return Items.map((item) => Number(item['at']?.N));
  };
  expect(await read(true)).toEqual(ordered.map(Number));
  expect(await read(false)).toEqual(ordered.map(Number).toReversed());
});
