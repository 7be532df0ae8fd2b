import {
  DescribeTableCommand,
  ListTagsOfResourceCommand,
  type Tag,
  TagResourceCommand,
  UntagResourceCommand,
} from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';

import {
  call,
  complaint,
  invalid,
  type Outcome,
  parameter,
  refused,
  sendRaw,
  shapeErrors,
} from './raw-request.ts';
import { client, HASH_TABLE, newTable } from './target.ts';

async function arnOf(TableName: string): Promise<string> {
  const { Table } = await client.send(new DescribeTableCommand({ TableName }));
  return Table?.TableArn ?? '';
}

const tableName = await newTable();
const ResourceArn = await arnOf(tableName);

async function listed(arn = ResourceArn): Promise<Tag[]> {
  const { Tags = [] } = await client.send(new ListTagsOfResourceCommand({ ResourceArn: arn }));
  return Tags.toSorted((one, other) => ((one.Key ?? '') < (other.Key ?? '') ? -1 : 1));
}

/** Changes of tags hold a lock for a while at AWS, and are read a little later. */
const patient = { timeout: 30_000, interval: 200 };

async function change(send: () => Promise<unknown>): Promise<void> {
  await expect.poll(async () => send().then(() => 'done', String), patient).toBe('done');
}

test('a table without tags has an empty list of them', async () => {
  expect(await call('ListTagsOfResource', { ResourceArn: await arnOf(await newTable()) })).toEqual({
    status: 200,
    output: { Tags: [] },
  });
});

test('tags are put, put over each other and taken away', async () => {
  const first = [
    { Key: 'Env', Value: 'prod' },
    { Key: 'env', Value: '' },
  ];
  await change(async () => client.send(new TagResourceCommand({ ResourceArn, Tags: first })));
  await expect.poll(listed, patient).toEqual(first);
  const over = [{ Key: 'Env', Value: 'test' }];
  await change(async () => client.send(new TagResourceCommand({ ResourceArn, Tags: over })));
  await expect.poll(listed, patient).toEqual([over[0], first[1]]);
  await change(async () =>
    client.send(new UntagResourceCommand({ ResourceArn, TagKeys: ['env', 'never set'] })),
  );
  await expect.poll(listed, patient).toEqual(over);
  await change(async () =>
    client.send(new UntagResourceCommand({ ResourceArn, TagKeys: ['Env'] })),
  );
  await expect.poll(listed, patient).toEqual([]);
});

test('tags that a table is created with are there once it is', async () => {
  const Tags = [{ Key: 'owner', Value: 'me @ work' }];
  const arn = await arnOf(await newTable({ ...HASH_TABLE, Tags }));
  await expect.poll(async () => listed(arn), patient).toEqual(Tags);
});

test('fifty tags come on one page', async () => {
  const arn = await arnOf(
    await newTable({
      ...HASH_TABLE,
      Tags: Array.from({ length: 50 }, (_, at) => ({ Key: `k${at}`, Value: 'v' })),
    }),
  );
  await expect.poll(async () => (await listed(arn)).length, patient).toBe(50);
  expect(
    await call('TagResource', { ResourceArn: arn, Tags: [{ Key: 'more', Value: '' }] }),
  ).toEqual(invalid('Number of Tags exceed the current limit for the provided ResourceArn'));
});

test('a change of tags is answered with nothing at all', async () => {
  const body = JSON.stringify({ ResourceArn, TagKeys: ['never set'] });
  const { status, bytes } = await sendRaw({ target: 'UntagResource', body });
  expect([status, bytes.length]).toEqual([200, 0]);
});

const keys = (count: number): string[] => Array.from({ length: count }, (_, at) => `k${at}`);

test.each([
  ['TagResource', { Tags: [] }, 'Atleast one Tag needs to be provided as Input.'],
  ['TagResource', { Tags: [{ Key: '', Value: '' }] }, 'The Tag Key provided is invalid, Key: '],
  [
    'TagResource',
    { Tags: [{ Key: 'aws:mine', Value: 'v' }] },
    'Tag Key cannot be prefixed with aws:, Key: aws:mine',
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
  [
    'UntagResource',
    { TagKeys: ['aws:mine'] },
    'Tag Key cannot be prefixed with aws:, Key: aws:mine',
  ],
  ['UntagResource', {}, shapeErrors(complaint('null', 'tagKeys', 'Member must not be null'))],
])('%s refuses %j', async (operation, input, message) => {
  expect(await call(operation, { ResourceArn, ...input })).toEqual(invalid(message));
});

test.each<[string, string | undefined, Outcome]>([
  ['no ARN', undefined, invalid('Invalid TableArn')],
  ['a name', tableName, invalid(parameter(`ARNs must start with 'arn:': ${tableName}`))],
  [
    'an index',
    `${ResourceArn}/index/ByYear`,
    invalid(
      parameter(
        `Invalid resource arn provided, only table or stream is accepted. Provided resource arn: ${ResourceArn}/index/ByYear`,
      ),
    ),
  ],
  [
    'a table that is not there',
    `${ResourceArn}x`,
    refused(
      'ResourceNotFoundException',
      `Requested resource not found: ResourceArn: ${ResourceArn}x not found`,
    ),
  ],
])('tags of %s are refused by all three operations', async (_, arn, outcome) => {
  const inputs = [
    ['ListTagsOfResource', {}],
    ['TagResource', { Tags: [{ Key: 'a', Value: 'b' }] }],
    ['UntagResource', { TagKeys: ['a'] }],
  ] as const;
  for (const [operation, input] of inputs)
    expect(await call(operation, { ResourceArn: arn, ...input })).toEqual(outcome);
});
