import { PutItemCommand } from '@aws-sdk/client-dynamodb';

import { listAt } from '../../../src/cli/json-members.ts';
import type { RegionShape } from '../../support/cluster-world.ts';
import { EU, type Fault, NODES_AND_PEER, type Stage, US } from './fault.ts';
import { metricOf, shippingOf } from './look.ts';
import { until } from '../../support/until.ts';

const DOWN_MS = 2000;
/** For so long the log is kept for who is away, until a file of it is full. */
const KEPT_HOURS = 0.001;
/** An item that fills the log; always the same, so that there is not more to copy. */
const BALLAST_CHARACTERS = 390_000;
/** At once. */
const BALLASTS = 4;
const AWAY_MS_MAX = 60_000;

/** The one that keeps the log has one partition, so that its log is soon long enough. */
const FORGETFUL: readonly RegionShape[] = NODES_AND_PEER.map((shape) =>
  shape.name === EU
    ? {
        ...shape,
        choices: {
          partitions: 1,
          retention: { hours: KEPT_HOURS },
          streams: { hours: KEPT_HOURS },
        },
      }
    : shape,
);

/** Of whole regions. */
export const REGION_FAULTS: readonly Fault[] = [
  {
    name: 'kill-everything',
    what: 'kill -9 of all processes of all regions at once, and their start',
    regions: NODES_AND_PEER,
    outageMsMax: undefined,
    play: async ({ world, sleep }) => {
      await world.kill();
      await sleep(DOWN_MS);
      const servers = world.regions.flatMap((region) => region.servers);
      for (const server of servers) server.begin();
      await Promise.all(servers.map(async (server) => server.untilReady()));
      const nodes = world.regions.flatMap((region) => region.nodes);
      await Promise.all(nodes.map(async (node) => node.start()));
    },
  },
  {
    name: 'region-away',
    what: 'a region away until the log that its peer kept for it is trimmed, and its resync',
    regions: FORGETFUL,
    region: EU,
    // The writes that fill the log are in the way of the clients'.
    outageMsMax: undefined,
    writers: 1,
    thinkMs: 100,
    play: away,
  },
];

async function away(stage: Stage): Promise<void> {
  const { world, region, note, wrong } = stage;
  const gone = world.region(US).nodes;
  await Promise.all(gone.map(async (node) => node.kill()));
  const { committed } = await logOf(stage);
  const awayMs = performance.now();
  await until(
    'the log to be trimmed',
    async () => {
      await fillLog(stage);
      return (await logOf(stage)).first > committed;
    },
    { limitMs: AWAY_MS_MAX },
  );
  const trimmedMs = Math.round(performance.now() - awayMs);
  note(`the log was trimmed after ${trimmedMs} ms`);
  const before = await resyncs(stage);
  await Promise.all(gone.map(async (node) => node.start()));
  const states = new Set<string>();
  const found = await until('a resync', async () => {
    for (const state of await shippingOf(region, US)) states.add(state);
    return states.has('RESYNC') || (await resyncs(stage)) > before;
  }).catch(() => false);
  if (!found) wrong(`no resync of ${US} by ${EU}: ${[...states].join(', ')}`);
  note(`shipping to ${US}: ${[...states].join(', ')}`);
}

async function fillLog({ region, table: TableName }: Stage): Promise<void> {
  const Item = { id: { S: 'contested/ballast' }, text: { S: 'x'.repeat(BALLAST_CHARACTERS) } };
  const [node] = region.nodes;
  const puts = Array.from({ length: BALLASTS }, async () =>
    node?.client.send(new PutItemCommand({ TableName, Item })),
  );
  // Under load one may be throttled; the next will not.
  await Promise.allSettled(puts);
}

/** Of the only partition. */
async function logOf({
  region,
}: Stage): Promise<{ readonly first: number; readonly committed: number }> {
  return until('a status', async () => {
    const [node] = region.nodes;
    const [partition] = listAt((await node?.operations.read('/status')) ?? {}, 'partitions');
    if (partition === undefined) return undefined;
    return { first: Number(partition['first']), committed: Number(partition['committed']) };
  });
}

async function resyncs({ region }: Stage): Promise<number> {
  const counts = await Promise.all(
    region.nodes.map(async (node) => metricOf(node, 'tidemark_replication_resyncs_total')),
  );
  return counts.reduce((all, count) => all + count, 0);
}
