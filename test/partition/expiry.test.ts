import fc from 'fast-check';
import { expect, test } from 'vitest';

import { hybridTimeOf } from '../../src/clock/hybrid-time.ts';
import { decodeRecords } from '../../src/model/record-codec.ts';
import { expiryOf } from '../../src/model/version.ts';
import {
  expiresAtMs,
  expiryRule,
  otherRegionsMs,
  timeToLiveAgeMsMax,
} from '../../src/partition/due-time.ts';
import { dueKeysReadMax, readDue } from '../../src/partition/due-items.ts';
import type { IndexedTable } from '../../src/partition/index-entries.ts';
import type { ItemWrite } from '../../src/partition/item-write.ts';
import { dueKey } from '../../src/storage/key-layout.ts';
import { MemoryStoreDisk } from '../support/memory-store.ts';
import { keyOf, PartitionWorld, received, remove, TABLE } from '../support/partition-world.ts';

const NOTHING = new Uint8Array(0);

const KEY_SCHEMA = { partition: { name: 'pk', type: 'S' }, sort: undefined } as const;

const expiringBy = (attribute: string): IndexedTable => ({
  keySchema: KEY_SCHEMA,
  locals: [],
  keepsOldImages: false,
  expiry: expiryRule(attribute),
});

const imageWith = (members: object): Uint8Array =>
  Buffer.from(JSON.stringify({ t: { S: 'x' }, ...members }));

const put = (item: number, members: object): ItemWrite => ({
  table: TABLE,
  key: keyOf(item),
  change: { kind: 'put', image: imageWith(members), itemBytes: 10 },
  condition: undefined,
  cause: 'user',
});

const until = (wallMs: number): object => ({ ttl: { N: String(Math.floor(wallMs / 1000)) } });

const startedMs = 1_800_000_000_000;

async function startWorld(): Promise<PartitionWorld> {
  const world = await PartitionWorld.start();
  world.indexed = expiringBy('ttl');
  world.clock.jumpWall(startedMs - world.clock.wallMs());
  return world;
}

const write = async (world: PartitionWorld, what: ItemWrite): Promise<unknown> =>
  world.run(world.partition.write(what));

/** All that is due in the copies, given to the leader in pages. */
async function sweep(world: PartitionWorld, beforeMs = world.clock.wallMs()): Promise<number> {
  await world.run(world.clock.sleep(50));
  let expired = 0;
  let after: Uint8Array | undefined;
  do {
    const read = { table: TABLE, beforeMs, limit: 3, after };
    const { keys, next } = await world.run(world.partition.dueItems(read));
    expired += await world.run(world.partition.expire({ table: TABLE, keys, beforeMs }));
    after = next;
  } while (after !== undefined);
  await world.run(world.clock.sleep(50));
  return expired;
}

const standing = async (world: PartitionWorld, item: number) =>
  world.run(world.partition.read(TABLE, keyOf(item)));

test.each<[string, object, number | undefined]>([
  ['a whole number of seconds', { ttl: { N: '1800000000' } }, 1_800_000_000_000],
  ['one with an exponent', { ttl: { N: '1.8E9' } }, 1_800_000_000_000],
  ['a fraction', { ttl: { N: '1800000000.5' } }, 1_800_000_000_500],
  ['a finer fraction', { ttl: { N: '1800000000.1234567' } }, 1_800_000_000_123],
  ['a text', { ttl: { S: '1800000000' } }, undefined],
  ['a set', { ttl: { NS: ['1800000000'] } }, undefined],
  ['an attribute inside another', { m: { M: { ttl: { N: '1800000000' } } } }, undefined],
  ['a text that looks like it', { s: { S: '"ttl":{"N":"1' } }, undefined],
  ['no attribute', {}, undefined],
  ['more than any clock', { ttl: { N: '1e30' } }, undefined],
  ['one of another name', { ttl2: { N: '1800000000' } }, undefined],
])('%s is a time to live, or none', (_, members, expected) => {
  expect(expiresAtMs(imageWith(members), expiryRule('ttl'))).toBe(expected);
});

