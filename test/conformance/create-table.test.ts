import {
  DeleteTableCommand,
  DescribeTableCommand,
  ListTagsOfResourceCommand,
  type TableDescription,
} from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';

import {
  call,
  complaint,
  invalid,
  NAME_PATTERN,
  parameter,
  refused,
  shapeErrors,
} from './raw-request.ts';
import { client, createTable, HASH_TABLE, newName, newTable } from './target.ts';

async function described(TableName: string): Promise<TableDescription | undefined> {
  const { Table } = await client.send(new DescribeTableCommand({ TableName }));
  return Table;
}

test('a table is CREATING in the answer, and ACTIVE later', async () => {
  const TableName = newName();
  const made = await createTable({ ...HASH_TABLE, TableName });
  expect(made).toMatchObject({
    ...HASH_TABLE,
    TableName,
    TableStatus: 'CREATING',
    ItemCount: 0,
    TableSizeBytes: 0,
    BillingModeSummary: { BillingMode: 'PAY_PER_REQUEST' },
    ProvisionedThroughput: { ReadCapacityUnits: 0, WriteCapacityUnits: 0 },
    DeletionProtectionEnabled: false,
  });
  const table = await described(TableName);
  expect(table).toMatchObject({
    TableStatus: 'ACTIVE',
    TableId: made?.TableId,
    TableArn: made?.TableArn,
    CreationDateTime: made?.CreationDateTime,
  });
});

test('a provisioned table has its units and no summary of a mode', async () => {
  const TableName = await newTable({
    ...HASH_TABLE,
    BillingMode: undefined,
    ProvisionedThroughput: { ReadCapacityUnits: 3, WriteCapacityUnits: 2 },
  });
  const table = await described(TableName);
  expect(table?.ProvisionedThroughput).toEqual({
    NumberOfDecreasesToday: 0,
    ReadCapacityUnits: 3,
    WriteCapacityUnits: 2,
  });
  expect(table?.BillingModeSummary).toBeUndefined();
});

test('tags that come with a table are on it', async () => {
  const Tags = [{ Key: 'made', Value: 'here' }];
  const table = await described(await newTable({ ...HASH_TABLE, Tags }));
  const ResourceArn = table?.TableArn ?? '';
  await expect
    .poll(async () => (await client.send(new ListTagsOfResourceCommand({ ResourceArn }))).Tags, {
      timeout: 30_000,
    })
    .toEqual(Tags);
});

test('a table may be protected from the start', async () => {
  const TableName = await newTable({ ...HASH_TABLE, DeletionProtectionEnabled: true });
  expect(await call('DeleteTable', { TableName })).toEqual(
    invalid(
      'Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.',
    ),
  );
  // At AWS protection cannot be changed again for some seconds.
  await expect
    .poll(
      async () =>
        (await call('UpdateTable', { TableName, DeletionProtectionEnabled: false })).status,
      { timeout: 30_000, interval: 200 },
    )
    .toBe(200);
  await expect
    .poll(
      async () =>
        client.send(new DeleteTableCommand({ TableName })).then(
          () => 'deleted',
          (error: unknown) => String(error),
        ),
      { timeout: 30_000 },
    )
    .toBe('deleted');
});

test('a table may have a stream, with a label and an ARN', async () => {
  const StreamSpecification = {
    StreamEnabled: true,
    StreamViewType: 'NEW_AND_OLD_IMAGES',
  } as const;
  const table = await described(await newTable({ ...HASH_TABLE, StreamSpecification }));
  expect(table?.StreamSpecification).toEqual(StreamSpecification);
  expect(table?.LatestStreamLabel).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}$/);
  expect(table?.LatestStreamArn).toBe(`${table?.TableArn}/stream/${table?.LatestStreamLabel}`);
});

test('a table may be of another class, and have bounds on demand', async () => {
  const OnDemandThroughput = { MaxReadRequestUnits: 100, MaxWriteRequestUnits: 50 };
  const table = await described(
    await newTable({ ...HASH_TABLE, TableClass: 'STANDARD_INFREQUENT_ACCESS', OnDemandThroughput }),
  );
  expect(table?.TableClassSummary?.TableClass).toBe('STANDARD_INFREQUENT_ACCESS');
  expect(table?.OnDemandThroughput).toEqual(OnDemandThroughput);
});

test('a name is taken as long as there is a table of it', async () => {
  const TableName = await newTable();
  const again = { ...HASH_TABLE, TableName, BillingMode: 'PAY_PER_REQUEST' };
  const EXISTS = refused('ResourceInUseException', `Table already exists: ${TableName}`);
  expect(await call('CreateTable', again)).toEqual(EXISTS);
  expect(
    await call('CreateTable', {
      ...again,
      AttributeDefinitions: [{ AttributeName: 'other', AttributeType: 'N' }],
      KeySchema: [{ AttributeName: 'other', KeyType: 'HASH' }],
    }),
  ).toEqual(EXISTS);
  // What is wrong in itself is told first.
  expect((await call('CreateTable', { ...again, KeySchema: [] })).code).toBe('ValidationException');
});

const definitions = (...names: readonly string[]): object[] =>
  names.map((AttributeName) => ({ AttributeName, AttributeType: 'S' }));
