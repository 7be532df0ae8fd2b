import { afterEach, expect, test, vi } from 'vitest';

import { present } from '../../src/base/assert.ts';
import type { Table, TableDefinition } from '../../src/model/table.ts';
import { ClusteredWorld, type WorldNode } from '../support/clustered-region.ts';
import { told } from '../support/clustered-stream.ts';
import { ClusteredWriter, keyOf, read, scanAll, valueIn } from '../support/clustered-writer.ts';

let open: ClusteredWorld | undefined;

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

afterEach(async () => {
  await open?.stop();
  open = undefined;
});

async function newWorld(): Promise<ClusteredWorld> {
  open = await ClusteredWorld.start(2);
  // Two may have tried to lead the same partition.
  await open.clock.advance(1000);
  return open;
}

const counts = (w: ClusteredWorld): readonly number[] =>
  w.running.map(({ engine }) => engine.core.partitions.length);

const untilAll = async (w: ClusteredWorld, count: number): Promise<void> =>
  w.until(`${count} partitions`, () => counts(w).every((each) => each === count));

const DEFINITION: TableDefinition = {
  keySchema: { partition: { name: 'id', type: 'S' }, sort: undefined },
  attributeDefinitions: [{ name: 'id', type: 'S' }],
  billingMode: 'PAY_PER_REQUEST',
  provisionedThroughput: { read: 0, write: 0 },
};

/** What every copy has synced, of each log that is led anywhere. */
async function trimAll(w: ClusteredWorld): Promise<void> {
  // Stores are synced every two seconds.
  await w.clock.advance(4000);
  for (const { engine } of w.running)
    for (const { leading, log } of engine.core.partitions)
      if (leading !== undefined) log.trim(log.end.index - 1);
  await w.clock.advance(500);
  for (const { engine } of w.running)
    for (const { leading, log } of engine.core.partitions)
      if (leading !== undefined && log.first <= 10) throw new Error('a log was not trimmed');
}

test.each(['away', 'blank'])(
  'a node that is %s while a partition is split, and the logs are trimmed behind that, gets both halves from another',
  async (how) => {
    const w = await newWorld();
    const table = await w.createTable(w.nodes.b);
    const { a, b, c } = w.nodes;
    const writer = new ClusteredWriter(w, table, { by: a, reader: b, name: 'item' });
    await w.clock.advance(500);
    await w.run(c.stop());
    await w.until('all are led', () => [0, 1].every((each) => w.leaderOf(each) !== undefined));
    expect(await w.run(a.engine.splitPartition(0))).toBe(2);
    expect(await w.run(a.engine.splitPartition(2))).toBe(3);
    await w.clock.advance(1000);
    await trimAll(w);
    if (how === 'blank') c.disk.restore([]);
    await w.run(c.start());
    await untilAll(w, 4);
    await w.clock.advance(500);
    await writer.stop();
    expect(writer.wrong).toEqual([]);
    const scanned = await w.run(scanAll(c, table));
    for (const [id, value] of writer.acknowledged) {
      expect([id, await w.run(read(c, table, id))]).toEqual([id, value]);
      expect([id, scanned.get(id)]).toEqual([id, value]);
    }
    const digests = w.running.map(({ engine }) =>
      [...engine.core.node.copies.values()]
        .map((copy) => `${copy.partition} ${JSON.stringify(copy.hashes)}`)
        .toSorted((one, other) => (one < other ? -1 : 1)),
    );
    expect(digests[1]).toEqual(digests[0]);
    expect(digests[2]).toEqual(digests[0]);
    await expectCounted(w, table);
  },
);

/** What each half holds is known after a while, and equal at every node. */
async function expectCounted(w: ClusteredWorld, { number }: Table): Promise<void> {
  const contents = (): readonly string[] =>
    w.running.map(({ engine }) =>
      JSON.stringify(
        engine.core.partitions.map(({ copy }) => copy.contents(number)?.itemCount ?? 'unknown'),
      ),
    );
  await w.until('what each half holds is counted', () =>
    contents().every((each) => !each.includes('unknown')),
  );
  expect(new Set(contents()).size).toBe(1);
}

/** Each item's values grow. */
function isOrdered(all: readonly (readonly [string, number])[]): boolean {
  const last = new Map<string, number>();
  return all.every(([id, value]) => {
    const before = last.get(id) ?? 0;
    last.set(id, value);
    return value > before;
  });
}

