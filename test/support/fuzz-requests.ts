import { deflateSync, gzipSync } from 'node:zlib';

import type { Random } from '../../src/base/random.ts';
import { unreachable } from '../../src/base/assert.ts';
import { randomBelow } from '../../src/base/random.ts';
import {
  OPERATION_INPUTS,
  SHAPES,
  type Shape,
  type StructureShape,
} from '../../src/model/service-model.ts';
import { expression, isExpressionMember, placeholders } from './fuzz-expressions.ts';
import { statement, statementParameters } from './fuzz-statements.ts';
import {
  attributeValue,
  chance,
  item,
  key,
  named,
  NAMES,
  nested,
  pick,
  several,
  strange,
} from './fuzz-values.ts';

/** A request over HTTP, whatever it says. */
export interface FuzzRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

/** The table that most requests are about; another may come and go. */
export const FUZZED_TABLE: Readonly<Record<string, unknown>> = {
  TableName: 'table',
  BillingMode: 'PAY_PER_REQUEST',
  AttributeDefinitions: [
    { AttributeName: 'pk', AttributeType: 'S' },
    { AttributeName: 'sk', AttributeType: 'N' },
    { AttributeName: 'g1', AttributeType: 'S' },
    { AttributeName: 'b', AttributeType: 'N' },
  ],
  KeySchema: [
    { AttributeName: 'pk', KeyType: 'HASH' },
    { AttributeName: 'sk', KeyType: 'RANGE' },
  ],
  LocalSecondaryIndexes: [
    {
      IndexName: 'local',
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'b', KeyType: 'RANGE' },
      ],
      Projection: { ProjectionType: 'KEYS_ONLY' },
    },
  ],
  GlobalSecondaryIndexes: [
    {
      IndexName: 'global',
      KeySchema: [
        { AttributeName: 'g1', KeyType: 'HASH' },
        { AttributeName: 'b', KeyType: 'RANGE' },
      ],
      Projection: { ProjectionType: 'INCLUDE', NonKeyAttributes: ['a', 'm'] },
    },
  ],
};

const ARN = 'arn:aws:dynamodb:us-east-1:000000000000:table/table';
const ODD_TABLES = [
  'other',
  ARN,
  `${ARN}/index/global`,
  'ab',
  '',
  '__proto__',
  'constructor',
  'none',
  'x'.repeat(256),
] as const;
const tableName = (random: Random): string =>
  chance(random, 0.93) ? 'table' : pick(random, ODD_TABLES);

const AUTHORIZATION =
  'AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/dynamodb/aws4_request, ' +
  'SignedHeaders=host;x-amz-date, Signature=00';

const HEADERS = {
  'content-type': 'application/x-amz-json-1.0',
  'x-amz-date': '20260101T000000Z',
  authorization: AUTHORIZATION,
} as const;

/** Those that work on items come more often. */
const ITEM_OPERATIONS = [
  'PutItem',
  'GetItem',
  'UpdateItem',
  'DeleteItem',
  'Query',
  'Scan',
  'BatchGetItem',
  'BatchWriteItem',
  'TransactGetItems',
  'TransactWriteItems',
  'ExecuteStatement',
  'BatchExecuteStatement',
  'ExecuteTransaction',
] as const;
const OPERATIONS = Object.keys(OPERATION_INPUTS);
const isOperation = (name: string): name is keyof typeof OPERATION_INPUTS =>
  Object.hasOwn(OPERATION_INPUTS, name);

/** The next request of a stream of them that the seed of `random` fixes. */
export function fuzzRequest(random: Random): FuzzRequest {
  const operation = chance(random, 0.88) ? pick(random, ITEM_OPERATIONS) : pick(random, OPERATIONS);
  const kind = random.next();
  if (kind < 0.05) return withOddHeaders(random, operation);
  if (kind < 0.1) return withOddBytes(random, operation);
  if (kind < 0.115) return deep(random);
  const input = inputOf(random, operation);
  return post(operation, JSON.stringify(chance(random, 0.12) ? mutated(random, input) : input));
}

const post = (operation: string, body: string | Uint8Array, headers = {}): FuzzRequest => ({
  method: 'POST',
  headers: { ...HEADERS, 'x-amz-target': `DynamoDB_20120810.${operation}`, ...headers },
  body,
});

function inputOf(random: Random, operation: string): Readonly<Record<string, unknown>> {
  const shape = isOperation(operation) ? SHAPES[OPERATION_INPUTS[operation]] : undefined;
  if (shape?.type !== 'structure') return {};
  const input = structureOf(random, shape, 4);
  // The fuzzed table stays, so that there is one.
  if (operation === 'DeleteTable') input['TableName'] = pick(random, ['other', 'none', '']);
  if (operation === 'CreateTable' && chance(random, 0.3))
    return { ...FUZZED_TABLE, TableName: 'other', ...(chance(random, 0.5) ? input : {}) };
  if (operation === 'Scan' && chance(random, 0.95)) {
    delete input['TotalSegments'];
    delete input['Segment'];
  }
  return input;
}

