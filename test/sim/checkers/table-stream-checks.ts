import { ClientError } from '../../../src/model/errors.ts';
import { hybridTimeOf } from '../../../src/clock/hybrid-time.ts';
import type { Table, TableStream } from '../../../src/model/table.ts';
import type {
  Shard,
  ShardPosition,
  ShardRead,
  StreamOfTable,
  TableStreams,
} from '../../../src/streams/table-streams.ts';
import type { Chronicle } from '../chronicle.ts';
import type { World } from '../world.ts';
import { contentOf, holdersOf } from './state-checks.ts';
import { keyText } from '../truth.ts';
import { encodeItemKey } from '../../../src/model/item-key.ts';
import type { AttributeMap } from '../../../src/model/attribute-value.ts';
import { valueOf } from '../client-item.ts';

const triesMax = 10;
const retryMs = 500;

const BOUNDS = { recordsMax: 3, bytesMax: 1 << 20, metadata: false };

interface WireRecord {
  readonly eventID: string;
  readonly eventName: string;
  readonly userIdentity?: { readonly type: string; readonly principalId: string };
  readonly dynamodb: {
    readonly Keys: AttributeMap;
    readonly NewImage?: AttributeMap;
    readonly OldImage?: AttributeMap;
  };
}

interface Told extends WireRecord {
  /** With its shard: in two shards the same number may stand, where two nodes have led their partitions. */
  readonly sequence: string;
}

/** What the checker asks of streams. */
type AskedStreams = Pick<TableStreams, 'list' | 'shards' | 'read'>;

/** A table with a stream, and what is known of both. */
export interface StreamedTable {
  readonly where: string;
  readonly table: Pick<Table, 'number' | 'definition'>;
  readonly streams: AskedStreams;
  readonly content: ReadonlyMap<string, { readonly value: string | undefined }>;
  /** Whether a stream still tells all that it ever did. See `tellsAll`. */
  readonly isWhole: (stream: StreamOfTable) => boolean;
  /** By values that ended, whether this region ended them itself. */
  readonly ended: ReadonlyMap<string, boolean>;
}

/**
 * What the stream of a replica tells, in its own order, is what became of the replica: each record goes on from the one
 * before of the same item, no event, and no sequence number of a shard, comes twice, and all of them together are the items that stand.
 */
export async function checkTableStreams(world: World, name: string): Promise<void> {
  for (const { region, running, table } of holdersOf(world, name)) {
    const { core } = running.engine;
    await checkTableStream(world, {
      where: `${name} in ${region.name}`,
      table,
      streams: running.engine.region.streams,
      content: await contentOf(running, table.number),
      isWhole: ({ stream }) =>
        tellsAll(stream, {
          logs: core.partitions,
          oldestMs: running.life.wallMs() - world.options.retentionMs,
        }),
      ended: endedIn(world, region.name),
    });
  }
}

/**
 * Whether a stream tells from its beginning on. A log that still has all of it does not suffice: what is older than `oldestMs`, by
 * the wall clock of the process that is asked, is not told, however long the log is kept for others.
 */
export function tellsAll(
  { starts }: Pick<TableStream, 'starts'>,
  {
    logs,
    oldestMs,
  }: {
    readonly logs: readonly { readonly number: number; readonly first: number }[];
    readonly oldestMs: number;
  },
): boolean {
  const oldest = hybridTimeOf(oldestMs);
  return (
    starts.every(({ partitionTime }) => partitionTime >= oldest) &&
    logs.every(({ number, first }) => first <= (starts[number]?.index ?? 0) + 1)
  );
}

const nameOf = (key: string, time: number, origin: string): string => `${key} ${time} ${origin}`;

function endedIn(world: World, region: string): ReadonlyMap<string, boolean> {
  const { records } = world.truth(region);
  const values = new Map<string, string>();
  for (const { key, version, value } of records)
    if (value !== undefined) values.set(nameOf(key, version.time, version.region), value);
  const ended = new Map<string, boolean>();
  for (const { key, version, isExpiry } of records) {
    if (!version.region.endsWith('!')) continue;
    const value = values.get(nameOf(key, version.time, version.region.slice(0, -1)));
    if (value !== undefined) ended.set(value, ended.get(value) === true || isExpiry);
  }
  return ended;
}

