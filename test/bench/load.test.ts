import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';

import { runLoad } from './load.ts';
import { rawRequest } from './raw-request.ts';

const ORDER = { connections: 4, warmUpMs: 20, measuredMs: 100, serverPid: process.pid };

async function serve(listener: RequestListener): Promise<number> {
  const server: Server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

test('every connection asks again once it has its answer, through the whole pool', async () => {
  const asked = new Map<string, number>();
  let open = 0;
  let openMost = 0;
  const port = await serve((request, response) => {
    open += 1;
    openMost = Math.max(openMost, open);
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      open -= 1;
      asked.set(body, (asked.get(body) ?? 0) + 1);
      response.writeHead(200, { 'content-length': 2 }).end('{}');
    });
  });
  const requests = [1, 2, 3].map((at) => rawRequest('GetItem', { at }));
  const result = await runLoad({ ...ORDER, port, requests });
  expect([...asked.keys()].toSorted()).toEqual(['{"at":1}', '{"at":2}', '{"at":3}']);
  expect(openMost).toBeLessThanOrEqual(ORDER.connections);
  expect(result.failures).toBe(0);
  expect(result.answers).toBeGreaterThan(0);
  expect(result.ratePerSecond).toBeGreaterThan(0);
  expect(result.p99Ms).toBeGreaterThanOrEqual(result.p50Ms ?? Infinity);
});

test('answers other than 200 are failures, not rate', async () => {
  const port = await serve((request, response) => {
    request.resume().on('end', () => {
      response.writeHead(400, { 'content-length': 0 }).end();
    });
  });
  const result = await runLoad({ ...ORDER, port, requests: [rawRequest('GetItem', {})] });
  expect(result.answers).toBe(0);
  expect(result.failures).toBeGreaterThan(0);
});

test('a server that hangs up ends the run with an error', async () => {
  const port = await serve((request) => request.socket.destroy());
  const run = runLoad({ ...ORDER, port, requests: [rawRequest('GetItem', {})] });
  await expect(run).rejects.toThrow(/closed early|ECONNRESET|EPIPE/);
});

test('a rate that is asked for is not exceeded', async () => {
  const port = await serve((request, response) => {
    request.resume().on('end', () => response.writeHead(200, { 'content-length': 0 }).end());
  });
  const requests = [rawRequest('GetItem', {})];
  const result = await runLoad({ ...ORDER, ratePerSecond: 40, port, requests });
  const elapsedSeconds = result.answers / result.ratePerSecond;
  // Each connection may have been due at the beginning and at the end.
  expect(result.answers).toBeLessThanOrEqual(40 * elapsedSeconds + 2 * ORDER.connections);
  expect(result.answers).toBeGreaterThan(0);
});

test('in an open loop a slow answer is followed by requests that have waited', async () => {
  let answers = 0;
  const port = await serve((request, response) => {
    const answer = (): void => void response.writeHead(200, { 'content-length': 0 }).end();
    request.resume().on('end', () => {
      answers += 1;
      if (answers === 1) setTimeout(answer, ORDER.measuredMs / 2);
      else answer();
    });
  });
  const order = { ...ORDER, warmUpMs: 0, measuredMs: 400, connections: 1, ratePerSecond: 100 };
  const requests = [rawRequest('GetItem', {})];
  const { p99Ms, p50Ms, failures } = await runLoad({ ...order, isOpen: true, port, requests });
  expect(failures).toBe(0);
  expect(p99Ms ?? 0).toBeGreaterThan(ORDER.measuredMs / 4);
  expect(p50Ms ?? Infinity).toBeLessThanOrEqual(p99Ms ?? 0);
});
