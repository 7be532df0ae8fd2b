import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

import {
  type AttributeValue,
  BatchExecuteStatementCommand,
  CreateTableCommand,
  DescribeTableCommand,
  ExecuteStatementCommand,
  type ExecuteStatementCommandOutput,
  ExecuteTransactionCommand,
  GetItemCommand,
  PutItemCommand,
  ScanCommand,
  TransactGetItemsCommand,
  TransactWriteItemsCommand,
  UpdateTableCommand,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import type { _Record } from '@aws-sdk/client-dynamodb-streams';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';

import { present } from '../../src/base/assert.ts';
import {
  changeTrigger,
  createTrigger,
  listTriggers,
  updateTrigger,
} from '../../src/cli/trigger.ts';
import { JETSTREAM_VERSION_MIN } from '../../src/cli/nats-server.ts';
import { parsePrometheusText } from '../../src/cli/prometheus-text.ts';
import type { ClusterNode } from '../support/cluster-node.ts';
import { ClusterWorld } from '../support/cluster-world.ts';
import { startFunction } from '../support/function-consumer.ts';
import { natsServer } from '../support/nats-servers.ts';
import { natsSuite } from '../support/nats-suite.ts';
import { PROJECT_ROOT } from '../support/project-root.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { StreamConsumer, streamsClientAt } from '../support/stream-consumer.ts';
import { until } from '../support/until.ts';

const REGION = 'us-east-1';
const START_MS_MAX = 240_000;
/** An election and what waits for it, on a machine that does other things too. */
const MOVED_MS_MAX = 60_000;

let world: ClusterWorld;

const nodes = (): readonly ClusterNode[] => world.region(REGION).nodes;
const alive = (): readonly ClusterNode[] => nodes().filter(({ isAlive }) => isAlive);
const node = (at: number): ClusterNode => present(alive()[at % alive().length], 'a node');

interface Partition {
  readonly number: number;
  readonly leader?: string;
}

/** What leads each partition, as a node knows it; undefined while one of them has no leader. */
async function leaders(of: ClusterNode): Promise<readonly string[] | undefined> {
  const status = await of.operations.read('/status');
  if (status === undefined) return undefined;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what a status is made of
  const found = (status['partitions'] as unknown as readonly Partition[]).map(
    ({ leader }) => leader,
  );
  const zones = new Set(alive().map(({ zone }) => String(zone)));
  const led = found.filter((leader): leader is string => leader !== undefined && zones.has(leader));
  return led.length === found.length && led.length > 0 ? led : undefined;
}

/** The node that leads the partition, once every partition is led by one that runs. */
async function leaderOf(partition: number): Promise<ClusterNode> {
  const led = await until('every partition to be led', async () => leaders(node(0)), {
    limitMs: MOVED_MS_MAX,
  });
  return present(
    nodes().find(({ zone }) => zone === led[partition]),
    'the leader',
  );
}

/** Tried again until it is done, as an SDK's client would: the answer of one that is not sent twice to the same effect. */
async function again<T>(work: () => Promise<T>): Promise<T> {
  return until(
    'a request to be answered',
    async () => {
      try {
        return { answer: await work() };
      } catch (error) {
        if (!isPassing(error)) throw error;
        await setTimeout(100);
        return undefined;
      }
    },
    { limitMs: MOVED_MS_MAX },
  ).then(({ answer }) => answer);
}

/** A refusal by a node that is gone, or while nobody leads; or a transaction in the way. */
const isPassing = (error: unknown): boolean =>
  error instanceof Error &&
  (['InternalServerError', 'TransactionConflictException', 'TimeoutError'].includes(error.name) ||
    'code' in error ||
    error.message.includes('TransactionConflict'));

async function newTable(name: string, isStreamed = false): Promise<void> {
  await again(async () =>
    node(0).client.send(
      new CreateTableCommand({
        TableName: name,
        KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
        AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
        BillingMode: 'PAY_PER_REQUEST',
        ...(isStreamed && {
          StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
        }),
      }),
    ),
  );
  for (const each of alive())
    await until(`${name} to be ACTIVE`, async () => {
      const { Table } = await each.client.send(new DescribeTableCommand({ TableName: name }));
      return Table?.TableStatus === 'ACTIVE';
    });
}

async function consumerOf(table: string, by: () => ClusterNode): Promise<StreamConsumer> {
  const { Table } = await node(0).client.send(new DescribeTableCommand({ TableName: table }));
  const clients = new Map(nodes().map((each) => [each, streamsClientAt(each.endpoint, REGION)]));
  onTestFinished(() => {
    for (const client of clients.values()) client.destroy();
  });
  return new StreamConsumer(Table?.LatestStreamArn ?? '', () =>
    present(clients.get(by()), 'a client'),
  );
}

const put = async (
  by: ClusterNode,
  table: string,
  item: Record<string, { N: string } | { S: string }>,
): Promise<void> => {
  await by.client.send(new PutItemCommand({ TableName: table, Item: item }));
};

const keyOf = (id: string) => ({ id: { S: id } });

const add = (id: string, by: number) => ({
  Update: {
    TableName: 'Accounts',
    Key: keyOf(id),
    UpdateExpression: 'ADD balance :by',
    ExpressionAttributeValues: { ':by': { N: String(by) } },
  },
});

/** The operations port of a node that runs. */
const port = (at: number): string => node(at).operationsEndpoint;

const KEYS = 6;

/** The values of `v`, of six items, by way of all nodes. */
async function writeValues(table: string, from: number, to: number): Promise<void> {
  for (let value = from; value < to; value++)
    for (const n of numbered(KEYS)) {
      const item = { ...keyOf(`k${n}`), v: { N: String(value) } };
      await again(async () => put(node(n), table, item));
    }
}

const numbered = (count: number): readonly number[] => Array.from({ length: count }, (_, n) => n);

await natsSuite(
  'what a region of three nodes does by way of any of them',
  JETSTREAM_VERSION_MIN,
  () => {
    beforeAll(async () => {
      process.env['NATS_SERVER'] = await natsServer(JETSTREAM_VERSION_MIN);
      const ready = join(PROJECT_ROOT, 'src', 'cli', 'ready.mjs');
      const { status } = spawnSync(process.execPath, [ready], { stdio: 'inherit' });
      if (status !== 0) throw new Error('the build failed');
      const choices = { partitions: 3, statusMs: 100 };
      world = await ClusterWorld.start({ regions: [{ name: REGION, nodes: 3, choices }] });
    }, START_MS_MAX);

    afterAll(async () => world.close());

    test('PartiQL: statements, batches and transactions', async () => {
      await newTable('Statements');
      const run = async (by: number, Statement: string, ...values: readonly string[]) =>
        node(by).client.send(
          new ExecuteStatementCommand({
            Statement,
            ConsistentRead: Statement.startsWith('SELECT'),
            ...(values.length > 0 && { Parameters: values.map((S) => ({ S })) }),
          }),
        );
      for (const n of numbered(9)) {
        await run(n, `INSERT INTO "Statements" VALUE {'id': ?, 'n': 0}`, `s${n}`);
        await run(n + 1, `UPDATE "Statements" SET n = n + ${n} WHERE id = ?`, `s${n}`);
        const { Items } = await run(n + 2, `SELECT n FROM "Statements" WHERE id = ?`, `s${n}`);
        expect(Items).toEqual([{ n: { N: String(n) } }]);
      }
      const twice = run(0, `INSERT INTO "Statements" VALUE {'id': 's1'}`);
      await expect(twice).rejects.toMatchObject({ name: 'DuplicateItemException' });
      for (const at of numbered(3)) {
        const { Responses } = await node(at).client.send(
          new BatchExecuteStatementCommand({
            Statements: numbered(9).map((n) => ({
              Statement: `SELECT n FROM "Statements" WHERE id = 's${n}'`,
              ConsistentRead: true,
            })),
          }),
        );
        expect(Responses?.map(({ Item }) => Number(Item?.['n']?.N))).toEqual(
          numbered(9).map((n) => n + at),
        );
        const moved = await node(at).client.send(
          new ExecuteTransactionCommand({
            TransactStatements: numbered(9).map((n) => ({
              Statement: `UPDATE "Statements" SET n = n + 1 WHERE id = 's${n}'`,
            })),
          }),
        );
        expect(moved.$metadata.httpStatusCode).toBe(200);
      }
      const cancelled = node(1).client.send(
        new ExecuteTransactionCommand({
          TransactStatements: [
            { Statement: `UPDATE "Statements" SET n = 99 WHERE id = 's0'` },
            { Statement: `INSERT INTO "Statements" VALUE {'id': 's1'}` },
          ],
        }),
      );
      await expect(cancelled).rejects.toMatchObject({
        name: 'TransactionCanceledException',
        CancellationReasons: [{ Code: 'None' }, { Code: 'DuplicateItem' }],
      });
      const Items: Record<string, AttributeValue>[] = [];
      let token: string | undefined;
      // A page by way of each node, one after the other.
      for (let by = 0; by === 0 || token !== undefined; by++) {
        const page: ExecuteStatementCommandOutput = await node(by).client.send(
          new ExecuteStatementCommand({
            Statement: `SELECT id, n FROM "Statements"`,
            ConsistentRead: true,
            Limit: 2,
            ...(token !== undefined && { NextToken: token }),
          }),
        );
        Items.push(...(page.Items ?? []));
        token = page.NextToken;
      }
      expect(Items).toHaveLength(9);
      expect(new Map(Items.map(({ id, n }) => [id?.S, n?.N]))).toEqual(
        new Map(numbered(9).map((n) => [`s${n}`, String(n + 3)])),
      );
    });

    test('streams: read from any node, enabled while nodes write, while leaders move', async () => {
      await newTable('Streamed');
      const ids = numbered(12).map((n) => `i${n}`);
      for (const id of ids) await put(node(0), 'Streamed', { id: { S: id }, v: { N: '0' } });
      const writers = { areOver: false };
      const last = new Map<string, number>();
      const writing = [0, 1, 2].map(async (at) => {
        for (let value = 1; !writers.areOver; value++)
          for (const id of ids.filter((_, n) => n % 3 === at)) {
            await again(async () =>
              put(node(at), 'Streamed', { id: { S: id }, v: { N: String(value) } }),
            );
            last.set(id, value);
          }
      });
      await setTimeout(200);
      await node(1).client.send(
        new UpdateTableCommand({
          TableName: 'Streamed',
          StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
        }),
      );
      let asked = 0;
      const consumer = await consumerOf('Streamed', () => node((asked += 1)));
      for (const partition of [0, 1, 2]) {
        const from = await leaderOf(partition);
        const to = present(
          nodes().find(({ zone }) => zone !== from.zone),
          'another node',
        );
        // It may be moving already, as leaders are spread over the nodes.
        await from.operations
          .change(`/partitions/${partition}/leader`, { node: to.zone })
          .catch(() => {});
        await again(async () => consumer.catchUp(50));
      }
      writers.areOver = true;
      await Promise.all(writing);
      await until('the whole stream', async () => {
        await again(async () => consumer.catchUp());
        return ids.every((id) => valueOf(lastOf(consumer.records, id)) === last.get(id));
      });
      const told = consumer.records.map(({ dynamodb }) => dynamodb?.SequenceNumber);
      expect(new Set(told).size).toBe(told.length);
      for (const id of ids) {
        const of = consumer.records.filter(({ dynamodb }) => dynamodb?.Keys?.['id']?.S === id);
        // Each goes on where the one before was, so that none is missing, and the first has its old image too.
        for (const record of of)
          expect(Number(record.dynamodb?.OldImage?.['v']?.N)).toBe((valueOf(record) ?? 0) - 1);
      }
      const { Items = [] } = await node(2).client.send(
        new ScanCommand({ TableName: 'Streamed', ConsistentRead: true }),
      );
      expect(new Map(Items.map(({ id, v }) => [id?.S, Number(v?.N)]))).toEqual(last);
    });

    test('expiry: an item expires once, whichever node leads, and the stream says who did it', async () => {
      await newTable('Expiring', true);
      await node(1).client.send(
        new UpdateTimeToLiveCommand({
          TableName: 'Expiring',
          TimeToLiveSpecification: { Enabled: true, AttributeName: 'due' },
        }),
      );
      const consumer = await consumerOf('Expiring', () => node(0));
      const putDue = async (id: string, inSeconds: number): Promise<void> => {
        const due = { N: String(Math.floor(Date.now() / 1000) + inSeconds) };
        await again(async () => put(node(id.length), 'Expiring', { id: { S: id }, due }));
      };
      const expired = (): readonly string[] =>
        consumer.records
          .filter(({ eventName }) => eventName === 'REMOVE')
          .map(({ dynamodb }) => dynamodb?.Keys?.['id']?.S ?? '')
          .toSorted(byText);
      await Promise.all(numbered(20).map(async (n) => putDue(`a${n}`, 1)));
      await putDue('stays', 3600);
      const moved = await leaderOf(1);
      await moved.kill();
      await Promise.all(numbered(20).map(async (n) => putDue(`b${n}`, 1)));
      await moved.start();
      const all = [
        ...numbered(20).map((n) => `a${n}`),
        ...numbered(20).map((n) => `b${n}`),
      ].toSorted(byText);
      await until('everything to expire', async () => {
        await again(async () => consumer.catchUp());
        return new Set(expired()).size >= all.length;
      });
      await setTimeout(500);
      await again(async () => consumer.catchUp());
      expect(expired()).toEqual(all);
      for (const { eventName, userIdentity } of consumer.records)
        expect(userIdentity).toEqual(
          eventName === 'REMOVE'
            ? { PrincipalId: 'dynamodb.amazonaws.com', Type: 'Service' }
            : undefined,
        );
      const { Item } = await node(2).client.send(
        new GetItemCommand({
          TableName: 'Expiring',
          Key: { id: { S: 'stays' } },
          ConsistentRead: true,
        }),
      );
      expect(Item?.['id']).toEqual({ S: 'stays' });
    });

    test('transactions: money is moved by way of any node, and the sum holds when a leader of it is killed', async () => {
      await newTable('Accounts');
      const ids = numbered(9).map((n) => `account ${n}`);
      await node(0).client.send(
        new TransactWriteItemsCommand({
          TransactItems: ids.map((id) => ({
            Put: { TableName: 'Accounts', Item: { ...keyOf(id), balance: { N: '100' } } },
          })),
        }),
      );
      const sums: number[] = [];
      const readAll = async (by: number): Promise<void> => {
        const { Responses = [] } = await node(by).client.send(
          new TransactGetItemsCommand({
            TransactItems: ids.map((id) => ({ Get: { TableName: 'Accounts', Key: keyOf(id) } })),
          }),
        );
        sums.push(Responses.reduce((sum, { Item }) => sum + Number(Item?.['balance']?.N), 0));
      };
      const movers = { areOver: false, committed: 0, committedSince: 0 };
      const moving = [0, 1, 2].map(async (at) => {
        const random = new SeededRandom(at + 1);
        const pick = (): string =>
          present(ids[Math.floor(random.next() * ids.length)], 'an account');
        while (!movers.areOver) {
          const [from, to] = [pick(), pick()];
          if (from === to) continue;
          try {
            await node(at).client.send(
              new TransactWriteItemsCommand({ TransactItems: [add(from, -1), add(to, 1)] }),
            );
            movers.committed += 1;
            movers.committedSince += 1;
            await readAll(at + 1);
          } catch (error) {
            if (!isPassing(error)) throw error;
            await setTimeout(20);
          }
        }
      });
      await until('some to be moved', () => movers.committed > 20);
      const killed = await leaderOf(2);
      await killed.kill();
      movers.committedSince = 0;
      await until('more to be moved', () => movers.committedSince > 20, { limitMs: MOVED_MS_MAX });
      await killed.start();
      movers.areOver = true;
      await Promise.all(moving);
      for (const at of [0, 1, 2]) await again(async () => readAll(at));
      expect(new Set(sums)).toEqual(new Set([900]));
    });

    test('triggers: asked of any node, kept when the node with the seat is killed, and the table does not wait', async () => {
      await newTable('Followed', true);
      const good = await startFunction();
      const bad = await startFunction({ status: 500 });
      const settings = { table: 'Followed', startingPosition: 'TRIM_HORIZON', batchSize: 5 };
      await createTrigger(
        { operations: port(0), settings: { ...settings, name: 'good', to: good.url } },
        {},
      );
      await createTrigger(
        { operations: port(1), settings: { ...settings, name: 'bad', to: bad.url } },
        {},
      );
      await updateTrigger({ operations: port(2), name: 'good', settings: { batchSize: 7 } }, {});
      const hasAll = (count: number) => (): boolean =>
        numbered(KEYS).every((n) => new Set(good.seen.get(`k${n}`)).size === count);
      await writeValues('Followed', 0, 10);
      await until('the first to be handled', hasAll(10));
      const seat = await leaderOf(0);
      const lag = await until('the lag of the one that fails', async () => lagOf(seat, 'bad'));
      expect(lag).toBeGreaterThan(0);
      const writing = writeValues('Followed', 10, 20);
      await seat.kill();
      await writing;
      await until('all to be handled', hasAll(20), { limitMs: MOVED_MS_MAX });
      for (const values of good.seen.values()) expectInOrder(values, 20);
      expect(bad.calls).toBeGreaterThan(0);
      for (const at of [0, 1]) {
        const shown: unknown = JSON.parse(await listTriggers({ operations: port(at), json: true }));
        expect(shown).toMatchObject({
          triggers: [
            { name: 'bad', state: 'failing' },
            { name: 'good', state: 'running', batchSize: 7 },
          ],
        });
      }
      await changeTrigger('delete', { operations: port(0), name: 'bad' }, {});
      await changeTrigger('delete', { operations: port(1), name: 'good' }, {});
      await seat.start();
    });
  },
);

const byText = (one: string, other: string): number => (one < other ? -1 : 1);

const lastOf = (records: readonly _Record[], id: string): _Record | undefined =>
  records.findLast(({ dynamodb }) => dynamodb?.Keys?.['id']?.S === id);

function valueOf(record: _Record | undefined): number | undefined {
  const text = record?.dynamodb?.NewImage?.['v']?.N;
  return text === undefined ? undefined : Number(text);
}

/** Every value at least once, and none before the one that it follows. */
function expectInOrder(values: readonly number[], count: number): void {
  expect([...new Set(values)]).toEqual(numbered(count));
  let last = -1;
  for (const value of values) {
    expect(value).toBeLessThanOrEqual(last + 1);
    last = Math.max(last, value);
  }
}

/** As the node's metrics have it; undefined while it is 0, or the trigger is not its. */
async function lagOf(of: ClusterNode, trigger: string): Promise<number | undefined> {
  const samples = parsePrometheusText(await of.operations.text('/metrics'));
  const sample = samples.find(
    ({ name, labels }) => name === 'tidemark_trigger_lag_seconds' && labels['trigger'] === trigger,
  );
  return sample === undefined || sample.value === 0 ? undefined : sample.value;
}
