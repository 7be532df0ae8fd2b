import { afterEach, expect, test, vi } from 'vitest';

import { present } from '../../src/base/assert.ts';
import { encodeItemKey } from '../../src/model/item-key.ts';
import type { Table } from '../../src/model/table.ts';
import { ClusteredWorld, type WorldNode } from '../support/clustered-region.ts';

let open: ClusteredWorld | undefined;

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

afterEach(async () => {
  await open?.stop();
  open = undefined;
});

async function newWorld(partitions = 3): Promise<ClusteredWorld> {
  open = await ClusteredWorld.start(partitions);
  // Two may have tried to lead the same partition.
  await open.clock.advance(1000);
  return open;
}

const keyOf = ({ definition }: Table, id: string): Uint8Array =>
  encodeItemKey(definition.keySchema, { id: { S: id } });

async function put(
  by: WorldNode,
  table: Table,
  { id, value }: { readonly id: string; readonly value: string },
): Promise<void> {
  const image = Buffer.from(JSON.stringify({ id: { S: id }, v: { S: value } }));
  await by.engine.region.write({
    table: table.number,
    key: keyOf(table, id),
    change: { kind: 'put', image, itemBytes: image.length },
    condition: undefined,
    cause: 'user',
  });
}

const valueIn = (image: Uint8Array): unknown => {
  const item: unknown = JSON.parse(Buffer.from(image).toString());
  return typeof item === 'object' && item !== null && 'v' in item ? item.v : undefined;
};

/** Strongly. */
async function read(by: WorldNode, table: Table, id: string): Promise<unknown> {
  const key = keyOf(table, id);
  const found = await by.engine.region.getItem({ table: table.number, key, consistent: true });
  return found === undefined ? undefined : valueIn(found.image);
}

const ids = Array.from({ length: 12 }, (_, number) => `item ${number}`);

/** Counts up an item by way of a node, until it is told to stop; what is not answered is tried again. */
class Writer {
  /** The last value that was answered, by item. */
  readonly acknowledged = new Map<string, number>();
  /** The longest time between two answers. */
  longestMs = 0;
  readonly table: Table;
  readonly #world: ClusteredWorld;
  readonly #by: WorldNode;
  #isOver = false;
  readonly #done: Promise<void>;

  constructor(world: ClusteredWorld, by: WorldNode, table: Table) {
    this.table = table;
    this.#world = world;
    this.#by = by;
    this.#done = this.#run();
  }

  async #run(): Promise<void> {
    const { clock } = this.#world;
    let lastMs = clock.monotonicMs();
    for (let count = 1; !this.#isOver; count += 1) {
      const id = present(ids[count % ids.length], 'an item');
      try {
        await put(this.#by, this.table, { id, value: String(count) });
        this.acknowledged.set(id, count);
        this.longestMs = Math.max(this.longestMs, clock.monotonicMs() - lastMs);
        lastMs = clock.monotonicMs();
      } catch {
        // Not answered.
      }
      await clock.sleep(20);
    }
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#world.run(this.#done);
  }
}

/** Nothing that was answered is gone, whichever node is asked. */
async function expectKept(w: ClusteredWorld, writer: Writer): Promise<void> {
  for (const node of w.running) {
    for (const [id, count] of writer.acknowledged) {
      const found = await w.run(read(node, writer.table, id));
      expect(Number(Object(found).S), `${id} at ${node.zone}`).toBeGreaterThanOrEqual(count);
    }
  }
}

/** One that does not have the seat, nor leads the partition. */
function otherThan(w: ClusteredWorld, ...nodes: readonly WorldNode[]): WorldNode {
  return present(
    w.running.find((node) => !nodes.includes(node)),
    'another node',
  );
}

test('a table made at one node is written at another and read at the third', async () => {
  const w = await newWorld();
  const { a, b, c } = w.nodes;
  const table = await w.createTable(b);
  for (const id of ids) {
    await w.run(put(c, table, { id, value: id }));
    expect(await w.run(read(a, table, id))).toEqual({ S: id });
    expect(await w.run(read(b, table, id))).toEqual({ S: id });
  }
});

test('leaders are spread over the nodes of a new region', async () => {
  const w = await newWorld();
  await w.until('each leads its own', () =>
    [0, 1, 2].every((number) => w.leaderOf(number)?.zone === ['a', 'b', 'c'][number]),
  );
  expect(w.running.flatMap(({ failures }) => failures)).toEqual([]);
});

