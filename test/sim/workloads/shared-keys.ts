import type { Client } from '../client.ts';
import { CHURN, MAIN, type Stage, type Workload } from './workload.ts';

/** How long a key of its time is written. */
const keyMs = 3000;
/** How far apart the writes of a duel are at the most. */
const duelMs = 200;

/**
 * Deletions and rewrites of few keys from all regions at once, in both tables. Half of them are of keys that are written
 * for a while and then left alone, so that what befell them stays to be seen.
 */
export const sharedKeys: Workload = {
  name: 'shared keys',
  async run(stage) {
    const rivals = stage.world.regions.map((region) => stage.client(region));
    let duels = 0;
    await stage.everywhere(2, async (client) => {
      const table = stage.chance(0.5) ? MAIN : CHURN;
      if (stage.chance(0.15)) {
        duels += 1;
        await duel(stage, [client, stage.pick(rivals)], { table, key: `y${duels}` });
        return;
      }
      const key = keyOf(stage);
      const choice = stage.random.next();
      if (choice < 0.45) await client.write(table, key, stage.value(client));
      else if (choice < 0.8) await client.write(table, key, undefined);
      else await client.readNearby(table, key);
    });
  },
};

function keyOf({ world, random }: Stage): string {
  const number = Math.floor(random.next() * world.options.keys * 2);
  if (number < world.options.keys) return `x${number}`;
  return `x${number}-${Math.floor(world.clock.monotonicMs() / keyMs)}`;
}

/** Two that write a new key before they can have heard of each other. One deletes it at once. Nobody writes it again. */
async function duel(
  stage: Stage,
  [one, other]: readonly [Client, Client],
  { table, key }: { readonly table: string; readonly key: string },
): Promise<void> {
  const { clock } = stage.world;
  const write = async (): Promise<void> => {
    // Now and then in the very same moment.
    if (stage.chance(0.8)) await clock.sleep(stage.random.next() * duelMs);
    await one.write(table, key, stage.value(one));
  };
  const writing = write();
  await other.write(table, key, stage.value(other));
  if (stage.chance(0.8)) await other.write(table, key, undefined);
  await writing;
}
