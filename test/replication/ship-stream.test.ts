import { expect, test } from 'vitest';

import { HybridClock } from '../../src/clock/hybrid-clock.ts';
import { EMPTY_END } from '../../src/log/chain.ts';
import type { LogEnd } from '../../src/log/entry.ts';
import { BATCH_BYTES_MAX, type Batch } from '../../src/replication/batch.ts';
import {
  EMPTY_RANGE_MS,
  SHIP_WINDOW,
  ShipStream,
  type StreamEnd,
} from '../../src/replication/ship-stream.ts';
import type { Stand } from '../../src/replication/wire.ts';
import { emptyDisk, MemoryPartition } from '../support/memory-partition.ts';
import { keyOf, MemoryTables } from '../support/replication-world.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const TABLE = 5;

/** A stream to a peer that answers when the test says so. */
function streamTo(answer: (batch: Batch) => Promise<Stand>, clock = new VirtualClock()) {
  const hybrid = new HybridClock({ believedMs: () => clock.wallMs() });
  const partition = new MemoryPartition({
    number: 0,
    region: 'a',
    now: () => hybrid.now(),
    clock,
    disk: emptyDisk('log'),
  });
  const sent: Batch[] = [];
  const acknowledged: LogEnd[] = [];
  const stream = new ShipStream({
    partition,
    region: 'a',
    peer: 'b',
    tables: new MemoryTables(TABLE, ['a', 'b']),
    clock,
    nowMs: () => hybrid.nowMs(),
    from: EMPTY_END,
    logs: 1,
    ship: async (batch) => {
      sent.push(batch);
      return answer(batch);
    },
    onAcknowledged: (applied) => acknowledged.push(applied),
  });
  return { clock, partition, sent, acknowledged, stream };
}

const at = (end: LogEnd): Stand => ({ applied: end, durable: end, waitsFor: undefined });

test('a peer that does not answer costs a window of bounded batches, whatever is written', async () => {
  const waiting: ((stand: Stand) => void)[] = [];
  const { clock, partition, sent, stream } = streamTo(
    async () => new Promise((resolve) => waiting.push(resolve)),
  );
  const ended = stream.run();
  for (let count = 0; count < 200; count += 1) {
    partition.put(TABLE, keyOf(`k${count}`), new Uint8Array(50_000));
  }
  await clock.advance(1000);
  expect(sent).toHaveLength(SHIP_WINDOW);
  for (const batch of sent) {
    const bytes = batch.records.reduce((sum, { image }) => sum + (image?.length ?? 0), 0);
    expect(bytes).toBeLessThanOrEqual(BATCH_BYTES_MAX);
  }
  for (const [number, batch] of sent.entries()) waiting[number]?.(at(batch.to));
  await clock.advance(10);
  expect(sent).toHaveLength(2 * SHIP_WINDOW);
  stream.close();
  for (const [number, batch] of sent.entries()) waiting[number]?.(at(batch.to));
  expect(await ended).toEqual({ kind: 'closed' });
});

test('a stream ends before a split that makes a log of which the peer does not know', async () => {
  const { clock, partition, sent, acknowledged, stream } = streamTo(async (batch) => at(batch.to));
  partition.put(TABLE, keyOf('before'), new Uint8Array(10));
  partition.split(1);
  partition.put(TABLE, keyOf('behind'), new Uint8Array(10));
  const ended = stream.run();
  await clock.advance(10_000);
  expect(await ended).toEqual({ kind: 'split', child: 1 });
  expect(sent.map(({ from, to }) => [from.index, to.index])).toEqual([[0, 1]]);
  expect(acknowledged.at(-1)?.index).toBe(1);
});

test('a split whose log the peer knows of is shipped as anything else', async () => {
  const { clock, partition, sent, stream } = streamTo(async (batch) => at(batch.to));
  partition.split(0);
  partition.put(TABLE, keyOf('behind'), new Uint8Array(10));
  const ended = stream.run();
  await clock.advance(1000);
  expect(sent.at(-1)?.to.index).toBe(2);
  stream.close();
  expect(await ended).toEqual({ kind: 'closed' });
});

test('a record larger than a batch goes alone', async () => {
  const { clock, partition, sent, stream } = streamTo(async (batch) => at(batch.to));
  partition.put(TABLE, keyOf('small'), new Uint8Array(10));
  partition.put(TABLE, keyOf('large'), new Uint8Array(400_000));
  partition.put(TABLE, keyOf('small too'), new Uint8Array(10));
  const ended = stream.run();
  await clock.advance(10);
  expect(sent.map(({ records }) => records.length)).toEqual([1, 1, 1]);
  stream.close();
  await ended;
});

test('ranges without records wait for company, and an idle stream says nothing for seconds', async () => {
  const { clock, partition, sent, acknowledged, stream } = streamTo(async (batch) => at(batch.to));
  const ended = stream.run();
  for (let count = 0; count < 30; count += 1) {
    await partition.advanceTime();
    await clock.advance(1);
  }
  expect(sent).toEqual([]);
  await clock.advance(EMPTY_RANGE_MS);
  expect(sent.map(({ from, to }) => [from.index, to.index])).toEqual([[0, 30]]);
  expect(acknowledged.at(-1)?.index).toBe(30);
  await clock.advance(4000);
  expect(sent).toHaveLength(1);
  stream.close();
  await ended;
});

test('a busy log without records for the peer is told of all the same', async () => {
  const { clock, partition, sent, stream } = streamTo(async (batch) => at(batch.to));
  const ended = stream.run();
  for (let count = 0; count < 100; count += 1) {
    await partition.advanceTime();
    await clock.advance(10);
  }
  expect(sent.length).toBeGreaterThanOrEqual(4);
  expect(sent.length).toBeLessThanOrEqual(6);
  stream.close();
  await ended;
});

test.each<[string, Stand | Error, StreamEnd['kind']]>([
  ['stands elsewhere', at({ ...EMPTY_END, logId: 'other' }), 'refused'],
  ['has no position', { applied: undefined, durable: undefined, waitsFor: undefined }, 'refused'],
  ['claims what was never sent', at({ ...EMPTY_END, index: 99 }), 'refused'],
  ['waits for a table', { ...at(EMPTY_END), waitsFor: 't' }, 'waits'],
  ['cannot be reached', new Error('lost'), 'lost'],
])('a peer that %s ends the stream', async (_, answer, kind) => {
  const { clock, partition, acknowledged, stream } = streamTo(async () => {
    if (answer instanceof Error) throw answer;
    return answer;
  });
  partition.put(TABLE, keyOf('x'), new Uint8Array(10));
  const end = await clock.runUntilSettled(stream.run());
  expect(end.kind).toBe(kind);
  expect(acknowledged).toEqual([]);
});

test('a stream whose next entry is trimmed away ends', async () => {
  const { clock, partition, stream } = streamTo(async (batch) => at(batch.to));
  for (let count = 0; count < 5; count += 1) await partition.advanceTime();
  partition.trim(2);
  const end = await clock.runUntilSettled(stream.run());
  expect(end).toMatchObject({ kind: 'lost', error: { code: 'trimmed' } });
});
