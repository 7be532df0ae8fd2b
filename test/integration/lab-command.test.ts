import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';

import { until } from '../support/until.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const PROGRAM = join(ROOT, 'dist', 'cli', 'main.js');
const REGIONS = ['us-east-1', 'eu-west-1', 'ap-northeast-1'];
const BUILD_MS_MAX = 180_000;
/** Bases are looked for below the ports that the system gives to clients. */
const BASE_MIN = 12_000;
const BASE_MAX = 30_000;
/** Two signals that come closer than this are taken for one key press. */
const SECOND_WISH_MS = 200;

let folder = '';
const labs: LabProcess[] = [];

beforeAll(() => {
  const { status, stderr } = spawnSync(process.execPath, [join(ROOT, 'src', 'cli', 'ready.mjs')], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`the build failed:\n${stderr}`);
}, BUILD_MS_MAX);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-lab-'));
});

afterEach(async () => {
  await Promise.all(labs.splice(0).map(async (lab) => lab.kill()));
  rmSync(folder, { recursive: true, force: true });
});

/** A command of the real program, in a process of its own. */
class LabProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  output = '';
  errors = '';

  constructor(...parameters: readonly string[]) {
    this.#child = spawn(process.execPath, [PROGRAM, ...parameters], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#ended = once(this.#child, 'close');
    this.#child.stdout?.on('data', (text: unknown) => (this.output += String(text)));
    this.#child.stderr?.on('data', (text: unknown) => (this.errors += String(text)));
    labs.push(this);
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Until it has said so on standard output. */
  async ready(): Promise<void> {
    await until('the lab', () => !this.isAlive || this.output.includes('Ready.\n'), {
      detail: () => this.errors,
    });
    if (!this.output.includes('Ready.\n')) throw new Error(`the lab ended:\n${this.errors}`);
  }

  async exitCode(): Promise<number | null> {
    await this.#ended;
    return this.#child.exitCode;
  }

  async end(signal: NodeJS.Signals): Promise<number | null> {
    this.signal(signal);
    return this.exitCode();
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async kill(): Promise<void> {
    if (this.isAlive) await this.end('SIGKILL');
  }
}

async function isFree(port: number, host: string): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', (error) => resolve('code' in error && error.code !== 'EADDRINUSE'));
    server.listen({ port, host, ipv6Only: host.includes(':') }, () =>
      server.close(() => resolve(true)),
    );
  });
}

/** A base whose ports nobody listens on. */
async function freeBase(): Promise<number> {
  for (;;) {
    const base = BASE_MIN + Math.floor(Math.random() * (BASE_MAX - BASE_MIN));
    const ports = REGIONS.flatMap((_, at) => [base + 1 + at, base + 1001 + at]);
    const found = await Promise.all(
      ports.flatMap((port) => ['127.0.0.1', '::1'].map(async (host) => isFree(port, host))),
    );
    if (found.every(Boolean)) return base;
  }
}

async function get(port: number, path: string): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return { status: response.status, body: await response.json() };
}

test('it serves every region, and Ctrl-C ends it with nothing left', async () => {
  const base = await freeBase();
  const lab = new LabProcess(
    ...'lab --data data --ephemeral --delay us-east-1->eu-west-1=7ms'
      .split(' ')
      .concat('--port-base', `${base}`),
  );
  await lab.ready();
  for (const [at, region] of REGIONS.entries()) {
    expect(lab.output).toContain(`http://127.0.0.1:${base + 1 + at}`);
    expect(await get(base + 1001 + at, '/healthz')).toMatchObject({ status: 200 });
    expect(await get(base + 1001 + at, '/replication')).toMatchObject({ body: { region } });
    const answer = await fetch(`http://127.0.0.1:${base + 1 + at}/`);
    expect(await answer.text()).toContain(`healthy: 127.0.0.1:${base + 1 + at}`);
  }
  const { body } = await get(base + 1001, '/links');
  expect(body).toMatchObject({
    links: expect.arrayContaining([
      { peer: 'eu-west-1', up: true, delayMs: 7 },
      { peer: 'ap-northeast-1', up: true, delayMs: 0 },
    ]),
  });
  expect(readdirSync(join(folder, 'data'))).toHaveLength(1);
  expect(await lab.end('SIGINT')).toBe(0);
  expect(readdirSync(join(folder, 'data'))).toEqual([]);
});

