import { request } from 'node:http';
import { connect } from 'node:net';

import { afterEach, expect, test } from 'vitest';

import { type HttpHandler, HttpServer } from '../../src/api/http-server.ts';
import { SystemClock } from '../../src/daemon/system-clock.ts';

let server: HttpServer | undefined;

afterEach(async () => {
  await server?.stop();
  server = undefined;
});

async function start(handle: HttpHandler): Promise<number> {
  server = new HttpServer({ hosts: ['127.0.0.1'], port: 0, clock: new SystemClock(), handle });
  await server.start();
  return server.port;
}

const echo: HttpHandler = ({ url, body }) => ({
  status: 200,
  headers: ['x-url', url],
  body: body ?? '',
});

async function send(port: number, path: string, body: string | Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const asked = request({ port, host: '127.0.0.1', method: 'POST', path }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const answered = Buffer.concat(chunks);
        expect(response.headers['x-url']).toBe(path);
        expect(response.headers['content-length']).toBe(String(answered.length));
        resolve(answered);
      });
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

test('bodies of any bytes and lengths come back as they are, as bytes and as text', async () => {
  const port = await start(echo);
  const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  for (const length of [0, 1, 256, 2047, 2048, 2049, 100_000, 1_000_000]) {
    const body = Buffer.alloc(length, all);
    expect((await send(port, '/bytes', body)).equals(body)).toBe(true);
  }
  await server?.stop();
  const text = 'grüße 東京 👋'.repeat(100);
  const other = await start(({ url }) => ({ status: 200, headers: ['x-url', url], body: text }));
  expect((await send(other, '/text', '')).toString()).toBe(text);
});

test('more answers than are gathered at once all arrive, whether they come at once or later', async () => {
  const port = await start((asked): ReturnType<HttpHandler> =>
    asked.url.endsWith('1')
      ? new Promise((resolve) => setImmediate(resolve, echo(asked)))
      : echo(asked),
  );
  const paths = Array.from({ length: 100 }, (_, at) => `/${at}`);
  const answers = await Promise.all(paths.map(async (path) => send(port, path, path)));
  expect(answers.map(String)).toEqual(paths);
});

test('requests that are sent without waiting are answered in their order', async () => {
  const port = await start((asked): ReturnType<HttpHandler> =>
    asked.url.endsWith('3')
      ? new Promise((resolve) => setTimeout(resolve, 5, echo(asked)))
      : echo(asked),
  );
  const paths = Array.from({ length: 40 }, (_, at) => `/${at}`);
  const socket = connect(port, '127.0.0.1');
  let received = '';
  const urls = (): string[] => [...received.matchAll(/x-url: (\S+)/g)].map(([, url = '']) => url);
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject);
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1');
      if (urls().length === paths.length) resolve();
    });
    socket.write(
      paths
        .map((path) => `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}`)
        .join(''),
    );
  });
  socket.destroy();
  expect(urls()).toEqual(paths);
});

test('a handler that fails against its contract costs one connection', async () => {
  const port = await start((asked): ReturnType<HttpHandler> => {
    if (asked.url === '/throws') throw new Error('a defect');
    return asked.url === '/rejects' ? Promise.reject(new Error('a defect')) : echo(asked);
  });
  await expect(send(port, '/throws', '')).rejects.toThrow('socket hang up');
  await expect(send(port, '/rejects', '')).rejects.toThrow('socket hang up');
  expect((await send(port, '/answers', 'x')).toString()).toBe('x');
});

test('an answer that cannot be written costs its own connection, and none of those that are written with it', async () => {
  const port = await start((asked): ReturnType<HttpHandler> => {
    const isBad = asked.url.endsWith('3');
    return isBad ? { status: 200, headers: ['x-url', 'a\nb'], body: '' } : echo(asked);
  });
  const paths = Array.from({ length: 40 }, (_, at) => `/${at}`);
  const answers = await Promise.allSettled(paths.map(async (path) => send(port, path, path)));
  const answered = answers.map((answer) =>
    answer.status === 'fulfilled' ? String(answer.value) : 'lost',
  );
  expect(answered).toEqual(paths.map((path) => (path.endsWith('3') ? 'lost' : path)));
});

test('a client that is gone before its answer is written stops nothing', async () => {
  const asked: (() => void)[] = [];
  const port = await start(
    async (all) =>
      new Promise((resolve) => {
        if (all.url === '/late') asked.push(() => resolve(echo(all)));
        else resolve(echo(all));
      }),
  );
  const socket = connect(port, '127.0.0.1');
  socket.write('POST /late HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n');
  while (asked.length === 0) await send(port, '/wait', '');
  socket.destroy();
  await send(port, '/wait', '');
  asked.forEach((answer) => {
    answer();
  });
  expect((await send(port, '/after', 'x')).toString()).toBe('x');
});

test('an answer that is on its way when the server stops arrives whole', async () => {
  const body = Buffer.alloc(16 * 1024 * 1024, 'x');
  const port = await start(() => ({ status: 200, headers: ['x-url', '/large'], body }));
  const client = connect(port, '127.0.0.1');
  client.pause();
  client.write('POST /large HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n');
  await new Promise((resolve) => client.once('readable', resolve));
  const stopped = server?.stop();
  let bytes = 0;
  client.on('data', (chunk: Buffer) => (bytes += chunk.length));
  await new Promise((resolve) => client.once('close', resolve));
  await stopped;
  expect(bytes).toBeGreaterThan(body.length);
});

test('a connection that waits for nothing does not hold a stop up', async () => {
  const port = await start(echo);
  const client = connect(port, '127.0.0.1');
  const closed = new Promise((resolve) => client.once('close', resolve));
  client.write('POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n');
  await new Promise((resolve) => client.once('data', resolve));
  await server?.stop();
  await closed;
  expect(client.destroyed).toBe(true);
});
