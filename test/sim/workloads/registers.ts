import type { Client } from '../client.ts';
import type { Expectation } from '../history.ts';
import { MAIN, type Stage, type Workload } from './workload.ts';

/** Registers that one region writes: reads, writes, deletions, and conditional writes on what was last seen. */
export const registers: Workload = {
  name: 'registers',
  async run(stage) {
    const { clients, keys } = stage.world.options;
    const seen = new Map<string, string | undefined>();
    await stage.everywhere(clients, async (client) => step(stage, client, { keys, seen }));
  },
};

async function step(
  stage: Stage,
  client: Client,
  { keys, seen }: { readonly keys: number; readonly seen: Map<string, string | undefined> },
): Promise<void> {
  const key = `${client.region.name}-r${Math.floor(stage.random.next() * keys)}`;
  const choice = stage.random.next();
  if (choice < 0.35) {
    const { outcome } = await client.read(MAIN, key);
    if (outcome.kind === 'read') seen.set(key, outcome.seen);
  } else if (choice < 0.6) await client.write(MAIN, key, stage.value(client));
  else if (choice < 0.7) await client.write(MAIN, key, undefined);
  else {
    const last = seen.get(key);
    const expects: Expectation =
      last === undefined ? { kind: 'absent' } : { kind: 'value', value: last };
    const { outcome } = await client.write(MAIN, key, stage.value(client), expects);
    if (outcome.kind === 'refused') seen.set(key, outcome.seen);
  }
}
