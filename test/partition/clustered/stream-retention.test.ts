import { expect, test } from 'vitest';

import { TICKS_PER_MS } from '../../../src/clock/hybrid-time.ts';
import { EMPTY_END, endOf } from '../../../src/log/chain.ts';
import { makeEntry } from '../../../src/log/entry-codec.ts';
import type { Entry } from '../../../src/log/entry.ts';
import type { NodePartition } from '../../../src/partition/clustered/node-partition.ts';
import type { NodeReport, PartitionReport } from '../../../src/partition/clustered/region-nodes.ts';
import { StreamRetention } from '../../../src/partition/clustered/stream-retention.ts';
import { MemoryLogger } from '../../support/memory-logger.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const hourMs = 3_600_000;

/** One log of 10,000 entries, one a second, that this node leads; the other two nodes say what a test lets them. */
class World {
  readonly clock = new VirtualClock();
  readonly entries: Entry[] = [];
  trimmed: number | undefined;
  isLed = true;
  synced = 9000;
  released: readonly number[] | undefined = [8000];
  readonly others = new Map<string, PartitionReport | undefined>([
    ['b', World.report(9500)],
    ['c', World.report(9900)],
  ]);
  hours = 24;
  nowMs = 10_000 * 1000;

  static report(synced: number, isRebuilding = false): PartitionReport {
    return { leads: false, epoch: 1, applied: synced, synced, isRebuilding };
  }

  constructor() {
    let end = EMPTY_END;
    for (let count = 1; count <= 10_000; count += 1) {
      const entry = makeEntry(end, {
        logId: 'log',
        epoch: 1,
        kind: count === 1 ? 'open' : 'noop',
        partitionTime: count * 1000 * TICKS_PER_MS,
        payload: new Uint8Array(0),
      });
      this.entries.push(entry);
      end = endOf(entry);
    }
  }

  async trim(): Promise<number | undefined> {
    const { entries } = this;
    const last = entries.at(-1);
    const log = {
      partition: 0,
      first: 1,
      end: last === undefined ? EMPTY_END : endOf(last),
      read: async (after: number) => entries.slice(after, after + 1),
      trim: (through: number) => (this.trimmed = through),
    };
    const reportOf = (zone: string): NodeReport | undefined => {
      const said = this.others.get(zone);
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      return said && ({ partitions: [said] } as unknown as NodeReport);
    };
    const partition = { number: 0, log, leading: this.isLed ? {} : undefined };
    const retention = new StreamRetention({
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- all that it asks of a partition
      partitions: () => [partition as unknown as NodePartition],
      nodes: { others: ['b', 'c'], report: reportOf },
      synced: () => new Map([[0, this.synced]]),
      released: () => this.released,
      clock: this.clock,
      now: () => this.nowMs * TICKS_PER_MS,
      logger: new MemoryLogger(),
      hours: () => this.hours,
    });
    await retention.trimNow();
    return this.trimmed;
  }
}

test('a log is trimmed up to where nobody needs it', async () => {
  const world = new World();
  world.released = [5000];
  expect(await world.trim()).toBe(5000);
});

test('the last entries are always kept', async () => {
  const world = new World();
  expect(await world.trim()).toBe(10_000 - 2048);
});

test('what a copy in reach has not synced is never trimmed, however old it is', async () => {
  const world = new World();
  world.others.set('b', World.report(300));
  world.hours = 0.001;
  expect(await world.trim()).toBe(300);
  world.others.set('b', World.report(9500));
  world.synced = 200;
  expect(await world.trim()).toBe(200);
});

test('for a node that is away, and for peers, the log is kept for its hours', async () => {
  const world = new World();
  world.others.set('c', undefined);
  expect(await world.trim()).toBeUndefined();
  world.hours = 2;
  // Of 10,000 s the first 2,800 are older than two hours; the last of them is entry 2,799.
  expect(await world.trim()).toBe((world.nowMs - 2 * hourMs) / 1000 - 1);
  world.others.set('c', World.report(9900));
  world.released = undefined;
  expect(await world.trim()).toBe(2799);
});

test('nothing is trimmed while a copy is filled, while two nodes are away, or by who does not lead', async () => {
  const world = new World();
  world.others.set('b', World.report(9500, true));
  expect(await world.trim()).toBeUndefined();
  world.others.set('b', undefined);
  world.others.set('c', undefined);
  world.hours = 0.001;
  expect(await world.trim()).toBeUndefined();
  world.others.set('b', World.report(9500));
  world.isLed = false;
  expect(await world.trim()).toBeUndefined();
});
