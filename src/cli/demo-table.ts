import { SystemClock } from '../daemon/system-clock.ts';
import type { DemoRegion } from './demo-region.ts';
import { poll } from './poll.ts';

const WAIT = { limitMs: 60_000, everyMs: 25 };

/** Creates the table in the first region and adds a replica in each other one, as a user of AWS does. */
export async function createGlobalTable(
  table: string,
  regions: readonly DemoRegion[],
  onStep: (text: string) => void,
): Promise<void> {
  const [first, ...others] = regions;
  if (first === undefined) throw new RangeError('no regions');
  await first.client.createTable({
    TableName: table,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [
      { AttributeName: 'country', AttributeType: 'S' },
      { AttributeName: 'cityId', AttributeType: 'N' },
    ],
    KeySchema: [
      { AttributeName: 'country', KeyType: 'HASH' },
      { AttributeName: 'cityId', KeyType: 'RANGE' },
    ],
  });
  await untilActive(table, first, []);
  onStep(`table ${table} is ACTIVE in ${first.name}`);
  const clock = new SystemClock();
  for (const [at, { name }] of others.entries()) {
    const startedMs = clock.monotonicMs();
    await first.client.updateTable({
      TableName: table,
      ReplicaUpdates: [{ Create: { RegionName: name } }],
    });
    await untilActive(table, first, others.slice(0, at + 1));
    onStep(`replica in ${name} is ACTIVE (${Math.round(clock.monotonicMs() - startedMs)} ms)`);
  }
  await Promise.all(
    regions.map(async (region) =>
      untilActive(
        table,
        region,
        regions.filter((other) => other !== region),
      ),
    ),
  );
}

/** Waits until `region` says that the table and its replicas in `others` are ACTIVE. */
async function untilActive(
  table: string,
  region: DemoRegion,
  others: readonly DemoRegion[],
): Promise<void> {
  await poll(`${table} to become ACTIVE in ${region.name}`, WAIT, async () => {
    const { Table } = await region.client.describeTable({ TableName: table });
    const replicas = new Map(
      (Table?.Replicas ?? []).map(({ RegionName, ReplicaStatus }) => [RegionName, ReplicaStatus]),
    );
    return (
      Table?.TableStatus === 'ACTIVE' && others.every(({ name }) => replicas.get(name) === 'ACTIVE')
    );
  });
}
