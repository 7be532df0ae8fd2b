import { afterEach, expect, test, vi } from 'vitest';

import { present } from '../../src/base/assert.ts';
import { ClusteredWorld, type WorldNode } from '../support/clustered-region.ts';

let open: ClusteredWorld | undefined;

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

afterEach(async () => {
  vi.restoreAllMocks();
  await open?.stop();
  open = undefined;
});

/** The node's copy of a partition applies nothing until `signal` aborts. */
function holdCopy({ engine }: WorldNode, partition: number, signal: AbortSignal): void {
  const { node } = engine.core;
  const apply = node.apply.bind(node);
  const released = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve());
  });
  vi.spyOn(node, 'apply').mockImplementation(async (entries) => {
    if (entries.has(partition)) await released;
    return apply(entries);
  });
}

test('the leader of a child that the seat does not know of yet hears of a stream before that begins', async () => {
  open = await ClusteredWorld.start(2);
  const w = open;
  await w.clock.advance(12_000);
  const table = await w.createTable(w.nodes.b);
  const seat = await w.seat();
  const parent = [0, 1].find((each) => w.leaderOf(each) !== seat);
  const number = present(parent, 'a partition that is led elsewhere');
  const held = new AbortController();
  holdCopy(seat, number, held.signal);
  seat.engine.splitPartition(number).catch(() => {});
  const others = w.running.filter((node) => node !== seat);
  await w.until('the others know of the child', () =>
    others.every(({ engine }) => engine.core.partitions.length === 3),
  );
  await w.until('it is led', () => w.leaderOf(2) !== undefined);
  expect(seat.engine.core.partitions).toHaveLength(2);
  const enabling = seat.engine.region.updateTable(table.name, { stream: 'NEW_AND_OLD_IMAGES' });
  await w.clock.advance(300);
  const streams = () => seat.engine.region.findTable(table.name)?.streams;
  expect(streams()).toBeUndefined();
  held.abort();
  await w.run(enabling);
  expect(streams()?.[0]?.starts).toHaveLength(3);
});
