/**
 * Runs inside a daemon that is measured, before its own code, and answers over the channel of whoever started it. What
 * it costs is a timer a millisecond; a profile only while one is taken.
 */
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks';

/** What the event loop did since it was asked last. */
export interface LoopDelay {
  /**
   * By how much a timer of 1 ms was late at the most: the longest run without a break, to within that millisecond. It holds
   * what else the machine took the processor for.
   */
  readonly longestMs: number;
  /** The longest pause for collecting garbage, which is part of some run. */
  readonly longestPauseMs: number;
}

export type ProbeOrder =
  | { readonly kind: 'loop' }
  | { readonly kind: 'startProfile' }
  | { readonly kind: 'writeProfile'; readonly file: string };

export type ProbeReply =
  | { readonly kind: 'loop'; readonly delay: LoopDelay }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly reason: string };

const RESOLUTION_MS = 1;
const NANOSECONDS_PER_MS = 1e6;
const SAMPLE_US = 200;

const loop = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
loop.enable();

let longestPauseMs = 0;
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) longestPauseMs = Math.max(longestPauseMs, duration);
}).observe({ entryTypes: ['gc'] });

const session = new Session();

async function answer(order: ProbeOrder): Promise<ProbeReply> {
  if (order.kind === 'loop') return { kind: 'loop', delay: takeDelay() };
  if (order.kind === 'startProfile') await startProfile();
  else await writeProfile(order.file);
  return { kind: 'done' };
}

function takeDelay(): LoopDelay {
  const longestMs = Math.max(0, loop.max / NANOSECONDS_PER_MS - RESOLUTION_MS);
  const delay = { longestMs, longestPauseMs };
  loop.reset();
  longestPauseMs = 0;
  return delay;
}

async function startProfile(): Promise<void> {
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_US });
  await session.post('Profiler.start');
}

async function writeProfile(file: string): Promise<void> {
  const { profile } = await session.post('Profiler.stop');
  session.disconnect();
  writeFileSync(file, JSON.stringify(profile));
}

process.on('message', (order: ProbeOrder) => {
  answer(order)
    .catch((error: unknown): ProbeReply => ({ kind: 'failed', reason: String(error) }))
    .then((reply) => process.send?.(reply))
    .catch(() => {});
});
// It is the daemon's own to say when the process ends.
process.channel?.unref();
