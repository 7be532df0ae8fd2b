import { once } from 'node:events';
import { createServer } from 'node:http';

import { afterEach, expect, onTestFinished, test, vi } from 'vitest';

import { present } from '../../src/base/assert.ts';
import { NodeOperations } from '../../src/daemon/node-operations.ts';
import { OperationRefused } from '../../src/daemon/operation-refused.ts';
import { InProcessNetwork } from '../../src/bus/in-process-network.ts';
import { PrometheusMetrics } from '../../src/telemetry/prometheus.ts';
import { readTriggers } from '../../src/daemon/operations-triggers.ts';
import { encodeItemKey } from '../../src/model/item-key.ts';
import type { Table, TableDefinition } from '../../src/model/table.ts';
import {
  readTriggerDefinition,
  type TriggerDefinition,
} from '../../src/triggers/trigger-definition.ts';
import { ClusteredWorld, type WorldNode } from '../support/clustered-region.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let open: ClusteredWorld | undefined;

afterEach(async () => {
  await open?.stop();
  open = undefined;
});

interface Event {
  readonly Records: readonly {
    readonly dynamodb: {
      readonly Keys: { readonly id: { readonly S: string } };
      readonly NewImage: { readonly n: { readonly N: string } };
    };
  }[];
}

/** A consumer in the real world, and what it has seen of each item. */
async function consumer(): Promise<{ url: string; seen: ReadonlyMap<string, readonly number[]> }> {
  const seen = new Map<string, number[]>();
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (text: string) => (body += text));
    request.on('end', () => {
      const { Records }: Event = JSON.parse(body);
      for (const { dynamodb } of Records) {
        const id = dynamodb.Keys.id.S;
        seen.set(id, [...(seen.get(id) ?? []), Number(dynamodb.NewImage.n.N)]);
      }
      response.end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  return { url: `http://127.0.0.1:${port}/`, seen };
}

/** Lets virtual time pass, and the real world answer in between. */
async function untilSo(world: ClusteredWorld, what: string, isSo: () => boolean): Promise<void> {
  for (let at = 0; at < 2000; at++) {
    if (isSo()) return;
    await world.clock.advance(20);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  throw new Error(`${what}: not in time`);
}

const ORDERS: TableDefinition = {
  keySchema: { partition: { name: 'id', type: 'S' }, sort: undefined },
  attributeDefinitions: [{ name: 'id', type: 'S' }],
  billingMode: 'PAY_PER_REQUEST',
  provisionedThroughput: { read: 0, write: 0 },
  stream: 'NEW_AND_OLD_IMAGES',
};

const IDS = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];

const idOf = (n: number): string => present(IDS[n % IDS.length], 'an id');

async function put(by: WorldNode, table: Table, n: number): Promise<void> {
  const id = idOf(n);
  const image = Buffer.from(JSON.stringify({ id: { S: id }, n: { N: String(n) } }));
  await by.engine.region.write({
    table: table.number,
    key: encodeItemKey(table.definition.keySchema, { id: { S: id } }),
    change: { kind: 'put', image, itemBytes: image.length },
    condition: undefined,
    cause: 'user',
  });
}

const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, n) => n);

const hasSeen = (seen: ReadonlyMap<string, readonly number[]>, count: number): boolean =>
  numbers(count).every((n) => seen.get(idOf(n))?.includes(n) === true);

/** Every item's values, each at least once and none before the one that it follows. */
function expectInOrder(seen: ReadonlyMap<string, readonly number[]>, count: number): void {
  for (const [id, values] of seen) {
    const expected = numbers(count).filter((n) => idOf(n) === id);
    expect([...new Set(values)]).toEqual(expected);
    let last = -1;
    for (const value of values) {
      const place = expected.indexOf(value);
      expect(place).toBeLessThanOrEqual(last + 1);
      last = Math.max(last, place);
    }
  }
}

function definitionOf(settings: Readonly<Record<string, unknown>>): TriggerDefinition {
  const reading = readTriggerDefinition({ name: 't', table: 'Orders', batchSize: 5, ...settings });
  if (reading.kind === 'wrong') throw new Error(reading.problems.join());
  return reading.definition;
}

const elsewhere = (world: ClusteredWorld, than: readonly WorldNode[]): WorldNode =>
  present(
    world.running.find((node) => !than.includes(node)),
    'another node',
  );

async function newWorld(): Promise<ClusteredWorld> {
  open = await ClusteredWorld.start(3);
  await open.clock.advance(1000);
  return open;
}

