import { afterEach, expect, test, vi } from 'vitest';

import { ClusteredWorld } from '../support/clustered-region.ts';
import { splitUnknownToSeat } from '../support/hidden-split.ts';

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
