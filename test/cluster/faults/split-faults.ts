import { present } from '../../../src/base/assert.ts';
import { listAt } from '../../../src/cli/json-members.ts';
import type { ClusterNode } from '../../support/cluster-node.ts';
import { until } from '../../support/until.ts';
import { type Fault, NODES_AND_PEER, type Stage, TARGETS } from './fault.ts';
import { followerOf, leadersOf, seatOf } from './look.ts';

const SETTLED_MS = 1500;
/** A split that nobody is killed in: calls wait for the child's first epoch. */
const SPLIT_MS = 1000;

async function countAt({ operations }: ClusterNode): Promise<number> {
  return listAt((await operations.read('/status')) ?? {}, 'partitions').length;
}

const untilAllHave = async ({ region }: Stage, count: number): Promise<unknown> =>
  until(`${count} partitions at every node`, async () => {
    const counts = await Promise.all(region.nodes.map(async (node) => countAt(node)));
    return counts.every((each) => each === count);
  });

/** By way of any node: the seat decides. */
const split = async (by: ClusterNode, partition: number): Promise<void> =>
  by.operations.change(`/partitions/${partition}/split`);

/** Partitions of a region of three nodes that are split under load. */
export const SPLIT_FAULTS: readonly Fault[] = [
  {
    name: 'split',
    what: 'two partitions split, one after the other, asked of different nodes',
    regions: NODES_AND_PEER,
    outageMsMax: SPLIT_MS,
    play: async (stage) => {
      const { region, sleep } = stage;
      const before = (await leadersOf(region)).length;
      const follower = await followerOf(region);
      await split(follower, 1);
      await untilAllHave(stage, before + 1);
      await sleep(SETTLED_MS);
      await split(await seatOf(region), before);
      await untilAllHave(stage, before + 2);
      await sleep(SETTLED_MS);
    },
  },
  {
    name: 'split-node-away',
    what: 'a partition split while a node is stopped, and its start',
    regions: NODES_AND_PEER,
    outageMsMax: TARGETS.node,
    play: async (stage) => {
      const { region, sleep } = stage;
      const before = (await leadersOf(region)).length;
      const away = await followerOf(region);
      await away.stop();
      await split(await seatOf(region), 0);
      await sleep(SETTLED_MS);
      await away.start();
      await untilAllHave(stage, before + 1);
    },
  },
  {
    name: 'split-kill-leader',
    what: 'kill -9 of the node that leads the parent as it is split, and its start',
    regions: NODES_AND_PEER,
    outageMsMax: TARGETS.node,
    play: async (stage) => {
      const { region, sleep } = stage;
      const leaders = await leadersOf(region);
      const leader = present(
        region.nodes.find(({ zone }) => zone === leaders[1]),
        'the leader of partition 1',
      );
      const asked = present(
        region.nodes.find((node) => node !== leader),
        'another node',
      );
      const splitting = split(asked, 1).catch((error: unknown) => stage.note(String(error)));
      await until('the child', async () => (await countAt(asked)) > leaders.length);
      await leader.kill();
      await splitting;
      await sleep(SETTLED_MS);
      await leader.start();
      await untilAllHave(stage, leaders.length + 1);
    },
  },
];
