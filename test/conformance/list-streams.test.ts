import { UpdateTableCommand, DeleteTableCommand } from '@aws-sdk/client-dynamodb';
import { ListStreamsCommand, type ListStreamsCommandInput } from '@aws-sdk/client-dynamodb-streams';
import { describe, expect, test } from 'vitest';

import {
  expectStreamRefusal,
  latestArn,
  newStreamTable,
  streams,
  untilStatus,
} from './streams-client.ts';
import { client, newName, newTable } from './target.ts';

const list = async (input: ListStreamsCommandInput): ReturnType<typeof send> => send(input);
const send = async (
  input: ListStreamsCommandInput,
): Promise<{
  readonly arns: readonly (string | undefined)[];
  readonly last: string | undefined;
}> => {
  const { Streams = [], LastEvaluatedStreamArn } = await streams.send(
    new ListStreamsCommand(input),
  );
  return { arns: Streams.map(({ StreamArn }) => StreamArn), last: LastEvaluatedStreamArn };
};

test("a table's streams are listed by name and label", async () => {
  const { table, arn } = await newStreamTable('KEYS_ONLY');
  const { Streams } = await streams.send(new ListStreamsCommand({ TableName: table }));
  const label = arn.split('/').at(-1);
  expect(Streams).toEqual([{ StreamArn: arn, TableName: table, StreamLabel: label }]);
  expect(label).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}$/u);
});

test('a table without a stream has an empty list', async () => {
  const table = await newTable();
  const { $metadata: _, ...answer } = await streams.send(
    new ListStreamsCommand({ TableName: table }),
  );
  expect(answer).toEqual({ Streams: [] });
});

test('pages hold every stream once, also while tables come', async () => {
  const made = [await newStreamTable(), await newStreamTable(), await newStreamTable()];
  const found: (string | undefined)[] = [];
  let after: string | undefined;
  do {
    const page = await list({
      Limit: 1,
      ...(after !== undefined && { ExclusiveStartStreamArn: after }),
    });
    expect(page.arns).toHaveLength(1);
    found.push(...page.arns);
    after = page.last;
    if (found.length === 1) await newStreamTable();
  } while (after !== undefined);
  for (const { arn } of made) expect(found.filter((each) => each === arn)).toEqual([arn]);
});

test('a disabled stream stays, and a new one has another label', async () => {
  const { table, arn } = await newStreamTable('KEYS_ONLY');
  const off = { StreamEnabled: false };
  await client.send(new UpdateTableCommand({ TableName: table, StreamSpecification: off }));
  await untilStatus(arn, 'DISABLED');
  const on = { StreamEnabled: true, StreamViewType: 'NEW_IMAGE' } as const;
  await client.send(new UpdateTableCommand({ TableName: table, StreamSpecification: on }));
  const second = await latestArn(table);
  await untilStatus(second, 'ENABLED');
  expect((await list({ TableName: table })).arns).toEqual([arn, second]);
});

test('the stream of a deleted table stays', async () => {
  const { table, arn } = await newStreamTable('KEYS_ONLY');
  await client.send(new DeleteTableCommand({ TableName: table }));
  await untilStatus(arn, 'DISABLED');
  expect((await list({ TableName: table })).arns).toEqual([arn]);
});

test('a table that is not there has no streams', async () => {
  expect((await list({ TableName: newName() })).arns).toEqual([]);
});

describe('refused', () => {
  test.each([0, 101])('a limit of %i', async (Limit) => {
    await expectStreamRefusal(
      list({ Limit }),
      'ValidationException',
      /at 'limit' failed to satisfy constraint/u,
    );
  });

  test('a start that is no ARN', async () => {
    const ExclusiveStartStreamArn = 'kossaapaaasdafsdaasdasdasdasasdasfadfadfasdasdas';
    await expectStreamRefusal(list({ ExclusiveStartStreamArn }), 'ValidationException');
  });
});
