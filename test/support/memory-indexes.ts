import type { AttributeMap } from '../../src/model/attribute-value.ts';
import { encodeIndexKey, indexImage } from '../../src/model/index-key.ts';
import type { Table, TableIndex } from '../../src/model/table.ts';
import type { ItemImage, PageItem } from '../../src/region/region.ts';

/** The entries of all indexes of a region in memory, up to date after each write. */
export class MemoryIndexes {
  readonly #entries = new Map<number, PageItem[]>();

  /** By item key bytes; undefined for a number that no index of a table has. */
  entriesOf(number: number): PageItem[] | undefined {
    return this.#entries.get(number);
  }

  /** Makes an index, of the entries of the items that stand. */
  make(table: Table, index: TableIndex, items: readonly ItemImage[]): void {
    this.#entries.set(index.number, []);
    for (const item of items) this.#put(table, index, item);
  }

  drop(number: number): void {
    this.#entries.delete(number);
  }

  /** Follows a write of one item. */
  follow(table: Table, before: ItemImage | undefined, after: ItemImage | undefined): void {
    for (const index of table.indexes ?? []) {
      if (before !== undefined) this.#remove(table, index, before);
      if (after !== undefined) this.#put(table, index, after);
    }
  }

  #put(table: Table, { definition, number }: TableIndex, stored: ItemImage): void {
    const { keySchema } = table.definition;
    const item = parse(stored);
    const key = encodeIndexKey(definition, keySchema, item);
    const entries = this.#entries.get(number);
    if (key === undefined || entries === undefined) return;
    entries.push({ key, ...indexImage(definition, keySchema, { item, stored }) });
    entries.sort((one, other) => Buffer.compare(one.key, other.key));
  }

  #remove(table: Table, { definition, number }: TableIndex, stored: ItemImage): void {
    const key = encodeIndexKey(definition, table.definition.keySchema, parse(stored));
    const entries = this.#entries.get(number);
    if (key === undefined || entries === undefined) return;
    const at = entries.findIndex((entry) => Buffer.compare(entry.key, key) === 0);
    if (at !== -1) entries.splice(at, 1);
  }
}

const parse = ({ image }: ItemImage): AttributeMap =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- images are items' JSON
  JSON.parse(Buffer.from(image).toString()) as AttributeMap;
