import { ClientError } from '../../../src/model/errors.ts';
import type { ItemWrite } from '../../../src/region/region.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { isBug } from '../client.ts';
import { keyBytes } from '../client-item.ts';
import { EXPIRING, isExpirySeed, lentItem } from '../expiring-table.ts';
import { servedRegion, type ServedRegion, type ServedWorld } from '../served-region.ts';
import { pickFrom } from '../world-options.ts';
import type { Workload } from './workload.ts';

/** How long a client waits for an answer. */
const answerMs = 8000;
const clientsPerRegion = 2;
const keys = 4;

/** In how many seconds items end. */
const TIMES = ['never', 'never', -3600, -1, 0, 1, 2, 4] as const;

/**
 * Writes of few items from all regions, some of which end soon, or have ended: so that expiries meet writes that they
 * have not seen, in any order. In worlds that have such a table.
 */
export const expiring: Workload = {
  name: 'expiring',
  async run(stage) {
    const { world } = stage;
    if (!isExpirySeed(world.seed)) return;
    await writeExpiring(world, world.regions.map(servedRegion), () => stage.isOver);
  },
};

/** Several clients of each region, each at work until `isOver`. */
export async function writeExpiring(
  world: ServedWorld,
  regions: readonly ServedRegion[],
  isOver: () => boolean,
): Promise<void> {
  const random = new SeededRandom(world.seed ^ 0xe4d);
  let values = 0;
  const loops = regions.flatMap((region) =>
    Array.from({ length: clientsPerRegion }, async () => {
      while (!isOver()) {
        await world.clock.sleep(1 + random.next() * 2 * world.options.thinkMs);
        values += 1;
        await ask(world, region, writeOf(world, random, values));
      }
    }),
  );
  await Promise.all(loops);
}

function writeOf(
  world: ServedWorld,
  random: SeededRandom,
  value: number,
): Omit<ItemWrite, 'table'> {
  const nowS = Math.floor(world.clock.wallMs() / 1000);
  // Half of the keys are left alone after some seconds, so that what befell them stays to be seen.
  const round = random.next() < 0.5 ? '' : `-${Math.floor(nowS / 4)}`;
  const key = `e${Math.floor(random.next() * keys)}${round}`;
  const inS = pickFrom(random, TIMES);
  const untilS = inS === 'never' ? undefined : nowS + inS;
  if (random.next() < 0.15)
    return { key: keyBytes(key), change: { kind: 'delete' }, condition: undefined, cause: 'user' };
  const name = `e${value}${untilS === undefined ? '' : `@${untilS}`}`;
  return lentItem(key, { value: name, untilS });
}

/** Waits for the answer no longer than a client would. */
async function ask(
  world: ServedWorld,
  served: ServedRegion,
  write: Omit<ItemWrite, 'table'>,
): Promise<void> {
  const serving = served.serving();
  const table = serving?.region.findTable(EXPIRING);
  if (serving === undefined || table === undefined) return;
  const { life, region } = serving;
  const answer = life
    .turn()
    .then(async () => {
      await region.write({ table: table.number, ...write });
      return world.count('expiring write');
    })
    .catch((error: unknown) => {
      if (error instanceof ClientError || !isBug(error)) return;
      world.violate('errors', `a client of ${EXPIRING} met ${String(error)}`);
    });
  await Promise.race([answer, life.died, world.clock.sleep(answerMs)]);
}
