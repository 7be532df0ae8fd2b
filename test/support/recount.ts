import { addDigests, itemDigest, NO_DIGEST } from '../../src/model/item-digest.ts';
import type { TableCounters } from '../../src/storage/apply.ts';
import type { KeyValueStore } from '../../src/storage/key-value-store.ts';
import { scanVersions } from '../../src/storage/read.ts';

/** What a full scan of a table counts. */
export async function recount(store: KeyValueStore, table: number): Promise<TableCounters> {
  const snapshot = store.snapshot();
  const found = await scanVersions(snapshot, {
    table,
    hashes: { from: 0, to: 2 ** 32 },
    after: undefined,
    limitBytes: Number.POSITIVE_INFINITY,
  });
  await snapshot.close();
  const counted = { itemCount: 0, sizeBytes: 0, tombstoneCount: 0, digest: NO_DIGEST };
  for (const { key, version, image, itemBytes } of found) {
    if (image === undefined) {
      counted.tombstoneCount += 1;
      continue;
    }
    counted.itemCount += 1;
    counted.sizeBytes += itemBytes;
    counted.digest = addDigests(counted.digest, itemDigest(key, version, image));
  }
  return counted;
}