test('a trigger is made and changed by way of any node, and goes on where it was when another takes the seat', async () => {
  const world = await newWorld();
  const { url, seen } = await consumer();
  const seat = await world.seat();
  const [one, table] = [elsewhere(world, [seat]), await world.createTable(seat, 'Orders', ORDERS)];
  const other = elsewhere(world, [seat, one]);
  const made = await world.run(
    one.engine.triggers.create(definitionOf({ to: url }), { isPaused: false }),
  );
  expect(made).toMatchObject({ definition: { name: 't' }, isPaused: false });

  for (const n of numbers(40)) await world.run(put(one, table, n));
  await untilSo(world, 'the first are seen', () => hasSeen(seen, 40));
  const change = { settings: { batchSize: 3, parallelizationFactor: 2 }, isPaused: undefined };
  expect(await world.run(other.engine.triggers.update('t', change))).toMatchObject({
    definition: { batchSize: 3 },
  });
  for (let n = 40; n < 60; n++) await world.run(put(seat, table, n));
  await seat.kill();
  await world.clock.advance(4500);
  await world.untilLed();
  const next = await world.seat();
  for (let n = 60; n < 80; n++) await world.run(put(next, table, n));
  await untilSo(world, 'all are seen', () => hasSeen(seen, 80));
  expectInOrder(seen, 80);
  for (const { engine } of world.running)
    expect(await world.run(engine.triggers.list())).toMatchObject([
      { definition: { name: 't', batchSize: 3 }, progress: { state: 'running' } },
    ]);
});

test('what is wrong is told by any node in the same words, and what is asked while the seat moves is done', async () => {
  const world = await newWorld();
  const seat = await world.seat();
  await world.createTable(seat, 'Orders', ORDERS);
  const definition = definitionOf({ to: 'http://127.0.0.1:1/' });
  for (const { engine } of world.running) {
    const { triggers } = engine;
    await expect(world.run(triggers.describe('none'))).rejects.toMatchObject({
      name: 'TriggerRefused',
      code: 'unknown',
      message: 'there is no trigger none',
    });
    const missing = triggers.create({ ...definition, table: 'None' }, { isPaused: true });
    await expect(world.run(missing)).rejects.toMatchObject({ code: 'conflict' });
  }
  const one = elsewhere(world, [seat]);
  await world.run(one.engine.triggers.create(definition, { isPaused: true }));
  for (const { engine } of world.running) {
    const wrong = { settings: { batchSize: 0, table: 'x' }, isPaused: undefined };
    await expect(world.run(engine.triggers.update('t', wrong))).rejects.toMatchObject({
      code: 'wrong',
      problems: [expect.stringContaining('"table"'), expect.stringContaining('"batchSize"')],
    });
  }
  const pausing = one.engine.triggers.resume('t');
  await Promise.all([world.run(seat.stop()), world.run(pausing)]);
  await world.untilLed();
  await world.seat();
  expect(await world.run(one.engine.triggers.describe('t'))).toMatchObject({ isPaused: false });
  await world.run(one.engine.triggers.delete('t'));
  for (const { engine } of world.running)
    expect(await world.run(engine.triggers.list())).toEqual([]);
});

test('a node that can reach nobody with the seat says so', async () => {
  const world = await newWorld();
  const seat = await world.seat();
  const one = elsewhere(world, [seat]);
  one.cutOff(true);
  await world.clock.advance(5000);
  const asked = world.run(one.engine.triggers.pause('t'));
  await expect(asked).rejects.toBeInstanceOf(OperationRefused);
  one.cutOff(false);
  await world.untilLed();
});

test('the operations port of a node answers for the triggers of its region', async () => {
  const world = await newWorld();
  const operationsOf = ({ zone, engine }: WorldNode): NodeOperations =>
    new NodeOperations({
      region: 'us-east-1',
      zone,
      peers: [],
      endpoint: new InProcessNetwork(world.clock).endpoint('us-east-1'),
      metrics: new PrometheusMetrics(),
      switch: { engine, failure: undefined, stop: async () => {}, start: async () => {} },
      word: { withoutMissing: false },
      natsAlarms: () => ['a server is away'],
      addresses: { endpoint: () => '', operations: () => '' },
    });
  for (const node of world.running) {
    const operations = operationsOf(node);
    expect(operations.status().problems).toContain('a server is away');
    const triggers = operations.triggers();
    expect(await world.run(readTriggers(triggers, undefined))).toEqual({ triggers: [] });
  }
});
