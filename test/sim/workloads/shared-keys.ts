import { CHURN, MAIN, type Workload } from './workload.ts';

/** Deletions and rewrites of few keys from all regions at once, in both tables. */
export const sharedKeys: Workload = {
  name: 'shared keys',
  async run(stage) {
    const { keys } = stage.world.options;
    await stage.everywhere(2, async (client) => {
      const table = stage.chance(0.5) ? MAIN : CHURN;
      const key = `x${Math.floor(stage.random.next() * keys)}`;
      const choice = stage.random.next();
      if (choice < 0.45) await client.write(table, key, stage.value(client));
      else if (choice < 0.8) await client.write(table, key, undefined);
      else await client.readNearby(table, key);
    });
  },
};
