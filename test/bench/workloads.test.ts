import { deflateRawSync } from 'node:zlib';

import { expect, test } from 'vitest';

import {
  DELETE_WORKLOAD,
  fillBatches,
  SHARED_WORKLOADS,
  targetsOf,
  WORKLOADS,
  workloadNamed,
} from './workloads.ts';

test('requests are whole HTTP requests, with the length that they say', () => {
  for (const workload of WORKLOADS) {
    for (const request of workload.requests().slice(0, 3)) {
      const [head = '', body = ''] = request.toString().split('\r\n\r\n');
      expect(head).toContain(`X-Amz-Target: DynamoDB_20120810.${workload.name.split(' ').at(-1)}`);
      expect(head).toContain(`Content-Length: ${Buffer.byteLength(body)}`);
      expect(typeof JSON.parse(body)).toBe('object');
    }
  }
});

test('requests of a pool differ', () => {
  for (const workload of WORKLOADS) {
    const [first, second] = workload.requests();
    expect(second !== undefined && first?.equals(second)).toBe(false);
  }
});

test.each(['PutItem', 'streamed PutItem', SHARED_WORKLOADS.put.name])(
  'items of %s are of 400 bytes',
  (name) => {
    const [request = Buffer.alloc(0)] = workloadNamed(name).requests();
    const [, body = ''] = request.toString().split('\r\n\r\n');
    // By the count of DynamoDB: a name and its text each; the counter is one digit: one byte and one more.
    const { id, counter, data } = JSON.parse(body).Item;
    const bytes = 'idcounterdata'.length + id.S.length + counter.N.length + 1 + data.S.length;
    expect(bytes).toBe(400);
  },
);

test('values that are replicated compress to no less than a third', () => {
  const [request = Buffer.alloc(0)] = SHARED_WORKLOADS.batch.requests();
  const deflated = deflateRawSync(request).length;
  expect(deflated).toBeGreaterThan(request.length / 3);
  expect(deflated).toBeLessThan(request.length);
});

test('the tables are filled in batches of 25', () => {
  const batches = [...fillBatches()];
  expect(batches).toHaveLength(1200);
  const items = batches.map(({ RequestItems }) => Object.values(RequestItems).flat().length);
  expect(items.reduce((sum, count) => sum + count, 0)).toBe(30_000);
  expect(Math.max(...items)).toBe(25);
});

test('an unknown workload is refused', () => {
  expect(() => workloadNamed('Skim')).toThrow(RangeError);
});

test('a hot item is one item for all connections, and pages are asked for at one connection', () => {
  expect(workloadNamed('hot UpdateItem').requests()).toHaveLength(1);
  const scan = workloadNamed('Scan');
  expect(scan).toMatchObject({ connections: [1], scans: 'bench-items' });
  expect(targetsOf(scan)).toContain('level');
  expect(targetsOf(workloadNamed('GetItem'))).not.toContain('level');
  expect(targetsOf(workloadNamed('PutItem'))).toContain('relaxed');
});

test('what is deleted is put again, and a connection that jumps about does both in turns', () => {
  const requests = DELETE_WORKLOAD.requests();
  const isPut = requests.map((request) => request.includes('DynamoDB_20120810.PutItem'));
  expect(isPut.filter(Boolean)).toHaveLength(requests.length / 2);
  expect(isPut.every((put, at) => put === (at % 2 === 0))).toBe(true);
  expect(requests.length % 2).toBe(0);
});
