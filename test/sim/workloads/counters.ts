import { MAIN, type Workload } from './workload.ts';

/** One counter a region, that its clients add to and read. */
export const counters: Workload = {
  name: 'counters',
  async run(stage) {
    await stage.everywhere(2, async (client) => {
      const key = `${client.region.name}-c`;
      if (stage.chance(0.7)) await client.add(MAIN, key);
      else await client.read(MAIN, key);
    });
  },
};
