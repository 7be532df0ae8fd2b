import { once } from 'node:events';
import { createServer } from 'node:http';

import { afterEach, expect, onTestFinished, test, vi } from 'vitest';

import { present } from '../../src/base/assert.ts';
import { NodeOperations } from '../../src/daemon/node-operations.ts';
import { OperationRefused } from '../../src/daemon/operation-refused.ts';
import { InProcessNetwork } from '../../src/bus/in-process-network.ts';
import { PrometheusMetrics } from '../../src/telemetry/prometheus.ts';
import { encodeItemKey } from '../../src/model/item-key.ts';
import { readTriggerDefinition } from '../../src/triggers/trigger-definition.ts';
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

test('a trigger goes on where it was when another node takes the seat', async () => {
  const world = await ClusteredWorld.start(3);
  open = world;
  await world.clock.advance(1000);
  const { url, seen } = await consumer();
  const seat = await world.seat();
  const table = await world.createTable(seat, 'Orders', {
    keySchema: { partition: { name: 'id', type: 'S' }, sort: undefined },
    attributeDefinitions: [{ name: 'id', type: 'S' }],
    billingMode: 'PAY_PER_REQUEST',
    provisionedThroughput: { read: 0, write: 0 },
    stream: 'NEW_AND_OLD_IMAGES',
  });
  const reading = readTriggerDefinition({ name: 't', table: 'Orders', to: url, batchSize: 5 });
  if (reading.kind === 'wrong') throw new Error(reading.problems.join());
  const { triggers } = present(seat.engine.seat, 'the seat').services;
  await world.run(triggers.create(reading.definition, { isPaused: false }));

  const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
  const put = async (by: WorldNode, n: number): Promise<void> => {
    const id = present(ids[n % ids.length], 'an id');
    const image = Buffer.from(JSON.stringify({ id: { S: id }, n: { N: String(n) } }));
    await world.run(
      by.engine.region.write({
        table: table.number,
        key: encodeItemKey(table.definition.keySchema, { id: { S: id } }),
        change: { kind: 'put', image, itemBytes: image.length },
        condition: undefined,
        cause: 'user',
      }),
    );
  };
  const hasSeen = (count: number): boolean =>
    Array.from({ length: count }, (_, n) => n).every(
      (n) => seen.get(ids[n % ids.length] ?? '')?.includes(n) === true,
    );
  for (let n = 0; n < 40; n++) await put(seat, n);
  await untilSo(world, 'the first are seen', () => hasSeen(40));
  for (let n = 40; n < 60; n++) await put(seat, n);
  await seat.kill();
  await world.clock.advance(4500);
  await world.untilLed();
  const next = await world.seat();
  for (let n = 60; n < 80; n++) await put(next, n);
  await untilSo(world, 'all are seen', () => hasSeen(80));

  for (const [id, values] of seen) {
    const expected = Array.from({ length: 80 }, (_, n) => n).filter((n) => ids[n % 7] === id);
    expect([...new Set(values)]).toEqual(expected);
    let last = -1;
    for (const value of values) {
      const place = expected.indexOf(value);
      expect(place).toBeLessThanOrEqual(last + 1);
      last = Math.max(last, place);
    }
  }
  expect(present(next.engine.seat, 'the seat').services.triggers.list()).toMatchObject([
    { definition: { name: 't' }, progress: { state: 'running' } },
  ]);
});

test('a node without the seat says who has it', async () => {
  const world = await ClusteredWorld.start(3);
  open = world;
  await world.clock.advance(1000);
  const seat = await world.seat();
  const operationsOf = ({ zone, engine }: WorldNode): NodeOperations =>
    new NodeOperations({
      region: 'us-east-1',
      zone,
      peers: [],
      endpoint: new InProcessNetwork(world.clock).endpoint('us-east-1'),
      metrics: new PrometheusMetrics(),
      switch: { engine, failure: undefined, stop: async () => {}, start: async () => {} },
      word: { withoutMissing: false },
      addresses: { endpoint: () => '', operations: () => '' },
    });
  expect(operationsOf(seat).triggers().list()).toEqual([]);
  const other = present(
    world.running.find((node) => node !== seat),
    'another node',
  );
  const ask = (): unknown => operationsOf(other).triggers();
  expect(ask).toThrow(OperationRefused);
  expect(ask).toThrow(
    `the triggers of us-east-1 run on node ${seat.zone}, which has its seat: ask the operations port of node ${seat.zone}`,
  );
});
