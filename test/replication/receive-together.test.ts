import { expect, test } from 'vitest';

import type { LogEnd } from '../../src/log/entry.ts';
import type { Batch } from '../../src/replication/batch.ts';
import { LATE_MS, receiveTogether } from '../../src/replication/receive-together.ts';
import type { Stand } from '../../src/replication/wire.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const at = (index: number): LogEnd => ({
  logId: 'x',
  epoch: 1,
  index,
  checksum: 1,
  partitionTime: 9,
});
const batchOf = (log: number): Batch => ({ origin: 'b', log, from: at(1), to: at(2), records: [] });
const stand: Stand = { applied: at(2), durable: undefined, waitsFor: undefined };

/** An inbox that does what the test says with the batch of each log. */
const inboxOf = (answers: readonly (() => Promise<Stand>)[], taken: number[] = []) => ({
  ship: async (_: string, { log }: Batch): Promise<Stand> => {
    taken.push(log);
    return answers[log]?.() ?? stand;
  },
});

const failing = async (): Promise<Stand> =>
  Promise.reject(Object.assign(new Error('no such log'), { code: 'damaged' }));

const never = async (): Promise<Stand> => new Promise(() => {});

test('batches are taken in their order, and one that fails fails alone', async () => {
  const taken: number[] = [];
  const inbox = inboxOf([async () => stand, failing, async () => stand], taken);
  const clock = new VirtualClock();
  expect(await receiveTogether([0, 1, 2].map(batchOf), { from: 'b', inbox, clock })).toEqual([
    { kind: 'stand', stand },
    { kind: 'failed', code: 'damaged', words: 'no such log' },
    { kind: 'stand', stand },
  ]);
  expect(taken).toEqual([0, 1, 2]);
});

test('a batch whose partition takes nothing holds up those of other logs for a moment only', async () => {
  const clock = new VirtualClock();
  const inbox = inboxOf([never, async () => stand]);
  let outcomes: unknown;
  const receive = async (): Promise<void> => {
    outcomes = await receiveTogether([0, 1].map(batchOf), { from: 'b', inbox, clock });
  };
  void receive();
  await clock.advance(LATE_MS - 1);
  expect(outcomes).toBeUndefined();
  await clock.advance(1);
  expect(outcomes).toEqual([{ kind: 'late' }, { kind: 'stand', stand }]);
});
