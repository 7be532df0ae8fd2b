import type { Item } from './demo-clients.ts';
import { ItemSetDigest } from './demo-digest.ts';
import type { DemoRegion } from './demo-region.ts';

const SEGMENTS = 4;

/** What one region holds. */
export interface ScannedTable {
  readonly digest: ItemSetDigest;
  /** The items that were set aside, not in the digest. */
  readonly aside: readonly Item[];
}

/** Reads a whole table from one region, by parallel Scan. Items that `isAside` tells are kept, not digested. */
export async function scanTable(
  table: string,
  { client }: DemoRegion,
  isAside: (item: Item) => boolean,
): Promise<ScannedTable> {
  const digest = new ItemSetDigest();
  const aside: Item[] = [];
  const scanSegment = async (segment: number): Promise<void> => {
    let startKey: Item | undefined;
    do {
      const page = await client.scan({
        TableName: table,
        Segment: segment,
        TotalSegments: SEGMENTS,
        ConsistentRead: true,
        ...(startKey === undefined ? {} : { ExclusiveStartKey: startKey }),
      });
      for (const item of page.Items ?? []) {
        if (isAside(item)) aside.push(item);
        else digest.add(item);
      }
      startKey = page.LastEvaluatedKey;
    } while (startKey !== undefined);
  };
  await Promise.all(Array.from({ length: SEGMENTS }, async (_, segment) => scanSegment(segment)));
  return { digest, aside };
}
