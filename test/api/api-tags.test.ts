import {
  ListTagsOfResourceCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { SIGNED_HEADERS, startMemoryApi } from '../support/memory-api.ts';
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

const ResourceArn = 'arn:aws:dynamodb:us-east-1:000000000000:table/Music';
const Tags = [
  { Key: 'Env', Value: 'prod' },
  { Key: 'env', Value: '' },
];
const INVALID = 'One or more parameter values were invalid: ';

const listed = async (): Promise<unknown> => {
  const { body } = await api.call('ListTagsOfResource', { ResourceArn });
  return body;
};

interface Answer {
  readonly status: number;
  readonly text: string;
}

const send = async (operation: string, input: unknown): Promise<Answer> =>
  api.send({
    headers: { ...SIGNED_HEADERS, 'x-amz-target': `DynamoDB_20120810.${operation}` },
    body: JSON.stringify(input),
  });

test('a table without tags has an empty list of them', async () => {
  expect(await listed()).toEqual({ Tags: [] });
});

test('tags are put over each other and removed, and both are answered with nothing', async () => {
  expect(await send('TagResource', { ResourceArn, Tags })).toMatchObject({ status: 200, text: '' });
  expect(await listed()).toEqual({ Tags });
  await send('TagResource', { ResourceArn, Tags: [{ Key: 'Env', Value: 'test' }] });
  expect(await listed()).toEqual({ Tags: [{ Key: 'Env', Value: 'test' }, Tags[1]] });
  const removed = await send('UntagResource', { ResourceArn, TagKeys: ['env', 'never set'] });
  expect(removed).toMatchObject({ status: 200, text: '' });
  expect(await listed()).toEqual({ Tags: [{ Key: 'Env', Value: 'test' }] });
});

test('the SDK reads the empty answers', async () => {
  await api.client.send(new TagResourceCommand({ ResourceArn, Tags }));
  await api.client.send(new UntagResourceCommand({ ResourceArn, TagKeys: ['env'] }));
  const { Tags: left } = await api.client.send(new ListTagsOfResourceCommand({ ResourceArn }));
  expect(left).toEqual([Tags[0]]);
});

test('fifty tags come on one page, and any token asks for it', async () => {
  const fifty = Array.from({ length: 50 }, (_, at) => ({ Key: `k${at}`, Value: 'v' }));
  await send('TagResource', { ResourceArn, Tags: fifty });
  expect(await listed()).toEqual({ Tags: fifty });
  const { status, body } = await api.call('ListTagsOfResource', { ResourceArn, NextToken: 'any' });
  expect({ status, body }).toEqual({ status: 200, body: { Tags: fifty } });
  const more = await send('TagResource', { ResourceArn, Tags });
  expect(JSON.parse(more.text)).toEqual({
    __type: 'com.amazon.coral.validate#ValidationException',
    message: 'Number of Tags exceed the current limit for the provided ResourceArn',
  });
  expect(await listed()).toEqual({ Tags: fifty });
});

const keys = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, at) => `k${at}`);

test.each([
  ['TagResource', { Tags: [] }, 'Atleast one Tag needs to be provided as Input.'],
  ['TagResource', { Tags: [{}] }, 'The Tag Key provided is invalid, Key: null'],
  ['TagResource', { Tags: [{ Value: 'v' }] }, 'The Tag Key provided is invalid, Key: null'],
  ['TagResource', { Tags: [{ Key: 'k' }] }, 'The Tag Value provided is invalid, Value: null'],
  ['TagResource', { Tags: [{ Key: '', Value: '' }] }, 'The Tag Key provided is invalid, Key: '],
  [
    'TagResource',
    {
      Tags: [
        { Key: 'good', Value: 'v' },
        { Key: 'aws:zzz', Value: 'v' },
      ],
    },
    'Tag Key cannot be prefixed with aws:, Key: aws:zzz',
  ],
  [
    'TagResource',
    {
      Tags: [
        { Key: 'dup', Value: '1' },
        { Key: 'dup', Value: '2' },
      ],
    },
    'Duplicate Tag Keys provided as input: Duplicate Tag Key found dup',
  ],
  [
    'TagResource',
    { Tags: keys(51).map((Key) => ({ Key, Value: 'v' })) },
    'Number of Tags exceed the current limit for the provided ResourceArn',
  ],
  ['UntagResource', { TagKeys: [] }, 'Atleast one Tag Key needs to be provided as Input.'],
  ['UntagResource', { TagKeys: [''] }, 'The Tag Key provided is invalid, Key: '],
  ['UntagResource', { TagKeys: ['aws:foo'] }, 'Tag Key cannot be prefixed with aws:, Key: aws:foo'],
  [
    'UntagResource',
    { TagKeys: keys(51) },
    'Number of Tags exceed the current limit for the provided ResourceArn',
  ],
  [
    'UntagResource',
    {},
    "1 validation error detected: Value null at 'tagKeys' failed to satisfy constraint: Member must not be null",
  ],
])('%s refuses %j, all or nothing', async (operation, input, message) => {
  const { status, body } = await api.call(operation, { ResourceArn, ...input });
  expect({ status, body }).toEqual({
    status: 400,
    body: { __type: 'com.amazon.coral.validate#ValidationException', message },
  });
  expect(await listed()).toEqual({ Tags: [] });
});

