import type { TestNatsServer } from '../../support/nats-servers.ts';
import { type Fault, NODES_AND_PEER, TARGETS } from './fault.ts';
import { streamLeaderOf, streamNamesOf } from './look.ts';
import { deleteStream } from './nats-client.ts';

const DOWN_MS = 6000;
/** A region that is given its NATS back needs no longer than after the loss of one server. */
const AWAY_MS = 4000;
const AWAY_TARGET_MS = AWAY_MS + TARGETS.server;

/** Starts those that were killed; of a cluster, none serves before the others. */
async function startAgain(servers: readonly TestNatsServer[]): Promise<void> {
  for (const server of servers) server.begin();
  await Promise.all(servers.map(async (server) => server.untilReady()));
}

/** Of a region's NATS. */
export const SERVER_FAULTS: readonly Fault[] = [
  {
    name: 'kill-server',
    what: 'kill -9 of the nats-server that leads most streams, and its start',
    regions: NODES_AND_PEER,
    outageMsMax: TARGETS.server,
    play: async ({ region, sleep }) => {
      const server = await streamLeaderOf(region);
      await server.kill();
      await sleep(DOWN_MS);
      await startAgain([server]);
    },
  },
  {
    name: 'freeze-server',
    what: 'SIGSTOP of the nats-server that leads most streams, and SIGCONT',
    regions: NODES_AND_PEER,
    outageMsMax: TARGETS.server,
    play: async ({ region, sleep }) => {
      const server = await streamLeaderOf(region);
      server.pause();
      await sleep(DOWN_MS);
      server.resume();
    },
  },
  {
    name: 'kill-nats',
    what: `kill -9 of all nats-servers of a region, and their start ${AWAY_MS / 1000} s later`,
    regions: NODES_AND_PEER,
    outageMsMax: AWAY_TARGET_MS,
    play: async ({ region: { servers }, sleep }) => {
      await Promise.all(servers.map(async (server) => server.kill()));
      await sleep(AWAY_MS);
      await startAgain(servers);
    },
  },
  {
    name: 'freeze-nats',
    what: `SIGSTOP of all nats-servers of a region, and SIGCONT ${AWAY_MS / 1000} s later`,
    regions: NODES_AND_PEER,
    outageMsMax: AWAY_TARGET_MS,
    play: async ({ region: { servers }, sleep }) => {
      for (const server of servers) server.pause();
      await sleep(AWAY_MS);
      for (const server of servers) server.resume();
    },
  },
  {
    name: 'delete-stream',
    what: "a partition's stream is deleted, and rebuilt from the copies",
    regions: NODES_AND_PEER,
    outageMsMax: undefined,
    play: async ({ region, note, wrong, sleep }) => {
      const [server] = region.servers;
      const names = await streamNamesOf(region);
      const name = names.find((each) => each.includes('_p1_'));
      if (server === undefined || name === undefined) {
        wrong(`no stream of partition 1 among ${names.join(', ')}`);
        return;
      }
      await deleteStream(server.url, name);
      await sleep(DOWN_MS);
      note(`deleted ${name}; now ${(await streamNamesOf(region)).join(', ')}`);
    },
  },
];
