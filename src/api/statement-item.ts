import { validationError } from '../model/errors.ts';
import { encodeItemKey } from '../model/item-key.ts';
import type { Table } from '../model/table.ts';
import { type ResultColumn, shownColumns } from '../partiql/compile-columns.ts';
import type { SelectPlan } from '../partiql/compiled-statement.ts';
import type { ItemImage, Region } from '../region/region.ts';
import type { Units } from './consumed-capacity.ts';
import { readUnits } from './consumed-capacity.ts';
import type { JsonPart } from './item-json.ts';
import { parseImage } from './item-json.ts';
import { statementReading, wholeKey } from './statement-read.ts';
import { statementSource } from './statement-source.ts';
import { itemTable } from './table-access.ts';

/** A SELECT that names one item by its key, and asks nothing else of it. */
export interface ItemReading {
  readonly table: Table;
  /** `ItemKey` bytes. */
  readonly key: Uint8Array;
  readonly columns: readonly ResultColumn[] | undefined;
  readonly consistent: boolean;
}

/**
 * What such a SELECT reads. Throws `ValidationException`, with `keyMissing` for one that is none, and
 * `ResourceNotFoundException`.
 */
export function itemReading(
  context: { readonly region: Region },
  select: SelectPlan,
  {
    keyMissing,
    ...options
  }: {
    readonly consistent: boolean;
    readonly keyMissing: string;
    readonly keyMistyped?: (name: string) => string;
  },
): ItemReading {
  if (select.index !== undefined) {
    statementSource(context.region, select, false);
    throw validationError(keyMissing);
  }
  const table = itemTable(context.region, select.table);
  const { source, plan, columns } = statementReading(context, select, options);
  const [only, more] = plan.kind === 'reads' ? plan.reads : [];
  const attributes =
    only === undefined || more !== undefined || only.filter !== undefined
      ? undefined
      : wholeKey(source, only);
  if (attributes === undefined) throw validationError(keyMissing);
  const key = encodeItemKey(table.definition.keySchema, attributes);
  return { table, key, columns, consistent: options.consistent };
}

/** The item, as its columns show it; undefined when it is not there. */
export async function readItem(
  { region }: { readonly region: Region },
  { table, key, columns, consistent }: ItemReading,
): Promise<{ readonly item: JsonPart | undefined; readonly units: Units }> {
  const found = await region.getItem({ table: table.number, key, consistent });
  const units = { table: readUnits(found?.itemBytes ?? 0, consistent), indexes: [] };
  return { item: found === undefined ? undefined : shownImage(found, columns), units };
}

/** An item as a SELECT's columns show it. */
export const shownImage = (
  { image }: ItemImage,
  columns: readonly ResultColumn[] | undefined,
): JsonPart =>
  columns === undefined ? image : JSON.stringify(shownColumns(columns, parseImage(image)));