const keys = (...elements: readonly string[]): object[] =>
  elements.map((element) => {
    const [AttributeName, KeyType = 'HASH'] = element.split(' ');
    return { AttributeName, KeyType };
  });
const simple = {
  AttributeDefinitions: definitions('a'),
  KeySchema: keys('a'),
  BillingMode: 'PAY_PER_REQUEST',
};
const units = (read: number, write = read): object => ({
  ReadCapacityUnits: read,
  WriteCapacityUnits: write,
});

test.each<[string, object, string]>([
  [
    'a name of spaces',
    { TableName: 'a b c' },
    shapeErrors(complaint("'a b c'", 'tableName', NAME_PATTERN)),
  ],
  [
    'an unknown mode',
    { BillingMode: 'FREE' },
    shapeErrors(
      complaint(
        "'FREE'",
        'billingMode',
        'Member must satisfy enum value set: [PROVISIONED, PAY_PER_REQUEST]',
      ),
    ),
  ],
  [
    'a provisioned table without units',
    { BillingMode: 'PROVISIONED' },
    parameter(
      'ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED',
    ),
  ],
  [
    'units of a table on demand',
    { ProvisionedThroughput: units(1) },
    parameter(
      'Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST',
    ),
  ],
  [
    'more units than there are',
    { BillingMode: 'PROVISIONED', ProvisionedThroughput: units(1, 1_000_000_000_001) },
    'Given value 1000000000001 for WriteCapacityUnits is out of bounds',
  ],
  [
    'no units',
    { BillingMode: 'PROVISIONED', ProvisionedThroughput: units(1, 0) },
    shapeErrors(
      complaint(
        "'0'",
        'provisionedThroughput.writeCapacityUnits',
        'Member must have value greater than or equal to 1',
      ),
    ),
  ],
  [
    'a key that is not defined',
    { KeySchema: keys('b') },
    parameter(
      'Some index key attributes are not defined in AttributeDefinitions. Keys: [b], AttributeDefinitions: [a]',
    ),
  ],
  [
    'more keys than definitions',
    { KeySchema: keys('a', 'b RANGE') },
    'Invalid KeySchema: Some index key attribute have no definition',
  ],
  [
    'a definition that nothing uses',
    { AttributeDefinitions: definitions('a', 'b') },
    parameter(
      'Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions',
    ),
  ],
  [
    'one attribute as both keys',
    { AttributeDefinitions: definitions('a', 'b'), KeySchema: keys('a', 'a RANGE') },
    'Both the Hash Key and the Range Key element in the KeySchema have the same name',
  ],
  [
    'a first key that is RANGE',
    { KeySchema: keys('a RANGE') },
    'Invalid KeySchema: The first KeySchemaElement is not a HASH key type',
  ],
  [
    'a second key that is HASH',
    { AttributeDefinitions: definitions('a', 'b'), KeySchema: keys('a', 'b') },
    'Invalid KeySchema: The second KeySchemaElement is not a RANGE key type',
  ],
  [
    'a definition twice',
    { AttributeDefinitions: definitions('a', 'a') },
    'Attribute Name is duplicated: a',
  ],
  [
    'a stream that does not say what it tells',
    { StreamSpecification: { StreamEnabled: true } },
    parameter('Table is being created with a stream enabled, UpdateViewType is required'),
  ],
  [
    'no stream that says what it tells',
    { StreamSpecification: { StreamEnabled: false, StreamViewType: 'KEYS_ONLY' } },
    parameter(
      'Table is being created with a stream disabled, UpdateViewType should not be specified',
    ),
  ],
  [
    'an unknown class',
    { TableClass: 'junk' },
    'Invalid table-class parameter provided. Please try again with a valid table-class value: [STANDARD, STANDARD_INFREQUENT_ACCESS].',
  ],
  [
    'a tag of AWS',
    { Tags: [{ Key: 'aws:mine', Value: 'v' }] },
    'Tag Key cannot be prefixed with aws:, Key: aws:mine',
  ],
  [
    'a bound of nothing',
    { OnDemandThroughput: { MaxReadRequestUnits: 0 } },
    parameter(
      'Requested MaxReadRequestUnits for OnDemandThroughput for table is outside of valid range',
    ),
  ],
  [
    'no local index',
    { LocalSecondaryIndexes: [] },
    parameter('List of LocalSecondaryIndexes is empty'),
  ],
  [
    'no global index',
    { GlobalSecondaryIndexes: [] },
    parameter('List of GlobalSecondaryIndexes is empty'),
  ],
])('%s is refused', async (_, changes, message) => {
  expect(await call('CreateTable', { TableName: newName(), ...simple, ...changes })).toEqual(
    invalid(message),
  );
});

test('no keys, three keys, and keys of unknown types are refused by their shape', async () => {
  for (const KeySchema of [undefined, [], keys('a', 'b RANGE', 'c RANGE'), keys('a JUNK')]) {
    const { status, code } = await call('CreateTable', {
      ...simple,
      TableName: newName(),
      KeySchema,
    });
    expect([status, code]).toEqual([400, 'ValidationException']);
  }
});

test('nothing of what is refused is made', async () => {
  const TableName = newName();
  await call('CreateTable', { ...simple, TableName, Tags: [{ Key: '', Value: '' }] });
  expect((await call('DescribeTable', { TableName })).code).toBe('ResourceNotFoundException');
});