test('the latest time to live of another region’s item can be read from the log again', async () => {
  const world = await startWorld();
  for (const [item, seconds] of [
    9_007_199_254_740, 9_007_199_254_735, 9_007_199_254_000,
  ].entries()) {
    const image = imageWith({ ttl: { N: String(seconds) } });
    const record = { ...received(item, 100, 'x'), image };
    await world.run(world.partition.receive([record]));
  }
  const entries = world.log.entries.filter(({ kind }) => kind === 'records');
  expect(entries.flatMap(({ payload }) => decodeRecords(payload))).toHaveLength(3);
});

test('an attribute with quotes and dots in its name can be the time to live', () => {
  const name = 'a."b\\ü';
  const image = imageWith({ [name]: { N: '5' } });
  expect(expiresAtMs(image, expiryRule(name))).toBe(5000);
});

test('what is due goes, under the next version of its own, and is deleted for good', async () => {
  const world = await startWorld();
  await write(world, put(1, until(startedMs - 1000)));
  await write(world, put(2, until(startedMs + 60_000)));
  const before = await standing(world, 1);
  expect(before).toBeDefined();
  expect(await sweep(world)).toBe(1);
  expect(await standing(world, 1)).toBeUndefined();
  expect(await standing(world, 2)).toBeDefined();
  const last = world.log.entries.at(-1);
  const [record] = (await world.partition.follow((last?.index ?? 1) - 1).next(1)).flatMap(
    ({ records }) => records,
  );
  expect(record).toMatchObject({
    cause: 'expiry',
    version: before && expiryOf(before.version),
    replaced: undefined,
    image: undefined,
    keepsTombstone: true,
  });
  expect(await sweep(world)).toBe(0);
  await world.checkCounters();
});

test('a time of more than five years ago is none', async () => {
  const world = await startWorld();
  await write(world, put(1, until(startedMs - timeToLiveAgeMsMax - 60_000)));
  await write(world, put(2, until(startedMs - timeToLiveAgeMsMax + 60_000)));
  expect(await sweep(world)).toBe(1);
  expect(await standing(world, 1)).toBeDefined();
  expect(await standing(world, 2)).toBeUndefined();
});

test('an item of another region is left to that one for a while', async () => {
  const world = await startWorld();
  const image = imageWith(until(startedMs - 1000));
  const record = { ...received(1, hybridTimeOf(startedMs), undefined), image, itemBytes: 9 };
  await world.run(world.partition.receive([record]));
  expect(await sweep(world)).toBe(0);
  await world.run(world.clock.sleep(otherRegionsMs));
  expect(await sweep(world)).toBe(1);
  expect(await standing(world, 1)).toBeUndefined();
});

test('what was written since it was found due is judged anew', async () => {
  const world = await startWorld();
  await write(world, put(1, until(startedMs - 1000)));
  await write(world, put(2, until(startedMs - 1000)));
  await world.run(world.clock.sleep(50));
  const beforeMs = startedMs + 1;
  const read = { table: TABLE, beforeMs, limit: 9, after: undefined };
  const { keys } = await world.run(world.partition.dueItems(read));
  expect(keys).toHaveLength(2);
  const writes = [put(1, until(startedMs + 60_000)), remove(2)].map(async (what) =>
    world.partition.write(what),
  );
  const expiring = world.partition.expire({ table: TABLE, keys, beforeMs });
  await world.run(Promise.all(writes));
  expect(await world.run(expiring)).toBe(0);
  expect(await standing(world, 1)).toBeDefined();
});

test('another attribute, or none, holds at once for what was found due by the one before', async () => {
  const world = await startWorld();
  await write(world, put(1, until(startedMs - 1000)));
  await write(world, put(2, { ...until(startedMs - 1000), other: { N: '1799999999' } }));
  world.indexed = undefined;
  expect(await sweep(world)).toBe(0);
  world.indexed = expiringBy('other');
  expect(await sweep(world)).toBe(1);
  expect(await standing(world, 1)).toBeDefined();
  expect(await standing(world, 2)).toBeUndefined();
  // What the first was due by is not listed any more.
  const read = { table: TABLE, beforeMs: world.clock.wallMs(), limit: 9, after: undefined };
  expect((await world.run(world.partition.dueItems(read))).keys).toEqual([]);
  await world.checkCounters();
});

test('a restart, and a zone that comes back, know what is due', async () => {
  const world = await startWorld();
  await write(world, put(1, until(startedMs - 1000)));
  await world.run(world.restart());
  expect(await sweep(world)).toBe(1);
  await world.checkCounters();
});

