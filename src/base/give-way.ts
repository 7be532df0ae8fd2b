import { yieldTo, type Clock } from './clock.ts';

/** What else is ready shows only in some turns of the event loop. */
const turns = 3;
/** Turns that are shorter on average do nothing for anybody else. */
const idleTurnMs = 0.2;
/** How long it rests, by the length of a turn. */
const restTurns = 20;

/** The longest rest: so that work which can wait ends, whatever else there is. */
export const REST_MS_MAX = 200;

/**
 * For work that can wait, between two pieces of it: gives way to whatever is ready, and rests the longer, the more that is, so that
 * clients have most of the event loop. Resolves early, without error, when `signal` aborts.
 */
export async function giveWay(clock: Clock, signal: AbortSignal): Promise<void> {
  const startedMs = clock.monotonicMs();
  for (let turn = 0; turn < turns; turn += 1) await yieldTo(clock);
  const turnMs = (clock.monotonicMs() - startedMs) / turns;
  if (turnMs > idleTurnMs) await clock.sleep(Math.min(REST_MS_MAX, turnMs * restTurns), signal);
}

/** What keeps others this long is no more than one long read does to another. */
const busyFromMs = 0.5;
/** How long a long read rests, by how long others were at work. */
const restTimes = 2;

/** How long a round of a long read waits for others at the most, and how long all rounds of a page do: so that it ends, whatever else there is. */
export const ROUND_REST_MS_MAX = 50;
export const PAGE_REST_MS_MAX = 200;

/**
 * For a long read, between two of its rounds: short requests go first. Goes on at once where nothing else is ready; else lets pass what
 * is, and what comes meanwhile, and rests in proportion to that, so that it takes a part of what is left and not all. What the read itself
 * has ordered from another thread must have arrived, or it would wait for that. Waits for `restMsMax` at the most, which is what its page
 * may still wait, or for one turn of the event loop. Answers how many milliseconds it has waited.
 */
export async function letShortOnesPass(clock: Clock, restMsMax: number): Promise<number> {
  const startedMs = clock.monotonicMs();
  const roundMs = Math.min(ROUND_REST_MS_MAX, restMsMax);
  let sinceMs = startedMs;
  for (;;) {
    await yieldTo(clock);
    const nowMs = clock.monotonicMs();
    const isIdle = nowMs - sinceMs <= idleTurnMs;
    const busyMs = nowMs - startedMs;
    const restMs = Math.min(roundMs - busyMs, busyMs * restTimes);
    if (restMs <= 0 || (isIdle && busyMs < busyFromMs)) return busyMs;
    if (isIdle) {
      await clock.sleep(restMs);
      return busyMs + restMs;
    }
    sinceMs = nowMs;
  }
}
