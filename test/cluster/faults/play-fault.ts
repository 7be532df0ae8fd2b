import {
  CreateTableCommand,
  DescribeTableCommand,
  UpdateTableCommand,
} from '@aws-sdk/client-dynamodb';

import { present } from '../../../src/base/assert.ts';
import type { WrittenKey } from '../../support/cluster-history.ts';
import { ClusterLoad } from '../../support/cluster-load.ts';
import {
  type ClusterRegion,
  ClusterWorld,
  type WorldOptions,
} from '../../support/cluster-world.ts';
import { until } from '../../support/until.ts';
import { untilConverged } from './converge.ts';
import type { Fault, Stage } from './fault.ts';

const TABLE = 'faults';
const WARM_UP_MS = 1500;
/** Under load without a fault, for comparison. */
const CALM_MS = 3000;
/** After the fault is mended and every client writes again. */
const AFTER_MS = 1500;
const RECOVER_MS_MAX = 40_000;
const WRITERS = 4;
const READERS = 1;
/** So far a machine that is shared may exceed a target. */
const TARGET_TIMES_MAX = 3;
/** How many of a kind are told. */
const TOLD_MAX = 5;

/** What came of a fault. */
export interface FaultResult {
  readonly fault: Fault;
  readonly outageMs: number;
  /** The same over some seconds before the fault, which tells how busy the machine is. */
  readonly calmMs: number;
  readonly acknowledged: number;
  readonly lost: number;
  /** From the end of the load until all digests were equal; undefined when they were not. */
  readonly convergedMs: number | undefined;
  /** What must not be, in words; empty when the fault is survived. */
  readonly wrong: readonly string[];
  readonly notes: readonly string[];
}

/** Whether the outage is within what is promised. */
export const meetsTarget = ({ fault, outageMs }: FaultResult): boolean =>
  fault.outageMsMax === undefined || outageMs <= fault.outageMsMax;

export interface PlayOptions extends Pick<WorldOptions, 'logFolder' | 'program'> {
  /** Ends everything at once. */
  readonly signal?: AbortSignal;
}

/** Plays a fault in a world of its own, which is gone when this resolves or rejects. */
export async function playFault(fault: Fault, options: PlayOptions = {}): Promise<FaultResult> {
  const world = await ClusterWorld.start({ ...options, regions: fault.regions });
  const played = new AbortController();
  const aborted = new Promise<never>((_, reject) => {
    const interrupt = (): void => reject(new Error('interrupted'));
    options.signal?.addEventListener('abort', interrupt, { signal: played.signal });
  });
  aborted.catch(() => {});
  try {
    if (options.signal?.aborted === true) throw new Error('interrupted');
    return await Promise.race([playIn(world, fault), aborted]);
  } finally {
    played.abort();
    await world.close();
  }
}

async function playIn(world: ClusterWorld, fault: Fault): Promise<FaultResult> {
  await createTable(world.regions);
  const { contested = 0, writers = WRITERS, thinkMs } = fault;
  const load = new ClusterLoad({
    table: TABLE,
    regions: world.regions,
    writers,
    readers: READERS,
    contested,
    ...(thinkMs === undefined ? {} : { thinkMs }),
  });
  const [wrong, notes]: [string[], string[]] = [[], []];
  const region = world.region(fault.region ?? present(world.regions[0], 'a region').name);
  const stage: Stage = {
    world,
    load,
    region,
    table: TABLE,
    sleep,
    wrong: (what) => void wrong.push(what),
    note: (what) => void notes.push(what),
  };
  load.start();
  await sleep(WARM_UP_MS);
  load.mark();
  await sleep(CALM_MS);
  const calmMs = load.outageMs(region.name);
  load.mark();
  try {
    await fault.play(stage);
    await untilServed(load);
  } catch (error) {
    wrong.push(error instanceof Error ? error.message : String(error));
  }
  await sleep(AFTER_MS);
  await load.stop();
  const outageMs = load.outageMs(region.name);
  for (const other of world.regions)
    if (other !== region)
      notes.push(`${other.name}: outage ${Math.round(load.outageMs(other.name))} ms`);
  const judged = await judge(world, load).catch((error: unknown): Judgement => ({
    acknowledged: load.history.acknowledgedCount,
    lost: 0,
    convergedMs: undefined,
    wrong: [`it could not be judged: ${error instanceof Error ? error.message : String(error)}`],
  }));
  return {
    fault,
    outageMs,
    calmMs,
    ...judged,
    wrong: [...wrong, ...judged.wrong, ...farBeyond(fault, { outageMs, calmMs })],
    notes: [...notes, ...failuresOf(load)],
  };
}

