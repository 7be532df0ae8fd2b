import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

import { JETSTREAM_VERSION_MIN, NATS_VERSION_MIN } from '../../src/cli/nats-server.ts';
import { parsePrometheusText } from '../../src/cli/prometheus-text.ts';
import { ZONE_NAMES } from '../../src/daemon/operations-target.ts';
import { isRunning, ProcessLab, type ProcessLabRegion } from '../support/process-lab.ts';
import { natsSuite } from '../support/nats-suite.ts';
import { createClient, EU, US } from '../support/test-lab.ts';
import { changeReplica, createTable, describe, get, put, TABLE } from '../support/test-table.ts';
import { until } from '../support/until.ts';

/** A region's daemon, a nats-server for it, and what ends them with the lab. */
const CHILDREN = 2 * 2 + 1;

/** Two signals that come closer than this are taken for one key press. */
const SECOND_WISH_MS = 200;

const start = async (...parameters: string[]): Promise<ProcessLab> =>
  ProcessLab.start([US, EU], { parameters });

async function createReplicated(lab: ProcessLab): Promise<void> {
  const regions = [lab.region(US), lab.region(EU)];
  await createTable(lab.region(US));
  await changeReplica(lab.region(US), 'Create', { region: EU });
  await until('both replicas to be ACTIVE', async () => {
    const tables = await Promise.all(regions.map(async (region) => describe(region)));
    const states = tables.flatMap((table) => [
      table?.TableStatus,
      table?.Replicas?.[0]?.ReplicaStatus,
    ]);
    return states.every((state) => state === 'ACTIVE');
  });
}

async function lagSeconds(from: ProcessLabRegion, target: string): Promise<number | undefined> {
  const response = await fetch(`${from.operationsEndpoint}/metrics`);
  const lags = parsePrometheusText(await response.text()).filter(
    ({ name }) => name === 'tidemark_replication_lag_seconds',
  );
  return lags.find(({ labels }) => labels['target'] === target && labels['table'] === TABLE)?.value;
}

const untilRead = async (region: ProcessLabRegion, id: string): Promise<void> => {
  await until(`${id} in ${region.name}`, async () => (await get(region, id)) !== undefined);
};

const natsConfig = (lab: ProcessLab): string =>
  readFileSync(join(lab.folder, 'data', 'nats', `${US}.conf`), 'utf8');

const isDone = (): boolean => true;
const isNot = (): boolean => false;

const untilGone = async (pids: readonly number[]): Promise<void> => {
  await until('all processes to be gone', () => !pids.some(isRunning), {
    detail: () => pids.filter(isRunning),
  });
};

