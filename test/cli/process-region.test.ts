import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';

import { NodeOperations } from '../../src/cli/process-operations.ts';
import { ProcessRegion, type RegionNode } from '../../src/cli/process-region.ts';
import type { ZoneName } from '../../src/daemon/operations-target.ts';

function portOf(server: Server): number {
  const address = server.address();
  return address !== null && typeof address === 'object' ? address.port : 0;
}

/** A node whose operations port gives these answers, and notes what is asked of it. */
async function node(zone: ZoneName | undefined, answers: Readonly<Record<string, object>>) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      let body = '';
      for await (const chunk of request) body += String(chunk);
      const path = request.url ?? '';
      if (request.method === 'POST') asked.push(`${path} ${body}`);
      const answer = answers[path];
      response.writeHead(answer === undefined && request.method === 'GET' ? 503 : 200);
      response.end(JSON.stringify(answer ?? {}));
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const view = { alive: true };
  const note = (what: string) => async (): Promise<void> => {
    asked.push(what);
    if (what === 'start daemon') view.alive = true;
    if (what === 'stop daemon') view.alive = false;
  };
  const made: RegionNode = {
    plan: { zone, endpoint: 'http://127.0.0.1:8001' },
    operations: new NodeOperations(`http://127.0.0.1:${portOf(server)}`),
    get isDaemonAlive() {
      return view.alive;
    },
    startNats: note('start NATS'),
    startDaemon: note('start daemon'),
    stopDaemon: note('stop daemon'),
    stopNats: note('stop NATS'),
    kill: () => void asked.push('kill'),
  };
  return { node: made, asked, view };
}

const unreachable = (zone: ZoneName | undefined): RegionNode => ({
  plan: { zone, endpoint: '' },
  operations: new NodeOperations('http://127.0.0.1:1'),
  isDaemonAlive: false,
  startNats: async () => {},
  startDaemon: async () => {},
  stopDaemon: async () => {},
  stopNats: async () => {},
  kill: () => {},
});

const outbox = (peer: string, records: number) => ({
  state: 'running',
  peers: [
    {
      peer,
      outboxes: [{ state: { kind: 'streaming' } }],
      tables: [{ pending: { records, ageMs: records } }],
    },
  ],
});

test('a region without an answer is stopped, with its links as they were', async () => {
  const region = new ProcessRegion('a', [unreachable(undefined)], ['b']);
  expect(await region.replication()).toEqual({ region: 'a', state: 'stopped' });
  expect((await region.readiness()).ok).toBe(false);
  expect(await region.metrics()).toEqual({ text: '' });
  expect((await region.zones()).map(({ state }) => state)).toEqual([
    'stopped',
    'stopped',
    'stopped',
  ]);
  expect(await region.links()).toEqual([{ peer: 'b', up: true, delayMs: 0 }]);
  await region.setLink('b', { up: false });
  expect(await region.links()).toEqual([{ peer: 'b', up: false, delayMs: 0 }]);
});

test('what three nodes say is put together', async () => {
  const zones = (['a', 'b', 'c'] as const).map((zone) => ({ zone, state: `as ${zone} sees it` }));
  const link = { peer: 'b', up: true, delayMs: 5 };
  const nodes = await Promise.all([
    node('a', {
      '/readyz': {},
      '/zones': { zones },
      '/replication': outbox('b', 1),
      '/links': { links: [link] },
    }),
    node('b', {
      '/zones': { zones: [{ zone: 'a' }, { zone: 'b', state: 'live' }] },
      '/replication': outbox('b', 2),
      '/links': { links: [{ ...link, up: false, delayMs: 7 }] },
    }),
  ]);
  const region = new ProcessRegion(
    'a',
    [...nodes.map((each) => each.node), unreachable('c')],
    ['b'],
  );
  expect((await region.readiness()).ok).toBe(true);
  expect(await region.zones()).toEqual([
    { zone: 'a', state: 'as a sees it' },
    { zone: 'b', state: 'live' },
    { zone: 'c', state: 'stopped' },
  ]);
  expect(await region.links()).toEqual([{ peer: 'b', up: false, delayMs: 7 }]);
  expect(await region.replication()).toMatchObject({
    state: 'running',
    peers: [{ peer: 'b', outboxes: [{}, {}], tables: [{}, {}] }],
  });
});

test('a change reaches every node; a zone of three nodes is its process', async () => {
  const [first, second] = [await node('a', {}), await node('b', {})];
  const region = new ProcessRegion('a', [first.node, second.node], ['b']);
  await region.setLink('b', { delayMs: 80 });
  await region.stopRegion();
  await region.stopZone('b');
  await region.startZone('b');
  expect(first.asked).toEqual(['/links/b {"delayMs":80}', '/region/stop {}']);
  expect(second.asked).toEqual([
    ...first.asked,
    'stop daemon',
    'start NATS',
    'start daemon',
    '/links/b {"up":true,"delayMs":80}',
  ]);
});

test('zones of a region of one node are switched in it', async () => {
  const { node: only, asked } = await node(undefined, {});
  const region = new ProcessRegion('a', [only], []);
  await region.stopZone('c');
  await region.startZone('c');
  expect(asked).toEqual(['/zones/c/stop {}', '/zones/c/start {}']);
});

test('starting a region starts the processes that have ended', async () => {
  const { node: only, asked, view } = await node(undefined, {});
  const region = new ProcessRegion('a', [only], []);
  await region.startRegion();
  view.alive = false;
  await region.startRegion();
  expect(asked).toEqual(['start NATS', '/region/start {}', 'start NATS', 'start daemon']);
});

test('a change that nobody answers is an error', async () => {
  const operations = new NodeOperations('http://127.0.0.1:1');
  await expect(operations.change('/region/stop')).rejects.toThrow('does not answer');
});
