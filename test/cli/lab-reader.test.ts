import { expect, test } from 'vitest';

import { LabReader, readReplication, sumByPair } from '../../src/cli/lab-reader.ts';
import type { JsonObject, OperationsTarget } from '../../src/daemon/operations-target.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const METRIC = 'tidemark_replication_conflicts_total';

test('a counter is summed over its other labels', () => {
  const scrape = [
    `# HELP ${METRIC} by the target`,
    `${METRIC}{source="a",target="b",table="t",winner="b"} 2`,
    `${METRIC}{source="a",target="b",table="u",winner="c"} 3`,
    `${METRIC}{source="c",target="b",table="u",winner="b"} 1`,
    `${METRIC}_other{source="a",target="b"} 100`,
  ].join('\n');
  expect([...sumByPair([scrape, scrape], METRIC)]).toEqual([
    ['a -> b', 10],
    ['c -> b', 2],
  ]);
});

const peer = (change: JsonObject): JsonObject => ({ peers: [{ peer: 'b', ...change }] });

test.each<readonly [string, JsonObject, unknown]>([
  ['nothing shared', peer({ tables: [] }), { shipping: '', lagMs: undefined }],
  [
    'one table without contact',
    peer({ tables: [{ pending: { records: 1, ageMs: 5 } }, {}] }),
    { lagMs: undefined, pendingRecords: undefined },
  ],
  [
    'two tables',
    peer({
      tables: [{ pending: { records: 1, ageMs: 5 } }, { pending: { records: 2, ageMs: 3 } }],
    }),
    { lagMs: 5, pendingRecords: 3 },
  ],
  [
    'outboxes in several states',
    peer({
      outboxes: [
        { state: { kind: 'streaming' } },
        { state: { kind: 'RESYNC', reason: 'trimmed' } },
        { state: { kind: 'connecting' } },
      ],
    }),
    { shipping: 'RESYNC' },
  ],
  [
    'states as plain words',
    peer({ outboxes: [{ state: 'streaming' }] }),
    { shipping: 'streaming' },
  ],
  ['wrong shapes', peer({ outboxes: 7, tables: [null, 'x', { pending: { records: 'x' } }] }), {}],
])('%s is read', (_, json, expected) => {
  expect(readReplication(json).get('b')).toMatchObject(expected ?? {});
});

test.each<readonly [JsonObject]>([[{}], [{ peers: 'none' }], [{ peers: [7, { peer: 8 }] }]])(
  '%j has no peers',
  (json) => {
    expect(readReplication(json).size).toBe(0);
  },
);

const done = async (): Promise<void> => {};

/** A region that has shipped as many records as it is told. */
function operations(shipped: () => number): OperationsTarget {
  return {
    region: 'a',
    peers: () => ['b'],
    metrics: async () => ({
      contentType: 'text/plain',
      text: `tidemark_replication_shipped_records_total{source="a",target="b"} ${shipped()}\n`,
    }),
    health: () => ({ ok: true, reasons: [] }),
    readiness: () => ({ ok: false, reasons: ['stopped'] }),
    replication: () => ({ region: 'a', state: 'stopped' }),
    zones: () => [{ zone: 'a', state: 'stopped', logBytes: 7 }],
    links: () => [{ peer: 'b', up: false, delayMs: 7 }],
    setLink: () => {},
    stopRegion: done,
    startRegion: done,
    stopZone: done,
    startZone: done,
  };
}

test('a rate is what was shipped since the scrape before, also after the counter began anew', async () => {
  const clock = new VirtualClock();
  let shipped = 1000;
  const running = {
    name: 'a',
    endpoint: 'http://127.0.0.1:1',
    operationsEndpoint: 'http://127.0.0.1:2',
    operations: operations(() => shipped),
    stop: done,
  };
  const reader = new LabReader([running], clock);
  const rate = async (): Promise<number | undefined> =>
    (await reader.read()).pairs[0]?.recordsPerSecond;
  expect(await rate()).toBe(0);
  shipped = 1500;
  await clock.advance(2000);
  expect(await rate()).toBe(250);
  shipped = 30;
  await clock.advance(1000);
  expect(await rate()).toBe(30);
  expect((await reader.read()).regions).toEqual([
    {
      region: 'a',
      endpoint: 'http://127.0.0.1:1',
      running: false,
      ready: false,
      zones: [{ zone: 'a', state: 'stopped' }],
    },
  ]);
});
