import { expect, test } from 'vitest';

import { OnlyNode } from '../../src/daemon/only-node.ts';

let isRunning = true;
const node = new OnlyNode({
  region: 'us-east-1',
  isRunning: () => isRunning,
  endpoint: () => 'http://127.0.0.1:8001',
  operations: () => 'http://127.0.0.1:9001',
});

test('the only node of a region is in sight, started or not', () => {
  const view = {
    zone: 'here',
    isThisNode: true,
    endpoint: 'http://127.0.0.1:8001',
    operations: 'http://127.0.0.1:9001',
  };
  expect(node.view()).toEqual({ ...view, state: 'running' });
  isRunning = false;
  expect(node.view()).toEqual({ ...view, state: 'stopped' });
});

test('the only node of a region has nobody to hand over to', async () => {
  const refusal = {
    name: 'OperationRefused',
    code: 'conflict',
    message: 'us-east-1 is a region of one node: it has nobody to hand over to',
  };
  await expect(node.moveLeader()).rejects.toMatchObject(refusal);
  await expect(node.drain()).rejects.toMatchObject(refusal);
  await expect(node.undrain()).rejects.toMatchObject(refusal);
  await expect(node.goOnWithoutMissing()).rejects.toMatchObject(refusal);
});
