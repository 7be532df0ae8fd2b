import { afterEach, expect, test, vi } from 'vitest';

import { present } from '../../src/base/assert.ts';
import { encodeItemKey } from '../../src/model/item-key.ts';
import { ClusteredWorld, type WorldNode } from '../support/clustered-region.ts';

let open: ClusteredWorld | undefined;

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

afterEach(async () => {
  await open?.stop();
  open = undefined;
});

const ITEMS = 300;

/** What a node's own copies hold of an index. */
async function entriesAt(w: ClusteredWorld, { engine }: WorldNode, index: number): Promise<number> {
  const page = await w.run(
    engine.region.scan({
      table: index,
      consistent: false,
      limit: undefined,
      startAfter: undefined,
      segment: 0,
      totalSegments: 1,
    }),
  );
  return page.items.length;
}

test('a node that says that an index is ACTIVE has all that it was filled with', async () => {
  const w = (open = await ClusteredWorld.start(3));
  const table = await w.createTable(w.nodes.b);
  const { region } = w.nodes.b.engine;
  for (let number = 0; number < ITEMS; number += 1) {
    const image = Buffer.from(
      JSON.stringify({ id: { S: `${number}` }, v: { S: `${number % 7}` } }),
    );
    await w.run(
      region.write({
        table: table.number,
        key: encodeItemKey(table.definition.keySchema, { id: { S: `${number}` } }),
        change: { kind: 'put', image, itemBytes: image.length },
        condition: undefined,
        cause: 'user',
      }),
    );
  }
  // What the others apply of the other partitions comes late; the catalogue does not.
  for (const { engine } of w.running) {
    if (engine.seat !== undefined) continue;
    const { node } = engine.core;
    const apply = node.apply.bind(node);
    node.apply = async (entries) => {
      if (!entries.has(0)) await w.clock.sleep(600);
      return apply(entries);
    };
  }
  const index = { name: 'by v', partition: [{ name: 'v', type: 'S' }], sort: [] } as const;
  const projection = { kind: 'keys' } as const;
  await w.run(
    region.updateTable('Orders', {
      indexes: [{ kind: 'create', index: { ...index, projection }, throughput: {} }],
    }),
  );
  const seen = new Map<string, number>();
  for (let passedMs = 0; seen.size < 3 && passedMs < 60_000; passedMs += 1) {
    await w.clock.advance(1);
    for (const node of w.running) {
      const made = node.engine.region.findTable('Orders')?.indexes?.[0];
      if (made?.status !== 'ACTIVE' || seen.has(node.zone)) continue;
      const { number } = present(made, 'the index');
      seen.set(node.zone, await entriesAt(w, node, number));
    }
  }
  expect(Object.fromEntries(seen)).toEqual({ a: ITEMS, b: ITEMS, c: ITEMS });
});
