import { connect } from 'node:net';

import {
  BatchWriteItemCommand,
  DeleteTableCommand,
  DynamoDBServiceException,
  ListTablesCommand,
  QueryCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';

import { InProcessNetwork } from '../../src/bus/in-process-network.ts';
import { PortInUseError } from '../../src/daemon/listeners.ts';
import { startRegion } from '../../src/daemon/start-region.ts';
import { SystemClock } from '../../src/daemon/system-clock.ts';
import { StoreError } from '../../src/storage/key-value-store.ts';
import { MemoryLogger } from '../support/memory-logger.ts';
import { createClient, EU, testConfig, TestLab, type TestRegion, US } from '../support/test-lab.ts';
import { createTable, describe, get, put, putMany, scanAll, TABLE } from '../support/test-table.ts';
import { until } from '../support/until.ts';

const BODY_BYTES_MAX = 16 * 1024 * 1024;

test('a table is CREATING, then ACTIVE; DELETING, then not found; and its name is free again', async () => {
  const lab = await TestLab.start([US]);
  const us = lab.region(US);
  const seen: string[] = [];
  const created = createTable(us);
  await until('the table to be ACTIVE', async () => {
    const status = (await describe(us))?.TableStatus;
    if (status !== undefined && status !== seen.at(-1)) seen.push(status);
    return status === 'ACTIVE';
  });
  await created;
  expect(seen).toEqual(['CREATING', 'ACTIVE']);
  await put(us, 'one', '1');

  await us.client.send(new DeleteTableCommand({ TableName: TABLE }));
  const statuses = new Set<string | undefined>();
  await until('the table to be gone', async () => {
    const table = await describe(us);
    statuses.add(table?.TableStatus);
    return table === undefined;
  });
  expect([...statuses]).toEqual(['DELETING', undefined]);
  const { TableNames } = await us.client.send(new ListTablesCommand({}));
  expect(TableNames).toEqual([]);

  await createTable(us);
  expect(await scanAll(us)).toEqual(new Map());
});

test('a strongly consistent read has every write that was answered before it', async () => {
  const lab = await TestLab.start([US]);
  const us = lab.region(US);
  await createTable(us);
  const writers = Array.from({ length: 8 }, async (_, writer) => {
    for (let round = 0; round < 40; round += 1) {
      await put(us, `key ${writer}`, String(round));
      expect(await get(us, `key ${writer}`)).toBe(String(round));
    }
  });
  await Promise.all(writers);
});

test('of many who count one item up at once, none is forgotten', async () => {
  const lab = await TestLab.start([US]);
  const us = lab.region(US);
  await createTable(us);
  const add = new UpdateItemCommand({
    TableName: TABLE,
    Key: { id: { S: 'sum' } },
    UpdateExpression: 'ADD n :one',
    ExpressionAttributeValues: { ':one': { N: '1' } },
    ReturnValues: 'UPDATED_NEW',
  });
  const answers = await Promise.all(Array.from({ length: 100 }, async () => us.client.send(add)));
  const counts = answers.map(({ Attributes }) => Number(Attributes?.['n']?.N));
  expect(counts.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, at) => at + 1));
});

test('a region that is stopped and started over operations has everything, on the same port', async () => {
  const lab = await TestLab.start([US]);
  const us = lab.region(US);
  await createTable(us);
  const ids = await putMany(us, { prefix: 'kept ', count: 100 });
  const { endpoint, operationsEndpoint } = us.running;

  await us.post('/region/stop');
  await expect(get(us, 'kept 1')).rejects.toThrow(/ECONNREFUSED|socket hang up/u);
  expect((await fetch(`${operationsEndpoint}/readyz`)).status).toBe(503);
  expect((await fetch(`${operationsEndpoint}/healthz`)).status).toBe(200);
  await us.post('/region/stop');

  await us.post('/region/start');
  await us.post('/region/start');
  expect((await fetch(`${operationsEndpoint}/readyz`)).status).toBe(200);
  expect(us.running.endpoint).toBe(endpoint);
  expect([...(await scanAll(us)).keys()].toSorted()).toEqual(ids.toSorted());
  await put(us, 'later', '1');
  expect(await get(us, 'later')).toBe('1');
});

test('a whole stop and start keeps tables and items', async () => {
  const lab = await TestLab.start([US]);
  const us = lab.region(US);
  await createTable(us);
  const ids = await putMany(us, { prefix: 'kept ', count: 200 });
  // Counts and digests are those of a copy, which is a little behind what is answered.
  const before = await until('the copies to have all', () => {
    const table = us.table(TABLE);
    return table?.itemCount === ids.length ? table : undefined;
  });
  await us.stop();
  await us.start();
  expect(us.table(TABLE)).toEqual(before);
  expect([...(await scanAll(us)).keys()].toSorted()).toEqual(ids.toSorted());
});

test('clients that go away in the middle of a request stop nothing', async () => {
  const lab = await TestLab.start([US]);
  const us = lab.region(US);
  await createTable(us);
  const port = Number(new URL(us.running.endpoint).port);
  const body = JSON.stringify({ TableName: TABLE, Item: { id: { S: 'gone' }, v: { S: 'x' } } });
  const head = [
    'POST / HTTP/1.1',
    'host: localhost',
    'content-type: application/x-amz-json-1.0',
    'x-amz-target: DynamoDB_20120810.PutItem',
    'authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0',
    `content-length: ${body.length}`,
    '',
    body,
  ].join('\r\n');
  // Cut in the head, in the body, and right after it, before the answer.
  const lengths = [1, 40, head.length - body.length, head.length - 5, head.length];
  await Promise.all(
    Array.from({ length: 60 }, async (_, at) =>
      sendAndLeave(port, head.slice(0, lengths[at % lengths.length])),
    ),
  );
  await put(us, 'after', '1');
  expect(await get(us, 'after')).toBe('1');
  const errors = us.logger.messages('error');
  expect(errors).toEqual([]);
});

