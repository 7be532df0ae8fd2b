import { expect, test } from 'vitest';

import { internalError } from '../../../src/model/errors.ts';
import type { NodePartition } from '../../../src/partition/clustered/node-partition.ts';
import type { AnswerOf, LeaderCall } from '../../../src/partition/clustered/partition-calls.ts';
import { PartitionClient } from '../../../src/partition/clustered/partition-client.ts';
import { writeEachBytesMax } from '../../../src/partition/clustered/told-results.ts';
import type { PlainWrite } from '../../../src/partition/item-write.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const putOf = (item: number, bytes = 10): PlainWrite => ({
  table: 1,
  key: Buffer.from([0, 0, 0, item, 0, 0]),
  change: { kind: 'put', image: new Uint8Array(bytes), itemBytes: bytes },
  condition: undefined,
  cause: 'user',
});

/** A client whose leader answers by hand. */
function clientOf(answer: (call: LeaderCall) => unknown): {
  readonly client: PartitionClient;
  readonly calls: readonly string[];
} {
  const calls: string[] = [];
  const client = new PartitionClient({
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    partition: { number: 3 } as NodePartition,
    hashes: () => ({ from: 0, to: 2 ** 32 }),
    hasMoved: async () => true,
    clock: new VirtualClock(),
    ask: async <Call extends LeaderCall>(_partition: number, call: Call) => {
      calls.push(call.name);
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      return answer(call) as AnswerOf<Call['name']>;
    },
    onDamage: () => {},
  });
  return { client, calls };
}

const applied = { kind: 'applied', beforeBytes: 0, afterBytes: 10 } as const;
const refused = { kind: 'refused', code: 'Conflict', message: '', status: 400, members: {} };

test('writes that come together are one call of the leader, and its answers are in their order', async () => {
  const { client, calls } = clientOf(() => [applied, refused, { kind: 'moved' }]);
  const results = await client.writeEach([putOf(1), putOf(2), putOf(3)]);
  expect(results).toMatchObject([
    applied,
    { kind: 'failed', error: { code: 'Conflict' } },
    { kind: 'failed', error: { name: 'MovedError' } },
  ]);
  expect(calls).toEqual(['writeEach']);
});

test('what one message cannot take goes in several, and one that fails leaves the others as they are', async () => {
  const { client, calls } = clientOf((call) => {
    if (call.name !== 'writeEach') throw new Error('another call');
    if (call.request.length === 2) throw internalError();
    return call.request.map(() => applied);
  });
  const half = Math.floor(writeEachBytesMax / 2);
  const results = await client.writeEach([
    putOf(1, half),
    putOf(2, half),
    putOf(3),
    putOf(4, half),
  ]);
  expect(calls).toEqual(['writeEach', 'writeEach', 'writeEach']);
  const failed = { kind: 'failed', error: { status: 500 } };
  expect(results).toMatchObject([applied, failed, failed, applied]);
});

test('a leader of an earlier program, which answers an unknown call with the call, is asked for each by itself', async () => {
  const { client, calls } = clientOf((call) =>
    call.name === 'write' ? { kind: 'applied', before: undefined, after: { itemBytes: 10 } } : call,
  );
  expect(await client.writeEach([putOf(1), putOf(2)])).toEqual([applied, applied]);
  expect(calls).toEqual(['writeEach', 'write', 'write']);
});