/** See `checkTableStreams`. What expired here, and nothing else, says that the service has deleted it. */
export async function checkTableStream(world: Chronicle, streamed: StreamedTable): Promise<void> {
  const { where, streams, table, ended } = streamed;
  const stream = streams
    .list()
    .find(({ table: number, status }) => number === table.number && status === 'ENABLED');
  if (stream === undefined) {
    world.violate('stream', `${where} has no stream`);
    return;
  }
  const { told, isWhole } = await toldNow(world, streamed, stream);
  const items = checkChains(world, where, told);
  checkFold(world, streamed, { items, isWhole });
  for (const { dynamodb, userIdentity } of told) {
    const { OldImage: before, NewImage: after } = dynamodb;
    const value = after === undefined && before !== undefined ? valueIn(before) : undefined;
    if (value === undefined || !value.includes('@') || !ended.has(value)) continue;
    world.count('expiry told');
    if ((userIdentity !== undefined) !== ended.get(value))
      world.violate(
        'stream',
        `${where}: ${value} ${ended.get(value) === true ? 'expired' : 'was deleted'}, and is told otherwise`,
      );
  }
}

/** What a stream tells from the oldest that is kept on, parents before children; `isWhole`: that is all that it ever told. */
async function toldNow(
  world: Chronicle,
  { streams, isWhole }: StreamedTable,
  stream: StreamOfTable,
): Promise<{ readonly told: readonly Told[]; readonly isWhole: boolean }> {
  const shards = await answered(world, async () => streams.shards(stream));
  const toldOfAll = async (each: readonly Shard[]): Promise<readonly Told[]> => {
    const told: Told[] = [];
    for (const shard of each) told.push(...(await toldOf(world, { streams, stream, shard })));
    return told;
  };
  if (isWhole(stream)) {
    const told = await toldOfAll(shards);
    // A world at rest still trims: a zone that comes back late may have held back every log until now.
    if (isWhole(stream)) return { told, isWhole: true };
  }
  // What is gone of a child's log is missing between what its parent tells and what it does.
  const parents = new Set(shards.map(({ parentId }) => parentId));
  const told = await toldOfAll(shards.filter(({ id }) => !parents.has(id)));
  return { told, isWhole: false };
}

/** As a client asks again that was told that the service failed. */
async function answered<T>({ clock }: Chronicle, ask: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof ClientError) || error.status < 500 || tries >= triesMax) throw error;
    }
    await clock.sleep(retryMs);
  }
}

async function toldOf(
  world: Chronicle,
  {
    streams,
    stream,
    shard: { id, place },
  }: {
    readonly streams: AskedStreams;
    readonly stream: StreamOfTable;
    readonly shard: Shard;
  },
): Promise<readonly Told[]> {
  const told: Told[] = [];
  let position: ShardPosition = { kind: 'horizon' };
  for (;;) {
    try {
      const from: ShardPosition = position;
      const { records, next, isAtEnd }: ShardRead = await answered(world, async () =>
        streams.read(stream, place, from, BOUNDS),
      );
      for (const { json, sequenceNumber } of records) {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what streams tell
        told.push({ ...(JSON.parse(json) as WireRecord), sequence: `${id} ${sequenceNumber}` });
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
  world: Chronicle,
  where: string,
  told: readonly Told[],
): ReadonlyMap<string, AttributeMap | undefined> {
  const items = new Map<string, AttributeMap | undefined>();
  const known = new Set<string>();
  for (const { eventID, eventName, dynamodb, sequence } of told) {
    const { Keys: keys, NewImage: after, OldImage: before } = dynamodb;
    const key = JSON.stringify(keys);
    for (const name of [eventID, sequence]) {
      if (known.has(name)) world.violate('stream', `${where}: ${name} comes twice`);
      known.add(name);
    }
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

function checkFold(
  world: Chronicle,
  { where, table, content }: StreamedTable,
  {
    items,
    isWhole,
  }: {
    readonly items: ReadonlyMap<string, AttributeMap | undefined>;
    readonly isWhole: boolean;
  },
): void {
  const seen = new Set<string>();
  for (const [keys, item] of items) {
    const key = keyText(encodeItemKey(table.definition.keySchema, keyMapOf(keys)));
    seen.add(key);
    const value = item && valueIn(item);
    const found = content.get(key)?.value;
    if (found !== value)
      world.violate(
        'stream',
        `${where}: ${key} is ${found ?? 'nothing'}, and its stream, folded, ${value ?? 'nothing'}`,
      );
  }
  world.count('stream checked');
  if (!isWhole) return;
  world.count('whole stream checked');
  for (const key of content.keys())
    if (!seen.has(key)) world.violate('stream', `${where}: its stream says nothing of ${key}`);
}

const valueIn = (item: AttributeMap): string | undefined =>
  valueOf(Buffer.from(JSON.stringify(item)));

const keyMapOf = (keys: string): AttributeMap =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what streams tell
  JSON.parse(keys) as AttributeMap;
