import { expect, test } from 'vitest';

import { present } from '../../src/base/assert.ts';
import { wallMsOf } from '../../src/clock/hybrid-time.ts';
import { ClientError } from '../../src/model/errors.ts';
import { decodeRecords } from '../../src/model/record-codec.ts';
import { tokenKeptMs, undecidedMsMax } from '../../src/partition/transaction-limits.ts';
import type { WriteTransaction } from '../../src/region/transaction.ts';
import { readLooksMax } from '../../src/region/transactions.ts';
import { abandonedMs } from '../../src/region/transaction-recovery.ts';
import { underWayMsMax } from '../../src/partition/tokens-under-way.ts';
import { PARTITION_TABLE } from '../../src/storage/key-layout.ts';
import {
  check,
  CoordinatorKilled,
  isText,
  keyOf,
  put,
  remove,
  TABLE,
  textOf,
  TransactionWorld,
} from '../support/transaction-world.ts';

/** Enough for one in each of three partitions, and more in some. */
const NAMES = ['alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta'];

/** How long an abandoned transaction may stand: it is found, and finished. */
const SECONDS = abandonedMs + 1000;

const bytes = (text: string): Uint8Array => Buffer.from(text);

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** One name in each partition, by its number. */
function spread(world: TransactionWorld): readonly [string, string, string] {
  const [a, b, c] = world.partitions.map((partition) =>
    NAMES.find((name) => world.partitionOf(name) === partition),
  );
  if (a === undefined || b === undefined || c === undefined) throw new Error('names for all');
  return [a, b, c];
}

/** All documents of transactions in all partitions. */
async function documents(world: TransactionWorld): Promise<number> {
  let count = 0;
  for (const partition of world.partitions)
    count += (await world.run(partition.scan(PARTITION_TABLE, undefined, 1_000_000))).length;
  return count;
}

test('puts, updates, deletions and checks of several partitions are carried out together', async () => {
  const world = await TransactionWorld.start();
  await world.run(world.put('beta', 'old'));
  await world.run(world.put('gamma', 'goes'));
  await world.run(world.put('delta', 'checked'));
  const outcome = await world.write([
    put('alpha', 'new'),
    put('beta', 'newer', isText('old')),
    remove('gamma'),
    check('delta', isText('checked')),
    remove('epsilon'),
  ]);
  if (outcome.kind !== 'committed') throw new Error(outcome.kind);
  const texts = outcome.items.map(({ before, after }) => [textOf(before), textOf(after)]);
  expect(texts).toEqual([
    [undefined, 'new'],
    ['old', 'newer'],
    ['goes', undefined],
    ['checked', 'checked'],
    [undefined, undefined],
  ]);
  expect(await world.readAll(NAMES)).toEqual([
    'new',
    'newer',
    undefined,
    'checked',
    undefined,
    undefined,
  ]);
  await world.clock.advance(10);
  expect([world.hasIntents, await documents(world)]).toEqual([false, 0]);
  await world.stop();
});

test('what lies in one partition is one entry of its log, and its records say why they are', async () => {
  const world = await TransactionWorld.start({ partitions: 1 });
  const log = present(world.sites[0], 'the only partition').log;
  const before = log.entries.length;
  await world.write([put('alpha', 'a'), put('beta', 'b'), put('gamma', 'c')]);
  const [entry, ...more] = log.entries.slice(before);
  expect(more).toEqual([]);
  const causes = decodeRecords(entry?.payload ?? new Uint8Array(0)).map(({ cause }) => cause);
  expect(causes).toEqual(['transaction', 'transaction', 'transaction']);
  await world.stop();
});