test('a stream tells every write once, and those of an item in order, at every node through splits', async () => {
  const w = await newWorld();
  const { a, b, c } = w.nodes;
  const table = await w.createTable(b, 'Told', { ...DEFINITION, stream: 'NEW_AND_OLD_IMAGES' });
  const writers = [a, b, c].map(
    (by) => new ClusteredWriter(w, table, { by, reader: by, name: `of ${by.zone}` }),
  );
  const during: (readonly (readonly [string, number])[])[] = [];
  for (const partition of [1, 0, 2]) {
    await w.clock.advance(300);
    const splitting = a.engine.splitPartition(partition);
    for (const node of w.running) during.push(await w.run(told(node, 'Told')));
    await w.run(splitting);
    for (const node of w.running) during.push(await w.run(told(node, 'Told')));
  }
  await w.clock.advance(300);
  for (const writer of writers) await writer.stop();
  await w.clock.advance(500);
  expect(during.every(isOrdered)).toBe(true);
  const written = writers.reduce(
    (sum, { acknowledged }) => sum + Math.max(...acknowledged.values()),
    0,
  );
  for (const node of w.running) {
    const all = await w.run(told(node, 'Told'));
    expect(isOrdered(all)).toBe(true);
    expect(all).toHaveLength(written);
  }
});

test('a global index equals the projection of its table through splits of both', async () => {
  const w = await newWorld();
  const { a, b, c } = w.nodes;
  const table = await w.createTable(b);
  const index = { name: 'by v', partition: [{ name: 'v', type: 'S' }], sort: [] } as const;
  const projection = { kind: 'all' } as const;
  await w.run(
    c.engine.region.updateTable(table.name, {
      indexes: [{ kind: 'create', index: { ...index, projection }, throughput: {} }],
    }),
  );
  const isActive = (): boolean =>
    a.engine.region.findTable(table.name)?.indexes?.every(({ status }) => status === 'ACTIVE') ===
    true;
  await w.until('the index is ACTIVE', isActive);
  const writers = [a, b, c].map(
    (by) => new ClusteredWriter(w, table, { by, reader: by, name: `of ${by.zone}` }),
  );
  for (const partition of [1, 0, 2]) {
    await w.clock.advance(400);
    await w.run(b.engine.splitPartition(partition));
  }
  await w.clock.advance(400);
  for (const writer of writers) await writer.stop();
  const { number } = present(a.engine.region.findTable(table.name)?.indexes?.[0], 'the index');
  const items = await w.run(scanAll(a, table));
  const same = async (): Promise<boolean> => {
    const page = await a.engine.region.scan({
      table: number,
      consistent: false,
      segment: 0,
      totalSegments: 1,
      limit: undefined,
      startAfter: undefined,
    });
    const entries = page.items.map(({ image }) => {
      const { id }: { readonly id: { readonly S: string } } = JSON.parse(
        Buffer.from(image).toString(),
      );
      return `${id.S} ${valueIn(image)}`;
    });
    const expected = [...items].map(([id, value]) => `${id} ${value}`);
    return entries.toSorted().join() === expected.toSorted().join();
  };
  let isSame = false;
  for (let looks = 0; looks < 100 && !isSame; looks += 1) {
    await w.clock.advance(100);
    isSame = await w.run(same());
  }
  expect(isSame).toBe(true);
});

const image = (id: string, value: number): Uint8Array =>
  Buffer.from(JSON.stringify({ id: { S: id }, v: { S: String(value) } }));

test('transactions across partitions keep their sum through splits', async () => {
  const w = await newWorld();
  const { a, b, c } = w.nodes;
  const table = await w.createTable(b);
  const ids = Array.from({ length: 30 }, (_, number) => `account ${number}`);
  const putAll = async (by: WorldNode, values: ReadonlyMap<string, number>): Promise<string> => {
    const outcome = await by.engine.region.transactWrite({
      actions: [...values].map(([id, value]) => ({
        table: table.number,
        key: keyOf(table, id),
        change: { kind: 'put', image: image(id, value), itemBytes: 20 },
        condition: undefined,
      })),
    });
    return outcome.kind;
  };
  expect(await w.run(putAll(a, new Map(ids.map((id) => [id, 1]))))).toBe('committed');
  const over = new AbortController();
  let [committed, torn] = [0, 0];
  const mover = async (): Promise<void> => {
    for (let value = 2; !over.signal.aborted; value += 1) {
      const by = present([a, b, c][value % 3], 'a node');
      const kind = await putAll(by, new Map(ids.map((id) => [id, value]))).catch(() => 'unknown');
      if (kind === 'committed') committed += 1;
      await w.clock.sleep(7);
    }
  };
  const watcher = async (): Promise<void> => {
    const reads = ids.map((id) => ({ table: table.number, key: keyOf(table, id) }));
    while (!over.signal.aborted) {
      const outcome = await b.engine.region.transactGet(reads).catch(() => undefined);
      if (outcome?.kind === 'read') {
        const seen = new Set(
          outcome.items.map((item) => valueIn(present(item, 'an account').image)),
        );
        if (seen.size !== 1) torn += 1;
      }
      await w.clock.sleep(5);
    }
  };
  const work = Promise.all([mover(), watcher()]);
  for (const partition of [1, 0, 2]) {
    await w.clock.advance(500);
    await w.run(b.engine.splitPartition(partition));
  }
  await w.clock.advance(500);
  over.abort();
  await w.run(work);
  expect(committed).toBeGreaterThan(20);
  expect(torn).toBe(0);
});
