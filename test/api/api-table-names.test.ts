import { afterEach, beforeEach, expect, test } from 'vitest';

import { startMemoryApi } from '../support/memory-api.ts';
import type { MemoryApi } from '../support/memory-api.ts';

let api: MemoryApi;

beforeEach(async () => {
  api = await startMemoryApi();
  await api.call('CreateTable', {
    TableName: 'Music',
    AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
    KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    BillingMode: 'PAY_PER_REQUEST',
  });
});

afterEach(async () => {
  await api.stop();
});

const ARN = 'arn:aws:dynamodb:us-east-1:000000000000:table/Music';
const Key = { pk: { S: 'a' } };

/** One request for each operation that takes `TableName`, without it. */
const REQUESTS: readonly (readonly [string, object])[] = [
  ['DescribeTable', {}],
  ['DescribeTimeToLive', {}],
  ['DescribeContinuousBackups', {}],
  ['DescribeContributorInsights', {}],
  ['ListContributorInsights', {}],
  ['DescribeKinesisStreamingDestination', {}],
  ['ListBackups', {}],
  ['PutItem', { Item: Key }],
  ['GetItem', { Key }],
  ['UpdateItem', { Key }],
  ['Query', { KeyConditionExpression: 'pk = :v', ExpressionAttributeValues: { ':v': Key.pk } }],
  ['Scan', {}],
  ['DeleteItem', { Key }],
  ['UpdateTable', { ReplicaUpdates: [{ Create: { RegionName: 'eu-west-1' } }] }],
  ['DescribeTableReplicaAutoScaling', {}],
  ['DeleteTable', {}],
];

test('an ARN does wherever a name does', async () => {
  for (const [operation, input] of REQUESTS) {
    const { status, body } = await api.call(operation, { TableName: ARN, ...input });
    expect({ operation, status, body }).toMatchObject({ operation, status: 200 });
  }
});

test('a batch may name its tables by ARN too', async () => {
  const written = await api.call('BatchWriteItem', {
    RequestItems: { [ARN]: [{ PutRequest: { Item: Key } }] },
  });
  expect(written.status).toBe(200);
  const { status } = await api.call('BatchGetItem', { RequestItems: { [ARN]: { Keys: [Key] } } });
  expect(status).toBe(200);
});

test('a table that a batch names twice is answered once', async () => {
  await api.call('PutItem', { TableName: 'Music', Item: Key });
  const { body } = await api.call('BatchGetItem', {
    RequestItems: { [ARN]: { Keys: [Key] }, Music: { Keys: [Key, { pk: { S: 'none' } }] } },
  });
  expect(body).toEqual({ Responses: { [ARN]: [Key] }, UnprocessedKeys: {} });
});

const FORMAT =
  "1 validation error detected: Valid ARN format is 'arn:<awsPartition>:<vendor>:<region>:<subscriber>:resourceType/resourceName'";

test.each([
  [ARN.replace('us-east-1', 'eu-west-1'), 'Invalid AWS region in'],
  [ARN.replace('aws', 'aws-cn'), 'Invalid AWS partition in'],
  [ARN.replace('table/', 'stream/'), 'Invalid resource type in'],
])('%s is refused by every operation', async (arn, reason) => {
  for (const [operation, input] of REQUESTS) {
    const { status, body } = await api.call(operation, { TableName: arn, ...input });
    expect({ operation, status, body }).toEqual({
      operation,
      status: 400,
      body: {
        __type: 'com.amazon.coral.validate#ValidationException',
        message: `1 validation error detected: ${reason} '${arn}'`,
      },
    });
  }
});

test.each([`${ARN}/index/ByYear`, 'arn:aws:dynamodb', ARN.replace('dynamodb', 's3'), `${ARN}!`])(
  '%s is no ARN of a table',
  async (TableName) => {
    const { status, body } = await api.call('DescribeTable', { TableName });
    expect(status).toBe(400);
    expect(body).toMatchObject({ message: expect.stringContaining(FORMAT) as unknown });
  },
);

test('a table of another account is denied', async () => {
  const TableName = ARN.replace('000000000000', '111111111111');
  for (const [operation, input] of REQUESTS) {
    const { status, body } = await api.call(operation, { TableName, ...input });
    expect({ operation, status, body }).toEqual({
      operation,
      status: 400,
      body: {
        __type: 'com.amazon.coral.service#AccessDeniedException',
        Message: 'Access is denied',
      },
    });
  }
});

const PATTERN = 'Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+';
const SHORT = 'Member must have length greater than or equal to 3';
const failed = (name: string, constraint: string): string =>
  `Value '${name}' at 'tableName' failed to satisfy constraint: ${constraint}`;

test.each([
  ['', `2 validation errors detected: ${failed('', SHORT)}; ${failed('', PATTERN)}`],
  ['ab', `1 validation error detected: ${failed('ab', SHORT)}`],
  ['a b', `1 validation error detected: ${failed('a b', PATTERN)}`],
])('operations on tables refuse the name %j by its shape', async (TableName, message) => {
  const described = REQUESTS.filter(([operation]) =>
    /^(?:Describe|List|Delete|Update)Table|^Describe|^List/.test(operation),
  );
  expect(described.length).toBeGreaterThan(8);
  for (const [operation, input] of described) {
    const { body } = await api.call(operation, { TableName, ...input });
    expect({ operation, body }).toMatchObject({ operation, body: { message } });
  }
});

const NOT_FOUND = 'Requested resource not found: Table: Missing not found';

test.each([
  ['DescribeTable', {}, 'ResourceNotFoundException', NOT_FOUND],
  ['DeleteTable', {}, 'ResourceNotFoundException', NOT_FOUND],
  ['DescribeTimeToLive', {}, 'ResourceNotFoundException', NOT_FOUND],
  ['DescribeContributorInsights', {}, 'ResourceNotFoundException', NOT_FOUND],
  ['ListContributorInsights', {}, 'ResourceNotFoundException', NOT_FOUND],
  ['DescribeKinesisStreamingDestination', {}, 'ResourceNotFoundException', NOT_FOUND],
  ['DescribeContinuousBackups', {}, 'TableNotFoundException', 'Table not found: Missing'],
  [
    'DescribeTableReplicaAutoScaling',
    {},
    'ResourceNotFoundException',
    "Global table with name: 'Missing' does not exist.",
  ],
  ['GetItem', { Key }, 'ResourceNotFoundException', 'Requested resource not found'],
])(
  '%s has its own words for a table that is not there',
  async (operation, input, code, message) => {
    for (const TableName of ['Missing', ARN.replace('Music', 'Missing')]) {
      const { status, body } = await api.call(operation, { TableName, ...input });
      expect({ status, body }).toEqual({
        status: 400,
        body: { __type: `com.amazonaws.dynamodb.v20120810#${code}`, message },
      });
    }
  },
);

test.each(['CreateTable', 'UpdateTable', 'DeleteTable', 'DescribeTable', 'DescribeTimeToLive'])(
  '%s asks for the name before anything else',
  async (operation) => {
    for (const input of [{}, { TableName: null }, { BillingMode: 'FREE', KeySchema: [] }]) {
      const { status, body } = await api.call(operation, input);
      expect({ status, body }).toEqual({
        status: 400,
        body: {
          __type: 'com.amazon.coral.validate#ValidationException',
          message: "The parameter 'TableName' is required but was not present in the request",
        },
      });
    }
  },
);
