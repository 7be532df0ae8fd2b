import { ClientError } from '../../../src/model/errors.ts';
import type { IndexChange } from '../../../src/region/region.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { isBug } from '../client.ts';
import { CHURNED_INDEX, INDEXED, isIndexSeed } from '../indexed-table.ts';
import type { SimRegion } from '../sim-region.ts';
import type { World } from '../world.ts';
import { pickFrom } from '../world-options.ts';
import type { Workload } from './workload.ts';

/** How long whoever asks for a change waits for an answer. */
const answerMs = 20_000;

/** A global index that is made and taken away again, asked for in any region, while its table is rewritten. */
export const indexChurn: Workload = {
  name: 'index churn',
  async run(stage) {
    const { world } = stage;
    if (!isIndexSeed(world.seed)) return;
    const random = new SeededRandom(world.seed ^ 0xc4a2);
    for (;;) {
      await world.clock.sleep(1000 + random.next() * 5000);
      if (stage.isOver) return;
      await step(world, pickFrom(random, world.regions));
    }
  },
};

async function step(world: World, asked: SimRegion): Promise<void> {
  const { running } = asked;
  const table = running?.engine.region.findTable(INDEXED);
  if (running === undefined || table === undefined) return;
  const stands = table.definition.indexes?.some(({ name }) => name === CHURNED_INDEX.name);
  const change: IndexChange =
    stands === true
      ? { kind: 'delete', name: CHURNED_INDEX.name }
      : { kind: 'create', index: CHURNED_INDEX, throughput: {} };
  world.note('WORLD', `index ${change.kind} asked in ${asked.name}`);
  const ended = running.engine.region.updateTable(INDEXED, { indexes: [change] }).then(
    () => {
      world.count(change.kind === 'create' ? 'index added' : 'index removed');
      return 'accepted';
    },
    (error: unknown) => {
      if (isBug(error)) world.violate('errors', `a change of indexes met ${String(error)}`);
      return error instanceof ClientError ? `refused: ${error.message}` : 'failed';
    },
  );
  const answer = await Promise.race([
    ended,
    running.life.died.then(() => 'died'),
    world.clock.sleep(answerMs).then(() => 'no answer'),
  ]);
  world.note('WORLD', `index ${change.kind}: ${answer}`);
}
