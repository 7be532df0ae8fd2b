import { GENERIC_NOT_CLASS } from '../../src/model/messages.ts';
import { expect, test } from 'vitest';
import { ClientError } from '../../src/model/errors.ts';
import { OPERATION_INPUTS, SHAPES } from '../../src/model/service-model.ts';
import {
  isOperationName,
  type OperationName,
  validateInput,
} from '../../src/model/shape-validator.ts';

function refusal(operation: OperationName, body: unknown): string {
  try {
    validateInput(operation, body);
  } catch (error) {
    if (error instanceof ClientError) return `${error.code}: ${error.message}`;
  }
  throw new Error('a ClientError was expected');
}

const failed = (value: string, path: string, constraint: string): string =>
  `Value ${value} at '${path}' failed to satisfy constraint: ${constraint}`;
const refusedFor = (...violations: readonly string[]): string =>
  `ValidationException: ${violations.length} validation error${violations.length === 1 ? '' : 's'} detected: ${violations.join('; ')}`;
const NOT_NULL = 'Member must not be null';

test('every operation of the service model has a validator that survives an empty body', () => {
  const names = Object.keys(OPERATION_INPUTS);
  expect(names).toHaveLength(62);
  for (const name of names.filter(isOperationName)) {
    expect(['object', 'string']).toContain(typeof answer(name));
  }
  expect(isOperationName('toString')).toBe(false);
  expect(isOperationName('PutItem')).toBe(true);
});

function answer(operation: OperationName): unknown {
  try {
    return validateInput(operation, {});
  } catch (error) {
    return error instanceof ClientError ? error.message : undefined;
  }
}

test('every shape that is named is there', () => {
  const named = Object.values(SHAPES).flatMap((shape) => {
    if (shape.type === 'structure') return Object.values(shape.members);
    if (shape.type === 'list') return [shape.member];
    return shape.type === 'map' ? [shape.key, shape.value] : [];
  });
  expect(named.filter((name) => SHAPES[name] === undefined)).toEqual([]);
});

test('a good request is answered as it came, with unknown members left alone', () => {
  const body = {
    TableName: 'Music',
    Item: { id: { S: 'a' } },
    ReturnValues: 'ALL_OLD',
    Unknown: [1],
  };
  expect(validateInput('PutItem', body)).toBe(body);
  expect(body.Unknown).toEqual([1]);
});

test('a table may be named by its ARN', () => {
  const TableName = 'arn:aws:dynamodb:us-east-1:000000000000:table/Music';
  expect(() => validateInput('GetItem', { TableName, Key: {} })).not.toThrow();
  expect(() =>
    validateInput('BatchGetItem', { RequestItems: { [TableName]: { Keys: [{}] } } }),
  ).not.toThrow();
});

test('members that are null are gone, fractions and texts for truth values are read', () => {
  const body = { TableName: 'Music', Limit: 5.7, ConsistentRead: 'true', IndexName: null };
  expect(validateInput('Scan', body)).toEqual({
    TableName: 'Music',
    Limit: 5,
    ConsistentRead: true,
  });
  expect(Object.hasOwn(body, 'IndexName')).toBe(false);
});

test('a missing member is null', () => {
  expect(refusal('PutItem', { TableName: null, Item: { a: { S: 'x' } } })).toBe(
    refusedFor(failed('null', 'tableName', NOT_NULL)),
  );
});

test('all violations are listed, in the order in which DynamoDB looks', () => {
  const body = { TableName: '', ReturnConsumedCapacity: 'INVALID', ReturnValues: 'INVALID' };
  expect(refusal('UpdateItem', body)).toBe(
    refusedFor(
      failed(
        "'INVALID'",
        'returnConsumedCapacity',
        'Member must satisfy enum value set: [INDEXES, TOTAL, NONE]',
      ),
      failed("''", 'tableName', 'Member must have length greater than or equal to 1'),
      failed(
        "'INVALID'",
        'returnValues',
        'Member must satisfy enum value set: [ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]',
      ),
      failed('null', 'key', NOT_NULL),
    ),
  );
});

test.each([
  ['bad table!@#', 'Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+'],
  ['a'.repeat(256), 'Member must have length less than or equal to 255'],
])('the table name %s is out of bounds', (TableName, constraint) => {
  expect(refusal('PutItem', { TableName, Item: {} })).toBe(
    refusedFor(failed(`'${TableName}'`, 'tableName', constraint)),
  );
});

const described = (PolicyName: string): unknown => ({
  TableName: 'Music',
  GlobalTableName: 'Music',
  GlobalTableProvisionedWriteCapacityAutoScalingSettingsUpdate: {
    ScalingPolicyUpdate: {
      PolicyName,
      TargetTrackingScalingPolicyConfiguration: { TargetValue: 50 },
    },
  },
});

test('patterns of Java are understood', () => {
  expect(() => validateInput('UpdateGlobalTableSettings', described('a b~'))).not.toThrow();
  expect(refusal('UpdateGlobalTableSettings', described('é'))).toContain(
    'Member must satisfy regular expression pattern: \\p{Print}+',
  );
});

test('numbers have bounds', () => {
  expect(refusal('Scan', { TableName: 'Music', Limit: 0, TotalSegments: 1_000_001 })).toBe(
    refusedFor(
      failed("'0'", 'limit', 'Member must have value greater than or equal to 1'),
      failed("'1000001'", 'totalSegments', 'Member must have value less than or equal to 1000000'),
    ),
  );
});

