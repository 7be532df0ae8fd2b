import { rawHeaders } from './raw-request.ts';
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
const STATUS_POLLS_MAX = 500;

/** Creates the workloads' tables on a target and fills them. Rejects with the target's answer when it refuses. */
export async function fill(port: number): Promise<void> {
  for (const table of TABLES) {
    await call(port, 'CreateTable', table);
    await untilActive(port, table.TableName);
  }
  const batches = fillBatches();
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      for (const batch of batches) await call(port, 'BatchWriteItem', batch);
    }),
  );
}

/** Creates the table of `PutItem`, and the one whose items expire. */
export async function createExpiring(port: number): Promise<void> {
  for (const table of [TABLES[0], EXPIRING]) {
    await call(port, 'CreateTable', table);
    await untilActive(port, table.TableName);
  }
  await call(port, 'UpdateTimeToLive', TIME_TO_LIVE);
}

/** Fills it with items that end at that second. */
export async function fillExpiring(port: number, untilS: number): Promise<void> {
  const batches = expiringBatches(untilS);
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      for (const batch of batches) await call(port, 'BatchWriteItem', batch);
    }),
  );
}

/** Creates the table of the shared workloads, with a replica in the region `replica`. */
export async function createShared(port: number, replica: string): Promise<void> {
  const { TableName } = SHARED;
  await call(port, 'CreateTable', SHARED);
  await untilActive(port, TableName);
  const ReplicaUpdates = [{ Create: { RegionName: replica } }];
  await call(port, 'UpdateTable', { TableName, ReplicaUpdates });
  await untilActive(port, TableName, '"ReplicaStatus":"ACTIVE"');
}

async function untilActive(port: number, TableName: string, also = ''): Promise<void> {
  for (let poll = 0; poll < STATUS_POLLS_MAX; poll++) {
    const description = await call(port, 'DescribeTable', { TableName });
    if (description.includes('"TableStatus":"ACTIVE"') && description.includes(also)) return;
    await new Promise((resolve) => setTimeout(resolve, STATUS_POLL_MS));
  }
  throw new Error(`${TableName} did not become ACTIVE`);
}

async function call(port: number, operation: string, input: object): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/`, {
    method: 'POST',
    headers: rawHeaders(operation),
    body: JSON.stringify(input),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${operation}: ${response.status} ${text}`);
  return text;
}
