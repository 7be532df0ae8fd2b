import { createServer, request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { crc32, gzipSync, inflateSync } from 'node:zlib';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { assert } from '../../src/base/assert.ts';
import { createApiServer } from '../../src/api/api-server.ts';
import { PortInUseError } from '../../src/api/http-server.ts';
import type { RequestObservation } from '../../src/api/protocol.ts';
import { SystemClock } from '../../src/daemon/system-clock.ts';
import { SystemRandom } from '../../src/daemon/system-random.ts';
import { internalError } from '../../src/model/errors.ts';
import { SIGNED_HEADERS, sendRaw, startMemoryApi } from '../support/memory-api.ts';
import type { MemoryApi, RawRequest } from '../support/memory-api.ts';
import { MemoryRegion } from '../support/memory-region.ts';

const observed: RequestObservation[] = [];
const logged: Readonly<Record<string, unknown>>[] = [];
let api: MemoryApi;

beforeAll(async () => {
  api = await startMemoryApi({
    observe: (observation) => observed.push(observation),
    log: { error: (fields) => logged.push(fields) },
  });
  await api.call('CreateTable', {
    TableName: 'table',
    AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
    KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    BillingMode: 'PAY_PER_REQUEST',
  });
});

afterAll(async () => {
  await api.stop();
});

const listTables = (changes: Partial<RawRequest> = {}): RawRequest => ({
  headers: { ...SIGNED_HEADERS, 'x-amz-target': 'DynamoDB_20120810.ListTables' },
  body: '{}',
  ...changes,
});

const without = (...names: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(listTables().headers ?? {}).filter(([name]) => !names.includes(name)),
  );

const getItem = { TableName: 'table', Key: { pk: { S: 'a' } } };

class Signal {
  readonly fired: Promise<void>;
  fire: () => void;

  constructor() {
    this.fire = (): void => undefined;
    this.fired = new Promise((resolve) => {
      this.fire = resolve;
    });
  }
}

test('an answer carries what the SDKs look at', async () => {
  const { status, headers, text } = await api.send(listTables());
  expect(status).toBe(200);
  expect(text).toBe('{"TableNames":["table"]}');
  expect(headers['content-type']).toBe('application/x-amz-json-1.0');
  expect(headers['x-amzn-requestid']).toMatch(/^[A-Z0-9]{52}$/);
  expect(headers['x-amz-crc32']).toBe(String(crc32(text)));
  expect(headers['content-length']).toBe(String(text.length));
  expect(headers['date']).toBeDefined();
});

test('the checksum of an answer that is copied bytes is that of the body', async () => {
  await api.call('PutItem', { TableName: 'table', Item: { pk: { S: 'grüße' } } });
  const { headers, text } = await api.send({
    headers: { ...SIGNED_HEADERS, 'x-amz-target': 'DynamoDB_20120810.GetItem' },
    body: JSON.stringify({ TableName: 'table', Key: { pk: { S: 'grüße' } } }),
  });
  expect(JSON.parse(text)).toEqual({ Item: { pk: { S: 'grüße' } } });
  expect(headers['x-amz-crc32']).toBe(String(crc32(text)));
});

test('a GET is answered like a health check of AWS', async () => {
  const { status, text } = await api.send({ method: 'GET' });
  expect([status, text]).toEqual([200, `healthy: 127.0.0.1:${api.port} `]);
});

test('a preflight is answered for any page', async () => {
  const { status, headers } = await api.send({
    method: 'OPTIONS',
    headers: {
      origin: 'http://localhost:3000',
      'access-control-request-headers': 'x-amz-target',
      'access-control-request-method': 'POST',
    },
  });
  expect(status).toBe(200);
  expect(headers).toMatchObject({
    'access-control-allow-origin': '*',
    'access-control-allow-headers': 'x-amz-target',
    'access-control-allow-methods': 'POST',
    'access-control-max-age': '172800',
  });
});

test('only the root is asked for its health', async () => {
  const { status } = await api.send({ method: 'GET', path: '/health' });
  expect(status).toBe(404);
});

test.each(['GET', 'POST', 'OPTIONS'])(
  'a %s of a page may read the headers of AWS',
  async (method) => {
    const { headers } = await api.send({ method, headers: { origin: 'http://localhost:3000' } });
    expect(headers['access-control-allow-origin']).toBe('*');
    expect(headers['access-control-expose-headers']).toContain('x-amzn-RequestId');
    expect(headers['access-control-max-age']).toBe(method === 'OPTIONS' ? '172800' : undefined);
  },
);

test('a body in an unknown coding is an internal error, as AWS answers', async () => {
  const { status, text } = await api.send(
    listTables({ headers: { ...listTables().headers, 'content-encoding': 'garbage' } }),
  );
  expect([status, JSON.parse(text)]).toMatchObject([
    500,
    { __type: 'com.amazonaws.dynamodb.v20120810#InternalServerError' },
  ]);
});

test('a long answer is coded for who accepts it, with the checksum of what goes out', async () => {
  const long = 'x'.repeat(5000);
  await api.call('PutItem', { TableName: 'table', Item: { pk: { S: 'long' }, long: { S: long } } });
  const answer = await new Promise<{ body: Buffer; headers: IncomingHttpHeaders }>((resolve) => {
    const headers = {
      ...SIGNED_HEADERS,
      'x-amz-target': 'DynamoDB_20120810.GetItem',
      'accept-encoding': 'deflate, gzip;q=0.5',
    };
    const sent = request({ port: api.port, method: 'POST', headers }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => {
        resolve({ body: Buffer.concat(chunks), headers: incoming.headers });
      });
    });
    sent.end(JSON.stringify({ TableName: 'table', Key: { pk: { S: 'long' } } }));
  });
  expect(answer.headers['content-encoding']).toBe('deflate');
  expect(answer.headers['x-amz-crc32']).toBe(String(crc32(answer.body)));
  expect(answer.body.length).toBeLessThan(500);
  expect(JSON.parse(String(inflateSync(answer.body)))).toMatchObject({
    Item: { long: { S: long } },
  });
});

