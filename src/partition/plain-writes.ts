import { assert } from '../base/assert.ts';
import type { ItemWrite, PlainWrite, WriteOutcome, WriteResult } from './item-write.ts';
import type { Leader } from './leader.ts';
import { overlayKey } from './overlay.ts';

/** A write that is appended, and what comes of it once that is durable. */
interface Appended {
  readonly kind: 'appended';
  /** Of writes in one entry it is the same promise. */
  readonly durable: Promise<void>;
  readonly result: WriteResult;
}

type Failure = Extract<WriteResult, { kind: 'failed' }>;

/**
 * Several writes of one partition, of which none asks for anything: all are appended in one run, into as few entries as they fit in,
 * and one wait for each of those is all that they wait for. What cannot be appended at once (the partition is being split or
 * opened, is full, has a transaction on the item; a deletion of nothing) takes the way of a single write.
 */
export class PlainWrites {
  readonly #leader: Leader;

  constructor(leader: Leader) {
    this.#leader = leader;
  }

  /** In the order of `writes`, which are of different items. Resolves when all are durable, or have failed. */
  async writeEach(writes: readonly PlainWrite[]): Promise<readonly WriteResult[]> {
    const ahead = this.#leader.readAhead(writes);
    if (ahead !== undefined) await ahead;
    const begun: (Appended | Failure | Promise<WriteResult>)[] = [];
    for (const write of writes) begun.push(this.#begin(write));
    const results: WriteResult[] = [];
    let last: Promise<void> | undefined;
    let failure: Failure | undefined;
    for (const each of begun) {
      if (each instanceof Promise || each.kind === 'failed') {
        results.push(await each);
        continue;
      }
      if (each.durable !== last) {
        last = each.durable;
        failure = await failureOf(last);
      }
      results.push(failure ?? each.result);
    }
    return results;
  }

  /** A failure of one keeps none of the others from being made. */
  #begin(write: PlainWrite): Appended | Failure | Promise<WriteResult> {
    try {
      return this.#append(write) ?? resultOf(this.#leader.write(write));
    } catch (error) {
      return { kind: 'failed', error };
    }
  }

  /** Undefined where it cannot be appended at once. */
  #append(write: PlainWrite): Appended | undefined {
    const leader = this.#leader;
    const { table, key: itemKey, change } = write;
    if (!leader.takesItems || !leader.held.holds(table, itemKey)) return undefined;
    const key = overlayKey(table, itemKey);
    if (leader.intents.size > 0 && leader.intents.on(key) !== undefined) return undefined;
    const standing = leader.standing(key, table, itemKey);
    const { stored } = standing;
    const isThere = stored?.image !== undefined;
    if (change.kind === 'delete' && !isThere) return undefined;
    const after = change.kind === 'put' ? change : undefined;
    const time = leader.stamp();
    const record = leader.localRecord(write, after, standing, time);
    const { durable } = leader.append(record, { key, standing, time });
    const beforeBytes = isThere ? stored.itemBytes : 0;
    const afterBytes = after?.itemBytes ?? 0;
    return { kind: 'appended', durable, result: { kind: 'applied', beforeBytes, afterBytes } };
  }
}

/** `writeEach` of who has nothing better: each by itself. */
export const writeEachAlone = async (
  writes: readonly PlainWrite[],
  write: (write: ItemWrite) => Promise<WriteOutcome>,
): Promise<readonly WriteResult[]> =>
  Promise.all(writes.map(async (each) => resultOf(write(each))));

async function resultOf(written: Promise<WriteOutcome>): Promise<WriteResult> {
  try {
    const outcome = await written;
    assert(outcome.kind === 'applied', 'a write without a condition is not refused');
    return {
      kind: 'applied',
      beforeBytes: outcome.before?.itemBytes ?? 0,
      afterBytes: outcome.after?.itemBytes ?? 0,
    };
  } catch (error) {
    return { kind: 'failed', error };
  }
}

async function failureOf(durable: Promise<void>): Promise<Failure | undefined> {
  try {
    await durable;
    return undefined;
  } catch (error) {
    return { kind: 'failed', error };
  }
}
