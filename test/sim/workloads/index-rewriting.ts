import type { AttributeMap } from '../../../src/model/attribute-value.ts';
import { ClientError } from '../../../src/model/errors.ts';
import { encodeItemKey } from '../../../src/model/item-key.ts';
import { itemSizeBytes } from '../../../src/model/item-size.ts';
import type { ItemWrite } from '../../../src/region/region.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { checkLocalIndexes } from '../checkers/index-checks.ts';
import { isBug } from '../client.ts';
import { INDEXED, INDEXED_DEFINITION, isIndexSeed } from '../indexed-table.ts';
import type { Running, SimRegion } from '../sim-region.ts';
import type { World } from '../world.ts';
import { pickFrom } from '../world-options.ts';
import type { Workload } from './workload.ts';

/** How long a client waits for an answer. */
const answerMs = 8000;
const clientsPerRegion = 2;
const sortKeys = 4;

/**
 * Rewrites of few items of a table with indexes, from all regions: their index keys change, go and come back all the
 * time. Now and then it is looked whether local indexes are what they must be. In worlds that have such a table.
 */
export const indexRewriting: Workload = {
  name: 'index rewriting',
  async run(stage) {
    const { world } = stage;
    if (!isIndexSeed(world.seed)) return;
    const random = new SeededRandom(world.seed ^ 0x5ca1e);
    let values = 0;
    const loops = world.regions.flatMap((region) =>
      Array.from({ length: clientsPerRegion }, async (_, client) => {
        while (!stage.isOver) {
          await world.clock.sleep(1 + random.next() * 2 * world.options.thinkMs);
          values += 1;
          const step = stepOf(random, `${region.name}-i${client}`, values);
          await ask(world, region, async (running) => doStep(world, running, { region, step }));
        }
      }),
    );
    await Promise.all(loops);
  },
};

interface Step {
  readonly key: string;
  readonly write: Omit<ItemWrite, 'table'>;
  readonly looks: boolean;
}

function stepOf(random: SeededRandom, own: string, value: number): Step {
  const key = random.next() < 0.5 ? own : 'shared';
  const sk = { N: String(Math.floor(random.next() * sortKeys)) };
  const item: AttributeMap = {
    pk: { S: key },
    sk,
    v: { S: `i${value}` },
    ...(random.next() < 0.8 ? { color: { S: pickFrom(random, ['red', 'blue']) } } : {}),
    ...(random.next() < 0.5 ? { shade: { S: pickFrom(random, ['light', 'dark']) } } : {}),
    ...(random.next() < 0.8 ? { rank: { N: String(Math.floor(random.next() * 3)) } } : {}),
  };
  const isDeleted = random.next() < 0.25;
  return {
    key,
    looks: random.next() < 0.5,
    write: {
      key: encodeItemKey(INDEXED_DEFINITION.keySchema, item),
      change: isDeleted
        ? { kind: 'delete' }
        : {
            kind: 'put',
            image: Buffer.from(JSON.stringify(item)),
            itemBytes: itemSizeBytes(item),
          },
      condition: undefined,
      cause: 'user',
    },
  };
}

async function doStep(
  world: World,
  running: Running,
  { region, step }: { readonly region: SimRegion; readonly step: Step },
): Promise<void> {
  const table = running.engine.region.findTable(INDEXED);
  if (table === undefined) return;
  await running.engine.region.write({ table: table.number, ...step.write });
  world.count('index write');
  if (step.looks) await checkLocalIndexes(world, running, { region: region.name, key: step.key });
}

/** Waits for the answer no longer than a client would. */
async function ask(
  world: World,
  { running }: SimRegion,
  what: (running: Running) => Promise<void>,
): Promise<void> {
  if (running === undefined) return;
  const { life } = running;
  const answer = life
    .turn()
    .then(async () => what(running))
    .catch((error: unknown) => {
      if (error instanceof ClientError || !isBug(error)) return;
      world.violate('errors', `a client of an index met ${String(error)}`);
    });
  await Promise.race([answer, life.died, world.clock.sleep(answerMs)]);
}
