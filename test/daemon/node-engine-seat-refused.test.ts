import { afterEach, expect, test, vi } from 'vitest';

import { present } from '../../src/base/assert.ts';
import { SystemDocuments } from '../../src/region/system-documents.ts';
import { ClusteredWorld, type WorldNode } from '../support/clustered-region.ts';

let open: ClusteredWorld | undefined;

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

afterEach(async () => {
  await open?.stop();
  open = undefined;
});

/** Has this node lead partition 0. */
async function moveTo(w: ClusteredWorld, { zone }: WorldNode): Promise<void> {
  const leader = present(w.leaderOf(0), 'a leader');
  const partition = present(leader.engine.core.partitions[0], 'partition 0');
  await w.run(partition.resign(zone, { isWish: true }));
  await w.until(`${zone} leads`, () => w.leaderOf(0)?.zone === zone);
}

async function keep(w: ClusteredWorld, { engine }: WorldNode, document: unknown): Promise<void> {
  const leading = present(engine.core.partitions[0]?.leading, 'partition 0, led here');
  await w.run(new SystemDocuments(leading).put('partition-split', document));
}

test('a node that could not take the seat, for a document that it cannot read, follows the catalogue again', async () => {
  open = await ClusteredWorld.start(1);
  const w = open;
  await w.clock.advance(12_000);
  const { a, b, c } = w.nodes;
  await moveTo(w, a);
  expect(await w.seat()).toBe(a);
  await keep(w, a, { parent: 'none' });
  await moveTo(w, b);
  await w.clock.advance(1200);
  expect(b.engine.seat).toBeUndefined();
  await moveTo(w, c);
  await keep(w, c, { parent: 0, child: 0, middle: 1 });
  expect(await w.seat()).toBe(c);
  await w.createTable(c, 'Made');
  await w.until('b knows it', () => b.engine.region.findTable('Made') !== undefined, 5000);
});
