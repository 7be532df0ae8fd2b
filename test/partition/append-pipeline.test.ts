import { expect, test } from 'vitest';

import { AssertionError } from '../../src/base/assert.ts';
import { AppendPipeline, type PipelineOwner } from '../../src/partition/append-pipeline.ts';
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
