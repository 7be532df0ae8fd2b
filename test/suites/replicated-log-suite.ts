import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { continues, EMPTY_END, endOf } from '../../src/log/chain.ts';
import { makeEntry } from '../../src/log/entry-codec.ts';
import type { ReplicatedLog } from '../../src/log/replicated-log.ts';
import { LogWriter, readAll, textOf } from '../support/log-region.ts';

export interface LogUnderTest {
  readonly log: ReplicatedLog;
  /** The same log for a new process, after the one before was stopped in good order. */
  readonly reopen: () => Promise<ReplicatedLog>;
  readonly remove: () => Promise<void>;
}

/** What every `ReplicatedLog` does while two zones work. The log under test is new and empty. */
export function replicatedLogSuite(name: string, make: () => Promise<LogUnderTest>): void {
  describe(`${name} is a replicated log`, () => {
    let made: LogUnderTest;
    let log: ReplicatedLog;
    let writer: LogWriter;

    beforeEach(async () => {
      made = await make();
      ({ log } = made);
      writer = new LogWriter(log);
    });

    afterEach(async () => made.remove());

    test('a new log is empty, available, and confirms that nobody appends', async () => {
      expect(log.end).toEqual(EMPTY_END);
      expect(log.first).toBe(1);
      expect(log.available).toBe(true);
      await expect(log.confirm()).resolves.toBeUndefined();
      expect(await log.read(0, 1000)).toEqual([]);
    });

    test('pipelined appends become durable in order and are read as they were', async () => {
      const order: number[] = [];
      const opened = writer.open();
      const outcomes = Array.from({ length: 100 }, async (_, at) => {
        const outcome = await writer.append(`value ${at}`);
        order.push(at);
        return outcome;
      });
      expect(await opened).toBe('durable');
      expect(new Set(await Promise.all(outcomes))).toEqual(new Set(['durable']));
      expect(order).toEqual(order.toSorted((a, b) => a - b));
      expect(log.end).toEqual(writer.end);

      const entries = await readAll(log);
      let end = EMPTY_END;
      for (const entry of entries) {
        expect(continues(end, entry)).toBe(true);
        end = endOf(entry);
      }
      expect(entries.slice(1).map(textOf)).toEqual(outcomes.map((_, at) => `value ${at}`));
    });

    test('a read gives at least one entry, and no more than fit its limit', async () => {
      await writer.open();
      for (let at = 0; at < 10; at += 1) await writer.append('x'.repeat(1000));
      expect(await log.read(1, 1)).toHaveLength(1);
      const some = await log.read(1, 3500);
      expect(some.length).toBeGreaterThanOrEqual(2);
      expect(some.length).toBeLessThanOrEqual(3);
      expect(some[0]?.index).toBe(2);
      expect(await log.read(11, 1000)).toEqual([]);
    });

    test('an entry that does not continue the last one appended is refused and leaves no trace', async () => {
      await writer.open();
      await writer.append('first');
      const stale = makeEntry(EMPTY_END, {
        epoch: 1,
        logId: 'log-1',
        kind: 'records',
        partitionTime: 1,
        payload: Buffer.from('stale'),
      });
      expect(await log.append(stale)).toBe('refused');
      const oldEpoch = makeEntry(writer.end, {
        epoch: 1,
        logId: 'log-1',
        kind: 'open',
        partitionTime: 9,
        payload: new Uint8Array(0),
      });
      expect(await log.append(oldEpoch)).toBe('refused');
      expect(await writer.append('second')).toBe('durable');
      expect((await readAll(log)).slice(1).map(textOf)).toEqual(['first', 'second']);
    });

    test('a higher epoch opens on the end, and the one before is over', async () => {
      await writer.open();
      const before = writer.end;
      const next = new LogWriter(log, 'log-2');
      expect(await next.open()).toBe('durable');
      expect(await writer.append('late')).toBe('refused');
      expect(await next.append('new')).toBe('durable');
      const [, opened] = await readAll(log);
      expect(opened).toMatchObject({ kind: 'open', epoch: 2, logId: 'log-2' });
      expect(opened?.previousChecksum).toBe(before.checksum);
    });

    test('everything is there for the next process, which goes on in a new epoch', async () => {
      await writer.open();
      for (let at = 0; at < 20; at += 1) await writer.append(`value ${at}`);
      const again = await made.reopen();
      expect(again.end).toEqual(writer.end);
      expect(await readAll(again)).toHaveLength(21);
      const next = new LogWriter(again);
      expect(await next.open()).toBe('durable');
      expect(await next.append('more')).toBe('durable');
      expect((await readAll(again)).at(-1)).toMatchObject({ epoch: 2, index: 23 });
    });

    test('what is not trimmed stays readable', async () => {
      await writer.open();
      for (let at = 0; at < 20; at += 1) await writer.append(`value ${at}`);
      log.trim(10);
      log.trim(5);
      expect(log.first).toBeLessThanOrEqual(11);
      expect((await log.read(10, 100_000)).map((entry) => entry.index)[0]).toBe(11);
    });
  });
}
