import {
  TransactGetItemsCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';

import { present } from '../../src/base/assert.ts';
import { LabProcess, type LabProcessRegion } from '../support/lab-process.ts';
import { EU, US } from '../support/test-lab.ts';
import { changeReplica, createTable, describe, scanAll, TABLE } from '../support/test-table.ts';
import { until } from '../support/until.ts';

const KILLS = 20;
const TEST_MS = 240_000;
const ACCOUNTS = Array.from({ length: 12 }, (_, at) => `account ${at}`);
const OPENING = 100;
const SUM = ACCOUNTS.length * OPENING;
const MOVERS = 4;

/** Transfers between a start and a kill: a few at times, many at others. */
const transfersBefore = (kill: number): number => [3, 120, 20, 50][kill % 4] ?? 20;

const sumOf = (balances: readonly number[]): number =>
  balances.reduce((sum, balance) => sum + balance, 0);

/** Undefined where others were at work on them. */
async function readTogether(
  { client }: LabProcessRegion,
  ids: readonly string[] = ACCOUNTS,
): Promise<readonly number[] | undefined> {
  try {
    const { Responses = [] } = await client.send(
      new TransactGetItemsCommand({
        TransactItems: ids.map((id) => ({ Get: { TableName: TABLE, Key: { id: { S: id } } } })),
      }),
    );
    return Responses.map(({ Item }) => Number(present(Item?.['v']?.S, 'a balance')));
  } catch (error) {
    if (error instanceof TransactionCanceledException) return undefined;
    throw error;
  }
}

async function openAccounts({ client }: LabProcessRegion): Promise<void> {
  await client.send(
    new TransactWriteItemsCommand({
      TransactItems: ACCOUNTS.map((id) => ({
        Put: { TableName: TABLE, Item: { id: { S: id }, v: { S: String(OPENING) } } },
      })),
    }),
  );
}

const pick = (): string =>
  present(ACCOUNTS[Math.floor(Math.random() * ACCOUNTS.length)], 'an account');

/** Both accounts as they were seen, or nothing is done. */
async function transfer(region: LabProcessRegion): Promise<boolean> {
  const [from, to] = [pick(), pick()];
  if (from === to) return false;
  const seen = await readTogether(region, [from, to]);
  if (seen === undefined) return false;
  const amount = 1 + Math.floor(Math.random() * 20);
  const update = (id: string, at: number, by: number): object => ({
    Update: {
      TableName: TABLE,
      Key: { id: { S: id } },
      UpdateExpression: 'SET v = :new',
      ConditionExpression: 'v = :seen',
      ExpressionAttributeValues: {
        ':new': { S: String((seen[at] ?? NaN) + by) },
        ':seen': { S: String(seen[at]) },
      },
    },
  });
  try {
    await region.client.send(
      new TransactWriteItemsCommand({
        TransactItems: [update(from, 0, -amount), update(to, 1, amount)],
      }),
    );
    return true;
  } catch (error) {
    if (error instanceof TransactionCanceledException) return false;
    throw error;
  }
}

/** Moves money, and reads all accounts together, until the lab is gone or it is over. */
class Movers {
  committed = 0;
  reads = 0;
  readonly wrongSums: number[] = [];
  readonly #region: LabProcessRegion;
  readonly #done: Promise<unknown>;
  #isOver = false;

  constructor(region: LabProcessRegion) {
    this.#region = region;
    const movers = Array.from({ length: MOVERS }, async () =>
      this.#repeat(async () => {
        if (await transfer(region)) this.committed += 1;
      }),
    );
    this.#done = Promise.all([...movers, this.#repeat(async () => this.#read())]);
  }

  async #read(): Promise<void> {
    const balances = await readTogether(this.#region);
    if (balances === undefined) return;
    this.reads += 1;
    if (sumOf(balances) !== SUM) this.wrongSums.push(sumOf(balances));
  }

  async #repeat(step: () => Promise<void>): Promise<void> {
    while (!this.#isOver) {
      try {
        await step();
      } catch {
        // The lab is being killed: nobody knows what became of it.
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#done;
  }
}

async function untilSum(region: LabProcessRegion): Promise<void> {
  let last: readonly number[] | undefined;
  await until(
    'all accounts to be read together',
    async () => {
      last = await readTogether(region).catch(() => undefined);
      return last !== undefined;
    },
    { limitMs: 10_000 },
  );
  expect(sumOf(last ?? [])).toBe(SUM);
}

const balancesIn = async (region: LabProcessRegion): Promise<readonly number[]> =>
  [...(await scanAll(region)).values()].map(Number);

test(
  'money that is moved in a lab that is killed twenty times is neither made nor lost, in any region',
  { timeout: TEST_MS },
  async () => {
    const lab = await LabProcess.start([US, EU]);
    const [us, eu] = [lab.region(US), lab.region(EU)];
    await createTable(us);
    await changeReplica(us, 'Create', { region: EU });
    await until('the replica to be ACTIVE', async () => {
      const table = await describe(eu);
      return table?.TableStatus === 'ACTIVE';
    });
    await openAccounts(us);
    let [committed, reads] = [0, 0];
    const wrongSums: number[] = [];
    for (let kill = 1; kill <= KILLS; kill += 1) {
      const movers = new Movers(us);
      await until('transfers', () => movers.committed >= transfersBefore(kill), {
        limitMs: 30_000,
      });
      await lab.end('SIGKILL');
      await movers.stop();
      committed += movers.committed;
      reads += movers.reads;
      wrongSums.push(...movers.wrongSums);
      await lab.start();
      await untilSum(us);
    }
    expect(wrongSums).toEqual([]);
    expect(committed).toBeGreaterThan(KILLS * 20);
    expect(reads).toBeGreaterThan(0);
    const expected = await balancesIn(us);
    await until('the other region to have it all', async () => {
      const tables = await Promise.all([us, eu].map(async (region) => lab.table(region, TABLE)));
      return new Set(tables.map((table) => table?.digest)).size === 1;
    });
    expect(await balancesIn(eu)).toEqual(expected);
    expect(sumOf(expected)).toBe(SUM);
    expect(await lab.end('SIGINT')).toBe(0);
  },
);
