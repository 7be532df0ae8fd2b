import { until } from '../../support/until.ts';
import type { RegionShape } from '../../support/cluster-world.ts';
import { AP, EU, type Fault, NODES_AND_PEER, type Stage, TARGETS, US } from './fault.ts';
import { clockAlarmOf, conflictsOf, leadersOf, moveLeader } from './look.ts';

const LITTLE_MS = 300;
const MUCH_MS = 5000;
const PLAYED_MS = 8000;
const CONTESTED = 5;

/** Three regions, the second with a clock that is off. */
const threeRegions = (offsetMs: number): readonly RegionShape[] => [
  { name: US, nodes: 1 },
  { name: EU, nodes: 1, offsetsMs: [offsetMs] },
  { name: AP, nodes: 1 },
];

/** The nodes of the first region by as much ahead and behind, and the other region's right. */
const nodesApart = (offsetMs: number): readonly RegionShape[] =>
  NODES_AND_PEER.map((shape) =>
    shape.name === US ? { ...shape, offsetsMs: [0, offsetMs, -offsetMs] } : shape,
  );

/** Of nodes' and regions' clocks. */
export const CLOCK_FAULTS: readonly Fault[] = [
  ...[LITTLE_MS, -LITTLE_MS].map((offsetMs): Fault => ({
    name: `clock${signed(offsetMs)}ms`,
    what: `a region's clock ${signed(offsetMs)} ms from its peers': nothing but conflicts shows`,
    regions: threeRegions(offsetMs),
    region: EU,
    outageMsMax: TARGETS.link,
    contested: CONTESTED,
    writers: 2,
    play: async (stage) => believed(stage),
  })),
  ...[MUCH_MS, -MUCH_MS].map((offsetMs): Fault => ({
    name: `clock${signed(offsetMs)}ms`,
    what: `a region's clock ${signed(offsetMs)} ms from two peers': not believed, and an alarm`,
    regions: threeRegions(offsetMs),
    region: EU,
    outageMsMax: TARGETS.link,
    contested: CONTESTED,
    writers: 2,
    play: alarmed,
  })),
  ...[LITTLE_MS, MUCH_MS].map((offsetMs): Fault => ({
    name: `nodes-apart-${offsetMs}ms`,
    what: `the clocks of a region's nodes ${offsetMs} ms ahead and behind, and their seat moved`,
    regions: nodesApart(offsetMs),
    outageMsMax: TARGETS.move,
    contested: CONTESTED,
    play: seatMoved,
  })),
];

function signed(offsetMs: number): string {
  return offsetMs > 0 ? `+${offsetMs}` : String(offsetMs);
}

async function believed({ world, sleep, note, wrong }: Stage): Promise<void> {
  await sleep(PLAYED_MS);
  for (const { name, nodes } of world.regions)
    for (const node of nodes) {
      const alarm = await clockAlarmOf(node);
      if (alarm !== undefined) wrong(`${name} has an alarm: ${alarm}`);
    }
  const conflicts = await Promise.all(world.regions.map(conflictsOf));
  note(`${conflicts.reduce((all, count) => all + count, 0)} conflicts`);
}

async function alarmed({ world, region, sleep, note, wrong }: Stage): Promise<void> {
  const [node] = region.nodes;
  if (node === undefined) return;
  const alarm = await until('an alarm', async () => clockAlarmOf(node)).catch(() => undefined);
  if (alarm === undefined) wrong(`${region.name} has no alarm`);
  else note(`${region.name}: ${alarm}`);
  await sleep(PLAYED_MS / 2);
  for (const { name, nodes } of world.regions)
    for (const other of nodes)
      if (other !== node && (await clockAlarmOf(other)) !== undefined)
        wrong(`${name}, whose clock is right, has an alarm`);
}

/** Every partition is led by a clock that is ahead, then by one that is behind. */
async function seatMoved({ region, sleep, world, note }: Stage): Promise<void> {
  for (const to of ['b', 'c', 'a'] as const) {
    for (const partition of (await leadersOf(region)).keys())
      await moveLeader(region, partition, to);
    await sleep(PLAYED_MS / 3);
  }
  const conflicts = await Promise.all(world.regions.map(conflictsOf));
  note(`${conflicts.reduce((all, count) => all + count, 0)} conflicts`);
}
