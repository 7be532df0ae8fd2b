import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { beforeAll, expect, onTestFinished, test } from 'vitest';

import { JETSTREAM_VERSION_MIN } from '../../src/cli/nats-server.ts';
import { natsSuite } from '../support/nats-suite.ts';
import { US } from '../support/test-lab.ts';
import { type Ended, PROGRAM, rowsOf, tidemark } from '../support/tidemark-command.ts';
import { until } from '../support/until.ts';

const BUILD_MS_MAX = 180_000;
const READY_MS_MAX = 60_000;
const TEST_MS_MAX = 180_000;
const ZONES = ['a', 'b', 'c'];
const TRIES = 5;

beforeAll(() => {
  const ready = join(import.meta.dirname, '..', '..', 'src', 'cli', 'ready.mjs');
  const { status, stderr } = spawnSync(process.execPath, [ready], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the build failed:\n${stderr}`);
}, BUILD_MS_MAX);

/** Starts a region of three nodes; resolves with the nodes' operations ports. It goes with the test. */
async function startNodes(): Promise<readonly string[]> {
  for (let tried = 1; ; tried += 1) {
    const base = 12_000 + Math.floor(Math.random() * 18_000);
    const started = await tryToStart(base);
    if (started === undefined)
      return ZONES.map((_, at) => `http://127.0.0.1:${base + 1001 + 10 * at}`);
    // Some port of them is taken.
    if (tried === TRIES) throw new Error(`the lab does not start:\n${started}`);
  }
}

/** Undefined, or what a lab wrote that ended. */
async function tryToStart(base: number): Promise<string | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-nodes-'));
  const words = ['lab', '--nats', '--nodes', '3', '--regions', US, '--data', folder];
  const child = spawn(process.execPath, [PROGRAM, ...words, '--port-base', String(base)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (text: unknown) => (output += String(text)));
  child.stderr.on('data', (text: unknown) => (output += String(text)));
  const ended = once(child, 'close');
  const isAlive = (): boolean => child.exitCode === null && child.signalCode === null;
  onTestFinished(async () => {
    if (isAlive()) child.kill('SIGINT');
    await ended;
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  });
  await until('the lab', () => !isAlive() || output.includes('Ready.\n'), {
    limitMs: READY_MS_MAX,
    detail: () => output.slice(-2000),
  });
  return isAlive() ? undefined : output;
}

/** The zone that leads each partition; undefined while a node does not answer, or nobody leads one of them. */
async function leaders(ports: readonly string[]): Promise<readonly string[] | undefined> {
  const { output, code } = await tidemark('status', '--operations', ports[0] ?? '');
  const found = rowsOf(output, 'REGION     PARTITION').map(([, , , leader = '']) => leader);
  return code !== 0 || found.includes('-') ? undefined : found;
}

const move = async ({
  partition = '0',
  to,
  port,
}: {
  readonly partition?: string;
  readonly to: string;
  readonly port: string;
}): Promise<Ended> =>
  tidemark('leader', 'move', '--partition', partition, '--to', to, '--operations', port);

/** Of partition 0; undefined while it has none. */
async function epochOf(port: string): Promise<number | undefined> {
  const { output } = await tidemark('status', '--operations', port);
  const epoch = Number(rowsOf(output, 'REGION     PARTITION')[0]?.[4]);
  return epoch > 0 ? epoch : undefined;
}

const portOf = (ports: readonly string[], zone: string): string =>
  ports[ZONES.indexOf(zone)] ?? ports[0] ?? '';

await natsSuite('the commands for a region of three nodes', JETSTREAM_VERSION_MIN, () => {
  test(
    'status puts the nodes together, leaders are moved, and a node that is drained leads nothing',
    async () => {
      const ports = await startNodes();
      const [first = '', second = ''] = ports;
      await until('every partition to be led', async () => leaders(ports));
      const { output } = await tidemark('status', '--operations', second);
      expect(
        rowsOf(output, 'REGION').map(([, node, , , , operations]) => [node, operations]),
      ).toEqual(ZONES.map((zone, at) => [zone, ports[at]]));

      const before = await until('the epoch of partition 0', async () => epochOf(first));
      // Leaders are spread over the nodes meanwhile: the one that was just seen may be another now, and be again.
      await until('partition 0 to be moved', async () => {
        const [from = ''] = (await leaders(ports)) ?? [];
        const to = ZONES.find((zone) => zone !== from) ?? '';
        const { code, output: words } = await move({ to, port: portOf(ports, from) });
        expect([0, 1]).toContain(code);
        return words === `Node ${to} leads partition 0.\n`;
      });
      await until('its next epoch', async () => ((await epochOf(first)) ?? 0) > before);
      const missing = await move({ partition: '99', to: 'b', port: first });
      expect(missing).toMatchObject({ code: 1, output: '' });
      expect(missing.errors).toContain(`answers 404: ${US} has no partition 99`);

      expect((await tidemark('node', 'drain', '--operations', first)).code).toBe(0);
      await until('node a to lead nothing', async () => {
        const found = await leaders(ports);
        return found?.every((leader) => leader !== 'a');
      });
      const refused = await move({ to: 'a', port: second });
      expect(refused).toMatchObject({ code: 1, output: '' });
      expect(refused.errors).toContain('answers 409');
      expect((await tidemark('node', 'drain', '--undo', '--operations', first)).code).toBe(0);
    },
    TEST_MS_MAX,
  );
});
