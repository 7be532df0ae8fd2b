import type { ClusterNode } from '../../support/cluster-node.ts';
import { type Fault, NODES_AND_PEER, type Stage, TARGETS } from './fault.ts';
import { followerOf, leadersOf, moveLeader, seatOf } from './look.ts';

const DOWN_MS = 6000;
/** Between two planned moves. */
const MOVE_MS = 1000;
const DRAINED_MS = 3000;
const NEXT: Readonly<Record<string, string>> = { a: 'b', b: 'c', c: 'a' };

const killed = async (node: ClusterNode, { sleep }: Stage): Promise<void> => {
  await node.kill();
  await sleep(DOWN_MS);
  await node.start();
};

const frozen = async (node: ClusterNode, { sleep }: Stage): Promise<void> => {
  node.freeze();
  await sleep(DOWN_MS);
  node.thaw();
};

/** Of a region's daemons. */
export const NODE_FAULTS: readonly Fault[] = [
  {
    name: 'kill-leader',
    what: 'kill -9 of the node that leads most, with the seat, and its start',
    regions: NODES_AND_PEER,
    outageMsMax: TARGETS.node,
    play: async (stage) => killed(await seatOf(stage.region), stage),
  },
  {
    name: 'freeze-leader',
    what: 'SIGSTOP of the node that leads most, with the seat, and SIGCONT',
    regions: NODES_AND_PEER,
    outageMsMax: TARGETS.node,
    play: async (stage) => frozen(await seatOf(stage.region), stage),
  },
  {
    name: 'kill-follower',
    what: 'kill -9 of the node that leads least, and its start',
    regions: NODES_AND_PEER,
    outageMsMax: TARGETS.node,
    play: async (stage) => killed(await followerOf(stage.region), stage),
  },
  {
    name: 'freeze-follower',
    what: 'SIGSTOP of the node that leads least, and SIGCONT',
    regions: NODES_AND_PEER,
    outageMsMax: TARGETS.node,
    play: async (stage) => frozen(await followerOf(stage.region), stage),
  },
  {
    name: 'move-leaders',
    what: 'a planned move of every partition to the next node, one after the other',
    regions: NODES_AND_PEER,
    outageMsMax: TARGETS.move,
    play: async (stage) => {
      const leaders = await leadersOf(stage.region);
      for (const [partition, leader] of leaders.entries()) {
        const next = NEXT[leader] ?? 'a';
        await moveLeader(stage.region, partition, next);
        await stage.sleep(MOVE_MS);
        const now = (await leadersOf(stage.region))[partition];
        if (now !== next)
          stage.wrong(`partition ${partition} was moved to ${next} and is led by ${now}`);
      }
    },
  },
  {
    name: 'drain-node',
    what: 'a drain of the node that leads most, and its end',
    regions: NODES_AND_PEER,
    outageMsMax: TARGETS.move,
    play: async (stage) => {
      const node = await seatOf(stage.region);
      await node.operations.change('/node/drain');
      await stage.sleep(DRAINED_MS);
      const leaders = await leadersOf(stage.region);
      if (leaders.includes(node.zone ?? '')) stage.wrong('a drained node leads');
      await node.operations.change('/node/undrain');
    },
  },
  {
    name: 'stop-node',
    what: 'a planned stop (SIGTERM) of the node that leads most, and its start',
    regions: NODES_AND_PEER,
    outageMsMax: TARGETS.move,
    play: async (stage) => {
      const node = await seatOf(stage.region);
      await node.stop();
      await stage.sleep(DRAINED_MS);
      await node.start();
    },
  },
];
