import { afterEach, expect, test, vi } from 'vitest';

import { present } from '../../src/base/assert.ts';
import { encodeItemKey } from '../../src/model/item-key.ts';
import type { Table, TableDefinition } from '../../src/model/table.ts';
import type { ShardPosition, StreamOfTable } from '../../src/streams/table-streams.ts';
import { ClusteredWorld, type WorldNode } from '../support/clustered-region.ts';

let open: ClusteredWorld | undefined;

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

afterEach(async () => {
  await open?.stop();
  open = undefined;
});

const STREAMED: TableDefinition = {
  keySchema: { partition: { name: 'id', type: 'S' }, sort: undefined },
  attributeDefinitions: [{ name: 'id', type: 'S' }],
  billingMode: 'PAY_PER_REQUEST',
  provisionedThroughput: { read: 0, write: 0 },
  stream: 'NEW_AND_OLD_IMAGES',
};

const BOUNDS = { recordsMax: 5, bytesMax: 1024 * 1024, metadata: false };

async function put(by: WorldNode, table: Table, id: string, value: number): Promise<void> {
  const image = Buffer.from(JSON.stringify({ id: { S: id }, v: { N: String(value) } }));
  await by.engine.region.write({
    table: table.number,
    key: encodeItemKey(table.definition.keySchema, { id: { S: id } }),
    change: { kind: 'put', image, itemBytes: image.length },
    condition: undefined,
    cause: 'user',
  });
}

interface Told {
  readonly sequence: string;
  readonly id: string;
  readonly from: number | undefined;
  readonly to: number;
}

interface WireRecord {
  readonly dynamodb: {
    readonly Keys: { readonly id: { readonly S: string } };
    readonly NewImage: { readonly v: { readonly N: string } };
    readonly OldImage?: { readonly v: { readonly N: string } };
  };
}

/** What follows each shard's position by way of a node; moves the positions on. */
async function read(
  by: WorldNode,
  arn: string,
  positions: Map<string, ShardPosition>,
): Promise<readonly Told[]> {
  const { streams } = by.engine.region;
  const stream: StreamOfTable = present(streams.find(arn), 'the stream');
  const told: Told[] = [];
  for (const { id, place } of await streams.shards(stream)) {
    for (;;) {
      const position = positions.get(id) ?? { kind: 'horizon' };
      const { records, next, isAtEnd } = await streams.read(stream, place, position, BOUNDS);
      for (const { json, sequenceNumber } of records) {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what streams tell
        const { dynamodb } = JSON.parse(json) as WireRecord;
        const { Keys, NewImage, OldImage } = dynamodb;
        told.push({
          sequence: sequenceNumber,
          id: Keys.id.S,
          from: OldImage === undefined ? undefined : Number(OldImage.v.N),
          to: Number(NewImage.v.N),
        });
      }
      if (next !== undefined) positions.set(id, next);
      if (next === undefined || isAtEnd) break;
    }
  }
  return told;
}

test('every node tells the same stream, through a change of leaders', async () => {
  const world = await ClusteredWorld.start(3);
  open = world;
  await world.clock.advance(1000);
  const seat = await world.seat();
  const table = await world.createTable(seat, 'Orders', STREAMED);
  await world.clock.advance(500);
  const [{ arn } = { arn: '' }] = seat.engine.region.streams.list();
  expect(arn).toContain(':table/Orders/stream/');
  const positions = new Map<string, ShardPosition>();
  const told: Told[] = [];
  let value = 0;
  const writeAll = async (by: WorldNode): Promise<void> => {
    value += 1;
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) await put(by, table, id, value);
  };
  await world.run(writeAll(world.nodes.a));
  await world.run(writeAll(world.nodes.b));
  await world.clock.advance(200);
  // The consumer goes from node to node with its positions.
  told.push(...(await world.run(read(world.nodes.b, arn, positions))));
  expect(told).toHaveLength(12);
  const gone = present(world.leaderOf(1), 'a leader');
  await world.run(gone.stop());
  await world.untilLed();
  const [one, other] = world.running;
  await world.run(writeAll(present(one, 'a node')));
  await world.clock.advance(200);
  told.push(...(await world.run(read(present(other, 'a node'), arn, positions))));
  await world.run(gone.start());
  await world.run(writeAll(gone));
  await world.clock.advance(2000);
  told.push(...(await world.run(read(gone, arn, positions))));
  for (const id of ['a', 'b', 'c', 'd', 'e', 'f'])
    expect(told.filter((each) => each.id === id).map(({ from, to }) => [from, to])).toEqual([
      [undefined, 1],
      [1, 2],
      [2, 3],
      [3, 4],
    ]);
  for (const node of world.running) {
    const all = await world.run(read(node, arn, new Map()));
    expect(new Set(all.map(({ sequence }) => sequence))).toEqual(
      new Set(told.map(({ sequence }) => sequence)),
    );
  }
});

