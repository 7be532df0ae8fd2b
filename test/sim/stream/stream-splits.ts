import { present } from '../../../src/base/assert.ts';
import { hashOf } from '../../../src/storage/key-layout.ts';
import { Layout } from '../../../src/storage/layout.ts';
import { keyBytes } from '../client-item.ts';
import { pickFrom } from '../world-options.ts';
import type { StreamPartition, StreamWorld } from './stream-world.ts';

/** A world has no more partitions than it begins with and these. */
const childrenMax = 4;

/** As the partitions' streams say it, in the order of the children's numbers. */
export function layoutOf(count: number, partitions: readonly StreamPartition[]): Layout {
  let layout = Layout.even(count);
  const splits = partitions.flatMap(({ number: parent, truth }) =>
    truth.splits.map(({ child, middle }) => ({ parent, child, middle })),
  );
  for (const { parent, child, middle } of splits.toSorted((a, b) => a.child - b.child)) {
    if (child !== layout.count) return layout;
    layout = layout.split(parent, middle);
  }
  return layout;
}

/** An operator splits a partition, by way of any node. Whether it is done is no matter. */
export function strikeSplit(world: StreamWorld): void {
  const { random, options, nodes } = world;
  const ready = nodes.flatMap((node) => (node.ready === undefined ? [] : [node]));
  const { count } = world.layout;
  if (ready.length === 0 || count >= options.partitions + childrenMax) return;
  const asked = pickFrom(random, ready);
  const partition = Math.floor(random.next() * count);
  const { engine } = present(asked.ready, 'one that answers');
  world.note('WORLD', `split of ${partition} asked of ${asked.zone}`);
  const said = engine.splitPartition(partition).then(String, String);
  void said.then((words) => {
    world.note('WORLD', `split of ${partition}: ${words}`);
    return words;
  });
}

/** The partitions that a key was in, the one that has it now first. */
export function partitionsOf(world: StreamWorld, key: string): readonly StreamPartition[] {
  const { layout } = world;
  const found = [world.partition(layout.partitionOfHash(hashOf(keyBytes(key))))];
  for (;;) {
    const [, parent] = parentOf(world, present(found.at(-1), 'a partition').number) ?? [];
    if (parent === undefined) return found;
    found.push(parent);
  }
}

function parentOf(
  { partitions }: StreamWorld,
  child: number,
): readonly [index: number, parent: StreamPartition] | undefined {
  for (const parent of partitions) {
    const split = parent.truth.splits.find((each) => each.child === child);
    if (split !== undefined) return [split.index, parent];
  }
  return undefined;
}

/** What stands at a key, as the streams say: a child's log says nothing of what it did not change. */
export function valueAt(world: StreamWorld, key: string): string | undefined {
  for (const { truth } of partitionsOf(world, key)) {
    const said = truth.lastOf(key);
    if (said !== undefined) return said.value;
  }
  return undefined;
}