function structureOf(
  random: Random,
  shape: StructureShape,
  depth: number,
): Record<string, unknown> {
  const made: Record<string, unknown> = {};
  const usesExpressions = chance(random, 0.7);
  const expressions: string[] = [];
  for (const [name, member] of Object.entries(shape.members)) {
    if (name === 'ExpressionAttributeNames' || name === 'ExpressionAttributeValues') continue;
    const isRequired = shape.required?.includes(name) === true || name === 'KeyConditionExpression';
    if (!chance(random, isRequired ? 0.98 : LEGACY.has(name) && usesExpressions ? 0.003 : 0.3))
      continue;
    made[name] = chance(random, 0.01)
      ? strange(random)
      : memberOf(random, { name, shape: member, depth });
    if (isExpressionMember(name) && typeof made[name] === 'string') expressions.push(made[name]);
  }
  if (typeof made['Statement'] === 'string' && chance(random, 0.97)) {
    made['Parameters'] = statementParameters(random, made['Statement']);
  }
  if ('ExpressionAttributeNames' in shape.members) {
    const { names, values } = placeholders(random, expressions.join(' '));
    if (names !== undefined) made['ExpressionAttributeNames'] = names;
    if (values !== undefined) made['ExpressionAttributeValues'] = values;
  }
  return made;
}

const LEGACY: ReadonlySet<string> = new Set([
  'AttributesToGet',
  'AttributeUpdates',
  'Expected',
  'KeyConditions',
  'QueryFilter',
  'ScanFilter',
  'ConditionalOperator',
]);

/** Few, so that some come again. */
const TOKENS = ['a', 'b', 'x'.repeat(36), 'x'.repeat(37), ''] as const;

interface Member {
  readonly name: string;
  readonly shape: string;
  readonly depth: number;
}

function memberOf(random: Random, { name, shape, depth }: Member): unknown {
  if (isExpressionMember(name)) return expression(random, name);
  if (name === 'Statement') return statement(random);
  if (name === 'NextToken' && chance(random, 0.8)) return undefined;
  if (name === 'TableName') return tableName(random);
  if (name === 'IndexName') return pick(random, ['local', 'global', 'none', '__proto__']);
  if (name === 'ReturnValues' && chance(random, 0.9)) return pick(random, ['NONE', 'ALL_OLD']);
  if (name === 'Select' && chance(random, 0.8)) return undefined;
  if (name === 'Limit' && chance(random, 0.95)) return 1 + randomBelow(random, 5);
  if (name === 'IndexName' && chance(random, 0.5)) return undefined;
  if (name === 'ReplicaUpdates') return chance(random, 0.9) ? undefined : strange(random);
  if (name.endsWith('Arn'))
    return pick(random, [ARN, 'table', '', `${ARN}/backup/1-a`, 'arn:', `${ARN}x`]);
  if (name === 'Item') return item(random);
  if (name === 'Key' && shape === 'Key') return key(random);
  if (name === 'ExclusiveStartKey') return key(random);
  if (name === 'ClientRequestToken' && chance(random, 0.9)) return pick(random, TOKENS);
  return valueOf(random, shape, depth);
}

function valueOf(random: Random, name: string, depth: number): unknown {
  if (name === 'AttributeValue') return attributeValue(random, 2);
  if (name === 'Key') return key(random);
  const shape = SHAPES[name];
  if (shape === undefined || depth === 0) return strange(random);
  if (name === 'WriteRequest' && chance(random, 0.95))
    return chance(random, 0.6)
      ? { PutRequest: { Item: item(random) } }
      : { DeleteRequest: { Key: key(random) } };
  if (name === 'TransactWriteItem' && shape.type === 'structure' && chance(random, 0.97))
    return actionOf(random, shape, depth);
  if (shape.type === 'structure') return structureOf(random, shape, depth - 1);
  if (shape.type === 'list') {
    const make = (): unknown => valueOf(random, shape.member, depth - 1);
    return chance(random, 0.9) ? [make(), ...several(random, 2, make)] : several(random, 3, make);
  }
  if (shape.type === 'map') {
    const isByTable = shape.key === 'TableArn' || name.startsWith('Batch');
    if (isByTable && chance(random, 0.9))
      return { [tableName(random)]: valueOf(random, shape.value, depth - 1) };
    return named(random, () => valueOf(random, shape.value, depth - 1), 3);
  }
  return scalarOf(random, shape);
}

/** One action of a transaction. */
function actionOf(random: Random, { members }: StructureShape, depth: number): unknown {
  const [kind, shape] = pick(random, Object.entries(members));
  return { [kind]: valueOf(random, shape, depth - 1) };
}

function scalarOf(
  random: Random,
  shape: Exclude<Shape, { type: 'structure' | 'list' | 'map' }>,
): unknown {
  if (chance(random, 0.02)) return strange(random);
  switch (shape.type) {
    case 'boolean':
      return chance(random, 0.5);
    case 'string':
      return shape.values !== undefined && chance(random, 0.97)
        ? pick(random, shape.values)
        : pick(random, NAMES);
    case 'integer':
    case 'long':
    case 'double':
      return pick(random, [1, 1, 2, 3, 10, 0, -1, 100, 1e6, 2 ** 31, 2 ** 53, 1.5]);
    case 'timestamp':
      return pick(random, [0, 1, 1.5e9, -1, 1e308]);
    case 'blob':
      return pick(random, ['AA==', '?']);
    default:
      return unreachable(shape);
  }
}

