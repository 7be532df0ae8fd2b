import { type Clock, WOKEN } from '../base/clock.ts';
import type { Batch } from './batch.ts';
import type { Inbox } from './inbox.ts';
import type { StandOutcome } from './wire.ts';

/** After so long a batch no longer holds up the answers of those that came with it. */
export const LATE_MS = 100;

/** Takes several batches of `from`, each as `Inbox.ship` does, in their order; what became of them, as far as it is known in time. */
export async function receiveTogether(
  batches: readonly Batch[],
  {
    from,
    inbox,
    clock,
  }: { readonly from: string; readonly inbox: Pick<Inbox, 'ship'>; readonly clock: Clock },
): Promise<readonly StandOutcome[]> {
  const outcomes = batches.map((): StandOutcome => ({ kind: 'late' }));
  const answered = new AbortController();
  const all = Promise.all(
    batches.map(async (batch, place) => {
      outcomes[place] = await outcomeOf(inbox, from, batch);
    }),
  );
  await Promise.race([all, clock.sleep(LATE_MS, answered.signal)]);
  answered.abort(WOKEN);
  return [...outcomes];
}

async function outcomeOf(
  inbox: Pick<Inbox, 'ship'>,
  from: string,
  batch: Batch,
): Promise<StandOutcome> {
  try {
    return { kind: 'stand', stand: await inbox.ship(from, batch) };
  } catch (error) {
    const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
    const words = error instanceof Error ? error.message : String(error);
    return { kind: 'failed', code: typeof code === 'string' ? code : undefined, words };
  }
}