test('reading due keys is bounded, and goes on behind what it has read', async () => {
  const store = await new MemoryStoreDisk().open();
  const foreign = dueKeysReadMax + 10;
  await store.write(
    Array.from({ length: foreign + 1 }, (_, at) => {
      const key = Buffer.alloc(8);
      // The last one alone lies in the second half of the hashes.
      key.writeUInt32BE(at < foreign ? at : 2 ** 32 - 1);
      return { kind: 'put' as const, key: dueKey(TABLE, 1000 + at, key), value: NOTHING };
    }),
  );
  const of = { partition: 1, hashes: { from: 2 ** 31, to: 2 ** 32 } };
  const read = { table: TABLE, beforeMs: 1_000_000, limit: 256 };
  const first = await readDue(store, { ...read, after: undefined }, of);
  expect(first.keys).toEqual([]);
  expect(first.next).toBeDefined();
  const second = await readDue(store, { ...read, after: first.next }, of);
  expect(second.keys).toHaveLength(1);
  expect(second.firstDueMs).toBe(1000 + foreign);
  expect(second.next).toBeUndefined();
});

const anyTime = fc.oneof(
  fc.integer({ min: -30, max: 30 }).map((seconds) => until(startedMs + seconds * 1000)),
  fc.constantFrom<object>(
    {},
    { ttl: { S: '5' } },
    { ttl: { N: '0' } },
    { ttl: { N: '1800000000.5' } },
    until(startedMs - timeToLiveAgeMsMax - 100_000),
  ),
);

const anyStep = fc.oneof(
  fc.record({ kind: fc.constant('put' as const), item: fc.nat(7), members: anyTime }),
  fc.record({ kind: fc.constant('delete' as const), item: fc.nat(7) }),
  fc.record({ kind: fc.constant('wait' as const), seconds: fc.nat(20) }),
  fc.constant({ kind: 'sweep' as const }),
  fc.constant({ kind: 'restart' as const }),
);

type Step = typeof anyStep extends fc.Arbitrary<infer T> ? T : never;

const isOver = (members: object, nowMs: number): boolean => {
  const ttl: unknown = 'ttl' in members ? members.ttl : undefined;
  const text = JSON.stringify(ttl ?? {});
  const seconds = /^\{"N":"([\d.]+)"\}$/u.exec(text)?.[1];
  const overMs = Number(seconds) * 1000;
  return overMs < nowMs && overMs > nowMs - timeToLiveAgeMsMax;
};

/** What the store has, beside what a model of it has. */
interface Run {
  readonly world: PartitionWorld;
  readonly model: Map<number, object>;
  /** Where the two differed. */
  readonly wrong: string[];
}

async function take({ world, model, wrong }: Run, step: Step): Promise<void> {
  switch (step.kind) {
    case 'put':
      await write(world, put(step.item, step.members));
      model.set(step.item, step.members);
      return;
    case 'delete':
      await write(world, remove(step.item));
      model.delete(step.item);
      return;
    case 'wait':
      await world.run(world.clock.sleep(step.seconds * 1000));
      return;
    case 'restart':
      await world.run(world.restart());
      return;
    case 'sweep': {
      const beforeMs = Math.floor(world.clock.wallMs());
      const over = [...model].filter(([, members]) => isOver(members, beforeMs));
      const swept = await sweep(world, beforeMs);
      if (swept !== over.length) wrong.push(`${swept} expired, not ${over.length}`);
      for (const [item] of over) model.delete(item);
      for (let item = 0; item < 8; item += 1) {
        const stands = (await standing(world, item)) !== undefined;
        if (stands !== model.has(item)) wrong.push(`${item} stands: ${stands}`);
      }
      return;
    }
    default:
      step satisfies never;
  }
}

test('just what should expire does, whatever is written, waited and restarted', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { maxLength: 30 }), async (steps) => {
      const run: Run = { world: await startWorld(), model: new Map(), wrong: [] };
      for (const step of [...steps, { kind: 'sweep' as const }]) await take(run, step);
      expect(run.wrong).toEqual([]);
      await run.world.checkCounters();
      run.world.partition.stop();
    }),
    { numRuns: 40 },
  );
});