test('what a client has changed of tables it finds at the node that it asked', async () => {
  const w = await newWorld();
  const seat = await w.seat();
  const other = otherThan(w, seat);
  const created = await w.run(
    other.engine.region.createTable('Orders', (await w.createTable(seat, 'First')).definition),
  );
  expect(other.engine.region.findTable('Orders')?.tableId).toBe(created.tableId);
  await w.until('ACTIVE', () => other.engine.region.findTable('Orders')?.status === 'ACTIVE');
  await w.run(other.engine.region.deleteTable('Orders'));
  await w.until('gone', () => other.engine.region.findTable('Orders') === undefined);
});

test('a leader is killed: the others take over after its lease, and nothing answered is lost', async () => {
  const w = await newWorld();
  const table = await w.createTable(w.nodes.b);
  const leader = present(w.leaderOf(0), 'a leader');
  const writer = new Writer(w, otherThan(w, leader), table);
  await w.clock.advance(1000);
  await leader.kill();
  await w.clock.advance(4500);
  await w.untilLed();
  await writer.stop();
  expect(writer.longestMs).toBeGreaterThan(1000);
  expect(writer.longestMs).toBeLessThan(4000);
  await expectKept(w, writer);
  await w.run(leader.start());
  await expectKept(w, writer);
});

test('a planned move costs less than 300 ms, and no lease', async () => {
  const w = await newWorld();
  const table = await w.createTable(w.nodes.b);
  const writer = new Writer(w, w.nodes.c, table);
  await w.clock.advance(500);
  const leader = present(w.leaderOf(0), 'a leader');
  const { zone } = otherThan(w, leader);
  const partition = present(leader.engine.core.partitions[0], 'partition 0');
  expect(await w.run(partition.resign(zone))).toBe(true);
  await w.until('the other leads', () => w.leaderOf(0)?.zone === zone);
  await w.clock.advance(500);
  await writer.stop();
  expect(writer.longestMs).toBeLessThan(300);
  await expectKept(w, writer);
});

test('a drained node leads nothing and still serves', async () => {
  const w = await newWorld();
  const table = await w.createTable(w.nodes.b);
  await w.run(w.nodes.a.engine.core.drain());
  await w.untilLed();
  await w.clock.advance(2000);
  expect(w.nodes.a.engine.core.partitions.map(({ leading }) => leading)).toEqual(
    Array.from({ length: 3 }),
  );
  await w.run(put(w.nodes.a, table, { id: 'x', value: '1' }));
  expect(await w.run(read(w.nodes.a, table, 'x'))).toEqual({ S: '1' });
});

test('strong reads at a follower never go back while leaders move', async () => {
  const w = await newWorld(1);
  const table = await w.createTable(w.nodes.b);
  const writer = new Writer(w, w.nodes.b, table);
  const wrong: string[] = [];
  const over = new AbortController();
  const readers = w.running.map(async (node) => {
    const seen = new Map<string, number>();
    while (!over.signal.aborted) {
      for (const id of ids) {
        const least = Math.max(seen.get(id) ?? 0, writer.acknowledged.get(id) ?? 0);
        const found = await read(node, table, id).catch(() => 'failed');
        if (found === 'failed') continue;
        const count = Number(Object(found).S ?? 0);
        if (count < least) wrong.push(`${node.zone}: ${id} was ${least} and is ${count}`);
        seen.set(id, Math.max(least, count));
      }
      await w.clock.sleep(15);
    }
  });
  for (const zone of ['b', 'c', 'a', 'b'] as const) {
    await w.clock.advance(300);
    const leader = present(w.leaderOf(0), 'a leader').engine.core.partitions[0];
    if (w.leaderOf(0)?.zone !== zone) await w.run(present(leader, 'partition 0').resign(zone));
    await w.untilLed();
  }
  over.abort();
  await w.run(Promise.all(readers));
  await writer.stop();
  expect(wrong).toEqual([]);
  expect(writer.acknowledged.size).toBe(ids.length);
});

test('a seat that another node has taken since changes nothing, and its node follows again', async () => {
  const w = await newWorld();
  const old = await w.seat();
  const { definition } = await w.createTable(old, 'First');
  const mark = { zone: old.zone, term: present(old.engine.seat, 'the seat').term };
  old.cutOff(true);
  const seat = await w.seat();
  expect(seat.zone).not.toBe(old.zone);
  const third = otherThan(w, seat, old);
  await w.createTable(third, 'Second', definition);
  old.cutOff(false);
  for (const by of [old, third]) {
    const { line, partitions } = by.engine.core;
    for (const { number } of partitions) {
      const call = { name: 'advanceTime', request: undefined } as const;
      await expect(
        w.run(line.ask(number, call, { ...mark, catalogueIndex: 0 })),
        `partition ${number} by ${by.zone}`,
      ).rejects.toThrow('Internal');
    }
  }
  await w.until('the old one knows', () => old.engine.region.findTable('Second') !== undefined);
  expect(old.engine.seat).toBeUndefined();
  const third3 = await w.createTable(old, 'Third', definition);
  expect(third3.number).toBe(3);
});

