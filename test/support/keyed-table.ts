import { CreateTableCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { AttributeValue, DynamoDBClient } from '@aws-sdk/client-dynamodb';

let tables = 0;

/** Makes a table with the keys `pk` (S) and `sk` (N), and a name of its own where none is given. */
export async function createKeyedTable(client: DynamoDBClient, name?: string): Promise<string> {
  tables += 1;
  const TableName = name ?? `table-${tables}`;
  await client.send(
    new CreateTableCommand({
      TableName,
      AttributeDefinitions: [
        { AttributeName: 'pk', AttributeType: 'S' },
        { AttributeName: 'sk', AttributeType: 'N' },
      ],
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
      BillingMode: 'PAY_PER_REQUEST',
    }),
  );
  return TableName;
}

/** The key of an item of such a table. */
export const keyOf = (pk: string, sk: number): Record<string, AttributeValue> => ({
  pk: { S: pk },
  sk: { N: String(sk) },
});

/** Puts items 1 to `items` under a partition key, each saying in `even` and `text` which it is. */
export async function fillKey(
  client: DynamoDBClient,
  TableName: string,
  { pk, items }: { readonly pk: string; readonly items: number },
): Promise<void> {
  for (let sk = 1; sk <= items; sk += 1) {
    await client.send(
      new PutItemCommand({
        TableName,
        Item: { ...keyOf(pk, sk), even: { BOOL: sk % 2 === 0 }, text: { S: `item ${sk}` } },
      }),
    );
  }
}
