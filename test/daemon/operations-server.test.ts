import type { IncomingHttpHeaders } from 'node:http';
import { request } from 'node:http';
import { connect } from 'node:net';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { PortInUseError } from '../../src/daemon/listeners.ts';
import { OperationRefused } from '../../src/daemon/operation-refused.ts';
import { OperationsServer } from '../../src/daemon/operations-server.ts';
import type {
  HealthView,
  JsonObject,
  LinkChange,
  LinkView,
  NodeView,
  ServedOperations,
  StatusView,
  ZoneName,
  ZoneView,
} from '../../src/daemon/operations-target.ts';
import type { TriggerOperations } from '../../src/daemon/operations-triggers.ts';
import { exportProcessMetrics } from '../../src/daemon/process-metrics.ts';
import { PrometheusMetrics } from '../../src/telemetry/prometheus.ts';
import { MemoryLogger } from '../support/memory-logger.ts';

/** A region that does nothing but remember what it was told. */
class FakeRegion implements ServedOperations {
  readonly region = 'us-east-1';
  readonly #metrics = new PrometheusMetrics();
  readonly #links = new Map<string, LinkView>();
  readonly #zones = new Map<ZoneName, string>();
  readonly takeOff = exportProcessMetrics(this.#metrics);
  isRunning = true;
  isBroken = false;
  isDrained = false;
  goesOnWithoutMissing = false;
  leader: ZoneName = 'a';

  constructor() {
    for (const peer of this.peers()) this.#links.set(peer, { peer, up: true, delayMs: 0 });
    for (const zone of ['a', 'b', 'c'] as const) this.#zones.set(zone, 'live');
  }

  peers(): readonly string[] {
    return ['eu-west-1', 'ap-northeast-1'];
  }

  async metrics(): Promise<{ contentType: string; text: string }> {
    return { contentType: this.#metrics.contentType, text: await this.#metrics.text() };
  }

  health(): HealthView {
    return { ok: true, reasons: [] };
  }

  readiness(): HealthView {
    return this.isRunning
      ? { ok: true, reasons: [] }
      : { ok: false, reasons: ['the region is stopped'] };
  }

  triggers(): TriggerOperations {
    throw new OperationRefused('conflict', 'us-east-1 is stopped');
  }

  replication(): JsonObject {
    return { outboxes: [{ target: 'eu-west-1', lagSeconds: 0 }] };
  }

  status(): StatusView {
    const node = { endpoint: undefined, operations: undefined };
    const state = this.isDrained ? 'drained' : 'running';
    const nodes: readonly NodeView[] = [
      { zone: 'a', state, isThisNode: true, ...node },
      { zone: 'b', state: 'running', isThisNode: false, ...node },
    ];
    const { region, leader } = this;
    const partition = { number: 1, leader, epoch: 7, committed: 9, first: 1, copies: [] };
    return {
      region,
      release: '1.2.3',
      problems: [],
      nodes,
      zones: this.zones(),
      partitions: [partition],
      replication: [],
      clock: { alarm: undefined, offsets: [] },
    };
  }

  async moveLeader(partition: number, node: ZoneName): Promise<void> {
    if (partition !== 1) throw new OperationRefused('unknown', `no partition ${partition}`);
    if (node === 'c') throw new OperationRefused('conflict', 'node c is away');
    this.leader = node;
  }

  async splitPartition(partition: number): Promise<number> {
    if (partition !== 1) throw new OperationRefused('unknown', `no partition ${partition}`);
    if (this.isDrained) throw new OperationRefused('conflict', 'it is being split');
    return 2;
  }

  async drain(): Promise<void> {
    this.isDrained = true;
  }

  async undrain(): Promise<void> {
    this.isDrained = false;
  }

  async goOnWithoutMissing(): Promise<void> {
    this.goesOnWithoutMissing = true;
  }

  zones(): readonly ZoneView[] {
    return [...this.#zones].map(([zone, state]) => ({ zone, state }));
  }

  links(): readonly LinkView[] {
    return [...this.#links.values()];
  }

  setLink(peer: string, change: LinkChange): void {
    const link = this.#links.get(peer) ?? { peer, up: true, delayMs: 0 };
    this.#links.set(peer, { ...link, ...change });
  }

  async stopRegion(): Promise<void> {
    if (this.isBroken) throw new Error('a secret path /var/x');
    this.isRunning = false;
  }

  async startRegion(): Promise<void> {
    this.isRunning = true;
  }

  async stopZone(zone: ZoneName): Promise<void> {
    this.#zones.set(zone, 'stopped');
  }

  async startZone(zone: ZoneName): Promise<void> {
    this.#zones.set(zone, 'live');
  }
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

interface Call {
  readonly method?: string;
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

let region: FakeRegion;
let logger: MemoryLogger;
let server: OperationsServer;

const optionsAt = (port: number) => ({
  target: region,
  hosts: ['127.0.0.1', '::1'],
  port,
  token: undefined,
  logger,
});

beforeEach(async () => {
  region = new FakeRegion();
  logger = new MemoryLogger();
  server = new OperationsServer(optionsAt(0));
  await server.start();
});

afterEach(async () => {
  region.takeOff();
  await server.stop();
});

async function call(path: string, how: Call = {}): Promise<Answer> {
  const { method = 'GET', host = '127.0.0.1', headers = {}, body } = how;
  return new Promise((resolve, reject) => {
    const asking = request(
      { host, port: server.port, path, method, headers, agent: false },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
        });
      },
    );
    asking.on('error', reject);
    asking.end(body);
  });
}

const JSON_TYPE = { 'content-type': 'application/json' };
const post = async (path: string, body = '', headers: Record<string, string> = JSON_TYPE) =>
  call(path, { method: 'POST', body, headers });

const parsed = (answer: Answer): unknown => JSON.parse(answer.text);

test('the metrics are read as Prometheus expects them, those of the process included', async () => {
  const answer = await call('/metrics');
  expect(answer.status).toBe(200);
  expect(answer.headers['content-type']).toContain('text/plain; version=0.0.4');
  expect(answer.text).toMatch(/^tidemark_process_resident_bytes [1-9]\d+$/mu);
  expect(answer.text).toMatch(/^tidemark_process_event_loop_delay_seconds\{quantile="1"\} \d/mu);
});

test('status is read as JSON', async () => {
  expect(parsed(await call('/replication'))).toEqual({
    outboxes: [{ target: 'eu-west-1', lagSeconds: 0 }],
  });
  expect(parsed(await call('/zones'))).toEqual({
    region: 'us-east-1',
    zones: ['a', 'b', 'c'].map((zone) => ({ zone, state: 'live' })),
  });
  expect(parsed(await call('/links?x=1'))).toEqual({
    region: 'us-east-1',
    links: ['eu-west-1', 'ap-northeast-1'].map((peer) => ({ peer, up: true, delayMs: 0 })),
  });
});

test('::1 is served on the same port where there is one', async () => {
  const answer = await call('/healthz', { host: '::1' }).catch((error: unknown) => error);
  const isMissing = answer instanceof Error;
  expect(answer).toMatchObject(isMissing ? { code: 'EADDRNOTAVAIL' } : { status: 200 });
});

test('a link is cut, slowed and healed, each alone', async () => {
  expect((await post('/links/eu-west-1', '{"up":false}')).status).toBe(200);
  expect((await post('/links/eu-west-1', '{"delayMs":80}')).status).toBe(200);
  expect(region.links()[0]).toEqual({ peer: 'eu-west-1', up: false, delayMs: 80 });
  const answer = await post('/links/eu-west-1', '{"up":true,"delayMs":0}');
  expect(parsed(answer)).toMatchObject({
    links: [{ peer: 'eu-west-1', up: true, delayMs: 0 }, {}],
  });
  expect(region.links()[1]).toEqual({ peer: 'ap-northeast-1', up: true, delayMs: 0 });
  expect(logger.messages('info')).toEqual(['link set', 'link set', 'link set']);
});

test('a stopped region shows metrics and health, is not ready, and can be started again', async () => {
  expect((await call('/readyz')).status).toBe(200);
  expect((await post('/region/stop')).status).toBe(200);
  expect(region.isRunning).toBe(false);
  const ready = await call('/readyz');
  expect(ready.status).toBe(503);
  expect(parsed(ready)).toEqual({ ok: false, reasons: ['the region is stopped'] });
  expect((await call('/metrics')).status).toBe(200);
  expect((await call('/healthz')).status).toBe(200);
  expect(parsed(await post('/region/start'))).toEqual({ region: 'us-east-1', ready: true });
  expect((await call('/readyz')).status).toBe(200);
});

test('a zone is stopped and started', async () => {
  expect(parsed(await post('/zones/b/stop'))).toMatchObject({
    zones: [{}, { zone: 'b', state: 'stopped' }, {}],
  });
  expect((await post('/zones/b/start')).status).toBe(200);
  expect(region.zones()[1]).toEqual({ zone: 'b', state: 'live' });
});

test('the whole status is read as JSON, without what is not known', async () => {
  const answer = await call('/status');
  expect(answer.headers['content-type']).toContain('application/json');
  expect(parsed(answer)).toEqual({
    region: 'us-east-1',
    release: '1.2.3',
    problems: [],
    nodes: [
      { zone: 'a', state: 'running', isThisNode: true },
      { zone: 'b', state: 'running', isThisNode: false },
    ],
    zones: ['a', 'b', 'c'].map((zone) => ({ zone, state: 'live' })),
    partitions: [{ number: 1, leader: 'a', epoch: 7, committed: 9, first: 1, copies: [] }],
    replication: [],
    clock: { offsets: [] },
  });
});

test('a leader is moved', async () => {
  const answer = await post('/partitions/1/leader', '{"node":"b"}');
  expect(answer.status).toBe(200);
  expect(parsed(answer)).toMatchObject({ region: 'us-east-1', partitions: [{ leader: 'b' }] });
  expect(region.leader).toBe('b');
});

test.each([
  ['/partitions/1/leader', '{"node":"c"}', 409, 'node c is away'],
  ['/partitions/8/leader', '{"node":"b"}', 404, 'no partition 8'],
  ['/partitions/x/leader', '{"node":"b"}', 404, 'no partition x; it is a number'],
  ['/partitions/1/leader', '{"node":"d"}', 400, '"node" names no zone'],
  ['/partitions/1/leader', '{}', 400, '"node" names no zone'],
  ['/partitions/1/leader', '{"node":"b","now":true}', 400, 'unknown members: now'],
  ['/partitions/1/leader', '', 400, 'no JSON'],
])('a leader is not moved by %s %o: %i', async (path, body, status, error) => {
  const answer = await post(path, body);
  expect(answer.status).toBe(status);
  expect(parsed(answer)).toMatchObject({ error });
  expect(region.leader).toBe('a');
  expect(logger.messages('error')).toEqual([]);
});

test('a partition is split, and the answer shows both halves that are known', async () => {
  const answer = await post('/partitions/1/split');
  expect(answer.status).toBe(200);
  expect(parsed(answer)).toMatchObject({
    region: 'us-east-1',
    child: 2,
    partitions: [{ number: 1 }],
  });
  expect((await post('/partitions/1/split', '')).status).toBe(200);
});

test.each([
  ['/partitions/8/split', '{}', 404, 'no partition 8'],
  ['/partitions/-1/split', '{}', 404, 'no partition -1; it is a number'],
  ['/partitions/1/split', '{"at":5}', 400, 'unknown members: at'],
  ['/partitions/1/split', '[]', 400, 'no object'],
])('a partition is not split by %s %o: %i', async (path, body, status, error) => {
  const answer = await post(path, body);
  expect(answer.status).toBe(status);
  expect(parsed(answer)).toMatchObject({ error });
  expect(logger.messages('error')).toEqual([]);
});

test('a split that cannot be now is refused in words', async () => {
  await post('/node/drain');
  const answer = await post('/partitions/1/split');
  expect([answer.status, parsed(answer)]).toEqual([409, { error: 'it is being split' }]);
});

test('a node is drained, and takes partitions again', async () => {
  const drained = await post('/node/drain');
  expect(drained.status).toBe(200);
  expect(parsed(drained)).toMatchObject({ nodes: [{ zone: 'a', state: 'drained' }, {}] });
  expect(parsed(await post('/node/undrain'))).toMatchObject({ nodes: [{ state: 'running' }, {}] });
  expect(region.isDrained).toBe(false);
});

test('lost streams go on without copies that are missing when an operator says so', async () => {
  expect(region.goesOnWithoutMissing).toBe(false);
  expect((await post('/node/go-on-without-missing')).status).toBe(200);
  expect(region.goesOnWithoutMissing).toBe(true);
});

test('a web page drains no node and moves no leader', async () => {
  const type = { 'content-type': 'text/plain' };
  expect((await post('/node/drain', '{}', type)).status).toBe(415);
  expect((await post('/partitions/1/leader', '{"node":"b"}', type)).status).toBe(415);
  expect([region.isDrained, region.leader]).toEqual([false, 'a']);
});

test('what is unknown is answered with what is known', async () => {
  const peer = await post('/links/mars', '{"up":false}');
  expect(peer.status).toBe(404);
  expect(parsed(peer)).toEqual({
    error: 'no peer mars; us-east-1 has eu-west-1, ap-northeast-1',
  });
  const zone = await post('/zones/d/stop');
  expect(zone.status).toBe(404);
  expect(parsed(zone)).toEqual({ error: 'no zone d; us-east-1 has a, b, c' });
  for (const path of ['/', '/region/explode', '/zones/a', '/links', '/links/eu-west-1/up', '/x']) {
    const answer = await post(path);
    expect({ path, status: answer.status }).toEqual({ path, status: 404 });
    expect(answer.text).toContain('/zones/<zone>/stop');
  }
  expect((await call('/nothing')).status).toBe(404);
  expect((await call('/%zz')).status).toBe(400);
  expect((await call('/zones/a/stop', { method: 'DELETE' })).status).toBe(405);
});

test.each([
  '',
  '{',
  '[]',
  'null',
  '{}',
  '{"up":"no"}',
  '{"delayMs":-1}',
  '{"delayMs":"80"}',
  '{"delayMs":1e9}',
  '{"up":true,"delay":80}',
])('a link set to %o is refused with what was expected, and nothing changes', async (body) => {
  const answer = await post('/links/eu-west-1', body);
  expect(answer.status).toBe(400);
  expect(parsed(answer)).toMatchObject({
    expected: expect.arrayContaining(['"up": true or false']),
  });
  expect(region.links()[0]).toEqual({ peer: 'eu-west-1', up: true, delayMs: 0 });
});

test('a web page changes nothing: neither by a form, nor by a name that points here', async () => {
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonx']) {
    expect((await post('/region/stop', '{}', { 'content-type': type })).status).toBe(415);
  }
  expect((await post('/region/stop', '', {})).status).toBe(415);
  const rebound = await post('/region/stop', '{}', { ...JSON_TYPE, host: 'evil.example:9001' });
  expect(rebound.status).toBe(403);
  const origin = await post('/region/stop', '{}', { ...JSON_TYPE, origin: 'https://evil.example' });
  expect(origin.status).toBe(403);
  const preflight = await call('/region/stop', { method: 'OPTIONS' });
  expect(preflight.status).toBe(405);
  expect(preflight.headers['access-control-allow-origin']).toBeUndefined();
  expect(region.isRunning).toBe(true);
  const charset = { 'content-type': 'Application/JSON; charset=utf-8' };
  expect((await post('/region/stop', '{}', charset)).status).toBe(200);
});

test('a body that is too long is refused', async () => {
  const answer = await post('/links/eu-west-1', `{"up":${' '.repeat(70_000)}true}`);
  expect(answer.status).toBe(413);
});

test('a failure is answered without its words, and logged with them', async () => {
  region.isBroken = true;
  const answer = await post('/region/stop');
  expect(answer.status).toBe(500);
  expect(answer.text).not.toContain('/var/x');
  expect(logger.lines.at(-1)).toMatchObject({
    level: 'error',
    fields: { error: new Error('a secret path /var/x') },
  });
  expect((await call('/healthz')).status).toBe(200);
});

test('a client that goes away in the middle stops nothing', async () => {
  await new Promise<void>((resolve) => {
    const socket = connect(server.port, '127.0.0.1', () => {
      socket.write(
        'POST /region/stop HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{',
        () => socket.destroy(),
      );
    });
    socket.on('close', () => resolve());
  });
  expect((await call('/healthz')).status).toBe(200);
  expect(region.isRunning).toBe(true);
  expect(logger.messages('error')).toEqual([]);
});

test('a port in use is named, with the region, and nothing is left listening', async () => {
  const second = new OperationsServer(optionsAt(server.port));
  const error = await second.start().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(PortInUseError);
  expect(error).toMatchObject({ region: 'us-east-1', port: server.port, host: '127.0.0.1' });
  expect(error).toMatchObject({
    message: `us-east-1: port ${server.port} for operations is in use on 127.0.0.1`,
  });
  await second.stop();
});

test('an address that this machine does not have is left out, unless it is the only one', async () => {
  const elsewhere = '192.0.2.1';
  const second = new OperationsServer({ ...optionsAt(0), hosts: [elsewhere, '127.0.0.1'] });
  await second.start();
  expect(second.port).toBeGreaterThan(0);
  await second.stop();
  const third = new OperationsServer({ ...optionsAt(0), hosts: [elsewhere] });
  await expect(third.start()).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' });
});

test('a stopped server listens no longer, and cuts who says nothing', async () => {
  const { port } = server;
  const idle = connect(port, '127.0.0.1');
  idle.on('error', () => undefined);
  await new Promise((resolve) => idle.once('connect', resolve));
  await server.stop();
  await expect(call('/healthz')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  idle.destroy();
});
