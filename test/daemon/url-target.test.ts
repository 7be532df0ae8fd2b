import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { expect, onTestFinished, test } from 'vitest';

import { UrlTarget } from '../../src/daemon/url-target.ts';
import type { InvocationOutcome } from '../../src/triggers/trigger-target.ts';

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

async function serverThat(answer: Answer): Promise<string> {
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (text: string) => (body += text));
    request.on('end', () => {
      answer(request, response, body);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on a port
  const { port } = server.address() as AddressInfo;
  return `http://127.0.0.1:${port}/hook?x=1`;
}

async function invoke(
  url: string,
  { timeoutMs = 20_000, signal = new AbortController().signal } = {},
): Promise<InvocationOutcome> {
  const target = new UrlTarget(url);
  onTestFinished(async () => target.stop());
  return target.invoke({ requestId: 'request-1', event: '{"Records":[]}', timeoutMs, signal });
}

test('an address gets a POST of the event', async () => {
  const seen: unknown[] = [];
  const url = await serverThat(({ method, url: path, headers }, response, body) => {
    const { 'content-type': type, 'x-tidemark-request-id': id } = headers;
    seen.push({ method, path, type, id, body });
    response.end();
  });
  expect(await invoke(url)).toEqual({ kind: 'answered', payload: undefined });
  expect(seen).toEqual([
    {
      method: 'POST',
      path: '/hook?x=1',
      type: 'application/json',
      id: 'request-1',
      body: '{"Records":[]}',
    },
  ]);
});

test.each([
  [200, '{"batchItemFailures":[]}', { kind: 'answered', payload: { batchItemFailures: [] } }],
  [202, 'accepted', { kind: 'answered', payload: undefined }],
  [204, '', { kind: 'answered', payload: undefined }],
  [301, '', { kind: 'failed', statusCode: 301, words: 'it answers 301', functionError: undefined }],
  [
    400,
    'what?',
    { kind: 'failed', statusCode: 400, words: 'it answers 400: what?', functionError: undefined },
  ],
  [429, '', { kind: 'unreachable', words: 'it answers 429' }],
  [
    500,
    'oh',
    { kind: 'failed', statusCode: 500, words: 'it answers 500: oh', functionError: undefined },
  ],
  [503, '', { kind: 'failed', statusCode: 503, words: 'it answers 503', functionError: undefined }],
])('%i %s', async (status, body, outcome) => {
  const url = await serverThat((_request, response) => response.writeHead(status).end(body));
  expect(await invoke(url)).toEqual(outcome);
});

test('a function that failed behind an emulator of its runtime has failed', async () => {
  const url = await serverThat((_request, response) =>
    response.writeHead(200, { 'x-amz-function-error': 'Unhandled' }).end('{"errorMessage":"no"}'),
  );
  expect(await invoke(url)).toEqual({
    kind: 'failed',
    statusCode: 200,
    words: '{"errorMessage":"no"}',
    functionError: 'Unhandled',
  });
});

test('an address where nobody listens is out of reach', async () => {
  expect(await invoke('http://127.0.0.1:1/')).toMatchObject({
    kind: 'unreachable',
    words: expect.stringContaining('ECONNREFUSED'),
  });
  expect(await invoke('http://no-such-host.invalid/')).toMatchObject({ kind: 'unreachable' });
});

test('an answer that does not come in time is failure, begun or not', async () => {
  const never = await serverThat(() => {});
  const failed = { kind: 'failed', statusCode: 504, words: 'no answer within 0.2 s' };
  expect(await invoke(never, { timeoutMs: 200 })).toMatchObject(failed);
  const slow = await serverThat((_request, response) => {
    response.writeHead(200);
    response.write('{');
  });
  expect(await invoke(slow, { timeoutMs: 200 })).toMatchObject({ kind: 'failed' });
});

test('a connection that breaks off is failure', async () => {
  const url = await serverThat(({ socket }) => socket.destroy());
  expect(await invoke(url)).toMatchObject({ kind: 'failed', statusCode: 504 });
});

test('an answer without end is cut', async () => {
  const url = await serverThat((_request, response) => {
    const text = 'x'.repeat(1_000_000);
    const write = (): void => {
      while (!response.destroyed && response.write(text));
      if (!response.destroyed) response.once('drain', write);
    };
    response.on('error', () => {});
    write();
  });
  expect(await invoke(url)).toMatchObject({
    kind: 'failed',
    words: 'it answers more than 6291456 bytes',
  });
});

test('an invocation is cut off by its signal', async () => {
  const cut = new AbortController();
  const url = await serverThat(() => {
    cut.abort();
  });
  expect(await invoke(url, { signal: cut.signal })).toMatchObject({
    kind: 'failed',
    words: 'the daemon stops',
  });
});
