import { join } from 'node:path';

import { expect, test } from 'vitest';

import { LabProcess, type LabProcessRegion } from '../support/lab-process.ts';
import { EU, US } from '../support/test-lab.ts';
import { changeReplica, createTable, describe, put } from '../support/test-table.ts';
import { rowsOf, tidemark } from '../support/tidemark-command.ts';
import { until } from '../support/until.ts';

const ZONES = ['a', 'b', 'c'];

async function change(region: LabProcessRegion, path: string, body: object = {}): Promise<void> {
  const { ok } = await fetch(`${region.operationsEndpoint}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(ok).toBe(true);
}

const ofFiles = (lab: LabProcess): readonly string[] => [
  '--config-dir',
  join(lab.folder, 'regions'),
];

async function createReplicatedTable(us: LabProcessRegion): Promise<void> {
  await createTable(us);
  await until('the table', async () => (await describe(us))?.TableStatus === 'ACTIVE');
  await changeReplica(us, 'Create', { region: EU });
  await until('the replica', async () =>
    (await describe(us))?.Replicas?.every(({ ReplicaStatus }) => ReplicaStatus === 'ACTIVE'),
  );
}

test('the status of a lab shows its regions, zones, partitions, lag, clocks and what is wrong', async () => {
  const lab = await LabProcess.start([US, EU], { partitions: 2 });
  const [us, eu] = [lab.region(US), lab.region(EU)];
  await createReplicatedTable(us);
  for (const id of ['1', '2', '3', '4']) await put(us, id, id);

  const whole = await until('lag and clocks to be known', async () => {
    const ended = await tidemark('status', ...ofFiles(lab));
    const isKnown =
      rowsOf(ended.output, 'LAG FROM').every((cells) => cells.includes('0')) &&
      rowsOf(ended.output, 'CLOCK').every((cells) => cells.join(' ').includes(' ms'));
    return isKnown && rowsOf(ended.output, 'CLOCK').length === 2 ? ended : undefined;
  });
  expect(whole).toMatchObject({ code: 0, errors: '' });
  expect(rowsOf(whole.output, 'REGION')).toEqual(
    expect.arrayContaining(
      [us, eu].map(({ name, operationsEndpoint }) =>
        expect.arrayContaining([name, 'here', '0-1', operationsEndpoint, 'running']),
      ),
    ),
  );
  const zones = rowsOf(whole.output, 'REGION     ZONE');
  expect(zones).toHaveLength(2);
  expect(zones).toContainEqual([US, 'live', 'live', 'live']);
  const partitions = rowsOf(whole.output, 'REGION     PARTITION');
  expect(partitions.map(([, number, , leader]) => [number, leader])).toEqual(
    ['0', '1', '0', '1'].map((number) => [number, 'here']),
  );
  expect(rowsOf(whole.output, 'LAG FROM')).toHaveLength(2);
  expect(whole.output).toContain('No alarms.');

  await change(us, `/links/${EU}`, { up: false });
  await put(us, '5', '5');
  await change(eu, '/zones/b/stop');
  const worse = await tidemark('status', ...ofFiles(lab));
  expect(worse.code).toBe(0);
  expect(worse.output).toMatch(/\(1 pending\)/u);
  expect(rowsOf(worse.output, 'REGION     ZONE')).toContainEqual([EU, 'live', 'stopped', 'live']);

  await change(eu, '/region/stop');
  const stopped = await tidemark('status', '--operations', eu.operationsEndpoint);
  expect(stopped.code).toBe(0);
  expect(rowsOf(stopped.output, 'REGION')[0]?.at(-1)).toBe('stopped');
  expect(rowsOf(stopped.output, 'ALARMS')).toEqual([[EU, 'the region is stopped']]);

  const json = await tidemark('status', '--json', '--operations', us.operationsEndpoint);
  expect(json.code).toBe(0);
  expect(JSON.parse(json.output)).toMatchObject({
    answers: [
      {
        operations: us.operationsEndpoint,
        region: US,
        status: {
          region: US,
          nodes: [{ zone: 'here', state: 'running', isThisNode: true }],
          zones: ZONES.map((zone) => ({ zone, state: 'live' })),
          partitions: [0, 1].map((number) => ({
            number,
            leader: 'here',
            copies: ZONES.map((zone) => ({ zone, state: 'serving' })),
          })),
          replication: [{ peer: EU, pendingRecords: 1 }],
          clock: { offsets: [{ peer: EU }] },
        },
      },
    ],
  });
});

test('a region that does not answer is a row that says so, and the exit code tells', async () => {
  const lab = await LabProcess.start([US, EU]);
  const nobody = 'http://127.0.0.1:9';
  const { operationsEndpoint } = lab.region(US);
  const ports = [operationsEndpoint, nobody].flatMap((port) => ['--operations', port]);
  const some = await tidemark('status', ...ports);
  expect(some.code).toBe(1);
  expect(rowsOf(some.output, 'REGION').map((cells) => cells[0])).toEqual([US, '?']);

  expect(await lab.end('SIGKILL')).toBeNull();
  const none = await tidemark('status', ...ofFiles(lab));
  expect(none.code).toBe(1);
  expect(rowsOf(none.output, 'REGION').map((cells) => [cells[0], cells.at(-1)])).toEqual(
    expect.arrayContaining(
      [US, EU].map((name) => [name, expect.stringContaining('does not answer')]),
    ),
  );
  const json = await tidemark('status', '--json', ...ofFiles(lab));
  expect(json.code).toBe(1);
  expect(JSON.parse(json.output)).toMatchObject({
    answers: [
      { failure: expect.stringContaining('does not answer') },
      { failure: expect.stringContaining('does not answer') },
    ],
  });
});

test('a region of one node has nobody to hand over to, and says so', async () => {
  const lab = await LabProcess.start([US]);
  const operations = ['--operations', lab.region(US).operationsEndpoint];
  const words = `${US} is a region of one node: it has nobody to hand over to`;
  for (const command of ['leader move --partition 0 --to b', 'node drain', 'node drain --undo']) {
    const ended = await tidemark(...command.split(' '), ...operations);
    expect({ command, ...ended }).toMatchObject({ command, code: 1, output: '' });
    expect(ended.errors).toContain(`answers 409: ${words}`);
    // The words are for an operator: no stack.
    expect(ended.errors).not.toContain('    at ');
  }
  const nobody = await tidemark('node', 'drain', '--operations', 'http://127.0.0.1:9');
  expect(nobody.code).toBe(1);
  expect(nobody.errors).toContain('does not answer');
});
