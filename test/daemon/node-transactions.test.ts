import { afterEach, expect, test, vi } from 'vitest';

import { present } from '../../src/base/assert.ts';
import { encodeItemKey } from '../../src/model/item-key.ts';
import type { Table } from '../../src/model/table.ts';
import type {
  TransactionAction,
  TransactionOutcome,
  TransactionReadOutcome,
} from '../../src/region/transaction.ts';
import { ClusteredWorld, type WorldNode } from '../support/clustered-region.ts';
import { SeededRandom } from '../support/seeded-random.ts';

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

const ACCOUNTS = Array.from({ length: 9 }, (_, number) => `account ${number}`);
const OPENING = 100;

const keyOf = ({ definition }: Table, id: string): Uint8Array =>
  encodeItemKey(definition.keySchema, { id: { S: id } });

function put(table: Table, id: string, balance: number): TransactionAction {
  const image = Buffer.from(JSON.stringify({ id: { S: id }, v: { N: String(balance) } }));
  return {
    table: table.number,
    key: keyOf(table, id),
    change: { kind: 'put', image, itemBytes: image.length },
    condition: undefined,
  };
}

/** Only if it stands at `from`. */
const change = (
  table: Table,
  id: string,
  { from, by }: { readonly from: number; readonly by: number },
): TransactionAction => ({
  ...put(table, id, from + by),
  condition: {
    kind: 'compare',
    comparator: '=',
    left: { kind: 'path', path: ['v'] },
    right: { kind: 'value', value: { N: String(from) } },
  },
});

function balanceIn(image: Uint8Array | undefined): number {
  const item: { readonly v: { readonly N: string } } = JSON.parse(
    Buffer.from(present(image, 'an account')).toString(),
  );
  return Number(item.v.N);
}

async function readTogether(
  by: WorldNode,
  table: Table,
  ids = ACCOUNTS,
): Promise<TransactionReadOutcome> {
  return by.engine.region.transactGet(
    ids.map((id) => ({ table: table.number, key: keyOf(table, id) })),
  );
}

const balances = (outcome: TransactionReadOutcome): readonly number[] | undefined =>
  outcome.kind === 'read' ? outcome.items.map((item) => balanceIn(item?.image)) : undefined;

async function openAccounts(world: ClusteredWorld, by: WorldNode): Promise<Table> {
  const table = await world.createTable(by);
  const actions = ACCOUNTS.map((id) => put(table, id, OPENING));
  const outcome = await world.run(by.engine.region.transactWrite({ actions }));
  expect(outcome.kind).toBe('committed');
  return table;
}

test('a transaction by way of any node is carried out where the partitions are led', async () => {
  const world = await newWorld();
  const table = await openAccounts(world, world.nodes.a);
  for (const node of world.running) {
    const read = await world.run(readTogether(node, table));
    expect(balances(read)).toEqual(ACCOUNTS.map(() => OPENING));
    const actions = ACCOUNTS.map((id) => change(table, id, { from: 1, by: 1 }));
    const outcome = await world.run(node.engine.region.transactWrite({ actions }));
    if (outcome.kind !== 'cancelled') throw new Error(outcome.kind);
    expect(
      outcome.reasons.map((reason) =>
        reason.kind === 'condition' ? balanceIn(reason.before?.image) : reason.kind,
      ),
    ).toEqual(ACCOUNTS.map(() => OPENING));
  }
  const request = { token: 'token', fingerprint: Buffer.from('f') };
  const actions = ACCOUNTS.map((id) => put(table, id, 7));
  const kinds: string[] = [];
  for (const node of world.running)
    kinds.push((await world.run(node.engine.region.transactWrite({ actions, request }))).kind);
  expect(kinds).toEqual(['committed', 'repeated', 'repeated']);
  await world.clock.advance(200);
  const leads = world.running.flatMap(({ engine }) =>
    engine.core.partitions.flatMap(({ leading }) => leading ?? []),
  );
  expect(leads.map(({ hasIntents }) => hasIntents)).toEqual([false, false, false]);
});