test.each([
  ['no content type', { headers: without('content-type') }],
  ['an odd content type', { headers: { ...listTables().headers, 'content-type': 'text/xml' } }],
  ['another method', { method: 'PUT' }],
])('%s is no request of the protocol', async (_, changes) => {
  const { status, text } = await api.send(listTables(changes));
  expect([status, text]).toEqual([404, '<UnknownOperationException/>\n']);
});

test('plain JSON is answered as plain JSON', async () => {
  const { headers } = await api.send(
    listTables({
      headers: { ...listTables().headers, 'content-type': 'application/json; charset=utf-8' },
    }),
  );
  expect(headers['content-type']).toBe('application/json');
});

test.each([
  ['broken JSON', { body: '{"a":' }, 'SerializationException'],
  ['no body', { body: '' }, 'SerializationException'],
  ['a list', { body: '[]' }, 'SerializationException'],
  ['null', { body: 'null' }, 'SerializationException'],
  ['bytes that are no UTF-8', { body: Buffer.from([0x22, 0xff, 0x22]) }, 'SerializationException'],
  ['no target', { headers: without('x-amz-target') }, 'UnknownOperationException'],
  [
    'an unknown target',
    { headers: { ...listTables().headers, 'x-amz-target': 'DynamoDB_20120810.Fly' } },
    'UnknownOperationException',
  ],
])('%s is refused as AWS does', async (_, changes, code) => {
  const { status, text } = await api.send(listTables(changes));
  expect(status).toBe(400);
  expect(JSON.parse(text)).toEqual({ __type: `com.amazon.coral.service#${code}` });
});

test('JSON of another type than the shape wants says so, with a capital letter', async () => {
  const { status, body } = await api.call('ListTables', { Limit: 'x' });
  expect(status).toBe(400);
  expect(body).toEqual({
    __type: 'com.amazon.coral.service#SerializationException',
    Message: 'STRING_VALUE cannot be converted to Integer',
  });
});

test('an unsigned request is refused', async () => {
  const { status, text } = await api.send(listTables({ headers: without('authorization') }));
  expect(status).toBe(400);
  expect(JSON.parse(text)).toEqual({
    __type: 'com.amazon.coral.service#MissingAuthenticationTokenException',
    message: 'Request is missing Authentication Token',
  });
});

test('an incomplete signature is told all that is missing', async () => {
  const headers = { ...without('x-amz-date'), authorization: 'AWS4-HMAC-SHA256 Signature=b' };
  const { text } = await api.send(listTables({ headers }));
  expect(JSON.parse(text)).toEqual({
    __type: 'com.amazon.coral.service#IncompleteSignatureException',
    message:
      "Authorization header requires 'Credential' parameter. " +
      "Authorization header requires 'SignedHeaders' parameter. " +
      "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. " +
      'Authorization=AWS4-HMAC-SHA256 Signature=b',
  });
});

test('a body in gzip is read', async () => {
  const { status, text } = await api.send(
    listTables({
      headers: { ...listTables().headers, 'content-encoding': 'gzip' },
      body: gzipSync('{"Limit":1}'),
    }),
  );
  expect([status, text]).toEqual([200, '{"TableNames":["table"]}']);
});

