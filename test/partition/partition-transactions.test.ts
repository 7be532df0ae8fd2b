import { expect, test } from 'vitest';

import { effectBytesMax } from '../../src/partition/transaction-limits.ts';
import { keyOf, PartitionWorld, TABLE } from '../support/partition-world.ts';

const image = new Uint8Array(1024 * 1024);

/** Asks for so many items of a megabyte. */
async function decide(world: PartitionWorld, count: number): Promise<string> {
  const actions = Array.from({ length: count }, (_, item) => ({
    table: TABLE,
    key: keyOf(item),
    change: { kind: 'put', image, itemBytes: image.length } as const,
    condition: undefined,
  }));
  const transaction = { id: 'id', hash: 0, begunMs: world.clock.wallMs() };
  const asked = { transaction, actions, participants: [], request: undefined };
  return (await world.run(world.partition.transact('decide', asked))).kind;
}

test('what is more than any log takes at once is refused, although its request was small', async () => {
  const world = await PartitionWorld.start();
  const count = effectBytesMax / image.length;
  const { length } = world.log.entries;
  expect(await decide(world, count + 1)).toBe('refused');
  expect(world.log.entries).toHaveLength(length);
  expect(await decide(world, count)).toBe('committed');
});
