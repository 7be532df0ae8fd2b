import { afterEach, expect, test, vi } from 'vitest';

import { ClusteredWorld } from '../support/clustered-region.ts';
import { holdCopy, splitUnknownToSeat } from '../support/hidden-split.ts';

let open: ClusteredWorld | undefined;

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

afterEach(async () => {
  vi.restoreAllMocks();
  await open?.stop();
  open = undefined;
});

test('the leader of a child that the seat does not know of yet hears of a stream before that begins', async () => {
  open = await ClusteredWorld.start(2);
  const w = open;
  await w.clock.advance(12_000);
  const table = await w.createTable(w.nodes.b);
  const { seat, held } = await splitUnknownToSeat(w);
  const enabling = seat.engine.region.updateTable(table.name, { stream: 'NEW_AND_OLD_IMAGES' });
  await w.clock.advance(300);
  const streams = () => seat.engine.region.findTable(table.name)?.streams;
  expect(streams()).toBeUndefined();
  held.abort();
  await w.run(enabling);
  expect(streams()?.[0]?.starts).toHaveLength(3);
});

test('a node takes the seat once it knows of the children that its logs tell of', async () => {
  open = await ClusteredWorld.start(2);
  const w = open;
  await w.clock.advance(1000);
  const { a, b, c } = w.nodes;
  for (const node of [b, c]) await w.run(node.engine.core.drain());
  await w.until('one leads all', () => [0, 1].every((each) => w.leaderOf(each) === a));
  const held = new AbortController();
  holdCopy(c, 1, held.signal);
  expect(await w.run(a.engine.splitPartition(1))).toBe(2);
  await a.kill();
  c.engine.core.undrain();
  await w.until('another leads partition 0', () => w.leaderOf(0) === c);
  await w.clock.advance(2000);
  expect(c.engine.core.partitions).toHaveLength(2);
  expect(c.engine.seat).toBeUndefined();
  held.abort();
  await w.until('it has the seat', () => c.engine.seat !== undefined);
  expect(c.engine.core.partitions).toHaveLength(3);
});
