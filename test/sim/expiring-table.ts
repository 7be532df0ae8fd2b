import type { ItemImage, ItemWrite } from '../../src/region/region.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { keyBytes } from './client-item.ts';

/** The table whose items expire, in the worlds that have one. */
export const EXPIRING = 'expiring';

export const TTL = 'ttl';

/** About one seed in three makes a world with such a table. Drawn apart, so that no other draw moves. */
export const isExpirySeed = (seed: number): boolean =>
  new SeededRandom(seed ^ EXPIRY_SALT).next() < 1 / 3;

const EXPIRY_SALT = 0x771e;

/** Puts an item that ends at a second of wall time, or, undefined, never. */
export function lentItem(
  key: string,
  { value, untilS }: { readonly value: string; readonly untilS: number | undefined },
): Omit<ItemWrite, 'table'> {
  const item = {
    id: { S: key },
    v: { S: value },
    ...(untilS !== undefined && { [TTL]: { N: String(untilS) } }),
  };
  const image: ItemImage = { image: Buffer.from(JSON.stringify(item)), itemBytes: 30 };
  return {
    key: keyBytes(key),
    change: { kind: 'put', ...image },
    condition: undefined,
    cause: 'user',
  };
}
