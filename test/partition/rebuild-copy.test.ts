import { expect, test } from 'vitest';

import {
  rebuildCopy,
  type RebuildObserver,
  type RebuildOfCopy,
} from '../../src/partition/rebuild-copy.ts';
import { StorageNode } from '../../src/storage/storage-node.ts';
import { MemoryLogger } from '../support/memory-logger.ts';
import { MemoryStoreDisk } from '../support/memory-store.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { LeaderModel } from '../storage/leader-model.ts';

/** Keeps what it is told. */
class Recorder implements RebuildObserver {
  readonly told: string[] = [];

  rebuildProgressed({ zone, partition }: RebuildOfCopy, { items }: { items: number }): void {
    this.told.push(`${zone} ${partition}: ${items}`);
  }

  rebuildEnded({ zone, partition }: RebuildOfCopy, isComplete: boolean): void {
    this.told.push(`${zone} ${partition}: ${isComplete ? 'complete' : 'not complete'}`);
  }
}

/** Shows ten seconds more at each look. */
class HastyClock extends VirtualClock {
  #shownMs = 0;

  override monotonicMs(): number {
    this.#shownMs += 10_000;
    return this.#shownMs;
  }
}

async function openNode(zone: string): Promise<StorageNode> {
  const store = await new MemoryStoreDisk().open();
  return StorageNode.open({ zone, store, partitionCount: 3, partitions: [0, 1, 2] });
}

async function nodes(): Promise<{ readonly source: StorageNode; readonly target: StorageNode }> {
  const source = await openNode('a');
  const puts = Array.from({ length: 12 }, (_, item) => {
    return { kind: 'put' as const, table: 1, item, text: 'x' };
  });
  for (const [partition, entry] of new LeaderModel().entries(puts)) {
    await source.apply(new Map([[partition, [entry]]]));
  }
  return { source, target: await openNode('b') };
}

test('a rebuild is told of from its start to its end', async () => {
  const clock = new VirtualClock();
  const logger = new MemoryLogger();
  const observer = new Recorder();
  const { signal } = new AbortController();
  const { source, target } = await nodes();
  await rebuildCopy({ source, target, partition: 1, signal, clock, logger, observer });
  const { itemCount } = source.copy(1).counters(1);
  expect(itemCount).toBeGreaterThan(0);
  expect(observer.told[0]).toBe('b 1: 0');
  expect(observer.told.at(-2)).toBe(`b 1: ${itemCount}`);
  expect(observer.told.at(-1)).toBe('b 1: complete');
  expect(logger.lines.map(({ message }) => message)).toEqual(['rebuilding a copy', 'copy rebuilt']);
  expect(logger.lines[0]?.fields).toEqual({ zone: 'b', partition: 1, from: 'a' });
});

test('a slow rebuild says in the log how far it is', async () => {
  const clock = new HastyClock();
  const logger = new MemoryLogger();
  const observer = new Recorder();
  const { signal } = new AbortController();
  const { source, target } = await nodes();
  await rebuildCopy({ source, target, partition: 1, signal, clock, logger, observer });
  const line = logger.lines.find(({ message }) => message === 'copy being rebuilt');
  const { itemCount: totalItems, sizeBytes: totalBytes } = source.copy(1).counters(1);
  expect(line?.fields).toMatchObject({ zone: 'b', partition: 1, items: 0, totalItems, totalBytes });
});

test('a rebuild that ends early is told of as not complete', async () => {
  const clock = new VirtualClock();
  const logger = new MemoryLogger();
  const observer = new Recorder();
  const { source, target } = await nodes();
  await source.close();
  const { signal } = new AbortController();
  const rebuild = rebuildCopy({ source, target, partition: 1, signal, clock, logger, observer });
  await expect(rebuild).rejects.toMatchObject({ side: 'source' });
  expect(observer.told).toEqual(['b 1: not complete']);
  expect(logger.messages('info')).toEqual([]);
});
