import { afterEach, expect, test, vi } from 'vitest';

import { present } from '../../src/base/assert.ts';
import type { Table } from '../../src/model/table.ts';
import { ClusteredWorld, type WorldNode } from '../support/clustered-region.ts';
import { ClusteredWriter, read, scanAll } from '../support/clustered-writer.ts';

let open: ClusteredWorld | undefined;

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

afterEach(async () => {
  await open?.stop();
  open = undefined;
});

async function newWorld(partitions = 2): Promise<ClusteredWorld> {
  open = await ClusteredWorld.start(partitions);
  // Two may have tried to lead the same partition.
  await open.clock.advance(1000);
  return open;
}

const countsOf = (w: ClusteredWorld): readonly number[] =>
  w.running.map(({ engine }) => engine.core.partitions.length);

function writersOf(w: ClusteredWorld, table: Table): readonly ClusteredWriter[] {
  const { a, b, c } = w.nodes;
  return [
    new ClusteredWriter(w, table, { by: a, reader: b, name: 'of a' }),
    new ClusteredWriter(w, table, { by: b, reader: c, name: 'of b' }),
    new ClusteredWriter(w, table, { by: c, reader: a, name: 'of c' }),
  ];
}

/** Nothing that was answered is gone, whichever node is asked, one by one and by a scan. */
async function expectKept(w: ClusteredWorld, writers: readonly ClusteredWriter[]): Promise<void> {
  for (const node of w.running) {
    const [first] = writers;
    const scanned = await w.run(scanAll(node, present(first, 'a writer').table));
    for (const { acknowledged, table } of writers)
      for (const [id, value] of acknowledged) {
        const found = await w.run(read(node, table, id));
        expect(found, `${id} at ${node.zone}`).toBeGreaterThanOrEqual(value);
        expect(scanned.get(id), `${id} scanned at ${node.zone}`).toBe(found);
      }
  }
}

async function stopAll(writers: readonly ClusteredWriter[]): Promise<void> {
  for (const writer of writers) await writer.stop();
  expect(writers.flatMap(({ wrong }) => wrong)).toEqual([]);
}

const leading = (w: ClusteredWorld, partition: number): WorldNode =>
  present(w.leaderOf(partition), `a leader of partition ${partition}`);

test('a partition is split under writes at every node, which wait for milliseconds', async () => {
  const w = await newWorld();
  const table = await w.createTable(w.nodes.b);
  const writers = writersOf(w, table);
  await w.clock.advance(1000);
  expect(await w.run(w.nodes.c.engine.splitPartition(1))).toBe(2);
  await w.until('every node knows', () => countsOf(w).every((count) => count === 3));
  expect(await w.run(w.nodes.a.engine.splitPartition(0))).toBe(3);
  await w.clock.advance(2000);
  await stopAll(writers);
  expect(countsOf(w)).toEqual([4, 4, 4]);
  for (const { longestMs, failures } of writers) {
    expect(failures).toBe(0);
    expect(longestMs).toBeLessThan(200);
  }
  await expectKept(w, writers);
  expect(w.running.flatMap(({ failures }) => failures)).toEqual([]);
});
