import { finite, flag, list, members, optional, text } from '../base/shape.ts';
import type { CatalogueDocuments } from './catalogue.ts';

const prefix = 'index/';

/** How far a global index that was made on a table that had items is in one partition. */
export interface PartitionProgress {
  /**
   * The index of an entry of the partition's log behind which every record holds what it replaced. What stands before it
   * is none of the index's: all that was in the table then comes by the backfill.
   */
  readonly start: number;
  /** The key, in base64, of the last item that was said again. */
  readonly after: string | undefined;
  readonly done: boolean;
}

const progressShape = members<Document>({
  partitions: list(
    members<PartitionProgress>({ start: finite, after: optional(text), done: flag }),
  ),
});

interface Document {
  readonly partitions: readonly PartitionProgress[];
}

/** The backfills of this region's global indexes, those that are done included: by index number, durable. */
export class IndexProgress {
  readonly #documents: CatalogueDocuments;
  readonly #byNumber = new Map<number, readonly PartitionProgress[]>();

  constructor(documents: CatalogueDocuments) {
    this.#documents = documents;
  }

  /** Takes over what is kept. Call once, before anything else. */
  load(documents: ReadonlyMap<string, unknown>): void {
    for (const [name, document] of documents)
      if (name.startsWith(prefix))
        this.#byNumber.set(
          Number(name.slice(prefix.length)),
          progressShape(document, name).partitions,
        );
  }

  get numbers(): readonly number[] {
    return [...this.#byNumber.keys()];
  }

  /** Undefined for an index that has none: it came with its table, or nothing was done for it yet. */
  of(index: number): readonly PartitionProgress[] | undefined {
    return this.#byNumber.get(index);
  }

  /** Visible once durable. */
  async save(index: number, partitions: readonly PartitionProgress[]): Promise<void> {
    const document: Document = { partitions };
    await this.#documents.put(prefix + String(index), document);
    this.#byNumber.set(index, partitions);
  }

  async delete(index: number): Promise<void> {
    if (!this.#byNumber.has(index)) return;
    await this.#documents.delete(prefix + String(index));
    this.#byNumber.delete(index);
  }
}
