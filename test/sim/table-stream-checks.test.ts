import { expect, test } from 'vitest';

import { hybridTimeOf } from '../../src/clock/hybrid-time.ts';
import type { Shard, StreamOfTable, StreamRecord } from '../../src/streams/table-streams.ts';
import { checkTableStream, tellsAll } from './checkers/table-stream-checks.ts';
import { Chronicle } from './chronicle.ts';
import { attributesOf, DEFINITION } from './client-item.ts';

const startedMs = 1_800_000_000_000;

const START = {
  logId: 'log',
  epoch: 1,
  index: 3,
  checksum: 0,
  partitionTime: hybridTimeOf(startedMs),
};

const STREAM: StreamOfTable = {
  arn: 'arn',
  tableName: 'main',
  table: 1,
  tableId: 'id',
  keySchema: DEFINITION.keySchema,
  stream: { label: 'label', view: 'NEW_AND_OLD_IMAGES', shardMs: 3_600_000, starts: [START] },
  status: 'ENABLED',
};

/** Era 0 is the parent's, eras 1 and 2 follow it. */
const shard = (era: number): Shard => ({
  id: `shard-${era}`,
  parentId: era === 0 ? undefined : 'shard-0',
  first: '0',
  last: undefined,
  place: { partition: 0, era, span: 0 },
});

/** The key goes from `before` to `after`. */
const recordOf = (key: string, before: string | undefined, after: string): StreamRecord => {
  const { id } = attributesOf(key, after, 0);
  return {
    sequenceNumber: after,
    sizeBytes: 1,
    writtenAtMs: startedMs,
    json: JSON.stringify({
      eventID: `${key} ${after}`,
      eventName: before === undefined ? 'INSERT' : 'MODIFY',
      dynamodb: {
        Keys: { id },
        NewImage: attributesOf(key, after, 0),
        ...(before !== undefined && { OldImage: attributesOf(key, before, 0) }),
      },
    }),
  };
};

/** What the checker says of a stream whose shards tell this, by era. `readsWhole`: for how many reads it has all of it. */
async function problemsOf(
  told: readonly (readonly StreamRecord[])[],
  content: Readonly<Record<string, string>>,
  { readsWhole, trimmed }: { readonly readsWhole: number; readonly trimmed: typeof told },
): Promise<readonly string[]> {
  const chronicle = new Chronicle();
  let reads = 0;
  await checkTableStream(chronicle, {
    where: 'main',
    table: { number: 1, definition: DEFINITION },
    streams: {
      list: () => [STREAM],
      shards: async () => told.map((_, era) => shard(era)),
      read: async (_stream, { era }) => {
        reads += 1;
        const records = (reads > readsWhole ? trimmed : told)[era] ?? [];
        return { records, next: undefined, isAtEnd: true };
      },
    },
    content: new Map(Object.entries(content).map(([key, value]) => [key, { value }])),
    isWhole: () => reads < readsWhole,
    ended: new Map(),
  });
  return chronicle.violations.map(({ message }) => message);
}

const TOLD = [
  [recordOf('a', undefined, '1'), recordOf('b', undefined, '2')],
  [recordOf('a', '1', '3'), recordOf('a', '3', '4')],
  [recordOf('b', '2', '5')],
];
const CONTENT = { a: '4', b: '5' };
/** What is left of the children's logs goes on from what the parent does not tell. */
const TRIMMED = [TOLD[0] ?? [], [recordOf('a', '3', '4')], []];

test('a stream that tells all is the table, from its beginning on', async () => {
  expect(await problemsOf(TOLD, CONTENT, { readsWhole: Infinity, trimmed: [] })).toEqual([]);
});

test('a record that is lost is a problem, and so is a key that a whole stream does not tell of', async () => {
  const whole = { readsWhole: Infinity, trimmed: [] };
  const gap = [TOLD[0] ?? [], [recordOf('a', '3', '4')], TOLD[2] ?? []];
  expect(await problemsOf(gap, CONTENT, whole)).toEqual([
    expect.stringContaining('main: {"id":{"S":"a"}} goes on from'),
  ]);
  expect(await problemsOf(TOLD, { ...CONTENT, c: '6' }, whole)).toEqual([
    expect.stringContaining('main: its stream says nothing of c'),
  ]);
});

test('logs that are trimmed while the stream is read leave no gap in what is asked of it', async () => {
  expect(await problemsOf(TOLD, CONTENT, { readsWhole: 1, trimmed: TRIMMED })).toEqual([]);
  expect(await problemsOf(TOLD, CONTENT, { readsWhole: 0, trimmed: TRIMMED })).toEqual([]);
});

test('a gap within one shard is a problem also of a stream that was trimmed', async () => {
  const trimmed = [[], [recordOf('a', '1', '2'), recordOf('a', '3', '4')], []];
  expect(await problemsOf(TOLD, CONTENT, { readsWhole: 1, trimmed })).toEqual([
    expect.stringContaining('main: {"id":{"S":"a"}} goes on from'),
  ]);
});

test('a stream tells all while its logs have it and nothing of it is too old', () => {
  const { stream } = STREAM;
  const logs = [
    { number: 0, first: 4 },
    { number: 1, first: 1 },
  ];
  expect(tellsAll(stream, { logs, oldestMs: startedMs })).toBe(true);
  expect(tellsAll(stream, { logs, oldestMs: startedMs + 1 })).toBe(false);
  expect(tellsAll(stream, { logs: [{ number: 0, first: 5 }], oldestMs: 0 })).toBe(false);
  expect(tellsAll(stream, { logs: [{ number: 1, first: 2 }], oldestMs: 0 })).toBe(false);
});
