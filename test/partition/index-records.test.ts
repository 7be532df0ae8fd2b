import { expect, test } from 'vitest';

import { present } from '../../src/base/assert.ts';
import { randomBelow } from '../../src/base/random.ts';
import type { AttributeMap } from '../../src/model/attribute-value.ts';
import { encodeIndexKey, projectedNames } from '../../src/model/index-key.ts';
import { encodeItemKey } from '../../src/model/item-key.ts';
import { itemSizeBytes } from '../../src/model/item-size.ts';
import { decodeRecords } from '../../src/model/record-codec.ts';
import type { ItemRecord } from '../../src/model/record.ts';
import type { IndexDefinition, IndexProjection, KeySchema } from '../../src/model/table.ts';
import type { IndexedTable } from '../../src/partition/index-entries.ts';
import type { ItemWrite } from '../../src/partition/item-write.ts';
import type { ReceivedRecord } from '../../src/partition/partition.ts';
import type { Fate } from '../support/memory-log.ts';
import { PartitionWorld, TABLE } from '../support/partition-world.ts';
import { SeededRandom } from '../support/seeded-random.ts';

const KEY_SCHEMA: KeySchema = {
  partition: { name: 'pk', type: 'S' },
  sort: { name: 'sk', type: 'N' },
};

const indexOn = (name: string, projection: IndexProjection): IndexDefinition => ({
  name: `by ${name}`,
  kind: 'local',
  partition: [KEY_SCHEMA.partition],
  sort: [{ name, type: 'S' }],
  projection,
});

const INDEXED: IndexedTable = {
  keySchema: KEY_SCHEMA,
  locals: [
    { isWhole: true, number: 6, definition: indexOn('color', { kind: 'all' }) },
    { isWhole: true, number: 7, definition: indexOn('size', { kind: 'keys' }) },
    {
      isWhole: true,
      number: 8,
      definition: indexOn('color', { kind: 'include', attributes: ['size'] }),
    },
  ],
  keepsOldImages: false,
};

async function start(): Promise<PartitionWorld> {
  const world = await PartitionWorld.start();
  world.indexed = INDEXED;
  return world;
}

const itemOf = (sk: number, rest: AttributeMap): AttributeMap => ({
  pk: { S: 'p' },
  sk: { N: String(sk) },
  ...rest,
});

const imageOf = (item: AttributeMap): { image: Uint8Array; itemBytes: number } => ({
  image: Buffer.from(JSON.stringify(item)),
  itemBytes: itemSizeBytes(item),
});

const writeOf = (item: AttributeMap, change: ItemWrite['change']): ItemWrite => ({
  table: TABLE,
  key: encodeItemKey(KEY_SCHEMA, item),
  change,
  condition: undefined,
  cause: 'user',
});

const put = (item: AttributeMap): ItemWrite => writeOf(item, { kind: 'put', ...imageOf(item) });
const remove = (item: AttributeMap): ItemWrite => writeOf(item, { kind: 'delete' });

const received = (
  item: AttributeMap,
  time: number,
  image: AttributeMap | undefined,
): ReceivedRecord => ({
  table: TABLE,
  key: encodeItemKey(KEY_SCHEMA, item),
  version: { time, region: 'west' },
  replaced: undefined,
  image: image === undefined ? undefined : imageOf(image).image,
  itemBytes: image === undefined ? 0 : imageOf(image).itemBytes,
  via: 'ship',
});

/** A strong page of all entries of a table, as text, in order. */
async function entriesOf(world: PartitionWorld, table: number): Promise<string[]> {
  const page = await world.run(
    world.partition.readPage(
      {
        table,
        from: undefined,
        to: undefined,
        forward: true,
        limit: undefined,
        startAfter: undefined,
        byteLimit: 1_000_000,
      },
      true,
    ),
  );
  return page.items.map(({ image }) => Buffer.from(image).toString());
}

/** What the index must hold, from the table itself. */
async function projectionOf(world: PartitionWorld, number: number): Promise<string[]> {
  const { definition } = present(
    INDEXED.locals.find((index) => index.number === number),
    'an index',
  );
  const names = projectedNames(definition, KEY_SCHEMA);
  const items = (await entriesOf(world, TABLE)).map((text): AttributeMap => JSON.parse(text));
  return items
    .flatMap((item) => {
      const key = encodeIndexKey(definition, KEY_SCHEMA, item);
      return key === undefined ? [] : [{ key, item }];
    })
    .toSorted((a, b) => Buffer.compare(a.key, b.key))
    .map(({ item }) =>
      JSON.stringify(
        definition.projection.kind === 'all'
          ? item
          : Object.fromEntries(Object.entries(item).filter(([name]) => names.has(name))),
      ),
    );
}

