import type { Client } from '../client.ts';
import type { Expectation } from '../history.ts';
import { MAIN, type Stage, type Workload } from './workload.ts';

/** What a reader is behind a write at the most: the write is on its way to the disks then. */
const behindMsMax = 3;

/** How often, and how many times, a client asks what became of a write without an answer. */
const askMs = 200;
const asksMax = 10;

/**
 * Registers that one region writes: reads, writes, deletions, and conditional writes on what was last seen. Some writes
 * have a reader right behind them.
 */
export const registers: Workload = {
  name: 'registers',
  async run(stage) {
    const { clients, keys } = stage.world.options;
    const seen = new Map<string, string | undefined>();
    const readers = new Map(
      stage.world.regions.map((region) => [region.name, stage.client(region)]),
    );
    await stage.everywhere(clients, async (client) => {
      const reader = readers.get(client.region.name);
      await step(stage, client, { reader, keys, seen });
    });
  },
};

interface Registers {
  /** Another client of the region. */
  readonly reader: Client | undefined;
  readonly keys: number;
  readonly seen: Map<string, string | undefined>;
}

async function step(
  stage: Stage,
  client: Client,
  { reader, keys, seen }: Registers,
): Promise<void> {
  const key = `${client.region.name}-r${Math.floor(stage.random.next() * keys)}`;
  const choice = stage.random.next();
  if (choice < 0.35) {
    const { outcome } = await client.read(MAIN, key);
    if (outcome.kind === 'read') seen.set(key, outcome.seen);
  } else if (choice < 0.6) {
    const value = stage.value(client);
    const write = client.write(MAIN, key, value);
    await readBehind(stage, reader, key);
    if ((await write).outcome.kind === 'unknown') await readAgain(stage, client, key);
  } else if (choice < 0.7) await client.write(MAIN, key, undefined);
  else {
    const last = seen.get(key);
    const expects: Expectation =
      last === undefined ? { kind: 'absent' } : { kind: 'value', value: last };
    const { outcome } = await client.write(MAIN, key, stage.value(client), expects);
    if (outcome.kind === 'refused') seen.set(key, outcome.seen);
  }
}

/** A read that sees what is written, or a write that is refused for it. */
async function readBehind(stage: Stage, reader: Client | undefined, key: string): Promise<void> {
  const { clock } = stage.world;
  const choice = stage.random.next();
  if (choice < 0.2 || reader === undefined) return;
  await clock.sleep(stage.random.next() * behindMsMax);
  if (choice < 0.6) await reader.read(MAIN, key);
  else await reader.write(MAIN, key, stage.value(reader), { kind: 'absent' });
}

async function readAgain(stage: Stage, client: Client, key: string): Promise<void> {
  for (let asks = 0; asks < asksMax; asks += 1) {
    await stage.world.clock.sleep(askMs);
    const { outcome } = await client.read(MAIN, key);
    if (outcome.kind === 'read') return;
  }
}
