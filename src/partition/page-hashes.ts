import { HASHES, hashOf, SYSTEM_TABLE, type HashRange } from '../storage/key-layout.ts';
import type { PageRequest } from '../storage/read.ts';

/** Whether all that a page may hold is of those hashes. Its ends must be keys, or the heads of some with whole hashes. */
export function isWithin(
  { table, from, to }: Pick<PageRequest, 'table' | 'from' | 'to'>,
  hashes: HashRange,
): boolean {
  if (table === SYSTEM_TABLE) return true;
  const first = from === undefined ? 0 : hashOf(from);
  // An end that is a hash and no more is behind all that lies before that hash.
  const end = to === undefined ? HASHES : hashOf(to) + (to.length > HASH_BYTES ? 1 : 0);
  return first >= hashes.from && end <= hashes.to;
}

const HASH_BYTES = 4;
