import { ClientError } from '../../../src/model/errors.ts';
import type { Shard, ShardPosition, StreamOfTable } from '../../../src/streams/table-streams.ts';
import type { World } from '../world.ts';
import { contentOf, type Holder, holdersOf } from './state-checks.ts';
import { keyText } from '../truth.ts';
import { encodeItemKey } from '../../../src/model/item-key.ts';
import type { AttributeMap } from '../../../src/model/attribute-value.ts';
import { valueOf } from '../client-item.ts';

const BOUNDS = { recordsMax: 3, bytesMax: 1 << 20, metadata: false };

interface WireRecord {
  readonly eventName: string;
  readonly dynamodb: {
    readonly Keys: AttributeMap;
    readonly NewImage?: AttributeMap;
    readonly OldImage?: AttributeMap;
  };
}

interface Told extends WireRecord {
  readonly sequence: string;
}

/**
 * What the stream of a replica tells, in its own order, is what became of the replica: each record goes on from the one
 * before of the same item, no sequence number comes twice, and all of them together are the items that stand.
 */
export async function checkTableStreams(world: World, name: string): Promise<void> {
  for (const holder of holdersOf(world, name)) {
    const { streams } = holder.running.engine.region;
    const stream = streams
      .list()
      .find(({ table, status }) => table === holder.table.number && status === 'ENABLED');
    if (stream === undefined) {
      world.violate('stream', `${name} in ${holder.region.name} has no stream`);
      continue;
    }
    const told = await allTold(holder, stream);
    const items = checkChains(world, `${name} in ${holder.region.name}`, told);
    await checkFold(world, holder, { stream, items });
    world.count('stream checked');
  }
}

/** From the oldest that is kept, parents before children. */
async function allTold(holder: Holder, stream: StreamOfTable): Promise<readonly Told[]> {
  const { streams } = holder.running.engine.region;
  const told: Told[] = [];
  for (const shard of await streams.shards(stream))
    told.push(...(await toldOf(holder, stream, shard)));
  return told;
}

async function toldOf(
  { running }: Holder,
  stream: StreamOfTable,
  { place }: Shard,
): Promise<readonly Told[]> {
  const { streams } = running.engine.region;
  const told: Told[] = [];
  let position: ShardPosition = { kind: 'horizon' };
  for (;;) {
    try {
      const { records, next, isAtEnd } = await streams.read(stream, place, position, BOUNDS);
      for (const { json, sequenceNumber } of records) {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what streams tell
        told.push({ ...(JSON.parse(json) as WireRecord), sequence: sequenceNumber });
      }
      if (next === undefined || isAtEnd) return told;
      position = next;
    } catch (error) {
      // The log moves on under the reader where it is kept for seconds: it begins anew with what is left.
      if (!(error instanceof ClientError) || error.code !== 'TrimmedDataAccessException')
        throw error;
      told.length = 0;
      position = { kind: 'horizon' };
    }
  }
}

/** The last image of each item that is told of; undefined of one that is gone. */
function checkChains(
  world: World,
  where: string,
  told: readonly Told[],
): ReadonlyMap<string, AttributeMap | undefined> {
  const items = new Map<string, AttributeMap | undefined>();
  const sequences = new Set<string>();
  for (const { eventName, dynamodb, sequence } of told) {
    const { Keys: keys, NewImage: after, OldImage: before } = dynamodb;
    const key = JSON.stringify(keys);
    if (sequences.has(sequence)) world.violate('stream', `${where}: ${sequence} comes twice`);
    sequences.add(sequence);
    const expected = after === undefined ? 'REMOVE' : before === undefined ? 'INSERT' : 'MODIFY';
    if (eventName !== expected)
      world.violate('stream', `${where}: ${eventName} of ${key}, not ${expected}`);
    if (items.has(key) && JSON.stringify(items.get(key)) !== JSON.stringify(before))
      world.violate(
        'stream',
        `${where}: ${key} goes on from ${JSON.stringify(before)}, not ${JSON.stringify(items.get(key))}`,
      );
    items.set(key, after);
  }
  return items;
}

async function checkFold(
  world: World,
  { region, running, table }: Holder,
  {
    stream,
    items,
  }: {
    readonly stream: StreamOfTable;
    readonly items: ReadonlyMap<string, AttributeMap | undefined>;
  },
): Promise<void> {
  const content = await contentOf(running, table.number);
  const where = `${table.name} in ${region.name}`;
  const seen = new Set<string>();
  for (const [keys, item] of items) {
    const key = keyText(encodeItemKey(table.definition.keySchema, keyMapOf(keys)));
    seen.add(key);
    const value = item && valueOf(Buffer.from(JSON.stringify(item)));
    const found = content.get(key)?.value;
    if (found !== value)
      world.violate(
        'stream',
        `${where}: ${key} is ${found ?? 'nothing'}, and its stream, folded, ${value ?? 'nothing'}`,
      );
  }
  const { partitions } = running.engine.core;
  const isKept = world.options.retentionMs > world.clock.monotonicMs();
  const isWhole = partitions.every(
    ({ number, first }) => first <= (stream.stream.starts[number]?.index ?? 0) + 1,
  );
  if (!isKept || !isWhole) return;
  world.count('whole stream checked');
  for (const key of content.keys())
    if (!seen.has(key)) world.violate('stream', `${where}: its stream says nothing of ${key}`);
}

const keyMapOf = (keys: string): AttributeMap =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what streams tell
  JSON.parse(keys) as AttributeMap;