/** Until every client has written again. */
async function untilServed(load: ClusterLoad): Promise<void> {
  const mendedMs = performance.now();
  await until('every client to write again', () => load.hasSucceededSince(mendedMs), {
    limitMs: RECOVER_MS_MAX,
  });
}

type Judgement = Pick<FaultResult, 'acknowledged' | 'lost' | 'convergedMs' | 'wrong'>;

async function judge(world: ClusterWorld, load: ClusterLoad): Promise<Judgement> {
  const { history } = load;
  const wrong = history.wrong.slice(0, TOLD_MAX);
  const lost = new Set<string>();
  const readIn = async (
    region: ClusterRegion,
    keys: readonly WrittenKey[] = history.keys,
  ): Promise<void> => {
    const numbers = await load.numbersIn(region, keys);
    for (const line of history.lost(numbers, keys)) lost.add(line);
    for (const key of keys)
      if ((numbers.get(key.id) ?? 0) < key.seen)
        wrong.push(`${key.id} was read as ${key.seen} and is ${numbers.get(key.id) ?? 0} now`);
  };
  for (const region of world.regions)
    await readIn(
      region,
      history.keys.filter((key) => key.region === region.name),
    );
  const converged = await untilConverged(world.regions, TABLE);
  if (converged.kind === 'apart') wrong.push('regions differ', ...converged.nodes);
  else for (const region of world.regions) await readIn(region);
  wrong.push(...[...lost].slice(0, TOLD_MAX).map((line) => `lost: ${line}`));
  return {
    acknowledged: history.acknowledgedCount,
    lost: lost.size,
    convergedMs: converged.kind === 'converged' ? converged.afterMs : undefined,
    wrong,
  };
}

/** A machine that is so busy that clients wait without a fault adds that much to each target. */
function farBeyond(
  { outageMsMax }: Fault,
  { outageMs, calmMs }: Pick<FaultResult, 'outageMs' | 'calmMs'>,
): readonly string[] {
  if (outageMsMax === undefined) return [];
  const limitMs = (outageMsMax + calmMs) * TARGET_TIMES_MAX;
  return outageMs > limitMs
    ? [`an outage of ${Math.round(outageMs)} ms is far beyond its target, ${outageMsMax} ms`]
    : [];
}

const failuresOf = ({ failures }: ClusterLoad): readonly string[] =>
  failures.size === 0
    ? []
    : [`errors: ${[...failures].map(([name, count]) => `${count} ${name}`).join(', ')}`];

/** The table in the first region, with a replica in each of the others. */
async function createTable(regions: readonly ClusterRegion[]): Promise<void> {
  const [first, ...others] = regions;
  const client = present(first?.nodes[0], 'a node').client;
  await client.send(
    new CreateTableCommand({
      TableName: TABLE,
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
      BillingMode: 'PAY_PER_REQUEST',
    }),
  );
  const members = [present(first, 'a region')];
  await untilMembers(members);
  for (const other of others) {
    const ReplicaUpdates = [{ Create: { RegionName: other.name } }];
    await client.send(new UpdateTableCommand({ TableName: TABLE, ReplicaUpdates }));
    members.push(other);
    await untilMembers(members);
  }
}

/** Until every node of these regions has the table, with the others as replicas. */
async function untilMembers(regions: readonly ClusterRegion[]): Promise<void> {
  const clients = regions.flatMap(({ nodes }) => nodes.map(({ client }) => client));
  await until(`the table to be ACTIVE in ${regions.length} regions`, async () => {
    const tables = await Promise.all(
      clients.map(async (client) =>
        client.send(new DescribeTableCommand({ TableName: TABLE })).catch(() => undefined),
      ),
    );
    return tables.every((answer) => {
      const { TableStatus, Replicas = [] } = answer?.Table ?? {};
      const active = Replicas.filter(({ ReplicaStatus }) => ReplicaStatus === 'ACTIVE');
      return TableStatus === 'ACTIVE' && active.length === regions.length - 1;
    });
  });
}

async function sleep(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
