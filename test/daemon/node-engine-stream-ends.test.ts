import { afterEach, expect, test, vi } from 'vitest';

import { present } from '../../src/base/assert.ts';
import type { TableDefinition } from '../../src/model/table.ts';
import { ClusteredWorld, type WorldNode } from '../support/clustered-region.ts';
import { told } from '../support/clustered-stream.ts';
import { put } from '../support/clustered-writer.ts';
import { splitUnknownToSeat } from '../support/hidden-split.ts';

let open: ClusteredWorld | undefined;

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

afterEach(async () => {
  vi.restoreAllMocks();
  await open?.stop();
  open = undefined;
});

const DEFINITION: TableDefinition = {
  keySchema: { partition: { name: 'id', type: 'S' }, sort: undefined },
  attributeDefinitions: [{ name: 'id', type: 'S' }],
  billingMode: 'PAY_PER_REQUEST',
  provisionedThroughput: { read: 0, write: 0 },
  stream: 'NEW_AND_OLD_IMAGES',
};

const ENDINGS: Readonly<Record<string, (by: WorldNode, name: string) => Promise<unknown>>> = {
  'its table is deleted': async ({ engine }, name) => engine.region.deleteTable(name),
  'it is disabled': async ({ engine }, name) => engine.region.updateTable(name, { stream: 'off' }),
};

const hasEnded = ({ engine }: WorldNode, table: string): boolean =>
  engine.region.streams
    .list()
    .some(({ tableName, stream: { end } }) => tableName === table && end !== undefined);

test.each(Object.keys(ENDINGS))(
  'a stream that ends as %s tells what a child had taken that the seat did not know of',
  async (how) => {
    open = await ClusteredWorld.start(2);
    const w = open;
    await w.clock.advance(12_000);
    const table = await w.createTable(w.nodes.b, 'Told', DEFINITION);
    const { seat, others, held } = await splitUnknownToSeat(w);
    const ids = Array.from({ length: 60 }, (_, number) => `item ${number}`);
    const writer = present(others[0], 'another node');
    for (const id of ids) await w.run(put(writer, table, { id, value: 1 }));
    const end = present(ENDINGS[how], 'a way to end it');
    await w.run(end(seat, table.name));
    await w.clock.advance(1000);
    held.abort();
    await w.until('it has ended', () => others.every((node) => hasEnded(node, table.name)));
    for (const node of w.running) {
      const records = await w.run(told(node, table.name));
      expect(records.map(([id]) => id).toSorted()).toEqual(ids.toSorted());
    }
  },
);