await natsSuite('a lab of processes over NATS', NATS_VERSION_MIN, () => {
  test('greets with its endpoints, and what one region writes the other reads', async () => {
    const lab = await start();
    const [us, eu] = [lab.region(US), lab.region(EU)];
    expect(lab.output).toContain('Tidemark lab: 2 regions, data in');
    for (const { name, endpoint, operationsEndpoint } of [us, eu])
      expect(lab.output).toMatch(
        new RegExp(
          `  ${name} +DynamoDB ${endpoint}  operations ${operationsEndpoint}  nats://127.0.0.1:`,
          'u',
        ),
      );
    await createReplicated(lab);
    await put(us, 'from-us', 'x');
    await untilRead(eu, 'from-us');
    await put(eu, 'from-eu', 'x');
    await untilRead(us, 'from-eu');
    await until('no lag', async () => {
      const lags = [await lagSeconds(us, EU), await lagSeconds(eu, US)];
      return lags.every((lag) => lag === 0);
    });
    await until('the lab to tell it', () => lab.output.includes(`${US} -> ${EU}  link up  lag 0`));
  });

  test('a link that is cut holds writes back, and healed it brings them', async () => {
    const lab = await start();
    const [us, eu] = [lab.region(US), lab.region(EU)];
    await createReplicated(lab);
    await lab.post(US, `/links/${EU}`, { up: false });
    await put(us, 'held', 'x');
    // The other way is up, and what comes later than the cut is there.
    await put(eu, 'other-way', 'x');
    await untilRead(us, 'other-way');
    await until('a lag', async () => ((await lagSeconds(us, EU)) ?? 0) > 0);
    expect(await get(eu, 'held')).toBeUndefined();
    await lab.post(US, `/links/${EU}`, { up: true });
    await untilRead(eu, 'held');
    await until('no lag', async () => (await lagSeconds(us, EU)) === 0);
  });

  test('Ctrl-C stops everything and leaves nothing of what is ephemeral', async () => {
    const lab = await start('--ephemeral', '--delay', `${US}:${EU}=20ms`);
    const children = lab.children();
    expect(children).toHaveLength(CHILDREN);
    await until('the delay to be told', () => lab.output.includes(`${US} -> ${EU}  link 20 ms`));
    expect(await lab.end('SIGINT')).toBe(0);
    await untilGone(children);
    expect(lab.output).toContain('Stopping.');
    expect(readdirSync(join(lab.folder, 'data'))).toEqual([]);
  });

  test('kill -9 of the lab leaves neither a process nor what is ephemeral', async () => {
    const lab = await start('--ephemeral');
    const children = lab.children();
    expect(children).toHaveLength(CHILDREN);
    await lab.end('SIGKILL');
    await untilGone(children);
    expect(readdirSync(join(lab.folder, 'data'))).toEqual([]);
  });

  test('a second Ctrl-C ends everything at once', async () => {
    const lab = await start();
    const children = lab.children();
    // A daemon that does not answer holds the first one up.
    process.kill(lab.pidOf(`${US}.yaml`), 'SIGSTOP');
    lab.signal('SIGINT');
    await until('the stop to begin', () => lab.output.includes('Stopping.'));
    await new Promise((resolve) => setTimeout(resolve, SECOND_WISH_MS));
    expect(await lab.end('SIGINT')).toBe(130);
    await untilGone(children);
  });

  test('data stays from one lab to the next, and passwords do not', async () => {
    const lab = await start();
    await createReplicated(lab);
    await put(lab.region(US), 'kept', 'x');
    await untilRead(lab.region(EU), 'kept');
    expect(await lab.end('SIGINT')).toBe(0);
    expect(existsSync(join(lab.folder, 'data', US, 'region.json'))).toBe(true);
    const before = natsConfig(lab);
    await lab.start();
    expect(natsConfig(lab)).not.toBe(before);
    await untilRead(lab.region(EU), 'kept');
    await put(lab.region(EU), 'later', 'x');
    await untilRead(lab.region(US), 'later');
  });

  test('a daemon that is killed is shown as down, with how it ended, and the others go on', async () => {
    const lab = await start();
    await createReplicated(lab);
    process.kill(lab.pidOf(`${EU}.yaml`), 'SIGKILL');
    await until('the lab to tell it', () =>
      ['daemon was ended by SIGKILL', `${EU}  stopped`].every((text) => lab.output.includes(text)),
    );
    await put(lab.region(US), 'meanwhile', 'x');
    expect(await get(lab.region(US), 'meanwhile')).toBe('x');
  });

  test('a port that is taken fails the start in words, and leaves nothing', async () => {
    const lab = await start();
    const other = ProcessLab.start([US, EU], { parameters: ['--port-base', String(lab.base)] });
    await expect(other).rejects.toThrow(/address already in use/u);
  });
});

await natsSuite('a lab of three nodes per region', JETSTREAM_VERSION_MIN, () => {
  test('any node serves, and one that is killed is a zone that is down', async () => {
    const lab = await ProcessLab.start([US], { parameters: ['--nodes', '3'] });
    expect(lab.output).toContain('1 region of 3 nodes each');
    const nodes = ZONE_NAMES.map((zone, at) => {
      const endpoint = `http://127.0.0.1:${lab.base + 1 + 10 * at}`;
      expect(lab.output).toContain(`  ${US} ${zone}  DynamoDB ${endpoint}`);
      return { client: createClient(endpoint, US) };
    });
    onTestFinished(() => {
      for (const { client } of nodes) client.destroy();
    });
    await createTable(lab.region(US));
    for (const [at, node] of nodes.entries()) {
      await put(node, 'one', `by ${at}`);
      for (const other of nodes) expect(await get(other, 'one')).toBe(`by ${at}`);
    }

    process.kill(lab.pidOf(`${US}-b.yaml`), 'SIGKILL');
    await until('the lab to tell it', () =>
      lab.output.includes(`${US}  ready  zones a live, b stopped, c live`),
    );
    await until('a write', async () => put(lab.region(US), 'two', 'x').then(isDone, isNot));
    expect(await lab.end('SIGINT')).toBe(0);
  });
});
