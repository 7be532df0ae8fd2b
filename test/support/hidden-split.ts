import { vi } from 'vitest';

import { present } from '../../src/base/assert.ts';
import type { ClusteredWorld, WorldNode } from './clustered-region.ts';

/** Of a world of two partitions: one is split, its child is led, and the node with the region's seat has not applied that. */
export interface HiddenSplit {
  readonly seat: WorldNode;
  readonly others: readonly WorldNode[];
  readonly parent: number;
  /** Once it aborts, the seat's copy goes on. */
  readonly held: AbortController;
}

/** The caller restores all mocks afterwards. */
export async function splitUnknownToSeat(w: ClusteredWorld): Promise<HiddenSplit> {
  const seat = await w.seat();
  const parent = present(
    [0, 1].find((each) => w.leaderOf(each) !== seat),
    'a partition that is led elsewhere',
  );
  const held = new AbortController();
  holdCopy(seat, parent, held.signal);
  seat.engine.splitPartition(parent).catch(() => {});
  const others = w.running.filter((node) => node !== seat);
  await w.until('the others know of the child', () =>
    others.every(({ engine }) => engine.core.partitions.length === 3),
  );
  await w.until('it is led', () => w.leaderOf(2) !== undefined);
  if (seat.engine.core.partitions.length !== 2) throw new Error('the seat knows of the child');
  return { seat, others, parent, held };
}

/** The node's copy of a partition applies nothing until `signal` aborts. */
export function holdCopy({ engine }: WorldNode, partition: number, signal: AbortSignal): void {
  const { node } = engine.core;
  const apply = node.apply.bind(node);
  const released = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve());
  });
  vi.spyOn(node, 'apply').mockImplementation(async (entries) => {
    if (entries.has(partition)) await released;
    return apply(entries);
  });
}
