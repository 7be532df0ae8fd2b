import { expect, test } from 'vitest';

import { CallRates } from '../../src/api/call-rates.ts';
import type { Call, OperationContext } from '../../src/api/operation.ts';
import {
  getRecordsOperation,
  SHARD_READS_PER_SECOND,
} from '../../src/api/operations/get-records.ts';
import { encodeShardIterator, SHARD_ITERATOR_MS } from '../../src/api/shard-iterator.ts';
import { ExpressionCompiler } from '../../src/expression/expression-compiler.ts';
import { StatementParser } from '../../src/partiql/statement-parser.ts';
import type {
  ReadBounds,
  ShardPlace,
  ShardPosition,
  StreamOfTable,
} from '../../src/streams/table-streams.ts';
import { startMemoryApi, SIGNED_HEADERS } from '../support/memory-api.ts';
import { MemoryRegion } from '../support/memory-region.ts';
import { NO_STREAMS } from '../support/no-streams.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const STREAM: StreamOfTable = {
  arn: 'arn:aws:dynamodb:us-east-1:000000000000:table/Things/stream/2026-01-01T00:00:00.000',
  tableName: 'Things',
  table: 1,
  tableId: 'id',
  keySchema: { partition: { name: 'id', type: 'S' }, sort: undefined },
  stream: { label: '2026-01-01T00:00:00.000', view: 'KEYS_ONLY', shardMs: 1, starts: [] },
  status: 'ENABLED',
};

const PLACE = { partition: 3, era: 1, span: 2 };

interface Asked {
  readonly place: ShardPlace;
  readonly position: ShardPosition;
  readonly bounds: ReadBounds;
}

/** One stream, whose shards tell nothing; what it was asked for. */
class World {
  readonly clock = new VirtualClock();
  readonly region = new MemoryRegion();
  readonly asked: Asked[] = [];
  readonly context: OperationContext;

  constructor() {
    this.region.streams = {
      ...NO_STREAMS,
      find: (arn) => (arn === STREAM.arn ? STREAM : undefined),
      read: async (_stream, place, position, bounds) => {
        this.asked.push({ place, position, bounds });
        return { records: [], next: position, isAtEnd: true };
      },
    };
    this.context = {
      region: this.region,
      clock: this.clock,
      expressions: new ExpressionCompiler(),
      statements: new StatementParser(),
      shardReads: new CallRates(this.clock, SHARD_READS_PER_SECOND),
    };
  }

  iterator(position: ShardPosition): string {
    return encodeShardIterator(STREAM, { place: PLACE, position, madeAtMs: this.clock.wallMs() });
  }

  async get(input: object, headers: Call['headers'] = {}): Promise<unknown> {
    const answer = await getRecordsOperation.run(
      this.context,
      { ...input },
      { host: undefined, headers },
    );
    return JSON.parse(String(answer)) as unknown;
  }
}

test('an iterator keeps its place, and the next one is as good for as long again', async () => {
  const world = new World();
  const position = { kind: 'after', sequenceNumber: '1'.repeat(36) } as const;
  const ShardIterator = world.iterator(position);
  await world.clock.advance(SHARD_ITERATOR_MS);
  const answer = await world.get({ ShardIterator, Limit: 7 });
  expect(world.asked).toEqual([
    { place: PLACE, position, bounds: { recordsMax: 7, bytesMax: 1024 * 1024, metadata: false } },
  ]);
  expect(answer).toEqual({ Records: [], NextShardIterator: world.iterator(position) });
  await world.clock.advance(1);
  await expect(world.get({ ShardIterator })).rejects.toMatchObject({
    code: 'ExpiredIteratorException',
    status: 400,
  });
});

test('where records come from is asked for by a header', async () => {
  const world = new World();
  const ShardIterator = world.iterator({ kind: 'horizon' });
  await world.get({ ShardIterator }, { 'x-tidemark-stream-metadata': '1' });
  await world.get({ ShardIterator }, { 'x-tidemark-stream-metadata': '0' });
  expect(world.asked.map(({ bounds }) => bounds.metadata)).toEqual([true, false]);
});

test('a shard that is read too often is not read for a while', async () => {
  const world = new World();
  const ShardIterator = world.iterator({ kind: 'horizon' });
  for (let read = 0; read < SHARD_READS_PER_SECOND; read += 1) await world.get({ ShardIterator });
  await expect(world.get({ ShardIterator })).rejects.toMatchObject({
    code: 'LimitExceededException',
    status: 400,
  });
  await world.clock.advance(10);
  expect(await world.get({ ShardIterator })).toMatchObject({ Records: [] });
});

test('an iterator of a stream that is gone names nothing', async () => {
  const world = new World();
  const gone = { ...STREAM, arn: STREAM.arn.replace('2026', '2025') };
  const ShardIterator = encodeShardIterator(gone, {
    place: PLACE,
    position: { kind: 'horizon' },
    madeAtMs: world.clock.wallMs(),
  });
  await expect(world.get({ ShardIterator })).rejects.toMatchObject({
    code: 'ResourceNotFoundException',
  });
});

test('the operations of each service are asked for by its own name', async () => {
  const api = await startMemoryApi();
  const statusOf = async (target: string): Promise<number> => {
    const headers = { ...SIGNED_HEADERS, 'x-amz-target': target };
    return (await api.send({ headers, body: '{}' })).status;
  };
  expect(await statusOf('DynamoDBStreams_20120810.ListStreams')).toBe(200);
  expect(await statusOf('DynamoDB_20120810.ListStreams')).toBe(400);
  expect(await statusOf('DynamoDBStreams_20120810.ListTables')).toBe(400);
  expect(await statusOf('DynamoDB_20120810.ListTables')).toBe(200);
  await api.stop();
});
