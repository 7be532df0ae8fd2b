import { call, callIn } from './call.ts';
import type { FillBatch } from './workload.ts';
import {
  EXPIRING,
  expiringBatches,
  fillBatches,
  SHARED,
  TABLES,
  TIME_TO_LIVE,
} from './workloads.ts';

const CONCURRENCY = 4;
const STATUS_POLL_MS = 20;
const STATUS_POLLS_MAX = 3000;

/** Creates the workloads' tables on a target and fills them. Rejects with the target's answer when it refuses. */
export async function fill(port: number): Promise<void> {
  for (const table of TABLES) await createTable(port, table);
  await writeBatches(port, fillBatches());
}

export async function createTable(
  port: number,
  table: { readonly TableName: string },
): Promise<void> {
  await call(port, 'CreateTable', table);
  await untilActive(port, table.TableName);
}

/** Each is an input of `BatchWriteItem`; a few at once. */
export async function writeBatches(port: number, batches: Generator<FillBatch>): Promise<void> {
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      for (const batch of batches) await call(port, 'BatchWriteItem', batch);
    }),
  );
}

/** Creates the table of `PutItem`, and the one whose items expire. */
export async function createExpiring(port: number): Promise<void> {
  for (const table of [TABLES[0], EXPIRING]) await createTable(port, table);
  await call(port, 'UpdateTimeToLive', TIME_TO_LIVE);
}

/** Fills it with items that end at that second. */
export async function fillExpiring(port: number, untilS: number): Promise<void> {
  await writeBatches(port, expiringBatches(untilS));
}

/** Creates the table of the shared workloads, with a replica in the region `replica`. */
export async function createShared(port: number, replica: string): Promise<void> {
  const { TableName } = SHARED;
  await createTable(port, SHARED);
  await addReplica(port, TableName, replica);
}

/** Resolves when the replica has all that the table held. */
export async function addReplica(port: number, TableName: string, replica: string): Promise<void> {
  const ReplicaUpdates = [{ Create: { RegionName: replica } }];
  await call(port, 'UpdateTable', { TableName, ReplicaUpdates });
  await untilActive(port, TableName, '"ReplicaStatus":"ACTIVE"');
}

/** Resolves when the other region has the table no more. */
export async function removeReplica(
  port: number,
  TableName: string,
  replica: { readonly name: string; readonly port: number },
): Promise<void> {
  const ReplicaUpdates = [{ Delete: { RegionName: replica.name } }];
  await call(port, 'UpdateTable', { TableName, ReplicaUpdates });
  const isGone = async (): Promise<boolean> =>
    !(await callIn(replica.name, replica.port, 'ListTables', {})).includes(`"${TableName}"`) &&
    !(await call(port, 'DescribeTable', { TableName })).includes(`"${replica.name}"`);
  for (let poll = 0; poll < STATUS_POLLS_MAX; poll++) {
    if (await isGone()) return;
    await new Promise((resolve) => setTimeout(resolve, STATUS_POLL_MS));
  }
  throw new Error(`${TableName} keeps its replica in ${replica.name}`);
}

async function untilActive(port: number, TableName: string, also = ''): Promise<void> {
  for (let poll = 0; poll < STATUS_POLLS_MAX; poll++) {
    const description = await call(port, 'DescribeTable', { TableName });
    if (description.includes('"TableStatus":"ACTIVE"') && description.includes(also)) return;
    await new Promise((resolve) => setTimeout(resolve, STATUS_POLL_MS));
  }
  throw new Error(`${TableName} did not become ACTIVE`);
}
