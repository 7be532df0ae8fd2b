import { expect, test } from 'vitest';

import { keyOf, PartitionWorld, put, TABLE } from '../support/partition-world.ts';

const APPEND_MS = 500;

/** A partition with one item, and a write of it on its way to the log. */
async function underWrite(othersApplyLog: boolean) {
  const world = await PartitionWorld.start(['a'], { othersApplyLog });
  await world.run(world.partition.write(put(1, 'old')));
  await world.clock.advance(50);
  const { index } = world.partition.committed;
  world.log.delayMs = APPEND_MS;
  const writing = world.partition.write(put(1, 'new'));
  await world.clock.advance(5);
  return { world, index, writing };
}

/** What a strong page shows of the item, and after how long. */
async function read(world: PartitionWorld) {
  const startMs = world.clock.monotonicMs();
  const page = await world.run(
    world.partition.readPage(
      {
        table: TABLE,
        from: keyOf(1),
        to: undefined,
        forward: true,
        limit: 1,
        startAfter: undefined,
        byteLimit: 1000,
      },
      true,
    ),
  );
  const text = page.items.map(({ image }) => Buffer.from(image).toString()).join('');
  return { text, tookMs: world.clock.monotonicMs() - startMs };
}

test('a strong page waits for what other copies may show already, though nobody was told of it', async () => {
  const { world, writing } = await underWrite(true);
  const { text, tookMs } = await read(world);
  expect(text).toContain('new');
  expect(tookMs).toBeGreaterThan(APPEND_MS / 2);
  await world.run(writing);
  expect((await read(world)).tookMs).toBeLessThan(APPEND_MS / 2);
});

test('a strong read elsewhere waits for it too', async () => {
  const { world, index, writing } = await underWrite(true);
  expect(await world.run(world.partition.readIndex())).toBe(index + 1);
  await world.run(writing);
});

test('where copies apply only what is committed here, nothing is waited for', async () => {
  const { world, index, writing } = await underWrite(false);
  expect(await world.run(world.partition.readIndex())).toBe(index);
  const { text, tookMs } = await read(world);
  expect(text).toContain('old');
  expect(tookMs).toBeLessThan(APPEND_MS / 2);
  await world.run(writing);
});
