import { once } from 'node:events';
import { createServer, type Server } from 'node:http';

import { afterEach, beforeEach, expect, test } from 'vitest';

import {
  changeTrigger,
  createTrigger,
  describeTrigger,
  listTriggers,
  updateTrigger,
} from '../../src/cli/trigger.ts';

let server: Server;
let operations = '';
/** Method, path, token and body of each request. */
let asked: (readonly unknown[])[] = [];
let answer: { readonly status: number; readonly body: unknown } = { status: 200, body: {} };

beforeEach(async () => {
  asked = [];
  answer = { status: 200, body: {} };
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: unknown) => (body += String(chunk)));
    request.on('end', () => {
      asked.push([request.method, request.url, request.headers.authorization, body]);
      response.writeHead(answer.status).end(JSON.stringify(answer.body));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  operations = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const TOKEN = { TIDEMARK_OPERATIONS_TOKEN: 'sixteen letters!' };

test('a trigger is made, with the token of the environment', async () => {
  answer = { status: 200, body: { name: 't', state: 'running' } };
  const words = await createTrigger({ operations, settings: { name: 't' } }, TOKEN);
  expect(JSON.parse(words)).toEqual({ name: 't', state: 'running' });
  expect(asked).toEqual([['POST', '/triggers', 'Bearer sixteen letters!', '{"name":"t"}']]);
});

test('a trigger is changed, and shown as it is then', async () => {
  answer = { status: 200, body: { name: 't', batchSize: 7 } };
  const words = await updateTrigger({ operations, name: 't', settings: { batchSize: 7 } }, TOKEN);
  expect(JSON.parse(words)).toEqual({ name: 't', batchSize: 7 });
  expect(asked).toEqual([
    ['POST', '/triggers/t/update', 'Bearer sixteen letters!', '{"batchSize":7}'],
  ]);
});

test('a refusal is told in the words of the port', async () => {
  answer = { status: 409, body: { error: 'there is a trigger t already' } };
  await expect(createTrigger({ operations, settings: {} }, {})).rejects.toThrow(
    'answers 409: there is a trigger t already',
  );
});

test('a trigger is paused, resumed and deleted', async () => {
  const options = { operations, name: 't.1' };
  expect(await changeTrigger('pause', options, {})).toContain('Trigger t.1 rests');
  expect(await changeTrigger('resume', options, {})).toBe('Trigger t.1 goes on.\n');
  expect(await changeTrigger('delete', options, TOKEN)).toBe('Trigger t.1 is deleted.\n');
  expect(asked).toEqual([
    ['POST', '/triggers/t.1/pause', undefined, '{}'],
    ['POST', '/triggers/t.1/resume', undefined, '{}'],
    ['POST', '/triggers/t.1/delete', 'Bearer sixteen letters!', '{}'],
  ]);
});

test('triggers are shown as a table, with why one fails', async () => {
  expect(
    await (async () => {
      answer = { status: 200, body: { triggers: [] } };
      return listTriggers({ operations, json: false });
    })(),
  ).toBe('There are no triggers.\n');
  const one = {
    name: 'a',
    table: 'orders',
    to: 'nats:x',
    state: 'failing',
    reason: 'it answers 500',
  };
  answer = {
    status: 200,
    body: {
      triggers: [
        { ...one, lagMs: 12_345, pendingRecords: 7 },
        { name: 'longer', table: 't', to: 'https://example.com/', state: 'paused' },
      ],
    },
  };
  expect(await listTriggers({ operations, json: false })).toBe(
    [
      'trigger  table   state    lag     pending  to',
      'a        orders  failing  12.3 s  7        nats:x',
      'longer   t       paused                    https://example.com/',
      'a: it answers 500',
      '',
    ].join('\n'),
  );
  expect(JSON.parse(await listTriggers({ operations, json: true }))).toEqual(answer.body);
});

test('one trigger is shown whole', async () => {
  answer = { status: 200, body: { name: 't', shards: [] } };
  expect(JSON.parse(await describeTrigger({ operations, name: 't' }))).toEqual(answer.body);
  expect(asked).toEqual([['GET', '/triggers/t', undefined, '']]);
});
