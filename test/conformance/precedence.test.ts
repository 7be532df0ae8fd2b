import { expect, test } from 'vitest';

import {
  call,
  complaint,
  invalid,
  type Outcome,
  refused,
  shapeErrors,
  unreadable,
} from './raw-request.ts';
import { newName, newTable, RANGE_TABLE } from './target.ts';

const TableName = await newTable(RANGE_TABLE);
const missing = newName();

interface Input {
  readonly [member: string]: unknown;
}

/** A fault put into an input, and what DynamoDB says when there is none before it. */
type Fault = readonly [fault: (input: Input) => Input, told: Outcome];

const inMember =
  (member: string, more: Readonly<Record<string, unknown>>) =>
  (input: Input): Input => ({ ...input, [member]: { ...Object(input[member]), ...more } });
const set =
  (more: Readonly<Record<string, unknown>>) =>
  (input: Input): Input => ({ ...input, ...more });

/** Puts more into what is asked of the table in a batch. */
const inRequest =
  (more: Readonly<Record<string, unknown>>) =>
  ({ RequestItems, ...others }: Input): Input => ({
    ...others,
    RequestItems: Object.fromEntries(
      Object.entries(Object(RequestItems)).map(([table, request]) => [
        table,
        { ...Object(request), ...more },
      ]),
    ),
  });

const EMPTY_VALUE =
  'Supplied AttributeValue is empty, must contain exactly one of the supported datatypes';
const MISMATCH = 'The provided key element does not match the schema';
const NOT_FOUND = refused('ResourceNotFoundException', 'Requested resource not found');
const enumOf = (member: string, values: string): Outcome =>
  invalid(
    shapeErrors(complaint("'hi'", member, `Member must satisfy enum value set: [${values}]`)),
  );
const CAPACITY: Fault = [
  set({ ReturnConsumedCapacity: 'hi' }),
  enumOf('returnConsumedCapacity', 'INDEXES, TOTAL, NONE'),
];
const NO_TABLE: Fault = [set({ TableName: missing }), NOT_FOUND];
const unreadableMember = (member: string): Fault => [
  set({ [member]: 1 }),
  unreadable('NUMBER_VALUE cannot be converted to String'),
];
const mixed = (legacy: string, expression: string): Outcome =>
  invalid(
    'Can not use both expression and non-expression parameters in the same request: ' +
      `Non-expression parameters: {${legacy}} Expression parameters: {${expression}}`,
  );

const Key = { id: { S: 'a' }, at: { N: '1' } };
const startOf = (member: string, value: object): Fault => [
  inMember(member, { at: value }),
  invalid(EMPTY_VALUE),
];

const NO_ARGUMENT = { a: { ComparisonOperator: 'EQ', AttributeValueList: [] } };
const NO_ARGUMENT_TOLD =
  'One or more parameter values were invalid: Invalid number of argument(s) for the EQ ComparisonOperator';
const TWICE = 'One or more parameter values were invalid: Duplicate value in attribute name: a';