test('a condition that does not hold cancels all of it, and every reason is told in its place', async () => {
  const world = await TransactionWorld.start();
  for (const name of NAMES) await world.run(world.put(name, 'stands'));
  const outcome = await world.write([
    put('alpha', 'x'),
    put('beta', 'x', isText('other')),
    put('gamma', 'x'),
    check('delta', isText('other')),
    put('epsilon', 'x', isText('other')),
  ]);
  if (outcome.kind !== 'cancelled') throw new Error(outcome.kind);
  const seen = outcome.reasons.map((reason) =>
    reason.kind === 'condition' ? textOf(reason.before) : reason.kind,
  );
  expect(seen).toEqual(['none', 'stands', 'none', 'stands', 'stands']);
  expect(await world.readAll(NAMES)).toEqual(NAMES.map(() => 'stands'));
  expect([world.hasIntents, await documents(world)]).toEqual([false, 0]);
  await world.stop();
});

test('what an update cannot be made of is a reason, in the words of the single write', async () => {
  const world = await TransactionWorld.start();
  await world.run(world.put('alpha', 'text'));
  const outcome = await world.write([
    put('beta', 'x'),
    put('gamma', 'x'),
    {
      table: TABLE,
      key: keyOf('alpha'),
      change: {
        kind: 'update',
        keyAttributes: {},
        update: { actions: [{ kind: 'add', path: ['t'], value: { N: '1' } }] },
      },
      condition: undefined,
    },
  ]);
  if (outcome.kind !== 'cancelled') throw new Error(outcome.kind);
  const [, , reason] = outcome.reasons;
  if (reason?.kind !== 'refused') throw new Error(reason?.kind);
  expect(reason.error).toBeInstanceOf(ClientError);
  expect(reason.error.code).toBe('ValidationException');
  expect(await world.readAll(['beta', 'gamma'])).toEqual([undefined, undefined]);
  await world.stop();
});

/** A transaction over three partitions whose coordinator died once all were prepared. */
async function prepared(): Promise<{
  readonly world: TransactionWorld;
  readonly names: readonly [string, string, string];
}> {
  const world = await TransactionWorld.start();
  const names = spread(world);
  for (const name of names) await world.run(world.put(name, 'before'));
  await world.clock.advance(50);
  const coordinator = world.coordinator((_step, name) => (name === 'decide' ? 'before' : 'done'));
  const actions = names.map((name) => put(name, 'after'));
  await failureOf(world.run(coordinator.write({ actions })));
  return { world, names };
}

test('while it is prepared a single write is refused, another transaction is cancelled, and near reads go on', async () => {
  const { world, names } = await prepared();
  const [decided, first, second] = names;
  expect(await failureOf(world.run(world.put(first, 'mine')))).toMatchObject({
    code: 'TransactionConflictException',
    message: 'Transaction is ongoing for the item',
    status: 400,
  });
  const other = await world.write([put(decided, 'mine'), put(first, 'mine'), put('other', 'mine')]);
  expect(other).toEqual({
    kind: 'cancelled',
    reasons: [{ kind: 'none' }, { kind: 'conflict' }, { kind: 'none' }],
  });
  expect([world.nearby(first), world.nearby(second)]).toEqual(['before', 'before']);
  const startedMs = world.clock.monotonicMs();
  expect(await world.run(world.read(first))).toBe('before');
  expect(world.clock.monotonicMs() - startedMs).toBeGreaterThan(100);
  expect(world.clock.monotonicMs() - startedMs).toBeLessThan(SECONDS);
  await world.run(world.put(first, 'mine'));
  expect(await world.readAll(names)).toEqual(['before', 'mine', 'before']);
  await world.stop();
});

test('a strong page waits for the transactions in its table', async () => {
  const { world, names } = await prepared();
  const partition = world.partitionOf(names[1]);
  const page = { table: TABLE, from: undefined, to: undefined, forward: true, limit: undefined };
  const request = { ...page, startAfter: undefined, byteLimit: 1_000_000 };
  expect(partition.hasIntents).toBe(true);
  await world.run(partition.readPage({ ...request, table: TABLE + 1 }, true));
  expect(partition.hasIntents).toBe(true);
  await world.run(partition.readPage(request, true));
  expect(partition.hasIntents).toBe(false);
  await world.stop();
});

