import { ClientError } from '../../../src/model/errors.ts';
import { CHURN, type Workload } from './workload.ts';

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
      const isMember = asked === target || table.global?.members[target.name] !== undefined;
      const members = Object.keys(table.global?.members ?? {}).length;
      // The last replica stays.
      if (isMember && members < 2) continue;
      const kind = isMember ? 'delete' : 'create';
      world.note('WORLD', `replica ${kind} ${target.name} asked in ${asked.name}`);
      const change = running.engine.region.changeReplica(CHURN, { kind, region: target.name });
      const ended = change.then(
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
        world.clock.sleep(20_000).then(() => 'no answer'),
      ]);
      world.note('WORLD', `replica ${kind} ${target.name}: ${answer}`);
    }
  },
};
