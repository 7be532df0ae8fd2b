import { SystemClock } from '../daemon/system-clock.ts';
import type { Item } from './demo-clients.ts';
import type { DemoRegion } from './demo-region.ts';
import { poll } from './poll.ts';
import { sumOf } from './prometheus-text.ts';

const LINK_DELAY_MS = 150;
const WAIT = { limitMs: 30_000, everyMs: 20 };

/** The item that all regions write at once. */
export const CONTESTED_KEY = { country: { S: 'demo' }, cityId: { N: '0' } } as const;

export const isContested = (item: Item): boolean =>
  item['country']?.S === CONTESTED_KEY.country.S && item['cityId']?.N === CONTESTED_KEY.cityId.N;

export interface ConflictOutcome {
  /** The region whose write every region holds in the end. */
  readonly winner: string;
  /** What each region read while it knew only its own write, in the order of the regions. */
  readonly before: readonly string[];
  /** From the call of the SDK to its answer, in milliseconds after the first call. */
  readonly intervals: readonly { readonly sentMs: number; readonly answeredMs: number }[];
}

/**
 * Slows the links down so that no region can know of another's write, writes one item in all regions at once, and waits
 * until all of them hold the same.
 */
export async function writeAtOnce(
  table: string,
  regions: readonly DemoRegion[],
): Promise<ConflictOutcome> {
  await setDelays(regions, LINK_DELAY_MS);
  const clock = new SystemClock();
  const startedMs = clock.monotonicMs();
  const intervals = await Promise.all(
    regions.map(async ({ client, name }) => {
      const sentMs = clock.monotonicMs() - startedMs;
      await client.putItem({
        TableName: table,
        Item: { ...CONTESTED_KEY, writtenIn: { S: name } },
      });
      return { sentMs, answeredMs: clock.monotonicMs() - startedMs };
    }),
  );
  const before = await readEverywhere(table, regions);
  await setDelays(regions, 0);
  let after: readonly string[] = [];
  await poll('the regions to agree on one item', WAIT, async () => {
    after = await readEverywhere(table, regions);
    return new Set(after).size === 1;
  });
  return { winner: after[0] ?? '', before, intervals };
}

const readEverywhere = async (
  table: string,
  regions: readonly DemoRegion[],
): Promise<readonly string[]> =>
  Promise.all(
    regions.map(async ({ client }) => {
      const { Item: item } = await client.getItem({
        TableName: table,
        Key: CONTESTED_KEY,
        ConsistentRead: true,
      });
      return item?.['writtenIn']?.S ?? 'nothing';
    }),
  );

async function setDelays(regions: readonly DemoRegion[], delayMs: number): Promise<void> {
  for (const { name, operations } of regions) {
    for (const peer of regions) {
      if (peer.name !== name) await operations.setLinkDelay(peer.name, delayMs);
    }
  }
}

/** All conflicts that the regions have counted since they started, by their metric. */
export async function conflictsCounted(regions: readonly DemoRegion[]): Promise<number> {
  const scrapes = await Promise.all(regions.map(async ({ operations }) => operations.metrics()));
  return sumOf(scrapes.flat(), 'tidemark_replication_conflicts_total');
}