test('a stream that is enabled while nodes write begins with old images, and with what is written next', async () => {
  const world = await ClusteredWorld.start(3);
  open = world;
  await world.clock.advance(1000);
  const seat = await world.seat();
  const table = await world.createTable(seat);
  const ids = Array.from({ length: 12 }, (_, n) => `item ${n}`);
  await world.run(Promise.all(ids.map(async (id) => put(seat, table, id, 0))));
  const writers = { areOver: false };
  const writing = world.running.map(async (node, at) => {
    for (let value = 1; !writers.areOver; value++)
      for (const id of ids.filter((_, n) => n % 3 === at)) await put(node, table, id, value);
  });
  await world.clock.advance(50);
  const by = present(
    world.running.find((node) => node !== seat),
    'another node',
  );
  const change = { stream: 'NEW_AND_OLD_IMAGES' } as const;
  await world.run(by.engine.region.updateTable('Orders', change));
  await world.run(put(by, table, 'after', 7));
  await world.clock.advance(100);
  writers.areOver = true;
  await world.run(Promise.all(writing));
  await world.clock.advance(200);
  const [{ arn } = { arn: '' }] = seat.engine.region.streams.list();
  for (const node of world.running) {
    const told = await world.run(read(node, arn, new Map()));
    expect(told.filter(({ id }) => id === 'after')).toMatchObject([{ from: undefined, to: 7 }]);
    const changes = told.filter(({ id }) => id !== 'after');
    expect(changes.length).toBeGreaterThan(20);
    expect(changes.filter(({ from, to }) => from !== to - 1)).toEqual([]);
  }
});

test('LATEST is behind all that was answered, by whichever node it is asked', async () => {
  const world = await ClusteredWorld.start(3);
  open = world;
  await world.clock.advance(1000);
  const seat = await world.seat();
  const table = await world.createTable(seat, 'Orders', STREAMED);
  await world.clock.advance(500);
  const [{ arn } = { arn: '' }] = seat.engine.region.streams.list();
  const ids = Array.from({ length: 9 }, (_, n) => `item ${n}`);
  for (const by of world.running) {
    const { streams } = by.engine.region;
    const stream = present(streams.find(arn), 'the stream');
    const positions = new Map<string, ShardPosition>();
    const latest = async (): Promise<void> => {
      await Promise.all(ids.map(async (id) => put(seat, table, id, 1)));
      for (const { id } of await streams.shards(stream))
        positions.set(id, (await streams.position(stream, id, { kind: 'latest' })).position);
      await put(seat, table, 'next', by.zone.charCodeAt(0));
    };
    await world.run(latest());
    await world.clock.advance(500);
    const told = await world.run(read(by, arn, positions));
    expect(told.map(({ id, to }) => [id, to])).toEqual([['next', by.zone.charCodeAt(0)]]);
    await world.run(Promise.all(ids.map(async (id) => put(seat, table, id, 2))));
  }
});

test('a stream that is disabled has ended on every node, with all that was answered before', async () => {
  const world = await ClusteredWorld.start(3);
  open = world;
  await world.clock.advance(1000);
  const seat = await world.seat();
  const table = await world.createTable(seat, 'Orders', STREAMED);
  await world.clock.advance(500);
  const [{ arn } = { arn: '' }] = seat.engine.region.streams.list();
  const ids = Array.from({ length: 20 }, (_, n) => `item ${n}`);
  const other = present(
    world.running.find((node) => node !== seat),
    'another node',
  );
  await world.run(Promise.all(ids.map(async (id) => put(other, table, id, 1))));
  await world.run(other.engine.region.updateTable('Orders', { stream: 'off' }));
  await world.clock.advance(2000);
  for (const node of world.running) {
    expect(node.engine.region.streams.find(arn)?.status).toBe('DISABLED');
    const positions = new Map<string, ShardPosition>();
    const told = await world.run(read(node, arn, positions));
    expect(new Set(told.map(({ id }) => id))).toEqual(new Set(ids));
  }
});
