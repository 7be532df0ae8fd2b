import { expect, test } from 'vitest';

import { ClientError } from '../../src/model/errors.ts';
import { dataTrimmed } from '../../src/streams/stream-errors.ts';
import type {
  ReadBounds,
  ShardPosition,
  ShardRead,
  StreamOfTable,
  StreamStatus,
  TableStreams,
} from '../../src/streams/table-streams.ts';
import { HORIZON } from '../../src/triggers/stream-source.ts';
import { TableStreamSource } from '../../src/triggers/table-stream-source.ts';

const PLACE = { partition: 3, era: 0, span: 2 };

const streamOf = (tableName: string, label: string, status: StreamStatus): StreamOfTable => ({
  arn: `arn:${tableName}/${label}`,
  tableName,
  table: 1,
  tableId: 'id',
  keySchema: { partition: { name: 'id', type: 'S' }, sort: undefined },
  stream: { label, view: 'NEW_IMAGE', shardMs: 1000, starts: [] },
  status,
});

/** Streams that answer what they are told to, and remember what they were asked. */
class ToldStreams implements TableStreams {
  readonly asked: (readonly [ShardPosition, ReadBounds])[] = [];
  all: readonly StreamOfTable[] = [
    streamOf('orders', 'first', 'DISABLED'),
    streamOf('orders', 'second', 'ENABLED'),
    streamOf('others', 'only', 'DISABLING'),
  ];
  answer: (position: ShardPosition) => ShardRead = () => ({
    records: [{ sequenceNumber: '7', sizeBytes: 1, writtenAtMs: 5, json: '{}' }],
    next: { kind: 'after', sequenceNumber: '8' },
    isAtEnd: true,
  });

  list(): readonly StreamOfTable[] {
    return this.all;
  }

  find(arn: string): StreamOfTable | undefined {
    return this.all.find((stream) => stream.arn === arn);
  }

  async shards() {
    return [
      { id: 'parent', parentId: undefined, first: '1', last: '4', place: { ...PLACE, span: 1 } },
      { id: 'child', parentId: 'parent', first: '5', last: undefined, place: PLACE },
    ];
  }

  async position() {
    return { place: PLACE, position: { kind: 'after', sequenceNumber: '6' } as const };
  }

  async read(...asked: Parameters<TableStreams['read']>): Promise<ShardRead> {
    const [, , position, bounds] = asked;
    this.asked.push([position, bounds]);
    return this.answer(position);
  }
}

const STREAM = 'arn:orders/second';
const CHILD = { streamArn: STREAM, shardId: 'child' };

test('the stream that a table has is the one that takes records', () => {
  const source = new TableStreamSource(new ToldStreams());
  expect(source.enabledStream('orders')).toBe(STREAM);
  expect(source.enabledStream('others')).toBeUndefined();
  expect(source.enabledStream('none')).toBeUndefined();
});

test('shards, ends and pages are told in the words of triggers', async () => {
  const streams = new ToldStreams();
  const source = new TableStreamSource(streams);
  expect(await source.shards(STREAM)).toEqual([
    { id: 'parent', parentId: undefined, isOpen: false },
    { id: 'child', parentId: 'parent', isOpen: true },
  ]);
  expect(await source.shards('arn:gone')).toBeUndefined();
  expect(await source.end(CHILD)).toBe('6');
  expect(await source.read(CHILD, HORIZON, { metadata: false })).toEqual({
    records: [{ json: '{}', sequenceNumber: '7', position: '7', createdMs: 5 }],
    next: '8',
    isAtEnd: true,
    isTrimmed: false,
  });
  await source.read(CHILD, '8', { metadata: true });
  expect(streams.asked).toEqual([
    [{ kind: 'horizon' }, { recordsMax: 1000, bytesMax: 1_048_576, metadata: false }],
    [
      { kind: 'after', sequenceNumber: '8' },
      { recordsMax: 1000, bytesMax: 1_048_576, metadata: true },
    ],
  ]);
});

test('the end of a closed shard has nothing next, a page without records may stand at the horizon', async () => {
  const streams = new ToldStreams();
  const source = new TableStreamSource(streams);
  streams.answer = () => ({ records: [], next: undefined, isAtEnd: true });
  expect((await source.read(CHILD, '8', { metadata: false })).next).toBeUndefined();
  streams.answer = () => ({ records: [], next: { kind: 'horizon' }, isAtEnd: true });
  expect((await source.read(CHILD, HORIZON, { metadata: false })).next).toBe(HORIZON);
});

test('where records are kept no more the page begins with the oldest that are, and says so', async () => {
  const streams = new ToldStreams();
  const source = new TableStreamSource(streams);
  const { answer } = streams;
  streams.answer = (position) => {
    if (position.kind === 'after') throw dataTrimmed();
    return answer(position);
  };
  expect(await source.read(CHILD, '2', { metadata: false })).toMatchObject({
    isTrimmed: true,
    next: '8',
  });
  streams.answer = () => {
    throw new ClientError('InternalServerError', 'no');
  };
  await expect(source.read(CHILD, '2', { metadata: false })).rejects.toThrow('no');
});

test('a shard or a stream that is gone rejects', async () => {
  const source = new TableStreamSource(new ToldStreams());
  const options = { metadata: false };
  await expect(source.read({ ...CHILD, shardId: 'x' }, '1', options)).rejects.toThrow('no shard x');
  await expect(source.read({ ...CHILD, streamArn: 'x' }, '1', options)).rejects.toThrow(
    'no stream x',
  );
});
