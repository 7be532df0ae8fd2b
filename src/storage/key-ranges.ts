import type { KeyRange, KeyValuePair, KeyValueSnapshot, KeyValueStore } from './key-value-store.ts';

/** Pairs asked of an iterator at a time. */
const PAIRS_PER_READ = 256;

/** All pairs of a range that is known to be small. */
export async function readRange(
  snapshot: KeyValueSnapshot,
  range: KeyRange,
): Promise<readonly KeyValuePair[]> {
  const all: KeyValuePair[] = [];
  await forEachBatch(snapshot, range, (pairs) => {
    all.push(...pairs);
  });
  return all;
}

/** Calls `take` with every pair of a range, in order, some at a time, and waits for it. */
export async function forEachBatch(
  snapshot: KeyValueSnapshot,
  range: KeyRange,
  take: (pairs: readonly KeyValuePair[]) => Promise<void> | void,
): Promise<void> {
  const iterator = snapshot.iterate(range);
  try {
    for (;;) {
      const pairs = await iterator.next(PAIRS_PER_READ);
      if (pairs.length === 0) return;
      await take(pairs);
    }
  } finally {
    await iterator.close();
  }
}

/** Runs `task` on a snapshot that is closed afterwards, whatever happens. */
export async function withSnapshot<Result>(
  store: KeyValueStore,
  task: (snapshot: KeyValueSnapshot) => Promise<Result>,
): Promise<Result> {
  const snapshot = store.snapshot();
  try {
    return await task(snapshot);
  } finally {
    await snapshot.close();
  }
}
