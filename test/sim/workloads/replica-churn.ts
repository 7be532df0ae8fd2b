import { ClientError } from '../../../src/model/errors.ts';
import type { ReplicaChange } from '../../../src/region/region.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import type { SimRegion } from '../sim-region.ts';
import type { World } from '../world.ts';
import { pickFrom } from '../world-options.ts';
import { CHURN, type Workload } from './workload.ts';

/** How long whoever asks for a change waits for an answer. */
const ANSWER_MS = 20_000;

/** Replicas of one table that are added, removed and added again, asked for in any region, while it is written. */
export const replicaChurn: Workload = {
  name: 'replica churn',
  async run(stage) {
    const { world } = stage;
    for (;;) {
      await world.clock.sleep(1000 + stage.random.next() * 6000);
      if (stage.isOver) return;
      const asked = stage.pick(world.regions);
      const target = stage.pick(world.regions);
      const { running } = asked;
      const table = running?.engine.region.findTable(CHURN);
      if (running === undefined || table === undefined) continue;
      if (table.global === undefined && isElsewhere(world, asked)) {
        // A replica that was released: it stands in the way of a new one.
        world.note('WORLD', `table ${CHURN} of ${asked.name} deleted`);
        void running.engine.region.deleteTable(CHURN).catch(() => {});
        continue;
      }
      const isMember = asked === target || table.global?.members[target.name] !== undefined;
      const members = Object.keys(table.global?.members ?? {}).length;
      // The last replica stays.
      if (isMember && members < 2) continue;
      const kind = isMember ? 'delete' : 'create';
      await askForChange(world, asked, { kind, region: target.name });
    }
  },
};

/** In worlds that ask for it: whoever lacks a replica of that table gets one again soon. */
export const replicaReturns: Workload = {
  name: 'replica returns',
  async run(stage) {
    const { world } = stage;
    const { returnMs } = world.options;
    if (returnMs === 0) return;
    const random = new SeededRandom(world.seed ^ 0xba_c4);
    for (;;) {
      await world.clock.sleep(returnMs * (0.5 + random.next()));
      if (stage.isOver) return;
      const asked = pickFrom(random, world.regions);
      const target = pickFrom(random, world.regions);
      const table = asked.running?.engine.region.findTable(CHURN);
      if (asked === target || table === undefined || table.status !== 'ACTIVE') continue;
      if (table.global?.members[target.name] !== undefined) continue;
      await askForChange(world, asked, { kind: 'create', region: target.name });
    }
  },
};

async function askForChange(world: World, asked: SimRegion, change: ReplicaChange): Promise<void> {
  const { running } = asked;
  if (running === undefined) return;
  const { kind, region } = change;
  world.note('WORLD', `replica ${kind} ${region} asked in ${asked.name}`);
  const ended = running.engine.region.changeReplica(CHURN, change).then(
    () => {
      world.count(kind === 'create' ? 'replica added' : 'replica removed');
      return 'accepted';
    },
    (error: unknown) => {
      if (!(error instanceof ClientError)) return `failed: ${String(error)}`;
      return `refused: ${error.message}`;
    },
  );
  const answer = await Promise.race([
    ended,
    running.life.died.then(() => 'died'),
    world.clock.sleep(ANSWER_MS).then(() => 'no answer'),
  ]);
  world.note('WORLD', `replica ${kind} ${region}: ${answer}`);
}

const isElsewhere = (world: World, region: SimRegion): boolean =>
  world.regions.some(
    (other) =>
      other !== region && other.running?.engine.region.findTable(CHURN)?.global !== undefined,
  );
