import { expect, test } from 'vitest';

import { AssertionError } from '../../src/base/assert.ts';
import type { ItemRecord } from '../../src/model/record.ts';
import { decodeRecords } from '../../src/model/record-codec.ts';
import { AppendPipeline, type PipelineOwner } from '../../src/partition/append-pipeline.ts';
import { CommitGate, gateWaitMs } from '../../src/partition/commit-gate.ts';
import { MemoryLog } from '../support/memory-log.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

function pipelineOf(committed: PipelineOwner['committed']): {
  readonly pipeline: AppendPipeline;
  readonly clock: VirtualClock;
} {
  const clock = new VirtualClock();
  const owner = { committed, committedIndex: () => 0, lost: () => {}, failed: () => {} };
  return { pipeline: new AppendPipeline(new MemoryLog(clock), clock, owner), clock };
}

test('a pipeline that has ended by a fault says why, and takes nothing more', async () => {
  const fault = new AssertionError('what was committed cannot be kept');
  const { pipeline, clock } = pipelineOf(() => {
    throw fault;
  });
  const opened = pipeline.open(1, 'log-1').durable;
  await expect(clock.runUntilSettled(opened)).rejects.toThrow('Internal server error');
  expect(pipeline.failure).toBe(fault);
  expect(pipeline.available).toBe(false);
});

test('a pipeline that was stopped has not failed', async () => {
  const { pipeline, clock } = pipelineOf(() => {});
  await clock.runUntilSettled(pipeline.open(1, 'log-1').durable);
  pipeline.stop();
  expect(pipeline.failure).toBeUndefined();
});

const record = (at: number, imageBytes = 100): ItemRecord => ({
  table: 1,
  key: Buffer.from(`key ${at}`),
  version: { time: at + 1, region: 'r' },
  replaced: undefined,
  image: new Uint8Array(imageBytes),
  keepsTombstone: false,
  itemBytes: imageBytes,
  previous: { kind: 'none' },
  cause: 'user',
});

/** A pipeline that was opened, with a gate that has seen sixteen writers at once. */
async function gatedPipeline() {
  const clock = new VirtualClock();
  const gate = new CommitGate(clock);
  const log = new MemoryLog(clock);
  const owner: PipelineOwner = {
    gate,
    committed: () => {},
    committedIndex: () => log.end.index,
    lost: () => {},
    failed: () => {},
  };
  const pipeline = new AppendPipeline(log, clock, owner);
  await clock.runUntilSettled(pipeline.open(1, 'log-1').durable);
  const entries = (): readonly number[] =>
    log.entries
      .filter(({ kind }) => kind === 'records')
      .map(({ payload }) => decodeRecords(payload).length);
  const write = (at: number, isGated = true) =>
    pipeline.append(record(at), String(at), at + 1, isGated);
  const last = Array.from({ length: 16 }, (_, at) => write(at)).at(-1);
  await clock.runUntilSettled(last?.durable ?? Promise.resolve());
  expect(entries()).toEqual([16]);
  return { pipeline, clock, log, entries, write };
}

test('writers that come one after the other share an entry', async () => {
  const { clock, entries, write } = await gatedPipeline();
  for (let at = 16; at < 30; at += 1) {
    write(at);
    await clock.settle();
  }
  await clock.advance(5);
  expect(entries()).toEqual([16, 14]);
});

test('what waits for nobody takes along who waits at the gate', async () => {
  const { clock, entries, write } = await gatedPipeline();
  write(16);
  await clock.settle();
  const sinceMs = clock.monotonicMs();
  await clock.runUntilSettled(write(17, false).durable);
  expect(clock.monotonicMs() - sinceMs).toBeLessThanOrEqual(1);
  expect(entries()).toEqual([16, 2]);
});

test('a full entry waits for nobody', async () => {
  const { pipeline, clock, log, write } = await gatedPipeline();
  log.delayMs = 0;
  const large = (at: number) => pipeline.append(record(at, 200 * 1024), String(at), at + 1, true);
  const [first, second] = [large(16), large(17)];
  await clock.settle();
  await first.durable;
  expect(second).not.toBe(first);
  write(18);
  await clock.advance(gateWaitMs);
  expect(second.done).toBe(true);
});

test('a gate is left as it was by appends that were lost', async () => {
  const { pipeline, clock, log, entries, write } = await gatedPipeline();
  log.fate = ({ kind }) => (kind === 'records' ? 'unknown-lost' : 'durable');
  const lost = Array.from({ length: 16 }, (_, at) => write(16 + at)).at(-1);
  await expect(clock.runUntilSettled(lost?.durable ?? Promise.resolve())).rejects.toThrow(
    'Internal server error',
  );
  log.fate = () => 'durable';
  await clock.advance(100);
  for (let round = 0; round < 3; round += 1) {
    for (let at = 0; at < 16; at += 1) write(32 + round * 16 + at);
    await clock.settle();
    expect(pipeline.sent).toBeDefined();
    await clock.advance(2);
    expect(pipeline.idle).toBe(true);
  }
  expect(entries()).toEqual([16, 16, 16, 16]);
});
