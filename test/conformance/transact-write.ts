import {
  type AttributeValue,
  type CancellationReason,
  GetItemCommand,
  PutItemCommand,
  type TransactWriteItem,
  TransactWriteItemsCommand,
  type TransactWriteItemsCommandInput,
  type TransactWriteItemsCommandOutput,
  TransactionCanceledException,
} from '@aws-sdk/client-dynamodb';
import { expect } from 'vitest';

import { client, expectRefusal, newTable, RANGE_TABLE } from './target.ts';

export type Item = Record<string, AttributeValue>;

export const one = await newTable();
export const two = await newTable(RANGE_TABLE);
export const indexed = await newTable({
  AttributeDefinitions: ['id', 'at', 'l', 'g'].map((AttributeName) => ({
    AttributeName,
    AttributeType: 'S',
  })),
  KeySchema: [
    { AttributeName: 'id', KeyType: 'HASH' },
    { AttributeName: 'at', KeyType: 'RANGE' },
  ],
  LocalSecondaryIndexes: [
    {
      IndexName: 'local',
      KeySchema: [
        { AttributeName: 'id', KeyType: 'HASH' },
        { AttributeName: 'l', KeyType: 'RANGE' },
      ],
      Projection: { ProjectionType: 'ALL' },
    },
  ],
  GlobalSecondaryIndexes: [
    {
      IndexName: 'global',
      KeySchema: [{ AttributeName: 'g', KeyType: 'HASH' }],
      Projection: { ProjectionType: 'ALL' },
    },
  ],
});

export const key = (id: string): Item => ({ id: { S: id } });

export const write = async (
  TransactItems: TransactWriteItem[],
  choice: Partial<TransactWriteItemsCommandInput> = {},
): Promise<TransactWriteItemsCommandOutput> =>
  client.send(new TransactWriteItemsCommand({ TransactItems, ...choice }));

export async function stored(id: string): Promise<Item | undefined> {
  const { Item: item } = await client.send(
    new GetItemCommand({ TableName: one, Key: key(id), ConsistentRead: true }),
  );
  return item;
}

export async function given(id: string, more: Item = {}): Promise<Item> {
  const made = { ...key(id), ...more };
  await client.send(new PutItemCommand({ TableName: one, Item: made }));
  return made;
}

export const put = (id: string, more: Item = {}): TransactWriteItem => ({
  Put: { TableName: one, Item: { ...key(id), ...more } },
});

export const putUnless = (id: string): TransactWriteItem => ({
  Put: { TableName: one, Item: key(id), ConditionExpression: 'attribute_not_exists(id)' },
});

export const count = (id: string, by = '1'): TransactWriteItem => ({
  Update: {
    TableName: one,
    Key: key(id),
    UpdateExpression: 'ADD n :by',
    ExpressionAttributeValues: { ':by': { N: by } },
  },
});

export const remove = (id: string): TransactWriteItem => ({
  Delete: { TableName: one, Key: key(id) },
});

export const checkThere = (id: string): TransactWriteItem => ({
  ConditionCheck: {
    TableName: one,
    Key: key(id),
    ConditionExpression: 'attribute_exists(id)',
  },
});

export const FAILED = { Code: 'ConditionalCheckFailed', Message: 'The conditional request failed' };
export const NONE = { Code: 'None' };

/** Why the transaction was cancelled, as its message says, too. */
export async function reasonsOf(
  transaction: Promise<unknown>,
): Promise<readonly CancellationReason[]> {
  const error = await expectRefusal(transaction, { name: 'TransactionCanceledException' });
  if (!(error instanceof TransactionCanceledException)) throw error;
  const { CancellationReasons: reasons = [] } = error;
  const codes = reasons.map(({ Code }) => Code).join(', ');
  expect(error.message).toBe(
    `Transaction cancelled, please refer cancellation reasons for specific reasons [${codes}]`,
  );
  return reasons;
}