test('a second Ctrl-C exits at once, with the temporary folder removed', async () => {
  const base = await freeBase();
  const lab = new LabProcess(
    ...'lab --data data --ephemeral --regions us-east-1'.split(' '),
    '--port-base',
    String(base),
  );
  await lab.ready();
  const socket = connect({ host: '127.0.0.1', port: base + 1 });
  await once(socket, 'connect');
  socket.on('error', () => {});
  // A request whose body never ends is in flight for as long as a stop waits.
  socket.write('POST / HTTP/1.1\r\nhost: here\r\ncontent-length: 10\r\n\r\n{');
  await get(base + 1001, '/healthz');
  lab.signal('SIGINT');
  await until('the stop', () => lab.output.includes('Stopping.\n'));
  await new Promise((resolve) => setTimeout(resolve, SECOND_WISH_MS));
  expect(lab.isAlive).toBe(true);
  expect(await lab.end('SIGINT')).toBe(130);
  socket.destroy();
  expect(readdirSync(join(folder, 'data'))).toEqual([]);
});

test('logs are JSON, apart from what it says itself', async () => {
  const lab = new LabProcess('lab', '--regions', 'us-east-1', '--port-base', `${await freeBase()}`);
  await lab.ready();
  expect(await lab.end('SIGTERM')).toBe(0);
  const lines = lab.errors.trim().split('\n');
  expect(lines.map((line) => JSON.parse(line))).toContainEqual(
    expect.objectContaining({ level: 'info', region: 'us-east-1' }),
  );
  expect(existsSync(join(folder, '.tidemark', 'us-east-1'))).toBe(true);
});

test('a data directory in use is told, and nothing is left running', async () => {
  const first = new LabProcess('lab', '--data', 'data', '--port-base', `${await freeBase()}`);
  await first.ready();
  const second = new LabProcess('lab', '--data', 'data', '--port-base', `${await freeBase()}`);
  expect(await second.exitCode()).toBe(1);
  for (const region of REGIONS) {
    expect(second.errors).toContain(
      `${region}: the data directory ${join('data', region)} is in use by another process`,
    );
  }
  expect(first.isAlive).toBe(true);
});

test('a port in use is told with its region, and the other regions are stopped', async () => {
  const base = await freeBase();
  const server = createServer().listen(base + 2, '127.0.0.1');
  await once(server, 'listening');
  const lab = new LabProcess('lab', '--ephemeral', '--port-base', String(base));
  expect(await lab.exitCode()).toBe(1);
  server.close();
  expect(lab.errors).toContain(
    `tidemark: eu-west-1: port ${base + 2} for DynamoDB is in use on 127.0.0.1`,
  );
  expect(lab.output).not.toContain('Ready.');
});

test('everything that is wrong with the files is told, and nothing is started', async () => {
  const regions = join(folder, 'regions');
  mkdirSync(regions);
  writeFileSync(join(regions, 'a.yaml'), 'region: east\nendpoint: { port: many }\n');
  writeFileSync(join(regions, 'b.yaml'), 'region: West\nendpoints: {}\n');
  const lab = new LabProcess('lab', '--config-dir', regions);
  expect(await lab.exitCode()).toBe(2);
  expect(lab.errors).toContain('problems; nothing was started.');
  expect(lab.errors).toContain(`${join(regions, 'a.yaml')}:2: endpoint.port: expected`);
  expect(lab.errors).toContain(`${join(regions, 'a.yaml')}: operations: expected`);
  expect(lab.errors).toContain(`${join(regions, 'b.yaml')}:1: region: expected`);
  expect(lab.errors).toContain('endpoints: is no setting; is it endpoint?');
  expect(existsSync(join(folder, '.tidemark'))).toBe(false);
});

test('one region serves alone, as its file says, and logs to standard output', async () => {
  const base = await freeBase();
  const file = join(folder, 'west.yaml');
  const ports = { endpoint: { port: base + 1 }, operations: { port: base + 1001 } };
  writeFileSync(file, JSON.stringify({ region: 'west', ...ports, peers: { east: {} } }));
  const region = new LabProcess('serve', '--config', file, '--data', 'data');
  await until(
    'the region',
    async () =>
      !region.isAlive ||
      get(base + 1001, '/readyz').then(
        ({ status }) => status === 200,
        () => false,
      ),
  );
  expect(region.errors).toBe('');
  expect(existsSync(join(folder, 'data', 'west'))).toBe(true);
  expect(await region.end('SIGINT')).toBe(0);
  expect(region.errors).toBe('');
  for (const line of region.output.trim().split('\n')) {
    expect(JSON.parse(line)).toMatchObject({ region: 'west' });
  }
});

test('a command that is none exits with 2 and a suggestion', async () => {
  const command = new LabProcess('lap');
  expect(await command.exitCode()).toBe(2);
  expect(command.errors).toContain('is it lab?');
});

test('it is known by its version', async () => {
  const command = new LabProcess('--version');
  expect(await command.exitCode()).toBe(0);
  expect(command.output).toMatch(/^\d+\.\d+\.\d+\n$/u);
});