test('a received record waits for the end of a transaction on its item, and others with it do not', async () => {
  const { world, names } = await prepared();
  const [, name] = names;
  const partition = world.partitionOf(name);
  const free = ['x1', 'x2', 'x3', 'x4', 'x5', 'x6'].find(
    (each) => world.partitionOf(each) === partition,
  );
  if (free === undefined) throw new Error('a name in the same partition');
  const time = Number.MAX_SAFE_INTEGER - 10;
  const received = (of: string) => ({
    table: TABLE,
    key: keyOf(of),
    version: { time, region: 'west' },
    replaced: undefined,
    image: Buffer.from('{"t":{"S":"west"}}'),
    itemBytes: 5,
    via: 'ship' as const,
  });
  const receiving = partition.receive([received(name), received(free)]);
  await world.clock.advance(100);
  expect(await world.run(world.read(free))).toBe('west');
  expect(world.nearby(name)).toBe('before');
  const resolutions = await world.run(receiving);
  expect(resolutions.map(({ kind }) => kind)).toEqual(['won', 'won']);
  expect(await world.run(world.read(name))).toBe('west');
  await world.stop();
});

test('wherever its coordinator dies, all of a transaction is done within seconds, or nothing', async () => {
  const verdicts = new Set<string>();
  for (const restarts of [false, true])
    for (const fate of ['before', 'after'] as const)
      for (let at = 0; at < 10; at += 1) {
        const world = await TransactionWorld.start({ seed: at + 1 });
        const names = spread(world);
        for (const name of names) await world.run(world.put(name, 'before'));
        const coordinator = world.coordinator((step) => (step === at ? fate : 'done'));
        const request = { token: `token ${at}`, fingerprint: bytes('f') };
        const actions = [...names.map((name) => put(name, 'after')), put('free', 'after')];
        const failure = await failureOf(world.run(coordinator.write({ actions, request })));
        expect(failure === undefined || failure instanceof CoordinatorKilled).toBe(true);
        if (restarts) await world.restart();
        await world.clock.advance(SECONDS);
        expect(world.hasIntents).toBe(false);
        const texts = new Set(await world.readAll(names));
        expect(texts.size).toBe(1);
        const [text = ''] = texts;
        verdicts.add(text);
        expect(failure === undefined && text !== 'after').toBe(false);
        // The same request again: done once.
        await world.clock.advance(31_000);
        const again = await world.run(world.coordinator().write({ actions, request }));
        expect(again.kind).toBe(text === 'after' ? 'repeated' : 'committed');
        expect(world.failures).toEqual([]);
        await world.stop();
      }
  expect([...verdicts].toSorted()).toEqual(['after', 'before']);
}, 60_000);

const REQUEST = { token: 'token', fingerprint: bytes('one') };

test('a request is done once under its token, also after a restart, for ten minutes', async () => {
  const world = await TransactionWorld.start();
  const asked: WriteTransaction = {
    actions: NAMES.map((name) => put(name, 'x')),
    request: REQUEST,
  };
  const write = async (transaction: WriteTransaction) =>
    world.run(world.coordinator().write(transaction));
  expect((await write(asked)).kind).toBe('committed');
  const repeated = { kind: 'repeated', itemBytes: NAMES.map(() => 2) };
  expect(await write(asked)).toEqual(repeated);
  const other = { token: 'token', fingerprint: bytes('two') };
  expect(await write({ actions: [put('far', 'x')], request: other })).toEqual({ kind: 'mismatch' });
  await world.restart();
  await world.clock.advance(tokenKeptMs - 60_000);
  expect(await write(asked)).toEqual(repeated);
  await world.clock.advance(61_000);
  expect((await write(asked)).kind).toBe('committed');
  await world.clock.advance(tokenKeptMs + 200_000);
  expect(await documents(world)).toBe(0);
  await world.stop();
});