async function sendAndLeave(port: number, text: string): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await new Promise<void>((resolve) => {
    socket.on('close', () => resolve());
    socket.write(text, () => socket.resetAndDestroy());
  });
}

test('a body above 16 MB is refused with 413, and one of 16 MB is read', async () => {
  const lab = await TestLab.start([US]);
  const us = lab.region(US);
  await createTable(us);
  const send = async (length: number): Promise<Response> => {
    const [head, tail] = ['{"TableName":"things","Item":{"id":{"S":"', '"}}}'];
    const body = head + 'x'.repeat(length - head.length - tail.length) + tail;
    return fetch(us.running.endpoint, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-amz-json-1.0',
        'x-amz-target': 'DynamoDB_20120810.PutItem',
        authorization:
          'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0',
        'x-amz-date': '20260101T000000Z',
      },
      body,
    });
  };
  expect((await send(BODY_BYTES_MAX + 1)).status).toBe(413);
  const read = await send(BODY_BYTES_MAX);
  expect(read.status).toBe(400);
  expect(await read.text()).toContain('ValidationException');
  await put(us, 'after', '1');
});

test('a client that is pinned to another region is told both names', async () => {
  const lab = await TestLab.start([US]);
  const us = lab.region(US);
  const client = createClient(us.running.endpoint, EU);
  const error: unknown = await client
    .send(new ListTablesCommand({}))
    .catch((thrown: unknown) => thrown);
  client.destroy();
  expect(error).toBeInstanceOf(DynamoDBServiceException);
  expect(String(error)).toContain(US);
  expect(String(error)).toContain(EU);
});

test('a port in use is named with its region, and what was begun is undone', async () => {
  const lab = await TestLab.start([US]);
  const us = lab.region(US);
  const port = Number(new URL(us.running.endpoint).port);
  const place = { hosts: ['127.0.0.1'], port };
  for (const choices of [{ endpoint: place }, { operations: place }]) {
    const error = await startElsewhere(lab, { choices, folder: 'second' });
    expect(error).toBeInstanceOf(PortInUseError);
    expect(String(error)).toContain(EU);
    expect(String(error)).toContain(String(port));
  }
  // The directory was let go of: the same one can be started on other ports.
  expect(await startElsewhere(lab, { choices: {}, folder: 'second' })).toBeUndefined();
});

test('a data directory that is in use is refused as locked, and goes on undisturbed', async () => {
  const lab = await TestLab.start([US]);
  const us = lab.region(US);
  await createTable(us);
  const error = await startElsewhere(lab, { choices: {}, folder: US, region: US });
  expect(error).toBeInstanceOf(StoreError);
  expect(error).toMatchObject({ code: 'locked' });
  await put(us, 'after', '1');
  expect(await get(us, 'after')).toBe('1');
});

/** Starts another region on a folder of the lab, and stops it; resolves with the error if that fails. */
async function startElsewhere(
  lab: TestLab,
  { choices, folder, region = EU }: { choices: object; folder: string; region?: string },
): Promise<unknown> {
  const network = new InProcessNetwork(new SystemClock());
  try {
    const running = await startRegion({
      config: testConfig(region, { ...choices }),
      dataDirectory: `${lab.folder}/${folder}`,
      network,
      regions: [region],
      logger: new MemoryLogger(),
    });
    await running.stop();
    return undefined;
  } catch (error) {
    return error;
  } finally {
    await network.close();
  }
}

test('items that are written in batches at once come back whole', async () => {
  const lab = await TestLab.start([US]);
  const us = lab.region(US);
  await createTable(us);
  const writeBatch = async (from: number): Promise<void> => {
    const ids = Array.from({ length: 25 }, (_, at) => from + at);
    const { UnprocessedItems } = await us.client.send(
      new BatchWriteItemCommand({
        RequestItems: {
          [TABLE]: ids.map((id) => ({
            PutRequest: { Item: { id: { S: String(id) }, v: { S: 'x'.repeat(id) } } },
          })),
        },
      }),
    );
    expect(UnprocessedItems).toEqual({});
  };
  await Promise.all([0, 25, 50, 75].map(writeBatch));
  const found = await scanAll(us);
  expect(found.size).toBe(100);
  for (const [id, v] of found) expect(v).toBe('x'.repeat(Number(id)));
  const { Items } = await us.client.send(
    new QueryCommand({
      TableName: TABLE,
      KeyConditionExpression: 'id = :id',
      ExpressionAttributeValues: { ':id': { S: '42' } },
      ConsistentRead: true,
    }),
  );
  expect(Items).toEqual([{ id: { S: '42' }, v: { S: 'x'.repeat(42) } }]);
});

test('what is written before an orderly stop is there after it, whatever is in flight', async () => {
  const lab = await TestLab.start([US]);
  const us = lab.region(US);
  await createTable(us);
  const answered = new Set<string>();
  const writers = Array.from({ length: 8 }, async (_, writer) =>
    writeUntilRefused(us, writer, answered),
  );
  await until('a hundred writes', () => answered.size >= 100);
  await us.stop();
  await Promise.all(writers);
  await us.start();
  const found = await scanAll(us);
  expect([...answered].filter((id) => !found.has(id))).toEqual([]);
});

async function writeUntilRefused(
  region: TestRegion,
  writer: number,
  answered: Set<string>,
): Promise<void> {
  const { client } = region;
  for (let round = 0; ; round += 1) {
    const id = `${writer}.${round}`;
    try {
      await put({ client }, id, id);
      answered.add(id);
    } catch {
      return;
    }
  }
}
