import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { askOperations } from '../../src/cli/operations-http.ts';

let server: Server;
let endpoint = '';
let answer: (request: IncomingMessage, response: ServerResponse) => void;

beforeEach(async () => {
  server = createServer((request, response) => {
    answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  endpoint = `http://127.0.0.1:${port}`;
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const limitMs = 5000;

test('a change is posted as JSON, with the token where there is one', async () => {
  answer = (request, response) => {
    const { method, url, headers } = request;
    const { authorization, 'content-type': type } = headers;
    let body = '';
    request.on('data', (chunk: unknown) => (body += String(chunk)));
    request.on('end', () =>
      response.end(JSON.stringify({ method, url, authorization, type, body })),
    );
  };
  expect(await askOperations({ endpoint, path: '/status', limitMs })).toMatchObject({
    method: 'GET',
    url: '/status',
  });
  const change = { endpoint, path: '/node/drain', change: { now: true }, limitMs };
  const posted = { method: 'POST', type: 'application/json', body: '{"now":true}' };
  expect(await askOperations(change)).toEqual({ ...posted, url: '/node/drain' });
  expect(await askOperations({ ...change, token: 'a token' })).toEqual({
    ...posted,
    url: '/node/drain',
    authorization: 'Bearer a token',
  });
});

test('a refusal is told in its own words', async () => {
  answer = (_, response) => response.writeHead(409).end('{"error":"node c is away"}');
  await expect(askOperations({ endpoint, path: '/x', limitMs })).rejects.toMatchObject({
    code: 'refused',
    words: 'answers 409: node c is away',
    message: `${endpoint}/x answers 409: node c is away`,
  });
});

test('what speaks something else is no operations port', async () => {
  answer = (_, response) => response.end('<html>');
  await expect(askOperations({ endpoint, path: '/x', limitMs })).rejects.toMatchObject({
    code: 'refused',
    words: 'answers 200: no operations port of Tidemark',
  });
});

test('a redirection is not followed: a token is for one port', async () => {
  answer = (_, response) => response.writeHead(307, { location: '/elsewhere' }).end();
  await expect(askOperations({ endpoint, path: '/x', limitMs })).rejects.toMatchObject({
    code: 'no-answer',
  });
});

test('a port that says nothing is not waited for without end', async () => {
  answer = () => undefined;
  const asked = askOperations({ endpoint, path: '/x', limitMs: 50 });
  await expect(asked).rejects.toMatchObject({
    code: 'no-answer',
    message: `${endpoint} does not answer: nothing within 0.05 s`,
  });
});

test('a port on which nobody listens is named', async () => {
  server.close();
  await once(server, 'close');
  await expect(askOperations({ endpoint, path: '/x', limitMs })).rejects.toMatchObject({
    message: expect.stringMatching(/^http:\S+ does not answer: .*ECONNREFUSED/u),
  });
});
