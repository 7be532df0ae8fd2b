import type { Clock } from '../base/clock.ts';
import { StoreError } from './key-value-store.ts';
import { readPage, type PageRequest, type StoredPage } from './read.ts';
import type { StorageNode } from './storage-node.ts';

/**
 * One page of what a storage node has applied at the time of the call, or later: from memory where its collection is
 * read often, else from the store. Rejects with `StoreError`.
 */
export async function readHotPage(
  { hot, store }: Pick<StorageNode, 'hot' | 'store'>,
  request: PageRequest,
  clock: Clock,
): Promise<StoredPage> {
  const kept = hot.page(request);
  if (kept !== undefined) return kept;
  if (hot.isWanted(request)) {
    const loaded = await loadedPage({ hot, store }, request);
    if (loaded !== undefined) return loaded;
  }
  return readPage(store, request, clock);
}

/** Undefined too where something in the collection cannot be read: the page may spare it, or says so itself. */
async function loadedPage(
  { hot, store }: Pick<StorageNode, 'hot' | 'store'>,
  request: PageRequest,
): Promise<StoredPage | undefined> {
  try {
    await hot.load(() => store.snapshot(), request);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
  }
  return hot.page(request);
}