async function expectEqual(world: PartitionWorld): Promise<void> {
  for (const { number } of INDEXED.locals)
    expect(await entriesOf(world, number)).toEqual(await projectionOf(world, number));
}

const recordsOf = (world: PartitionWorld): ItemRecord[][] =>
  world.log.entries
    .filter(({ kind }) => kind === 'records')
    .map(({ payload }) => [...decodeRecords(payload)]);

test('an item and its entries are in one entry of the log, under one version', async () => {
  const world = await start();
  const item = itemOf(1, { color: { S: 'red' }, size: { S: 'm' } });
  await world.run(world.partition.write(put(item)));
  const records = present(recordsOf(world).at(-1), 'an entry');
  expect(records.map(({ table }) => table)).toEqual([TABLE, 6, 7, 8]);
  expect(new Set(records.map(({ version }) => version.time)).size).toBe(1);
  await expectEqual(world);
});

test('an entry that a write does not change is not written again', async () => {
  const world = await start();
  const item = itemOf(1, { color: { S: 'red' }, size: { S: 'm' } });
  await world.run(world.partition.write(put(item)));
  await world.run(world.partition.write(put({ ...item, note: { S: 'new' } })));
  expect(
    recordsOf(world)
      .at(-1)
      ?.map(({ table }) => table),
  ).toEqual([TABLE, 6]);
  await world.run(world.partition.write(put({ ...item, color: { S: 'blue' } })));
  const tables = recordsOf(world)
    .at(-1)
    ?.map(({ table, image }) => [table, image !== undefined]);
  expect(tables).toEqual([
    [TABLE, true],
    [6, false],
    [6, true],
    [8, false],
    [8, true],
  ]);
  await expectEqual(world);
});

test('entries that came to be go when the item goes, or loses the attribute', async () => {
  const world = await start();
  const item = itemOf(1, { color: { S: 'red' }, size: { S: 'm' } });
  await world.run(world.partition.write(put(item)));
  await world.run(world.partition.write(put(itemOf(1, { size: { S: 'm' } }))));
  expect(await entriesOf(world, 6)).toEqual([]);
  expect(await entriesOf(world, 7)).toHaveLength(1);
  await world.run(world.partition.write(remove(item)));
  expect(await entriesOf(world, 7)).toEqual([]);
  for (const table of [TABLE, 6, 7, 8]) await world.checkCounters(table);
});

test('what is received and what is discarded change the entries as a write does', async () => {
  const world = await start();
  const item = itemOf(1, { color: { S: 'red' } });
  await world.run(world.partition.receive([received(item, 10, item)]));
  await expectEqual(world);
  expect(await entriesOf(world, 6)).toHaveLength(1);
  const lost = itemOf(1, { color: { S: 'old' } });
  await world.run(world.partition.receive([received(item, 5, lost)]));
  await expectEqual(world);
  const key = encodeItemKey(KEY_SCHEMA, item);
  const version = { time: 10, region: 'west' };
  await world.run(world.partition.discard(TABLE, [{ key, version }]));
  expect(await entriesOf(world, 6)).toEqual([]);
  await world.run(world.partition.receive([received(item, 20, item)]));
  await world.run(world.partition.receive([received(item, 30, undefined)]));
  expect(await entriesOf(world, 6)).toEqual([]);
  for (const table of [TABLE, 6, 7, 8]) await world.checkCounters(table);
});

test('an item and its entries never come into different log entries, however full one is', async () => {
  const world = await start();
  const filler = 'x'.repeat(60_000);
  const writes = Array.from({ length: 12 }, async (_, sk) =>
    world.partition.write(put(itemOf(sk, { color: { S: 'red' }, filler: { S: filler } }))),
  );
  await world.run(Promise.all(writes));
  for (const records of recordsOf(world)) {
    const items = records.filter(({ table }) => table === TABLE).length;
    expect(records.filter(({ table }) => table === 6)).toHaveLength(items);
  }
  const bytes = world.log.entries.map(({ payload }) => payload.length);
  expect(Math.max(...bytes)).toBeLessThan(270 * 1024);
  await expectEqual(world);
});

