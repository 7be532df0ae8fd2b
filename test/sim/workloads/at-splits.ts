import { itemKeyHash } from '../../../src/model/item-key.ts';
import { keyBytes } from '../client-item.ts';
import type { SimRegion } from '../sim-region.ts';
import type { HashSpan } from '../world.ts';
import { MAIN, type Stage, type Workload } from './workload.ts';

/** How many clients are at work on what a split gives away, each on a key of its own. */
const writersCount = 6;
/** How long they go on coming: a split takes some milliseconds, and waits for the disks. */
const comingMsMax = 25;
/** Far above the keys of other unique inserts. */
const firstNumber = 1_000_000;

/** Writes and reads of what a partition gives away while it is split: each comes before, behind, or waits. */
export const atSplits: Workload = {
  name: 'at splits',
  async run(stage) {
    const { world } = stage;
    let number = firstNumber;
    const bursts: Promise<void>[] = [];
    world.onSplit = (region, span) => {
      for (let writers = 0; writers < writersCount && !stage.isOver; writers += 1) {
        number += 1;
        while (!isIn(span, keyOf(region, number))) number += 1;
        bursts.push(rewrite(stage, region, keyOf(region, number)));
      }
    };
    while (!stage.isOver) await stage.think();
    world.onSplit = () => {};
    await Promise.all(bursts);
  },
};

const keyOf = ({ name }: SimRegion, number: number): string => `${name}-u${number}`;

function isIn({ from, to }: HashSpan, key: string): boolean {
  const hash = itemKeyHash(keyBytes(key));
  return hash >= from && hash < to;
}

async function rewrite(stage: Stage, region: SimRegion, key: string): Promise<void> {
  const client = stage.client(region);
  const pause = async (): Promise<void> => {
    await stage.world.clock.sleep(stage.random.next() * comingMsMax);
  };
  await pause();
  const first = stage.value(client);
  await client.write(MAIN, key, first, { kind: 'absent' });
  await client.read(MAIN, key);
  await pause();
  await client.write(MAIN, key, stage.value(client), { kind: 'value', value: first });
  await client.read(MAIN, key);
}
