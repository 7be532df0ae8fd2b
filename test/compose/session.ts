import { expect } from 'vitest';
import {
  CreateTableCommand,
  DescribeTableCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  UpdateTableCommand,
} from '@aws-sdk/client-dynamodb';

import { until } from '../support/until.ts';

const TABLE = 'Cities';
const WAIT_MS_MAX = 60_000;

export interface SessionRegion {
  readonly name: string;
  /** One for each daemon of the region. */
  readonly clients: readonly DynamoDBClient[];
}

/**
 * What the README's reader does: makes a table in the first region with a replica in each other one, writes through
 * every daemon, and reads each write through every daemon of every region.
 */
export async function runSession(regions: readonly SessionRegion[]): Promise<void> {
  const [first, ...others] = regions;
  const [client] = first?.clients ?? [];
  if (client === undefined) throw new Error('a session needs a region');
  await client.send(
    new CreateTableCommand({
      TableName: TABLE,
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
      BillingMode: 'PAY_PER_REQUEST',
    }),
  );
  await untilActive(client, 0);
  for (const [at, { name }] of others.entries()) {
    await client.send(
      new UpdateTableCommand({
        TableName: TABLE,
        ReplicaUpdates: [{ Create: { RegionName: name } }],
      }),
    );
    await untilActive(client, at + 1);
  }
  await writeAndRead(regions, 'made');
}

/** Writes through every daemon, and reads each write through every daemon of every region. */
export async function writeAndRead(regions: readonly SessionRegion[], word: string): Promise<void> {
  const written: string[] = [];
  for (const { name, clients } of regions) {
    for (const [at, client] of clients.entries()) {
      const id = `${word}-${name}-${at}`;
      await client.send(new PutItemCommand({ TableName: TABLE, Item: { id: { S: id } } }));
      written.push(id);
    }
  }
  for (const { name, clients } of regions) {
    for (const [at, client] of clients.entries()) {
      for (const id of written) {
        const found = await until(
          `${id} to be in ${name} by daemon ${at}`,
          async () => readFrom(client, id),
          {
            limitMs: WAIT_MS_MAX,
          },
        );
        expect(found).toBe(id);
      }
    }
  }
}

async function readFrom(client: DynamoDBClient, id: string): Promise<string | undefined> {
  const { Item } = await client.send(
    new GetItemCommand({ TableName: TABLE, Key: { id: { S: id } } }),
  );
  return Item?.['id']?.S;
}

/** Waits until the table and its replicas, as many as given, are active. */
async function untilActive(client: DynamoDBClient, replicas: number): Promise<void> {
  await until(
    `${TABLE} to be active with ${replicas} replicas`,
    async () => {
      const { Table } = await client.send(new DescribeTableCommand({ TableName: TABLE }));
      const statuses = Table?.Replicas?.map(({ ReplicaStatus }) => ReplicaStatus) ?? [];
      return (
        Table?.TableStatus === 'ACTIVE' &&
        statuses.length === replicas &&
        statuses.every((status) => status === 'ACTIVE')
      );
    },
    { limitMs: WAIT_MS_MAX },
  );
}