test('a record keeps what it replaces where something that follows the log needs it, and only there', async () => {
  const world = await PartitionWorld.start();
  const [first, second] = [itemOf(1, { n: { N: '1' } }), itemOf(1, { n: { N: '2' } })];
  const oldImages = (): readonly (string | undefined)[] =>
    recordsOf(world)
      .flat()
      .filter(({ table }) => table === TABLE)
      .map(({ oldImage }) => oldImage && Buffer.from(oldImage).toString());
  await world.run(world.partition.write(put(first)));
  await world.run(world.partition.write(put(second)));
  expect(oldImages()).toEqual([undefined, undefined]);
  world.indexed = { ...INDEXED, locals: [], keepsOldImages: true };
  await world.run(world.partition.write(put(first)));
  await world.run(
    world.partition.receive([received(first, Number.MAX_SAFE_INTEGER - 1, undefined)]),
  );
  await world.run(world.partition.write(put(second)));
  expect(oldImages().slice(2)).toEqual([JSON.stringify(second), JSON.stringify(first), undefined]);
});

test('an item is said again only while it is the version that was asked for', async () => {
  const world = await start();
  const item = itemOf(1, { color: { S: 'red' } });
  await world.run(world.partition.write(put(item)));
  const [scanned] = await world.run(world.partition.scan(TABLE, undefined, 1000));
  const { key, version } = present(scanned, 'the item');
  const before = await entriesOf(world, 6);
  await world.run(world.partition.reemit(TABLE, [{ key, version }]));
  const [again, ...others] = present(recordsOf(world).at(-1), 'an entry');
  expect(others).toEqual([]);
  expect(again).toMatchObject({ cause: 'backfill', version });
  expect(await entriesOf(world, 6)).toEqual(before);
  const count = recordsOf(world).length;
  await world.run(world.partition.reemit(TABLE, [{ key, version: { ...version, time: 1 } }]));
  await world.run(world.partition.write(remove(item)));
  await world.run(world.partition.reemit(TABLE, [{ key, version }]));
  expect(recordsOf(world)).toHaveLength(count + 1);
  await world.clock.advance(100);
  await world.checkCounters();
});

const SEEDS = Array.from({ length: 20 }, (_, seed) => seed + 1);

test.each(SEEDS)(
  'local indexes equal the projection of the table after any writes, faults and restarts, seed %i',
  async (seed) => {
    const world = await start();
    const random = new SeededRandom(seed);
    const pick = (values: readonly string[]): string =>
      values[randomBelow(random, values.length)] ?? '';
    const fates: readonly Fate[] = ['refused', 'unknown-there', 'unknown-lost', 'unknown-late'];
    for (let round = 0; round < 6; round += 1) {
      world.log.fate = ({ kind }) =>
        kind === 'records' && random.next() < 0.1
          ? (fates[randomBelow(random, fates.length)] ?? 'durable')
          : 'durable';
      const writes: Promise<unknown>[] = [];
      const begin = (write: Promise<unknown>): void => {
        writes.push(write.catch(() => undefined));
      };
      for (let at = 0; at < 25; at += 1) {
        const sk = randomBelow(random, 8);
        const item = itemOf(sk, {
          ...(random.next() < 0.7 ? { color: { S: pick(['red', 'green', 'blue']) } } : {}),
          ...(random.next() < 0.7 ? { size: { S: pick(['s', 'm', 'l']) } } : {}),
          ...(random.next() < 0.3 ? { note: { N: String(at) } } : {}),
        });
        const time = randomBelow(random, 100_000);
        const kind = random.next();
        if (kind < 0.6) begin(world.partition.write(put(item)));
        else if (kind < 0.8) begin(world.partition.write(remove(item)));
        else begin(world.partition.receive([received(item, time, kind < 0.95 ? item : undefined)]));
        await world.clock.advance(randomBelow(random, 4));
      }
      await world.run(Promise.all(writes));
      await expectEqual(world);
      await world.clock.advance(1000);
      for (const table of [TABLE, 6, 7, 8]) await world.checkCounters(table);
      if (random.next() < 0.5) await world.restart();
    }
    await expectEqual(world);
    expect(world.damaged).toEqual([]);
  },
);