test('numbers of tables are given once, whoever has the seat', async () => {
  const w = await newWorld();
  const numbers: number[] = [];
  const { definition } = await w.createTable(w.nodes.a, 'First');
  for (const name of ['Second', 'Third', 'Fourth']) {
    const seat = await w.seat();
    await w.run(seat.kill());
    const next = await w.seat();
    numbers.push((await w.createTable(next, name, definition)).number);
    await w.run(seat.start());
  }
  expect(numbers).toEqual([2, 3, 4]);
  for (const node of w.running)
    expect(node.engine.region.tableNames()).toEqual(['First', 'Fourth', 'Second', 'Third']);
});

test('a broker that nobody reaches for a while stops writes and nothing else', async () => {
  const w = await newWorld();
  const table = await w.createTable(w.nodes.b);
  const writer = new Writer(w, w.nodes.b, table);
  await w.clock.advance(500);
  for (const node of w.running) node.cutOff(true, { ofBus: false });
  await w.clock.advance(4500);
  for (const node of w.running) node.cutOff(false);
  await w.untilLed();
  await w.clock.advance(3000);
  const before = Math.max(...writer.acknowledged.values());
  await w.clock.advance(1000);
  await writer.stop();
  expect(Math.max(...writer.acknowledged.values())).toBeGreaterThan(before);
  expect(w.running.flatMap(({ failures }) => failures)).toEqual([]);
  await expectKept(w, writer);
});

test('a leader that loses the broker alone is replaced though it can be reached', async () => {
  const w = await newWorld();
  const table = await w.createTable(w.nodes.b);
  const leader = present(w.leaderOf(0), 'a leader');
  const writer = new Writer(w, otherThan(w, leader), table);
  await w.clock.advance(500);
  leader.cutOff(true, { ofBus: false });
  await w.until('another leads', () => w.leaderOf(0) !== undefined, 10_000);
  await w.clock.advance(1000);
  await writer.stop();
  expect(w.leaderOf(0)?.zone).not.toBe(leader.zone);
  leader.cutOff(false);
  await w.clock.advance(3000);
  await expectKept(w, writer);
});

test('a node ends its stop though nothing can be handed over', async () => {
  const w = await newWorld();
  for (const node of w.running) node.cutOff(true);
  await w.clock.advance(100);
  await w.stop();
  expect(w.running).toEqual([]);
});

test('an index made on a live table whose leaders are on other nodes equals the projection', async () => {
  const w = await newWorld();
  const table = await w.createTable(w.nodes.b);
  for (let number = 0; number < 150; number += 1)
    await w.run(put(w.nodes.b, table, { id: `old ${number}`, value: `${number % 7}` }));
  const writer = new Writer(w, w.nodes.c, table);
  await w.clock.advance(200);
  const index = { name: 'by v', partition: [{ name: 'v', type: 'S' }], sort: [] } as const;
  const projection = { kind: 'all' } as const;
  await w.run(
    w.nodes.c.engine.region.updateTable('Orders', {
      indexes: [{ kind: 'create', index: { ...index, projection }, throughput: {} }],
    }),
  );
  const leader = present(w.leaderOf(1), 'a leader');
  const partition = present(leader.engine.core.partitions[1], 'partition 1');
  await w.run(partition.resign(otherThan(w, leader).zone));
  const { region } = w.nodes.b.engine;
  await w.until('the index is ACTIVE', () => {
    const [made] = region.findTable('Orders')?.indexes ?? [];
    return made?.status === 'ACTIVE' && !made.backfilling;
  });
  await writer.stop();
  const number = present(region.findTable('Orders')?.indexes?.[0], 'the index').number;
  const itemsOf = async (of: number): Promise<readonly string[]> => {
    const pages = await Promise.all(
      [0, 1, 2].map(async (segment) =>
        region.scan({
          table: of,
          consistent: true,
          limit: undefined,
          startAfter: undefined,
          segment,
          totalSegments: 3,
        }),
      ),
    );
    return pages
      .flatMap(({ items }) => items.map(({ image }) => Buffer.from(image).toString()))
      .toSorted();
  };
  await w.clock.advance(500);
  const items = await w.run(itemsOf(table.number));
  expect(items).toHaveLength(150 + ids.length);
  expect(await w.run(itemsOf(number))).toEqual(items);
});