test('a body over 16 MB is refused with 413, one of 16 MB is read', async () => {
  const body = `{"x":"${' '.repeat(16 * 1024 * 1024 - 8)}"}`;
  expect((await api.send(listTables({ body: `${body} ` }))).status).toBe(413);
  expect((await api.send(listTables({ body }))).status).toBe(200);
});

test('every known request is observed once, with its operation and code', async () => {
  observed.length = 0;
  await api.call('ListTables', {});
  await api.call('Fly', {});
  await api.call('GetItem', { ...getItem, TableName: 'none' });
  expect(observed.map(({ operation, code }) => `${operation} ${code}`)).toEqual([
    'ListTables OK',
    'Unknown UnknownOperationException',
    'GetItem ResourceNotFoundException',
  ]);
  expect(observed.every(({ durationMs }) => durationMs >= 0)).toBe(true);
});

test('a failure of the service is answered with 500 and logged with the request id', async () => {
  logged.length = 0;
  api.region.failure = new TypeError('a defect');
  const { status, headers, text } = await api.send({
    headers: { ...SIGNED_HEADERS, 'x-amz-target': 'DynamoDB_20120810.GetItem' },
    body: JSON.stringify(getItem),
  });
  api.region.failure = undefined;
  expect(status).toBe(500);
  expect(JSON.parse(text)).toEqual({
    __type: 'com.amazonaws.dynamodb.v20120810#InternalServerError',
    message: 'Internal server error',
  });
  expect(logged).toMatchObject([{ requestId: headers['x-amzn-requestid'], operation: 'GetItem' }]);
  expect((await api.call('GetItem', getItem)).status).toBe(200);
});

test('what a batch could not write is given back, unless it is all of it', async () => {
  const [x, y] = ['x', 'y'].map((S) => ({ PutRequest: { Item: { pk: { S } } } }));
  const write = async (): Promise<{ status: number; body: unknown }> =>
    api.call('BatchWriteItem', { RequestItems: { table: [x, y] } });
  const { region } = api;
  const sound = region.write.bind(region);
  region.write = async (item) =>
    Buffer.from(item.key).includes('y') ? Promise.reject(internalError()) : sound(item);
  expect(await write()).toEqual({ status: 200, body: { UnprocessedItems: { table: [y] } } });
  region.write = sound;
  region.failure = internalError();
  expect((await write()).status).toBe(500);
  region.failure = undefined;
  expect(await write()).toEqual({ status: 200, body: { UnprocessedItems: {} } });
});

test('a client that goes away mid-request stops nothing', async () => {
  const socket = connect(api.port, '127.0.0.1');
  await new Promise((resolve) => {
    socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"half', resolve);
  });
  socket.destroy();
  expect((await api.send(listTables())).status).toBe(200);
});

test('a port in use is named', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => {
    taken.once('listening', resolve);
  });
  const address = taken.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  assert(port !== undefined, 'a listening server has a port');
  const server = createApiServer({
    region: new MemoryRegion(),
    clock: new SystemClock(),
    random: new SystemRandom(),
    hosts: ['127.0.0.1'],
    port,
  });
  const refused = await server.start().catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(PortInUseError);
  expect(refused).toMatchObject({ port, host: '127.0.0.1' });
  expect(String(refused)).toContain(String(port));
  await new Promise((resolve) => taken.close(resolve));
});

test('it listens on every address that this machine has, on one port', async () => {
  const other = await startMemoryApi({ hosts: ['127.0.0.1', '127.0.0.2', '2001:db8::1'] });
  expect((await other.send({ method: 'GET' })).status).toBe(200);
  await other.stop();
});

test('stopping answers what is in flight and takes no more', async () => {
  const other = await startMemoryApi();
  await other.call('CreateTable', {
    TableName: 'table',
    AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
    KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    BillingMode: 'PAY_PER_REQUEST',
  });
  const reached = new Signal();
  const gate = new Signal();
  other.region.getItem = async () => {
    reached.fire();
    await gate.fired;
    return undefined;
  };
  const answer = other.send({
    headers: { ...SIGNED_HEADERS, 'x-amz-target': 'DynamoDB_20120810.GetItem' },
    body: JSON.stringify(getItem),
  });
  await reached.fired;
  const stopped = other.stop();
  gate.fire();
  expect(await answer).toMatchObject({ status: 200, headers: { connection: 'close' } });
  await stopped;
  await expect(sendRaw(other.port, listTables())).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});