/** By operation: a good input, and faults, each of which hides those after it. */
const CHAINS: Readonly<Record<string, readonly [string, Input, readonly Fault[]]>> = {
  'PutItem with a condition': [
    'PutItem',
    { TableName, Item: Key },
    [
      unreadableMember('ReturnItemCollectionMetrics'),
      CAPACITY,
      [set({ Expected: {}, ConditionExpression: '' }), mixed('Expected', 'ConditionExpression')],
      [inMember('Item', { a: {} }), invalid(EMPTY_VALUE)],
      [set({ ReturnValues: 'ALL_NEW' }), invalid('ReturnValues can only be ALL_OLD or NONE')],
      [
        inMember('Item', { large: { S: 'x'.repeat(410_000) } }),
        invalid('Item size has exceeded the maximum allowed size'),
      ],
      [
        set({ Expected: undefined, ConditionExpression: '' }),
        invalid('Invalid ConditionExpression: The expression can not be empty;'),
      ],
      NO_TABLE,
      [
        inMember('Item', { at: { S: '1' } }),
        invalid(
          'One or more parameter values were invalid: Type mismatch for key at expected: N actual: S',
        ),
      ],
    ],
  ],
  'PutItem with Expected': [
    'PutItem',
    { TableName, Item: Key },
    [
      [inMember('Item', { a: {} }), invalid(EMPTY_VALUE)],
      [set({ ReturnValues: 'ALL_NEW' }), invalid('ReturnValues can only be ALL_OLD or NONE')],
      [
        set({ Expected: { a: {} } }),
        invalid(
          'One or more parameter values were invalid: Value must be provided when Exists is null for Attribute: a',
        ),
      ],
      NO_TABLE,
    ],
  ],
  GetItem: [
    'GetItem',
    { TableName, Key },
    [
      unreadableMember('ProjectionExpression'),
      CAPACITY,
      [
        set({ AttributesToGet: ['a', 'a'], ProjectionExpression: '' }),
        mixed('AttributesToGet', 'ProjectionExpression'),
      ],
      startOf('Key', {}),
      [
        set({ AttributesToGet: undefined, ProjectionExpression: '' }),
        invalid('Invalid ProjectionExpression: The expression can not be empty;'),
      ],
      NO_TABLE,
      [inMember('Key', { at: { S: '1' } }), invalid(MISMATCH)],
    ],
  ],
  DeleteItem: [
    'DeleteItem',
    { TableName, Key },
    [
      CAPACITY,
      [set({ Expected: {}, ConditionExpression: '' }), mixed('Expected', 'ConditionExpression')],
      startOf('Key', {}),
      [
        set({ Expected: undefined, ConditionExpression: '' }),
        invalid('Invalid ConditionExpression: The expression can not be empty;'),
      ],
      NO_TABLE,
      [inMember('Key', { at: { S: '1' } }), invalid(MISMATCH)],
    ],
  ],
  'UpdateItem with an expression': [
    'UpdateItem',
    { TableName, Key },
    [
      unreadableMember('UpdateExpression'),
      CAPACITY,
      [
        set({ AttributeUpdates: {}, UpdateExpression: '', ConditionExpression: undefined }),
        mixed('AttributeUpdates', 'UpdateExpression'),
      ],
      startOf('Key', {}),
      [
        set({ AttributeUpdates: undefined, UpdateExpression: '' }),
        invalid('Invalid UpdateExpression: The expression can not be empty;'),
      ],
      [
        set({ UpdateExpression: 'REMOVE id', ConditionExpression: '' }),
        invalid('Invalid ConditionExpression: The expression can not be empty;'),
      ],
      [set({ ConditionExpression: undefined, TableName: missing }), NOT_FOUND],
      [inMember('Key', { at: { S: '1' } }), invalid(MISMATCH)],
      [
        set({ UpdateExpression: 'REMOVE id' }),
        invalid(
          'One or more parameter values were invalid: Cannot update attribute id. This attribute is part of the key',
        ),
      ],
    ],
  ],
  Query: [
    'Query',
    { TableName },
    [
      unreadableMember('FilterExpression'),
      CAPACITY,
      [set({ QueryFilter: {}, FilterExpression: '' }), mixed('QueryFilter', 'FilterExpression')],
      [
        set({ QueryFilter: undefined, ExclusiveStartKey: { id: {} } }),
        invalid(`The provided starting key is invalid: ${EMPTY_VALUE}`),
      ],
      [
        set({ FilterExpression: '', KeyConditionExpression: undefined }),
        invalid(
          'Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.',
        ),
      ],
      [
        set({ KeyConditionExpression: 'id', FilterExpression: '' }),
        invalid('Invalid KeyConditionExpression: Syntax error; token: "<EOF>", near: "id"'),
      ],
      [
        set({
          KeyConditionExpression: 'id = :v',
          ExpressionAttributeValues: { ':v': { N: '1' } },
          FilterExpression: '',
        }),
        invalid('Invalid FilterExpression: The expression can not be empty;'),
      ],
      [set({ FilterExpression: undefined, TableName: missing }), NOT_FOUND],
      [set({ IndexName: 'none' }), invalid('The table does not have the specified index: none')],
      [
        set({ ExclusiveStartKey: { id: { S: 'a' } } }),
        invalid('The provided starting key is invalid'),
      ],
      [
        set({
          KeyConditionExpression: 'id = :v',
          ExpressionAttributeValues: { ':v': { N: '1' } },
        }),
        invalid(
          'One or more parameter values were invalid: Condition parameter type does not match schema type',
        ),
      ],
    ],
  ],
  'UpdateItem with older parameters': [
    'UpdateItem',
    { TableName, Key },
    [
      startOf('Key', {}),
      [
        set({ AttributeUpdates: { a: {} } }),
        invalid(
          'One or more parameter values were invalid: Only DELETE action is allowed when no attribute value is specified',
        ),
      ],
      [
        set({ AttributeUpdates: { at: { Value: { N: '1' } } }, Expected: { a: {} } }),
        invalid(
          'One or more parameter values were invalid: Value must be provided when Exists is null for Attribute: a',
        ),
      ],
      [set({ Expected: undefined, TableName: missing }), NOT_FOUND],
      [inMember('Key', { at: { S: '1' } }), invalid(MISMATCH)],
      [
        set({ AttributeUpdates: { at: { Value: { N: '1' } } } }),
        invalid(
          'One or more parameter values were invalid: Cannot update attribute at. This attribute is part of the key',
        ),
      ],
    ],
  ],
  BatchGetItem: [
    'BatchGetItem',
    { RequestItems: { [TableName]: { Keys: [Key] } } },
    [
      CAPACITY,
      [
        inRequest({ AttributesToGet: ['a', 'a'], ProjectionExpression: '' }),
        mixed('AttributesToGet', 'ProjectionExpression'),
      ],
      [
        inRequest({
          AttributesToGet: ['a', 'a'],
          ProjectionExpression: undefined,
          ExpressionAttributeNames: {},
        }),
        invalid('ExpressionAttributeNames can only be specified when using expressions'),
      ],
      [
        inRequest({ AttributesToGet: ['a', 'a'], ExpressionAttributeNames: undefined }),
        invalid(TWICE),
      ],
      [
        inRequest({ AttributesToGet: undefined, Keys: [Key, { ...Key, at: {} }] }),
        invalid(EMPTY_VALUE),
      ],
      [inRequest({ Keys: [Key, Key] }), invalid('Provided list of item keys contains duplicates')],
      [(): Input => ({ RequestItems: { [missing]: { Keys: [{ id: { S: 'a' } }] } } }), NOT_FOUND],
      [inRequest({ Keys: [{ id: { S: 'a' } }] }), invalid(MISMATCH)],
    ],
  ],
  'Query with older parameters': [
    'Query',
    { TableName },
    [
      [set({ QueryFilter: NO_ARGUMENT }), invalid(NO_ARGUMENT_TOLD)],
      [set({ AttributesToGet: ['a', 'a'] }), invalid(TWICE)],
      [
        set({ ExclusiveStartKey: { id: {} } }),
        invalid(`The provided starting key is invalid: ${EMPTY_VALUE}`),
      ],
      [
        set({ KeyConditions: undefined }),
        invalid(
          'Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.',
        ),
      ],
      [set({ KeyConditions: NO_ARGUMENT }), invalid(NO_ARGUMENT_TOLD)],
      [set({ KeyConditions: {} }), invalid('Conditions can be of length 1 or 2 only')],
    ],
  ],
  'Scan with older parameters': [
    'Scan',
    { TableName },
    [
      [set({ AttributesToGet: ['a', 'a'] }), invalid(TWICE)],
      [set({ ScanFilter: NO_ARGUMENT }), invalid(NO_ARGUMENT_TOLD)],
      [
        set({ ExclusiveStartKey: { id: {} } }),
        invalid(`The provided starting key is invalid: ${EMPTY_VALUE}`),
      ],
      [
        set({ TotalSegments: 1 }),
        invalid(
          'The Segment parameter is required but was not present in the request when parameter TotalSegments is present',
        ),
      ],
      NO_TABLE,
    ],
  ],
  Scan: [
    'Scan',
    { TableName },
    [
      unreadableMember('FilterExpression'),
      CAPACITY,
      [set({ ScanFilter: {}, FilterExpression: '' }), mixed('ScanFilter', 'FilterExpression')],
      [
        set({ ScanFilter: undefined, ExclusiveStartKey: { id: {} } }),
        invalid(`The provided starting key is invalid: ${EMPTY_VALUE}`),
      ],
      [
        set({ ExclusiveStartKey: { id: { S: 'a' } }, Segment: 1, TotalSegments: 1 }),
        invalid(
          'The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: 1 is not less than TotalSegments: 1',
        ),
      ],
      [
        set({ Segment: undefined, TotalSegments: undefined, FilterExpression: '' }),
        invalid('Invalid FilterExpression: The expression can not be empty;'),
      ],
      [set({ FilterExpression: undefined, TableName: missing }), NOT_FOUND],
      [set({ IndexName: 'none' }), invalid('The table does not have the specified index: none')],
      [
        set({ ExclusiveStartKey: { id: { S: 'a' } } }),
        invalid(`The provided starting key is invalid: ${MISMATCH}`),
      ],
    ],
  ],
};

test.each(Object.entries(CHAINS))(
  '%s tells of its faults in the order of DynamoDB',
  async (_, [operation, good, faults]) => {
    let input = good;
    // From the last fault to the first: each is put on top of all that it hides.
    for (const [fault, told] of faults.toReversed()) {
      input = fault(input);
      expect({ input, ...(await call(operation, input)) }).toEqual({ input, ...told });
    }
  },
);

test.each([
  [{ S: 'a', N: '' }, 'The parameter cannot be converted to a numeric value'],
  [{ S: 'a', N: 'b' }, 'The parameter cannot be converted to a numeric value: b'],
  [
    { S: 'a', SS: [] },
    'One or more parameter values were invalid: An string set  may not be empty',
  ],
  [{ NS: ['1', 'b', '1'] }, 'The parameter cannot be converted to a numeric value: b'],
])('of the value %j its own fault is told before its types', async (a, message) => {
  expect(await call('PutItem', { TableName, Item: { ...Key, a } })).toEqual(invalid(message));
});
