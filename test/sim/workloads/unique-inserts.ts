import { MAIN, type Workload } from './workload.ts';

/** Clients of one region that all want to be the one who creates an item: one of them may be. */
export const uniqueInserts: Workload = {
  name: 'unique inserts',
  async run(stage) {
    const next = new Map<string, number>();
    await stage.everywhere(2, async (client) => {
      const { name } = client.region;
      const number = next.get(name) ?? 0;
      if (stage.chance(0.3)) next.set(name, number + 1);
      const key = `${name}-u${number}`;
      await client.write(MAIN, key, stage.value(client), { kind: 'absent' });
    });
  },
};
