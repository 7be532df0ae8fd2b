import {
  CreateTableCommand,
  DeleteItemCommand,
  DescribeTableCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  ResourceNotFoundException,
  ScanCommand,
  type TableDescription,
  UpdateTableCommand,
} from '@aws-sdk/client-dynamodb';

import type { TestRegion } from './test-lab.ts';
import { until } from './until.ts';

/** The table of most tests: a key `id` and a value `v`, both strings. */
export const TABLE = 'things';

type Place = Pick<TestRegion, 'client'>;

export async function createTable({ client }: Place, name = TABLE): Promise<void> {
  await client.send(
    new CreateTableCommand({
      TableName: name,
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
      BillingMode: 'PAY_PER_REQUEST',
    }),
  );
  await until(`${name} to be ACTIVE`, async () => {
    const table = await describe({ client }, name);
    return table?.TableStatus === 'ACTIVE';
  });
}

/** Undefined when there is no such table. */
export async function describe(
  { client }: Place,
  name = TABLE,
): Promise<TableDescription | undefined> {
  try {
    const { Table } = await client.send(new DescribeTableCommand({ TableName: name }));
    return Table;
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined;
    throw error;
  }
}

/** Asks for the change; does not wait for it. */
export async function changeReplica(
  { client }: Place,
  action: 'Create' | 'Delete',
  { region, table = TABLE }: { readonly region: string; readonly table?: string },
): Promise<TableDescription | undefined> {
  const { TableDescription: description } = await client.send(
    new UpdateTableCommand({
      TableName: table,
      ReplicaUpdates: [{ [action]: { RegionName: region } }],
    }),
  );
  return description;
}

/** Asks `from` for a replica in each of the others, one after the other, and waits until all are ACTIVE everywhere. */
export async function replicate(
  from: TestRegion,
  to: readonly TestRegion[],
  table = TABLE,
): Promise<void> {
  const members = [from];
  for (const region of to) {
    await changeReplica(from, 'Create', { region: region.name, table });
    members.push(region);
    await untilMembers(members, table);
  }
}

/** Waits until these regions, and no others, are members of the table, and ACTIVE to each other. */
export async function untilMembers(regions: readonly TestRegion[], table = TABLE): Promise<void> {
  await until(
    `${table} to have the members ${regions.map(({ name }) => name).join(', ')}`,
    async () => {
      const tables = await Promise.all(regions.map(async (region) => describe(region, table)));
      return tables.every(
        (each) =>
          each?.TableStatus === 'ACTIVE' &&
          (each.Replicas ?? []).length === regions.length - 1 &&
          (each.Replicas ?? []).every(({ ReplicaStatus }) => ReplicaStatus === 'ACTIVE'),
      );
    },
    { detail: () => regions.map((region) => [region.name, region.table(table)]) },
  );
}

/** Three regions' worth of table: created in the first and replicated to the others. */
export async function createGlobalTable(
  regions: readonly TestRegion[],
  table = TABLE,
): Promise<void> {
  const [first, ...others] = regions;
  if (first === undefined) throw new Error('a global table needs a region');
  await createTable(first, table);
  await replicate(first, others, table);
}

export async function put({ client }: Place, id: string, v: string, table = TABLE): Promise<void> {
  await client.send(new PutItemCommand({ TableName: table, Item: { id: { S: id }, v: { S: v } } }));
}

/** Puts `count` items, several at once, `<prefix>0` and so on, each with its own key as the value. */
export async function putMany(
  place: Place,
  { prefix, count, table = TABLE }: { prefix: string; count: number; table?: string },
): Promise<readonly string[]> {
  const ids = Array.from({ length: count }, (_, at) => `${prefix}${at}`);
  const queue = [...ids];
  const writer = async (): Promise<void> => {
    for (let id = queue.shift(); id !== undefined; id = queue.shift())
      await put(place, id, id, table);
  };
  await Promise.all(Array.from({ length: WRITERS }, writer));
  return ids;
}

const WRITERS = 16;

export async function remove({ client }: Place, id: string, table = TABLE): Promise<void> {
  await client.send(new DeleteItemCommand({ TableName: table, Key: { id: { S: id } } }));
}

/** The value, undefined when there is no such item. A strongly consistent read unless told otherwise. */
export async function get(
  { client }: Place,
  id: string,
  { table = TABLE, consistent = true }: { table?: string; consistent?: boolean } = {},
): Promise<string | undefined> {
  const { Item } = await client.send(
    new GetItemCommand({ TableName: table, Key: { id: { S: id } }, ConsistentRead: consistent }),
  );
  return Item?.['v']?.S;
}

/** Every item, its value by its key. */
export async function scanAll(
  { client }: { readonly client: DynamoDBClient },
  table = TABLE,
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  let start: Record<string, { S: string }> | undefined;
  do {
    const { Items = [], LastEvaluatedKey } = await client.send(
      new ScanCommand({ TableName: table, ConsistentRead: true, ExclusiveStartKey: start }),
    );
    for (const { id, v } of Items) found.set(id?.S ?? '', v?.S ?? '');
    const last = LastEvaluatedKey?.['id']?.S;
    start = last === undefined ? undefined : { id: { S: last } };
  } while (start !== undefined);
  return found;
}

/**
 * Waits until nothing of the table is pending between these regions and their digests are equal; resolves with what
 * all of them hold, which is read from each and compared.
 */
export async function untilEqual(
  regions: readonly TestRegion[],
  table = TABLE,
): Promise<ReadonlyMap<string, string>> {
  await until(
    `${regions.map(({ name }) => name).join(', ')} to be equal`,
    async () => {
      const pending = await Promise.all(
        regions.map(async (region) => pendingRecords(region, { table, targets: regions })),
      );
      if (pending.some((records) => records > 0)) return false;
      return new Set(regions.map((region) => region.table(table)?.digest)).size === 1;
    },
    {
      detail: () => regions.map((region) => [region.name, region.running.operations.replication()]),
    },
  );
  const [first = new Map<string, string>(), ...others] = await Promise.all(
    regions.map(async (region) => scanAll(region, table)),
  );
  for (const other of others) {
    const differs = [...new Set([...first.keys(), ...other.keys()])].filter(
      (id) => first.get(id) !== other.get(id),
    );
    if (differs.length > 0)
      throw new Error(`digests are equal, items are not: ${differs.slice(0, 10).join(', ')}`);
  }
  return first;
}

/** What `region` still has to ship of the table to the targets, all together. */
export async function pendingRecords(
  region: TestRegion,
  { table = TABLE, targets }: { table?: string; targets: readonly TestRegion[] },
): Promise<number> {
  const names = new Set(targets.map(({ name }) => name));
  const samples = await region.metric('tidemark_replication_pending_records');
  return samples
    .filter(({ labels }) => labels['table'] === table && names.has(labels['target'] ?? ''))
    .reduce((sum, { value }) => sum + value, 0);
}
