import { type Clock, WOKEN } from '../base/clock.ts';
import type { CommitRun } from './commit-time.ts';
import type { Inbox } from './inbox.ts';
import { decodeBatch, decodeCommits, saysCommits, type Stand, type StandOutcome } from './wire.ts';

/** So long behind the first of them that is done a batch no longer holds up the answers of those that came with it. */
export const LATE_MS = 100;

/**
 * Takes several batches of `from`, as `encodeBatch` makes them, each as `Inbox.ship` does, in their order; what became of them, as far as
 * it is known in time. While none is done there is no answer: where all of this region is slow, what is `late` would only come a second time.
 * Behind the batches may stand when they were committed (`encodeCommits`). That is answered too: by `late`, for there is nothing to wait
 * for, unless it cannot be read; the batches are taken all the same.
 */
export async function receiveTogether(
  parts: readonly Uint8Array[],
  {
    from,
    inbox,
    clock,
  }: { readonly from: string; readonly inbox: Pick<Inbox, 'ship'>; readonly clock: Clock },
): Promise<readonly StandOutcome[]> {
  const outcomes = parts.map((): StandOutcome => ({ kind: 'late' }));
  const last = parts.at(-1);
  const isTimed = last !== undefined && saysCommits(last);
  const batches = isTimed ? parts.slice(0, -1) : parts;
  let commits: readonly (readonly CommitRun[])[] = [];
  try {
    if (isTimed) commits = decodeCommits(last, batches.length);
  } catch (error) {
    outcomes[batches.length] = failed(error);
  }
  if (batches.length === 0) return outcomes;
  const answered = new AbortController();
  const taken = batches.map(async (bytes, place) => {
    outcomes[place] = await outcomeOf(async () =>
      inbox.ship(from, { ...decodeBatch(bytes), commits: commits[place] ?? [] }),
    );
  });
  const late = Promise.race(taken).then(async () => clock.sleep(LATE_MS, answered.signal));
  await Promise.race([Promise.all(taken), late]);
  answered.abort(WOKEN);
  return [...outcomes];
}

async function outcomeOf(ship: () => Promise<Stand>): Promise<StandOutcome> {
  try {
    return { kind: 'stand', stand: await ship() };
  } catch (error) {
    return failed(error);
  }
}

function failed(error: unknown): StandOutcome {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  const words = error instanceof Error ? error.message : String(error);
  return { kind: 'failed', code: typeof code === 'string' ? code : undefined, words };
}
