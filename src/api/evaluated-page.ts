import type { Awaitable } from '../base/awaitable.ts';
import type { AttributeMap } from '../model/attribute-value.ts';
import { attributeOf } from '../model/attribute-value.ts';
import { decodeItemKey, encodeItemKey } from '../model/item-key.ts';
import { PAGE_BYTES_MAX } from '../model/limits.ts';
import type { ItemImage, Page, PageItem, Region } from '../region/region.ts';
import type { Units } from './consumed-capacity.ts';
import { readUnits } from './consumed-capacity.ts';
import { parseImage } from './item-json.ts';
import type { PageSource } from './page-source.ts';

/** What a Query or a Scan has read, before filter and projection. */
export interface EvaluatedPage {
  readonly items: readonly ItemImage[];
  /** How many were read, of which some may be gone by the time that their items are fetched. */
  readonly scannedCount: number;
  /** `LastEvaluatedKey`: where the next page starts, undefined after the last one. */
  readonly lastKey: AttributeMap | undefined;
  readonly units: Units;
}

/** How a page is read of a source. */
export interface PageReading {
  readonly source: PageSource;
  /** Whether the items of the table are wanted, beside the entries of a local index. */
  readonly fetches: boolean;
  readonly consistent: boolean;
}

/** At once, unless the items of a table are to be fetched for the entries of an index. */
export function evaluatePage(
  region: Region,
  reading: PageReading,
  page: Page,
): Awaitable<EvaluatedPage> {
  if (reading.fetches) return fetchedPage(region, reading, page);
  const { source, consistent } = reading;
  const units = readUnits(page.itemBytes, consistent);
  return {
    items: page.items,
    scannedCount: page.items.length,
    lastKey: page.more ? keyOf(page.items.at(-1), source) : undefined,
    units:
      source.index === undefined
        ? { table: units, indexes: [] }
        : { table: 0, indexes: [{ index: source.index, units }] },
  };
}

/** An entry holds the keys of its index and of the table, whatever it projects. */
function keyOf(last: PageItem | undefined, { table, index, startNames }: PageSource): AttributeMap {
  if (last === undefined) return {};
  if (index === undefined) return decodeItemKey(table.definition.keySchema, last.key);
  const entry = parseImage(last.image);
  return Object.fromEntries(
    startNames.flatMap((name) => {
      const value = attributeOf(entry, name);
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
}

/** Items fetched at once. */
const FETCHES_MAX = 16;

/**
 * The items that a page of entries stands for. The page ends early once the items in it pass the size of a page. Each
 * item is read, and paid for, by itself. Source: the developer guide, "Local secondary indexes", read capacity units.
 */
async function fetchedPage(
  region: Region,
  { source, consistent }: PageReading,
  page: Page,
): Promise<EvaluatedPage> {
  const items: ItemImage[] = [];
  let scannedCount = 0;
  let entryBytes = 0;
  let itemBytes = 0;
  let tableUnits = 0;
  while (scannedCount < page.items.length && itemBytes <= PAGE_BYTES_MAX) {
    const entries = page.items.slice(scannedCount, scannedCount + FETCHES_MAX);
    const found = await Promise.all(
      entries.map(async (entry) => fetchItem(region, source, { entry, consistent })),
    );
    for (const [place, item] of found.entries()) {
      if (itemBytes > PAGE_BYTES_MAX) break;
      scannedCount += 1;
      entryBytes += entries[place]?.itemBytes ?? 0;
      itemBytes += item?.itemBytes ?? 0;
      tableUnits += readUnits(item?.itemBytes ?? 0, consistent);
      if (item !== undefined) items.push(item);
    }
  }
  const isWhole = scannedCount === page.items.length;
  const { index } = source;
  const indexUnits = readUnits(entryBytes, consistent);
  return {
    items,
    scannedCount,
    lastKey: page.more || !isWhole ? keyOf(page.items[scannedCount - 1], source) : undefined,
    units: {
      table: tableUnits,
      indexes: index === undefined ? [] : [{ index, units: indexUnits }],
    },
  };
}

async function fetchItem(
  region: Region,
  { table }: PageSource,
  { entry, consistent }: { readonly entry: PageItem; readonly consistent: boolean },
): Promise<ItemImage | undefined> {
  const key = encodeItemKey(table.definition.keySchema, parseImage(entry.image));
  return region.getItem({ table: table.number, key, consistent });
}
