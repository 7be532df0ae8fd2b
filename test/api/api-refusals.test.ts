import { CreateTableCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { createKeyedTable, keyOf } from '../support/keyed-table.ts';
import { type MemoryApi, startMemoryApi } from '../support/memory-api.ts';

let api: MemoryApi;
let keyed: string;

beforeAll(async () => {
  api = await startMemoryApi();
  keyed = await createKeyedTable(api.client);
  await api.client.send(
    new CreateTableCommand({
      TableName: 'plain',
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      BillingMode: 'PAY_PER_REQUEST',
    }),
  );
});

afterAll(async () => api.stop());

type Input = Readonly<Record<string, unknown>>;

/** What a `ValidationException` says. */
async function refusal(operation: string, input: Input): Promise<string> {
  const { status, body } = await api.call(operation, input);
  expect(status).toBe(400);
  expect(body).toMatchObject({ __type: expect.stringMatching(/ValidationException$/) as unknown });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as every refusal is
  return (body as { message: string }).message;
}

const Key = { pk: { S: 'a' } };
const update = async (input: Input): Promise<string> =>
  refusal('UpdateItem', { TableName: 'plain', Key, ...input });

const getNamed = async (name: string, called: string): Promise<string> =>
  refusal('GetItem', {
    TableName: 'plain',
    Key,
    ProjectionExpression: '#a',
    ExpressionAttributeNames: { [name]: called },
  });

const scanValued = async (value: string): Promise<string> =>
  refusal('Scan', {
    TableName: 'plain',
    FilterExpression: 'a = :a',
    ExpressionAttributeValues: { [value]: { S: 'x' } },
  });

const sizeExceeded = (field: string): string =>
  `Invalid ${field}: Expression size has exceeded the maximum allowed size;`;

const keys = (count: number): Input[] =>
  Array.from({ length: count }, (_, at) => ({ pk: { S: String(at) } }));

const nested = (levels: number): Input =>
  levels === 0 ? { S: 'leaf' } : { M: { n: nested(levels - 1) } };

const putDeep = async (deep: Input): Promise<unknown> =>
  api.call('PutItem', { TableName: 'plain', Item: { ...Key, deep } });

const unlike = (levels: number): Input[] => [
  {
    ConditionExpression: 'deep <> :deep',
    ExpressionAttributeValues: { ':deep': nested(levels) },
  },
  { Expected: { deep: { ComparisonOperator: 'NE', AttributeValueList: [nested(levels)] } } },
];

const addToList = async (member: string): Promise<unknown> =>
  (
    await api.call('UpdateItem', {
      TableName: 'plain',
      Key: { pk: { S: 'list' } },
      AttributeUpdates: { list: { Action: 'ADD', Value: { L: [{ S: member }] } } },
      ReturnValues: 'UPDATED_NEW',
    })
  ).body;

test.each(['', 'a', 'aa', 'x'.repeat(256)])('the table name %j', async (TableName) => {
  const message = await refusal('GetItem', { TableName, Key, ProjectionExpression: '' });
  expect(message).toMatch(
    /^1 validation error detected: Value '.*' at 'tableName' failed to satisfy constraint: Member must have length /,
  );
});

describe('names and values in expressions', () => {
  const long =
    'contains invalid key: The expression attribute map contains a key that is too long;';

  test('are of 255 bytes at most', async () => {
    expect(await getNamed(`#${'a'.repeat(254)}`, 'x')).toContain('not defined');
    expect(await getNamed(`#${'-'.repeat(255)}`, 'x')).toBe(
      `ExpressionAttributeNames ${long} size of key: 256`,
    );
    expect(await scanValued(`:${'a'.repeat(255)}`)).toBe(`ExpressionAttributeValues ${long}`);
  });

  test('are for attributes that can have a name', async () => {
    expect(await getNamed('#a', '')).toBe(
      'ExpressionAttributeNames contains invalid value: Empty attribute name for key #a',
    );
  });
});

test('expressions of more than 4096 bytes', async () => {
  const long = 'a'.repeat(4097);
  expect(await refusal('GetItem', { TableName: 'plain', Key, ProjectionExpression: long })).toBe(
    sizeExceeded('ProjectionExpression'),
  );
  expect(await update({ UpdateExpression: `REMOVE ${long}` })).toBe(
    sizeExceeded('UpdateExpression'),
  );
  expect(await update({ ConditionExpression: `attribute_exists(${long})` })).toBe(
    `${sizeExceeded('ConditionExpression')} expression size: 4115`,
  );
});

test.each([
  [{ SS: ['a', null] }, 'An string set may not have a null string as a member'],
  [{ NS: [null] }, 'An number set may not have a null string as a member'],
  [{ BS: [null] }, 'Binary sets may not contain null values'],
])('%j', async (value, fault) => {
  const message = `One or more parameter values were invalid: ${fault}`;
  for (const Item of [{ pk: value }, { ...Key, list: { L: [value] } }]) {
    expect(await refusal('PutItem', { TableName: 'plain', Item })).toBe(message);
  }
});

describe('a batch', () => {
  test.each([
    [
      'BatchGetItem',
      "1 validation error detected: Value at 'RequestItems' failed to satisfy constraint: " +
        'Member must have length greater than or equal to 1',
    ],
    ['BatchWriteItem', 'The requestItems parameter is required for BatchWriteItem'],
  ])('of no table: %s', async (operation, message) => {
    expect(await refusal(operation, { RequestItems: {} })).toBe(message);
  });

  test('of more than a hundred keys of one table, or of all', async () => {
    expect(await refusal('BatchGetItem', { RequestItems: { plain: { Keys: keys(101) } } })).toBe(
      "1 validation error detected: Value at 'RequestItems.plain.member.Keys' failed to satisfy constraint: " +
        'Member must have length less than or equal to 100',
    );
    const many = { plain: { Keys: keys(100) }, [keyed]: { Keys: [keyOf('a', 1)] } };
    expect(await refusal('BatchGetItem', { RequestItems: many })).toBe(
      'Too many items requested for the BatchGetItem call',
    );
  });

  test('of a key twice, before the table is looked for', async () => {
    const Keys = [{ pk: { N: '1' } }, { pk: { N: '1.0' } }];
    expect(await refusal('BatchGetItem', { RequestItems: { missing: { Keys } } })).toBe(
      'Provided list of item keys contains duplicates',
    );
  });

  test('of reads of the older and the newer kind', async () => {
    const tables = {
      plain: { Keys: keys(1), ProjectionExpression: 'pk' },
      [keyed]: { Keys: [keyOf('a', 1)], AttributesToGet: ['pk'] },
    };
    expect(await refusal('BatchGetItem', { RequestItems: tables })).toBe(
      'Can not use both expression and non-expression parameters in the same request: ' +
        'Non-expression parameters: {AttributesToGet} Expression parameters: {ProjectionExpression}',
    );
  });

  test('of more than 25 writes shows them all', async () => {
    const writes = keys(26).map((key) => ({ DeleteRequest: { Key: key } }));
    expect(await refusal('BatchWriteItem', { RequestItems: { plain: writes } })).toMatch(
      /^1 validation error detected: Value '\{plain=\[WriteRequest\(putRequest=null, deleteRequest=DeleteRequest\(key=\{pk=AttributeValue\(s=0, .*\]\}' at 'requestItems' failed to satisfy constraint: Map value must satisfy constraint: \[Member must have length less than or equal to 25, /,
    );
  });
});

describe('ConditionalOperator', () => {
  const one = { a: { ComparisonOperator: 'NULL' } };
  const alone = 'ConditionalOperator cannot be used without Filter or Expected';
  const single =
    'ConditionalOperator can only be used when Filter or Expected has two or more elements';

  test.each([
    ['Scan', {}, alone],
    ['Scan', { ScanFilter: {} }, alone],
    ['Scan', { ScanFilter: one }, single],
    ['Query', {}, alone],
    ['Query', { QueryFilter: one }, single],
    ['PutItem', { Item: Key }, alone],
    ['DeleteItem', { Key, Expected: one }, single],
    ['UpdateItem', { Key, Expected: {} }, alone],
    [
      'UpdateItem',
      { Key, UpdateExpression: 'REMOVE a' },
      'Can not use both expression and non-expression parameters in the same request: ' +
        'Non-expression parameters: {ConditionalOperator} Expression parameters: {UpdateExpression}',
    ],
  ])('%s with %j', async (operation, input, message) => {
    const asked = { TableName: 'plain', ConditionalOperator: 'AND', ...input };
    expect(await refusal(operation, asked)).toBe(message);
  });
});

describe('what is asked for', () => {
  const Select = 'ALL_PROJECTED_ATTRIBUTES';
  const query = {
    TableName: 'plain',
    KeyConditionExpression: 'pk = :pk',
    ExpressionAttributeValues: { ':pk': { S: 'a' } },
  };

  test('Select and ProjectionExpression exclude each other', async () => {
    const message = 'Cannot specify the ProjectionExpression when choosing to get ';
    const choices = [
      ['COUNT', 'only the Count'],
      [Select, Select],
    ] as const;
    for (const [choice, called] of choices) {
      const asked = { Select: choice, ProjectionExpression: 'pk' };
      expect(await refusal('Scan', { TableName: 'plain', ...asked })).toBe(message + called);
      expect(await refusal('Query', { ...query, ...asked })).toBe(
        `1 validation error detected: ${message}${called}`,
      );
    }
  });
});

test('a Query that asks for no item', async () => {
  const input = {
    TableName: 'plain',
    Limit: 0,
    KeyConditionExpression: 'pk = :pk',
    ExpressionAttributeValues: { ':pk': { S: 'a' } },
  };
  expect(await refusal('Query', input)).toBe(
    "1 validation error detected: Value at 'Limit' failed to satisfy constraint: Member must have value greater than or equal to 1",
  );
});

describe('attribute names of 65536 bytes', () => {
  const long = 'x'.repeat(65536);
  const tooLong =
    'One or more parameter values were invalid: Attribute name is too large, must be less than 65536 bytes';
  const ExpressionAttributeNames = { '#n': long };

  test.each([
    ['PutItem', { Item: { ...Key, [long]: { S: 'b' } } }],
    ['PutItem', { Item: { ...Key, map: { M: { [long]: { S: 'b' } } } } }],
    ['GetItem', { Key, AttributesToGet: [long] }],
    ['GetItem', { Key, ProjectionExpression: '#n', ExpressionAttributeNames }],
    ['DeleteItem', { Key, ConditionExpression: 'attribute_exists(#n)', ExpressionAttributeNames }],
    ['UpdateItem', { Key, AttributeUpdates: { [long]: { Action: 'DELETE' } } }],
    ['Scan', { ScanFilter: { [long]: { ComparisonOperator: 'NULL' } } }],
  ])('%s', async (operation, input) => {
    expect(await refusal(operation, { TableName: 'plain', ...input })).toBe(tooLong);
  });
});

describe('values nested deep', () => {
  const tooDeep =
    'Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit';

  test('31 maps in an attribute are the most', async () => {
    expect(await putDeep(nested(31))).toMatchObject({ status: 200 });
    const Item = { ...Key, deep: nested(32) };
    expect(await refusal('PutItem', { TableName: 'plain', Item })).toBe(tooDeep);
    const ExpressionAttributeValues = { ':deep': nested(32) };
    for (const UpdateExpression of ['SET deep = :deep', 'SET deep = if_not_exists(zz, :deep)']) {
      expect(await update({ UpdateExpression, ExpressionAttributeValues })).toBe(tooDeep);
    }
    const AttributeUpdates = { deep: { Action: 'PUT', Value: nested(32) } };
    expect(await update({ AttributeUpdates })).toBe(tooDeep);
  });

  test('more of them may be compared with, and not any number', async () => {
    for (const condition of unlike(32)) {
      const { status } = await api.call('DeleteItem', { TableName: 'plain', Key, ...condition });
      expect(status).toBe(200);
    }
    for (const condition of unlike(2000)) {
      expect(await refusal('DeleteItem', { TableName: 'plain', Key, ...condition })).toBe(tooDeep);
    }
  });
});

describe('updates of the older kind', () => {
  const mismatch = 'Type mismatch for attribute to update';

  test('ADD and DELETE need the attribute’s own type', async () => {
    const text = { ...Key, text: { S: 'x' }, names: { SS: ['x'] } };
    await api.call('PutItem', { TableName: 'plain', Item: text });
    const updates = [
      { text: { Action: 'ADD', Value: { N: '1' } } },
      { names: { Action: 'ADD', Value: { NS: ['1'] } } },
      { names: { Action: 'DELETE', Value: { NS: ['1'] } } },
      { text: { Action: 'DELETE', Value: { SS: ['x'] } } },
    ];
    for (const AttributeUpdates of updates) {
      expect(await update({ AttributeUpdates })).toContain(mismatch);
    }
  });

  test('an attribute that is not there neither contains nor lacks anything', async () => {
    const { status } = await api.call('DeleteItem', {
      TableName: 'plain',
      Key,
      Expected: { none: { ComparisonOperator: 'NOT_CONTAINS', AttributeValueList: [{ S: 'x' }] } },
    });
    expect(status).toBe(400);
  });

  test('ADD puts lists together', async () => {
    await addToList('first');
    expect(await addToList('second')).toEqual({
      Attributes: { list: { L: [{ S: 'first' }, { S: 'second' }] } },
    });
  });
});

test('a sum of more than 38 digits overflows', async () => {
  const sum = {
    UpdateExpression: 'SET n = :huge + :one',
    ExpressionAttributeValues: { ':huge': { N: '1e50' }, ':one': { N: '1' } },
  };
  expect(await update(sum)).toMatch(/^Number overflow\. /);
});