test('what is inside lists and maps is named by its place', () => {
  const body = {
    TableName: 'Music',
    AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'X' }, { AttributeType: 'S' }],
    KeySchema: [],
  };
  expect(refusal('CreateTable', body)).toBe(
    refusedFor(
      failed(
        "'X'",
        'attributeDefinitions.1.member.attributeType',
        'Member must satisfy enum value set: [B, N, S]',
      ),
      failed('null', 'attributeDefinitions.2.member.attributeName', NOT_NULL),
      failed("'[]'", 'keySchema', 'Member must have length greater than or equal to 1'),
    ),
  );
  expect(refusal('BatchWriteItem', { RequestItems: { Music: [{ PutRequest: {} }] } })).toBe(
    refusedFor(failed('null', 'requestItems.Music.member.1.member.putRequest.item', NOT_NULL)),
  );
});

test('bounds of keys and values are the map’s', () => {
  expect(
    refusal('BatchGetItem', { RequestItems: { 'bad!name': { Keys: [{ pk: { S: 'a' } }] } } }),
  ).toBe(
    refusedFor(
      failed(
        `'{"bad!name":{"Keys":[{"pk":{"S":"a"}}]}}'`,
        'requestItems',
        'Map keys must satisfy constraint: [Member must have length less than or equal to 255, Member must have length greater than or equal to 3, Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+]',
      ),
    ),
  );
  expect(refusal('BatchWriteItem', { RequestItems: { Music: [] } })).toBe(
    refusedFor(
      failed(
        `'{Music=[]}'`,
        'requestItems',
        'Map value must satisfy constraint: [Member must have length less than or equal to 25, Member must have length greater than or equal to 1]',
      ),
    ),
  );
});

test('no more than ten violations are listed', () => {
  const AttributeDefinitions = Array.from({ length: 20 }, () => ({ AttributeType: 'S' }));
  expect(
    refusal('CreateTable', { TableName: 'Music', AttributeDefinitions, KeySchema: [] }),
  ).toMatch(/^ValidationException: 10 validation errors detected: /);
});

test.each<[OperationName, unknown, string]>([
  [
    'PutItem',
    [],
    'Unrecognized collection type class com.amazonaws.dynamodb.v20120810.PutItemInput',
  ],
  ['PutItem', { TableName: 5 }, 'NUMBER_VALUE cannot be converted to String'],
  ['PutItem', { TableName: 5.5 }, 'DECIMAL_VALUE cannot be converted to String'],
  ['PutItem', { TableName: false }, 'FALSE_VALUE cannot be converted to String'],
  ['PutItem', { TableName: {} }, 'Start of structure or map found where not expected'],
  ['PutItem', { TableName: [] }, 'Unrecognized collection type class java.lang.String'],
  ['Scan', { Limit: '5' }, 'STRING_VALUE cannot be converted to Integer'],
  ['Scan', { ConsistentRead: 1 }, 'NUMBER_VALUE cannot be converted to Boolean'],
  ['Scan', { ConsistentRead: 'maybe' }, 'Unexpected token received from parser'],
  ['PutItem', { Item: 'x' }, 'Unexpected field type'],
  [
    'PutItem',
    { Item: [] },
    'Unrecognized collection type java.util.Map<java.lang.String, com.amazonaws.dynamodb.v20120810.AttributeValue>',
  ],
  ['PutItem', { Item: { a: 'x' } }, 'Unexpected value type in payload'],
  ['PutItem', { Expected: { a: { Value: 'x' } } }, 'Unexpected field type'],
  ['BatchGetItem', { RequestItems: { abc: { Keys: ['x'] } } }, GENERIC_NOT_CLASS],
  ['BatchWriteItem', { RequestItems: { abc: 'x' } }, GENERIC_NOT_CLASS],
  [
    'PutItem',
    { Item: { a: [] } },
    'Unrecognized collection type class com.amazonaws.dynamodb.v20120810.AttributeValue',
  ],
  ['PutItem', { Item: { a: { S: 1 } } }, 'NUMBER_VALUE cannot be converted to String'],
  [
    'PutItem',
    { Item: { a: { L: [{ M: { b: { BOOL: 5 } } }] } } },
    'NUMBER_VALUE cannot be converted to Boolean',
  ],
  ['PutItem', { Item: { a: { SS: ['x', 1] } } }, 'NUMBER_VALUE cannot be converted to String'],
  [
    'PutItem',
    { Item: { a: { BS: ['AQ=', 1] } } },
    'Base64 encoded length is expected a multiple of 4 bytes but found: 3',
  ],
  ['CreateTable', { KeySchema: 'x' }, 'Unexpected field type'],
  ['CreateTable', { KeySchema: {} }, 'Start of structure or map found where not expected'],
  ['CreateTable', { KeySchema: ['x'] }, 'Unexpected value type in payload'],
  ['CreateTable', { ProvisionedThroughput: 'x' }, 'Unexpected field type'],
  [
    'CreateTable',
    { ProvisionedThroughput: { ReadCapacityUnits: 'x' } },
    'STRING_VALUE cannot be converted to Long',
  ],
])('%s of %j has the wrong type of JSON', (operation, body, message) => {
  expect(refusal(operation, body)).toBe(`SerializationException: ${message}`);
});

test('wrong types come before bounds', () => {
  expect(refusal('PutItem', { ReturnValues: 'X', Item: { a: { N: 1 } } })).toBe(
    'SerializationException: NUMBER_VALUE cannot be converted to String',
  );
});

test('no depth of nesting exhausts the stack', () => {
  const deep = JSON.parse(`${'{"L":['.repeat(200_000)}${']}'.repeat(200_000)}`);
  expect(() => validateInput('PutItem', { TableName: 'Music', Item: { deep } })).not.toThrow();
});
