import type { LogEnd } from '../log/entry.ts';
import type { Partition } from './partition.ts';

export type Advanced = Pick<Partition, 'advanceTime' | 'layoutKnown'>;

/**
 * Appends an entry to the log of every partition, also of one that was split off before and that this node comes to know only now:
 * its leader must hear, too, of what those of the others are to know from here on. `partitions` grows by splits. Resolves with the
 * entries, by number. A child of a later split opens its first epoch behind that, and learns there what is to be known.
 */
export async function advanceAll(partitions: readonly Advanced[]): Promise<readonly LogEnd[]> {
  const ends: LogEnd[] = [];
  while (ends.length < partitions.length)
    ends.push(...(await Promise.all(partitions.slice(ends.length).map(advance))));
  return ends;
}

async function advance(partition: Advanced): Promise<LogEnd> {
  const end = await partition.advanceTime();
  await partition.layoutKnown?.(end.index);
  return end;
}