test('a table that is going takes no transactions, although the node that is asked may not know', async () => {
  const world = await newWorld();
  const table = await openAccounts(world, world.nodes.a);
  await world.run(world.nodes.b.engine.region.deleteTable('Orders'));
  const actions = ACCOUNTS.map((id) => put(table, id, 1));
  for (const node of world.running) {
    const writing = node.engine.region.transactWrite({ actions });
    await expect(world.run(writing)).rejects.toMatchObject({ code: 'InternalServerError' });
  }
});

/** Moves money by way of a node until it is told to stop. */
class Mover {
  isOver = false;
  committed = 0;
  /** What was read together and was not the whole sum. */
  readonly halves: (readonly number[])[] = [];
  readonly done: Promise<void>;
  readonly #world: ClusteredWorld;
  readonly #by: WorldNode;
  readonly #table: Table;
  readonly #random: SeededRandom;

  constructor(
    world: ClusteredWorld,
    by: WorldNode,
    { table, seed }: { table: Table; seed: number },
  ) {
    this.#world = world;
    this.#by = by;
    this.#table = table;
    this.#random = new SeededRandom(seed);
    this.done = this.#run();
  }

  async #run(): Promise<void> {
    while (!this.isOver) {
      await this.#world.clock.sleep(5 + this.#random.next() * 20);
      // A node that is killed never answers; of what fails nobody knows what became of it.
      const step = this.#step().catch(() => {});
      await Promise.race([step, this.#world.clock.sleep(20_000)]);
      if (!this.#by.isRunning) return;
    }
  }

  async #step(): Promise<void> {
    const read = balances(await readTogether(this.#by, this.#table));
    if (read === undefined) return;
    const sum = read.reduce((total, each) => total + each, 0);
    if (sum !== OPENING * ACCOUNTS.length) this.halves.push(read);
    const pick = (): number => Math.floor(this.#random.next() * ACCOUNTS.length);
    const [from, to] = [pick(), pick()];
    if (from === to) return;
    const by = 1 + Math.floor(this.#random.next() * 10);
    const at = (place: number, amount: number): TransactionAction =>
      change(this.#table, present(ACCOUNTS[place], 'an account'), {
        from: present(read[place], 'a balance'),
        by: amount,
      });
    const actions = [at(from, -by), at(to, by)];
    const outcome: TransactionOutcome = await this.#by.engine.region.transactWrite({ actions });
    if (outcome.kind === 'committed') this.committed += 1;
  }
}

test('the sum holds while leaders are killed, cut off and moved', async () => {
  const world = await newWorld();
  const table = await openAccounts(world, world.nodes.a);
  const movers = world.running.map((node, at) => new Mover(world, node, { table, seed: at + 1 }));
  await world.clock.advance(700);
  const { a, b } = world.nodes;
  await a.kill();
  await world.clock.advance(4000);
  await world.run(a.start());
  movers.push(new Mover(world, a, { table, seed: 4 }));
  await world.untilLed();
  await world.clock.advance(700);
  b.cutOff(true);
  await world.clock.advance(3000);
  b.cutOff(false);
  await world.untilLed();
  for (const number of [0, 1, 2]) {
    await world.clock.advance(300);
    const leader = present(world.leaderOf(number), 'a leader');
    await world.run(present(leader.engine.core.partitions[number], 'a part').resign(undefined));
    await world.untilLed();
  }
  await world.clock.advance(1000);
  for (const mover of movers) mover.isOver = true;
  await world.run(Promise.all(movers.map(async ({ done }) => done)));
  await world.clock.advance(3000);
  expect(movers.flatMap(({ halves }) => halves)).toEqual([]);
  for (const node of world.running) {
    const read = balances(await world.run(readTogether(node, table)));
    expect(read?.reduce((total, each) => total + each, 0)).toBe(OPENING * ACCOUNTS.length);
  }
  const committed = movers.reduce((total, mover) => total + mover.committed, 0);
  expect(committed).toBeGreaterThan(50);
});
