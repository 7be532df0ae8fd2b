import { afterEach, expect, test, vi } from 'vitest';

import { present } from '../../src/base/assert.ts';
import { ClusteredWorld } from '../support/clustered-region.ts';

let open: ClusteredWorld | undefined;

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

afterEach(async () => {
  await open?.stop();
  open = undefined;
});

test('a seat that was overtaken and does not know it yet writes nothing', async () => {
  const w = (open = await ClusteredWorld.start(3));
  const old = await w.seat();
  const { definition } = await w.createTable(old, 'First');
  const seat = present(old.engine.seat, 'the seat');
  const leading = present(old.engine.core.partitions[0]?.leading, 'partition 0');
  old.cutOff(true);
  const next = await w.seat();
  expect(next.zone).not.toBe(old.zone);
  // It goes on with what it took, as it would in the moment before it sees the epoch of the other.
  const made = seat.region.createTable('Stray', definition);
  const moved = leading.advanceTime();
  const outcomes = Promise.allSettled([made, moved]);
  const other = present(
    w.running.find((node) => node !== old && node !== next),
    'the third',
  );
  await w.createTable(other, 'Second', definition);
  old.cutOff(false);
  await w.until('the old one follows', () => old.engine.region.findTable('Second') !== undefined);
  const results = await w.run(outcomes);
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  const later = await w.run(Promise.allSettled([seat.region.createTable('Later', definition)]));
  expect(later.map(({ status }) => status)).toEqual(['rejected']);
  await w.clock.advance(5000);
  for (const { engine } of w.running)
    expect(engine.region.tableNames().toSorted()).toEqual(['First', 'Second']);
});
