import { ClientError } from '../../src/model/errors.ts';
import type { SimRegion } from './sim-region.ts';
import { MAIN } from './workloads/workload.ts';
import type { World } from './world.ts';

const ANSWER_MS = 20_000;

/**
 * What operators do about a region that is gone: they ask any other region to remove its replicas, until all others know
 * that they are on their way out. One that is gone for a while then comes back, on the disks that it had.
 */
export async function removeLostRegion(
  world: World,
  lost: SimRegion,
  awayMs: number,
): Promise<void> {
  while (lackingRemovals(world, lost).length > 0) {
    for (const { asked, table } of lackingRemovals(world, lost))
      await askToRemove(world, { asked, table, lost });
    await world.clock.sleep(1000);
  }
  world.note('WORLD', `region ${lost.name} is removed by all others`);
  if (world.lost.get(lost.name) === 'for good') return;
  await world.clock.sleep(awayMs);
  world.note('WORLD', `region ${lost.name} comes back`);
  world.count('region back');
  world.lost.delete(lost.name);
  await lost.start();
}

interface Removal {
  /** A region that takes the lost one for a member that stays. */
  readonly asked: SimRegion;
  readonly table: string;
}

/** A region that does not run may take it for one, too. */
function lackingRemovals(world: World, lost: SimRegion): readonly Removal[] {
  return world.regions
    .filter((asked) => asked !== lost)
    .flatMap((asked) => {
      const { running } = asked;
      if (running === undefined) return [{ asked, table: MAIN }];
      return running.engine.core.catalogue.all.flatMap(({ name, global }) => {
        const phase = global?.members[lost.name]?.phase;
        return phase === undefined || phase === 'evicting' ? [] : [{ asked, table: name }];
      });
    });
}

async function askToRemove(
  world: World,
  { asked, table, lost }: Removal & { readonly lost: SimRegion },
): Promise<void> {
  const { running } = asked;
  if (running?.engine.region.findTable(table)?.global === undefined) return;
  const change = running.engine.region.changeReplica(table, { kind: 'delete', region: lost.name });
  const answer = await Promise.race([
    change.then(
      () => 'accepted',
      (error: unknown) => {
        if (!(error instanceof ClientError)) return `failed: ${String(error)}`;
        return `refused: ${error.message}`;
      },
    ),
    running.life.died.then(() => 'died'),
    world.clock.sleep(ANSWER_MS).then(() => 'no answer'),
  ]);
  if (answer === 'accepted') world.count('replica removed');
  world.note('WORLD', `removal of ${lost.name} from ${table} asked in ${asked.name}: ${answer}`);
}