/** Puts something strange in up to three places of `tree`. */
function mutated(random: Random, tree: unknown): unknown {
  let result = tree;
  for (let changes = 1 + randomBelow(random, 3); changes > 0; changes -= 1) {
    let left = randomBelow(random, 20);
    const walk = (node: unknown): unknown => {
      left -= 1;
      if (left === -1) return strange(random);
      if (Array.isArray(node)) return node.map(walk);
      if (typeof node === 'object' && node !== null)
        return Object.fromEntries(Object.entries(node).map(([name, child]) => [name, walk(child)]));
      return node;
    };
    result = walk(result);
  }
  return result;
}

const ODD_TEXTS = [
  '',
  ' ',
  ',',
  '=',
  'x',
  '\u00ff',
  'x'.repeat(3000),
  '%00',
  'AWS4-HMAC-SHA256',
  '__proto__',
  ';q=',
  '*',
  '20260101T000000Z',
] as const;

function withOddHeaders(random: Random, operation: string): FuzzRequest {
  const headers: Record<string, string> = {};
  const odd = (name: string, own: readonly string[]): void => {
    if (chance(random, 0.4)) headers[name] = pick(random, chance(random, 0.7) ? own : ODD_TEXTS);
  };
  odd('content-type', [
    'application/json',
    'application/x-amz-json-1.1',
    'application/x-amz-json-1.0;charset=x',
    'text/plain',
  ]);
  odd('x-amz-target', [
    'DynamoDB_20120810.',
    'DynamoDB_20120810.__proto__',
    'DynamoDBStreams_20120810.ListStreams',
    '.',
    operation,
  ]);
  odd('x-amz-date', ['2026', '99999999T999999Z', 'Thu, 01 Jan 1970 00:00:00 GMT']);
  odd('accept-encoding', ['gzip', 'deflate;q=0.5, gzip;q=x', '*;q=0', 'br', 'identity']);
  odd('content-encoding', ['identity', 'IDENTITY']);
  odd('origin', ['null', 'https://example.com']);
  odd('authorization', [
    AUTHORIZATION.replace('any/20260101', 'any'),
    AUTHORIZATION.replace('us-east-1', 'eu-west-1'),
    AUTHORIZATION.replace('Signature=00', ''),
    AUTHORIZATION.replaceAll('=', ''),
    'Bearer x',
  ]);
  const request = post(operation, JSON.stringify(inputOf(random, operation)), headers);
  return chance(random, 0.1)
    ? { ...request, method: pick(random, ['GET', 'PUT', 'OPTIONS', 'DELETE', 'PATCH']) }
    : request;
}

/** Whole codings cut short or damaged, bytes that are no text, and text that is no JSON. */
function withOddBytes(random: Random, operation: string): FuzzRequest {
  const text = Buffer.from(JSON.stringify(inputOf(random, operation)));
  const damaged = (bytes: Buffer): Buffer => {
    const copy = Buffer.from(bytes);
    for (let changes = randomBelow(random, 3); changes > 0; changes -= 1)
      copy[randomBelow(random, copy.length)] = randomBelow(random, 256);
    return copy.subarray(0, chance(random, 0.5) ? randomBelow(random, copy.length + 1) : undefined);
  };
  return pick(random, [
    () => post(operation, damaged(text)),
    () => post(operation, Buffer.from(random.bytes(randomBelow(random, 200)))),
    () => post(operation, damaged(gzipSync(text)), { 'content-encoding': 'gzip' }),
    () => post(operation, damaged(deflateSync(text)), { 'content-encoding': 'deflate' }),
    () =>
      post(operation, gzipSync(text), {
        'content-encoding': pick(random, ['gzip', 'br', 'gzip, gzip']),
      }),
    () => post(operation, text, { 'content-encoding': pick(random, ['gzip', 'deflate', 'x', '']) }),
  ])();
}

function deep(random: Random): FuzzRequest {
  const value = nested(random, pick(random, [5, 31, 32, 33, 34, 100, 1_000, 5_000]));
  const body = pick(random, [
    `{"TableName":"table","Item":{"pk":{"S":"a"},"sk":{"N":"1"},"deep":${value}}}`,
    `{"TableName":"table","Key":{"pk":${value}},"ExpressionAttributeValues":{":v":${value}}}`,
    `{"TableName":"table","UpdateExpression":"SET a = :v","Key":{"pk":{"S":"a"},"sk":{"N":"1"}},"ExpressionAttributeValues":{":v":${value}}}`,
    `{"RequestItems":{"table":${value}}}`,
    value,
  ]);
  return post(pick(random, ITEM_OPERATIONS), body);
}

/** Whether DynamoDB itself answers 500: to a body that is not in the coding that it is said to be in. */
export const isMiscoded = ({ headers }: FuzzRequest): boolean =>
  headers['content-encoding'] !== undefined &&
  headers['content-encoding'].trim().toLowerCase() !== 'identity';
