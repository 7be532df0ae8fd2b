import { once } from 'node:events';
import { createServer, type Server } from 'node:http';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { drainNode, moveLeader, splitPartition } from '../../src/cli/node-changes.ts';

let server: Server;
let operations = '';
let answer = '{}';
/** Method, path, token and body of each request. */
let asked: (readonly unknown[])[] = [];

beforeEach(async () => {
  asked = [];
  answer = '{}';
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: unknown) => (body += String(chunk)));
    request.on('end', () => {
      asked.push([request.method, request.url, request.headers.authorization, body]);
      response.end(answer);
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

test('a leader is moved, with the token of the environment', async () => {
  const environment = { TIDEMARK_OPERATIONS_TOKEN: 'sixteen letters!' };
  const words = await moveLeader({ partition: 3, to: 'b', operations }, environment);
  expect(words).toBe('Node b leads partition 3.');
  expect(asked).toEqual([
    ['POST', '/partitions/3/leader', 'Bearer sixteen letters!', '{"node":"b"}'],
  ]);
});

test('a partition is split, and the words name the new one', async () => {
  answer = '{"child":7}';
  expect(await splitPartition({ partition: 3, operations }, {})).toBe(
    'Partition 3 is split: partition 7 has the upper part of its hashes.',
  );
  expect(asked).toEqual([['POST', '/partitions/3/split', undefined, '{}']]);
});

test('a node is drained, and takes partitions again', async () => {
  expect(await drainNode({ undo: false, operations }, {})).toContain('leads nothing now');
  expect(await drainNode({ undo: true, operations }, {})).toContain('takes partitions again');
  expect(asked).toEqual([
    ['POST', '/node/drain', undefined, '{}'],
    ['POST', '/node/undrain', undefined, '{}'],
  ]);
});
