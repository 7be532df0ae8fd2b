import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';

import { TcpProxy } from './tcp-proxy.ts';
import { until } from './until.ts';

/** A server that says again what it hears, behind a proxy, and a client of it. */
async function startEcho() {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      heard.server += bytes.toString('utf8');
      socket.write(bytes);
    });
  });
  const heard = { server: '', client: '' };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on a port
  const proxy = await TcpProxy.start((server.address() as AddressInfo).port);
  const client = connect(proxy.port, '127.0.0.1');
  client.on('error', () => {});
  client.on('data', (bytes) => (heard.client += bytes.toString('utf8')));
  await once(client, 'connect');
  onTestFinished(async () => {
    client.destroy();
    await proxy.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { proxy, client, heard };
}

test('everything passes, both ways and in order', async () => {
  const { client, heard } = await startEcho();
  for (let at = 0; at < 50; at++) client.write(`${at},`);
  const all = Array.from({ length: 50 }, (_, at) => `${at},`).join('');
  await until('the echo', () => heard.client === all);
  expect(heard.server).toBe(all);
});

test('what is held towards the target comes when it is let through', async () => {
  const { proxy, client, heard } = await startEcho();
  proxy.set({ toTarget: false });
  client.write('one');
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(heard.server).toBe('');
  proxy.set({ toTarget: true });
  await until('the echo', () => heard.client === 'one');
});

test('what is held from the target has reached it all the same', async () => {
  const { proxy, client, heard } = await startEcho();
  proxy.set({ fromTarget: false });
  client.write('one');
  await until('it at the target', () => heard.server === 'one');
  expect(heard.client).toBe('');
  proxy.set({ fromTarget: true });
  await until('the echo', () => heard.client === 'one');
});

test('a delay, little bandwidth and stalls lose nothing and change no order', async () => {
  const { proxy, client, heard } = await startEcho();
  proxy.set({ delayMs: 5, bytesPerSecond: 100_000, stallShare: 0.5, stallMs: 10 });
  let all = '';
  for (let at = 0; at < 20; at++) {
    const piece = `${at}:${'x'.repeat(100)},`;
    all += piece;
    client.write(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await until('the echo', () => heard.client.length >= all.length);
  expect(heard.client).toBe(all);
});

test('an end is passed on, but not while it is held', async () => {
  const { proxy, client } = await startEcho();
  proxy.set({ toTarget: false });
  client.destroy();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(proxy.connections).toBeGreaterThan(0);
  proxy.set({ toTarget: true });
  await until('nothing to be open', () => proxy.connections === 0);
});

test('a reset ends connections, and the next ones are taken', async () => {
  const { proxy, client } = await startEcho();
  const closed = once(client, 'close');
  proxy.reset();
  await closed;
  const next = connect(proxy.port, '127.0.0.1');
  next.write('again');
  const [bytes]: readonly unknown[] = await once(next, 'data');
  expect(String(bytes)).toBe('again');
  next.destroy();
});
