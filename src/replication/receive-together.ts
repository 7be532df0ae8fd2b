import { type Clock, WOKEN } from '../base/clock.ts';
import type { Inbox } from './inbox.ts';
import { decodeBatch, type StandOutcome } from './wire.ts';

/** So long behind the first of them that is done a batch no longer holds up the answers of those that came with it. */
export const LATE_MS = 100;

/**
 * Takes several batches of `from`, as `encodeBatch` makes them, each as `Inbox.ship` does, in their order; what became of them, as far as
 * it is known in time. While none is done there is no answer: where all of this region is slow, what is `late` would only come a second time.
 */
export async function receiveTogether(
  batches: readonly Uint8Array[],
  {
    from,
    inbox,
    clock,
  }: { readonly from: string; readonly inbox: Pick<Inbox, 'ship'>; readonly clock: Clock },
): Promise<readonly StandOutcome[]> {
  const outcomes = batches.map((): StandOutcome => ({ kind: 'late' }));
  const answered = new AbortController();
  const taken = batches.map(async (batch, place) => {
    outcomes[place] = await outcomeOf(inbox, from, batch);
  });
  const late = Promise.race(taken).then(async () => clock.sleep(LATE_MS, answered.signal));
  await Promise.race([Promise.all(taken), late]);
  answered.abort(WOKEN);
  return [...outcomes];
}

async function outcomeOf(
  inbox: Pick<Inbox, 'ship'>,
  from: string,
  batch: Uint8Array,
): Promise<StandOutcome> {
  try {
    return { kind: 'stand', stand: await inbox.ship(from, decodeBatch(batch)) };
  } catch (error) {
    const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
    const words = error instanceof Error ? error.message : String(error);
    return { kind: 'failed', code: typeof code === 'string' ? code : undefined, words };
  }
}
