import type { DemoRegion } from './demo-region.ts';
import { poll } from './poll.ts';
import { sumOf } from './prometheus-text.ts';

const WAIT = { limitMs: 120_000, everyMs: 50 };

/**
 * Waits until nothing is pending between the regions and their engines give one digest for the table and `itemCount`
 * items. Returns the digest.
 */
export async function untilRegionsAgree(
  table: string,
  itemCount: number,
  regions: readonly DemoRegion[],
): Promise<string> {
  let digest = '';
  await poll(`the regions to agree on ${itemCount} items`, WAIT, async () => {
    const views = await Promise.all(regions.map(async ({ operations }) => operations.table(table)));
    digest = views[0]?.digest ?? '';
    const equal = views.every((view) => view?.digest === digest && view.itemCount === itemCount);
    return equal && (await pendingRecords(regions)) === 0;
  });
  return digest;
}

async function pendingRecords(regions: readonly DemoRegion[]): Promise<number> {
  const scrapes = await Promise.all(regions.map(async ({ operations }) => operations.metrics()));
  return sumOf(scrapes.flat(), 'tidemark_replication_pending_records');
}