test('a cancelled request is not remembered, and one under way is not begun again', async () => {
  const world = await TransactionWorld.start();
  const actions = NAMES.map((name) => put(name, 'x'));
  const refused = [...actions.slice(1), put('alpha', 'x', isText('other'))];
  const cancelled = await world.run(
    world.coordinator().write({ actions: refused, request: REQUEST }),
  );
  expect(cancelled.kind).toBe('cancelled');
  const both = [1, 2].map(async () => world.coordinator().write({ actions, request: REQUEST }));
  const kinds = (await world.run(Promise.all(both))).map(({ kind }) => kind);
  expect(kinds).toEqual(['committed', 'under-way']);
  await world.stop();
});

test('a token whose request has died is free again after a while', async () => {
  const world = await TransactionWorld.start();
  const coordinator = world.coordinator((_step, name) => (name === 'prepare' ? 'before' : 'done'));
  const asked = { actions: NAMES.map((name) => put(name, 'x')), request: REQUEST };
  expect(await failureOf(world.run(coordinator.write(asked)))).toBeInstanceOf(CoordinatorKilled);
  const write = async () => (await world.run(world.coordinator().write(asked))).kind;
  expect(await write()).toBe('under-way');
  await world.clock.advance(underWayMsMax);
  expect(await write()).toBe('committed');
  await world.stop();
});

test('a reader that always meets others at work gives up in the end, with the places', async () => {
  const { world, names } = await prepared();
  const looks: number[] = [];
  const coordinator = world.coordinator((step) => {
    looks.push(step);
    return 'done';
  });
  const reads = [names[0], names[2]].map((name) => ({ table: TABLE, key: keyOf(name) }));
  const fresh = async (): Promise<void> => {
    for (let at = 0; at < 400; at += 1) {
      await world.partitionOf(names[0]).write({ ...put(names[0], String(at)), cause: 'user' });
      await world.clock.sleep(1);
    }
  };
  const rewriting = fresh();
  const outcome = await world.run(coordinator.read(reads));
  expect(outcome.kind).toBe('cancelled');
  expect(looks.length).toBe(2 * readLooksMax);
  await failureOf(world.run(rewriting));
});

test('a decision that comes too late is refused, though nobody remembers the transaction', async () => {
  const world = await TransactionWorld.start();
  const partition = world.partitionOf('alpha');
  const begunMs = world.clock.wallMs();
  await world.clock.advance(undecidedMsMax + 1);
  const decision = await world.run(
    partition.transact('decide', {
      transaction: { id: 'id', hash: 0, begunMs },
      actions: [put('alpha', 'x')],
      participants: [],
      request: undefined,
    }),
  );
  expect(decision).toEqual({ kind: 'cancelled' });
  expect(await world.run(world.read('alpha'))).toBeUndefined();
  await world.stop();
});

test('what was settled as cancelled is never committed', async () => {
  const world = await TransactionWorld.start();
  const partition = world.partitionOf('alpha');
  const transaction = { id: 'id', hash: partition.hashes.from, begunMs: world.clock.wallMs() };
  const settled = await world.run(partition.transact('settle', { transaction }));
  const actions = [put('alpha', 'x')];
  const asked = { transaction, actions, participants: [], request: undefined };
  const decision = await world.run(partition.transact('decide', asked));
  expect([settled, decision.kind]).toEqual(['cancelled', 'cancelled']);
  await world.stop();
});

test('versions are of the moment of the commit, each above what stands', async () => {
  const world = await TransactionWorld.start();
  const [first] = spread(world);
  const time = world.clock.wallMs() * 1024 + 5_000_000_000;
  const partition = world.partitionOf(first);
  await world.run(
    partition.receive([
      {
        table: TABLE,
        key: keyOf(first),
        version: { time, region: 'west' },
        replaced: undefined,
        image: Buffer.from('{"t":{"S":"far ahead"}}'),
        itemBytes: 10,
        via: 'ship',
      },
    ]),
  );
  await world.write(spread(world).map((name) => put(name, 'x')));
  const stored = await world.run(partition.read(TABLE, keyOf(first)));
  expect(stored?.version).toEqual({ time: time + 1, region: 'east' });
  expect(wallMsOf(partition.committed.partitionTime)).toBeLessThan(world.clock.wallMs() + 1000);
  await world.stop();
});
