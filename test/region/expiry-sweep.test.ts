import { expect, onTestFinished, test } from 'vitest';

import type { DuePage, DueRead } from '../../src/partition/due-items.ts';
import type { DueItems } from '../../src/partition/expiry.ts';
import {
  expiryBatchMax,
  expiryLookMs,
  ExpirySweep,
  type ExpirySweepOptions,
  type SweptPartition,
} from '../../src/region/expiry-sweep.ts';
import { MemoryLogger } from '../support/memory-logger.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const TABLE = { number: 7, name: 'sessions' };

/** Items by their due times. What is expired is gone at once. */
class FakePartition implements SweptPartition {
  readonly due = new Map<string, number>();
  readonly expired: string[] = [];
  failure: Error | undefined;

  async dueItems({ beforeMs, limit, after }: DueRead): Promise<DuePage> {
    const from = after === undefined ? '' : Buffer.from(after).toString();
    const found = [...this.due]
      .filter(([key, dueMs]) => dueMs < beforeMs && key > from)
      .toSorted(([a], [b]) => (a < b ? -1 : 1));
    const page = found.slice(0, limit);
    return {
      keys: page.map(([key]) => Buffer.from(key)),
      firstDueMs: page[0]?.[1],
      next: page.length === limit ? Buffer.from(page.at(-1)?.[0] ?? '') : undefined,
    };
  }

  async expire({ keys }: DueItems): Promise<number> {
    if (this.failure !== undefined) throw this.failure;
    for (const key of keys) {
      const name = Buffer.from(key).toString();
      this.due.delete(name);
      this.expired.push(name);
    }
    return keys.length;
  }

  fill(count: number, dueMs: number): void {
    for (let item = 0; item < count; item += 1)
      this.due.set(`item ${String(item).padStart(6, '0')}`, dueMs);
  }
}

async function start(
  partitions: readonly (SweptPartition | undefined)[],
  options: Partial<ExpirySweepOptions> = {},
) {
  const clock = new VirtualClock();
  const logger = new MemoryLogger();
  const counted = { items: 0 };
  const sweep = new ExpirySweep({
    partitions: () => partitions.map((leading, number) => ({ number, leading })),
    tables: () => [TABLE],
    nowMs: () => clock.wallMs(),
    clock,
    logger,
    delayMs: 0,
    itemsPerSecond: 1000,
    onExpired: (table, items) => {
      expect(table).toBe(TABLE);
      counted.items += items;
    },
    ...options,
  });
  await sweep.start();
  onTestFinished(async () => sweep.stop());
  return { clock, sweep, counted, logger };
}

test('what comes due is removed within a look', async () => {
  const partition = new FakePartition();
  const { clock, counted } = await start([partition]);
  partition.due.set('a', clock.wallMs() + 5000);
  await clock.advance(4999);
  expect(partition.expired).toEqual([]);
  await clock.advance(expiryLookMs + 2);
  expect(partition.expired).toEqual(['a']);
  expect(counted.items).toBe(1);
});

test('no more items go in a second than are allowed, in all partitions together', async () => {
  const partitions = [new FakePartition(), new FakePartition()];
  const { clock, counted, sweep } = await start(partitions);
  for (const partition of partitions) partition.fill(5000, clock.wallMs() - 1);
  await clock.advance(5000);
  expect(counted.items).toBeGreaterThan(4000);
  expect(counted.items).toBeLessThanOrEqual(5000 + 2 * expiryBatchMax);
  expect(sweep.lagMs).toBeGreaterThan(3000);
  await clock.advance(6000);
  expect(counted.items).toBe(10_000);
  expect(sweep.lagMs).toBe(0);
});

test('an item stays for the delay that is set', async () => {
  const partition = new FakePartition();
  const { clock, sweep } = await start([partition], { delayMs: 60_000 });
  partition.fill(1, clock.wallMs());
  await clock.advance(59_000);
  expect(partition.expired).toEqual([]);
  expect(sweep.lagMs).toBe(0);
  await clock.advance(2000);
  expect(partition.expired).toHaveLength(1);
});

test('a partition that takes no writes holds up no other, is told of once and tried again', async () => {
  const [stuck, other] = [new FakePartition(), new FakePartition()];
  const { clock, logger } = await start([stuck, other]);
  stuck.failure = new Error('no two zones');
  for (const partition of [stuck, other]) partition.fill(3, clock.wallMs() - 1);
  await clock.advance(10_000);
  expect(other.expired).toHaveLength(3);
  expect(logger.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
  stuck.failure = undefined;
  await clock.advance(2000);
  expect(stuck.expired).toHaveLength(3);
});

test('a partition that is led elsewhere, and a table that expires no more, are left alone', async () => {
  const partition = new FakePartition();
  let tables = [TABLE];
  let led: FakePartition | undefined;
  const { clock } = await start([], {
    partitions: () => [{ number: 0, leading: led }],
    tables: () => tables,
  });
  partition.fill(1, clock.wallMs() - 1);
  await clock.advance(2000);
  tables = [];
  led = partition;
  await clock.advance(2000);
  expect(partition.expired).toEqual([]);
  tables = [TABLE];
  await clock.advance(2000);
  expect(partition.expired).toHaveLength(1);
});

test('a partition that a split adds is swept too', async () => {
  const [one, child] = [new FakePartition(), new FakePartition()];
  const partitions: SweptPartition[] = [one];
  const { clock } = await start(partitions);
  child.fill(2, clock.wallMs() - 1);
  await clock.advance(3000);
  expect(child.expired).toEqual([]);
  partitions.push(child);
  await clock.advance(3000);
  expect(child.expired).toHaveLength(2);
});
