import { Buffer } from 'node:buffer';

import { expect, test } from 'vitest';

import type { LogEnd } from '../../src/log/entry.ts';
import type { Batch } from '../../src/replication/batch.ts';
import type { CommitRun } from '../../src/replication/commit-time.ts';
import { LATE_MS, receiveTogether } from '../../src/replication/receive-together.ts';
import {
  encodeBatch,
  encodeCommits,
  REPLICATION_WIRE_VERSION,
  type Stand,
} from '../../src/replication/wire.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const at = (index: number): LogEnd => ({
  logId: 'x',
  epoch: 1,
  index,
  checksum: 1,
  partitionTime: 9,
});
const batchOf = (log: number): Uint8Array =>
  encodeBatch({ origin: 'b', log, from: at(1), to: at(2), records: [] });
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

test('where all is slow nothing is late that is done soon after the first', async () => {
  const clock = new VirtualClock();
  const after = (ms: number) => async (): Promise<Stand> => {
    await clock.sleep(ms);
    return stand;
  };
  const inbox = inboxOf([after(10 * LATE_MS), after(10 * LATE_MS + 1), never]);
  let outcomes: unknown;
  const receive = async (): Promise<void> => {
    outcomes = await receiveTogether([0, 1, 2].map(batchOf), { from: 'b', inbox, clock });
  };
  void receive();
  await clock.advance(11 * LATE_MS - 1);
  expect(outcomes).toBeUndefined();
  await clock.advance(1);
  const done = { kind: 'stand', stand };
  expect(outcomes).toEqual([done, done, { kind: 'late' }]);
});

test('a batch that cannot be read fails alone, and those around it are taken', async () => {
  const taken: number[] = [];
  const [whole, torn] = [batchOf(0), batchOf(1).subarray(0, 9)];
  const later = Buffer.from(batchOf(2));
  later[0] = REPLICATION_WIRE_VERSION + 1;
  const clock = new VirtualClock();
  const batches = [whole, torn, later, batchOf(3)];
  const outcomes = await receiveTogether(batches, { from: 'b', inbox: inboxOf([], taken), clock });
  expect(outcomes).toMatchObject([
    { kind: 'stand' },
    { kind: 'failed', code: 'damaged' },
    { kind: 'failed', code: 'version' },
    { kind: 'stand' },
  ]);
  expect(taken).toEqual([0, 3]);
});

test('each batch gets its commit times, and what says them holds up nothing', async () => {
  const clock = new VirtualClock();
  const seen: (readonly CommitRun[] | undefined)[] = [];
  const inbox = {
    ship: async (_: string, { commits }: Batch): Promise<Stand> => {
      seen.push(commits);
      await clock.sleep(10 * LATE_MS);
      return stand;
    },
  };
  const commits = [[{ records: 2, committedMs: 5.5 }], []];
  const parts = [batchOf(0), batchOf(1), encodeCommits(commits)];
  const receiving = receiveTogether(parts, { from: 'b', inbox, clock });
  expect(await clock.runUntilSettled(receiving)).toEqual([
    { kind: 'stand', stand },
    { kind: 'stand', stand },
    { kind: 'late' },
  ]);
  expect(seen).toEqual(commits);
});

test('commit times that cannot be read fail alone', async () => {
  const clock = new VirtualClock();
  const times = encodeCommits([[{ records: 1, committedMs: 5 }]]);
  for (const damaged of [times, times.subarray(0, times.length - 1)]) {
    const taken: number[] = [];
    const parts = [batchOf(0), batchOf(1), damaged];
    const inbox = inboxOf([], taken);
    const [first, second, last] = await receiveTogether(parts, { from: 'b', inbox, clock });
    expect([first, second]).toEqual([
      { kind: 'stand', stand },
      { kind: 'stand', stand },
    ]);
    expect(last).toMatchObject({ kind: 'failed', code: 'damaged' });
    expect(taken).toEqual([0, 1]);
  }
  const alone = await receiveTogether([encodeCommits([])], {
    from: 'b',
    inbox: inboxOf([]),
    clock,
  });
  expect(alone).toEqual([{ kind: 'late' }]);
});
