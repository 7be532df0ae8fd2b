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
