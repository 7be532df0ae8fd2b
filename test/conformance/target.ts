import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';

import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DeleteTableCommand,
  DynamoDBClient,
  type DynamoDBClientConfig,
  DynamoDBServiceException,
  ResourceInUseException,
  ResourceNotFoundException,
  type TableDescription,
  TransactionCanceledException,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import { afterAll, expect, inject } from 'vitest';

/** How long a table may take to become ACTIVE, in seconds: AWS needs some ten. */
const tableWaitS = 120;

const endpoint = inject('conformanceEndpoint');

/** How any client of the AWS SDK reaches what is tested. */
export const clientConfig: DynamoDBClientConfig = {
  region: inject('conformanceRegion'),
  ...(endpoint === undefined ? {} : { endpoint }),
  ...(process.env['AWS_ACCESS_KEY_ID'] === undefined
    ? { credentials: { accessKeyId: 'test', secretAccessKey: 'test' } }
    : {}),
};

export const client = new DynamoDBClient({ ...clientConfig, maxAttempts: 1 });

/** A name that no other test has. */
export const newName = (): string => `conformance.${randomUUID()}`;

/** The table's definition but for its name; a table with the key `id` (S) when it is not given. */
export type TableChoice = Partial<Omit<CreateTableCommandInput, 'TableName'>>;

export const HASH_TABLE: TableChoice = {
  AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
  KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
};

export const RANGE_TABLE: TableChoice = {
  AttributeDefinitions: [
    { AttributeName: 'id', AttributeType: 'S' },
    { AttributeName: 'at', AttributeType: 'N' },
  ],
  KeySchema: [
    { AttributeName: 'id', KeyType: 'HASH' },
    { AttributeName: 'at', KeyType: 'RANGE' },
  ],
};

/** Makes a table, waits until it is ACTIVE, and answers its name. It goes when the tests of the file have ended. */
export async function newTable(choice: TableChoice = HASH_TABLE): Promise<string> {
  const TableName = newName();
  await createTable({ TableName, ...choice });
  return TableName;
}

/** As `newTable`, for one who wants to say all of it. */
export async function createTable(
  input: TableChoice & { readonly TableName: string },
): Promise<TableDescription | undefined> {
  const { TableDescription: made } = await client.send(
    new CreateTableCommand({
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: undefined,
      KeySchema: undefined,
      ...input,
    }),
  );
  afterAll(async () => dropTable(input.TableName));
  await waitUntilTableExists(
    { client, maxWaitTime: tableWaitS, minDelay: 0.02, maxDelay: 2 },
    { TableName: input.TableName },
  );
  return made;
}

/** At AWS a table cannot be deleted while it changes. */
async function dropTable(TableName: string): Promise<void> {
  const untilMs = Date.now() + tableWaitS * 1000;
  for (;;) {
    try {
      await client.send(new DeleteTableCommand({ TableName }));
      return;
    } catch (error) {
      if (error instanceof ResourceNotFoundException) return;
      if (!(error instanceof ResourceInUseException) || Date.now() > untilMs) throw error;
      await setTimeout(500);
    }
  }
}

/** Expects the request to be refused with that code, HTTP status and message: a text, or a pattern of it. */
export async function expectRefusal(
  request: Promise<unknown>,
  refusal: { readonly name: string; readonly message?: string | RegExp; readonly status?: number },
): Promise<DynamoDBServiceException> {
  const error: unknown = await request.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof DynamoDBServiceException))
    throw new Error(`expected ${refusal.name}, got ${String(error)}`);
  expect(error.name).toBe(refusal.name);
  expect(error.$metadata.httpStatusCode).toBe(refusal.status ?? 400);
  if (typeof refusal.message === 'string') expect(error.message).toBe(refusal.message);
  else if (refusal.message !== undefined) expect(error.message).toMatch(refusal.message);
  return error;
}

/** Whether a transaction was refused because other work on one of its items was under way. */
export const isConflict = (error: unknown): boolean =>
  error instanceof TransactionCanceledException &&
  error.CancellationReasons?.some(({ Code }) => Code === 'TransactionConflict') === true;