const of = (from: string, to: string): string => ResourceArn.replace(from, to);

test.each([
  [undefined, 'ValidationException', 'Invalid TableArn'],
  ['', 'ValidationException', `${INVALID}ARNs must start with 'arn:': `],
  ['Music', 'ValidationException', `${INVALID}ARNs must start with 'arn:': Music`],
  [
    `${ResourceArn}/backup/01791504762511-2779fadd`,
    'ValidationException',
    `${INVALID}Provided Arn is not a DynamoDB resource arn: ${ResourceArn}/backup/01791504762511-2779fadd`,
  ],
  [
    `${ResourceArn}/index/ByYear`,
    'ValidationException',
    `${INVALID}Invalid resource arn provided, only table or stream is accepted. Provided resource arn: ${ResourceArn}/index/ByYear`,
  ],
  [
    of('us-east-1', 'eu-west-1'),
    'ValidationException',
    `Invalid TableArn: Invalid ResourceArn provided as input ${of('us-east-1', 'eu-west-1')}`,
  ],
  [
    of('Music', 'ab'),
    'ValidationException',
    `Invalid TableArn: Invalid ResourceArn provided as input ${of('Music', 'ab')}`,
  ],
  [
    of('Music', 'MUSIC'),
    'ResourceNotFoundException',
    `Requested resource not found: ResourceArn: ${of('Music', 'MUSIC')} not found`,
  ],
  [
    `${ResourceArn}/stream/2026-10-09T00:29:04.041`,
    'ResourceNotFoundException',
    `Requested resource not found: ResourceArn: ${ResourceArn}/stream/2026-10-09T00:29:04.041 not found`,
  ],
])('the resource %s is answered %s by all three', async (arn, code, message) => {
  const requests = [
    ['ListTagsOfResource', {}],
    ['TagResource', { Tags }],
    ['UntagResource', { TagKeys: ['env'] }],
  ] as const;
  for (const [operation, input] of requests) {
    const { status, body } = await api.call(operation, { ResourceArn: arn, ...input });
    expect(status).toBe(400);
    expect(body).toEqual({ __type: expect.stringMatching(`#${code}$`) as unknown, message });
  }
});

test('a table of another account is nothing to know about', async () => {
  const input = { ResourceArn: of('000000000000', '111111111111') };
  expect(await api.call('ListTagsOfResource', input)).toEqual({
    status: 400,
    body: {
      __type: 'com.amazon.coral.service#AccessDeniedException',
      Message: 'Access is denied',
    },
  });
});

test('the ARN is looked at before what is to be done, and the tags before the table', async () => {
  const nothing = await api.call('TagResource', {});
  expect(nothing.body).toMatchObject({ message: 'Invalid TableArn' });
  const missing = { ResourceArn: of('Music', 'Missing'), Tags: [] };
  const untagged = await api.call('TagResource', missing);
  expect(untagged.body).toMatchObject({
    message: 'Atleast one Tag needs to be provided as Input.',
  });
});

test('a table in the making is not there to be tagged', async () => {
  api.region.alterTable('Music', { status: 'CREATING', tags: [{ key: 'a', value: 'b' }] });
  const { body } = await api.call('ListTagsOfResource', { ResourceArn });
  expect(body).toMatchObject({
    message: `Requested resource not found: ResourceArn: ${ResourceArn} not found`,
  });
});
