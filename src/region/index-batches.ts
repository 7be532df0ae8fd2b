import { endOf } from '../log/chain.ts';
import type { LogEnd } from '../log/entry.ts';
import type { ItemRecord } from '../model/record.ts';
import type { TableIndex } from '../model/table.ts';
import { entryChanges } from '../partition/index-entries.ts';
import type { CommittedEntry, VersionedChange } from '../partition/partition.ts';
import type { IndexedTables } from './indexed-tables.ts';
import type { IndexProgress } from './index-progress.ts';

/** What one batch holds: one synchronous run of the target's leader, and one entry of its log. */
const batchChangesMax = 128;
const batchBytesMax = 256 * 1024;

/** What one target is to take next: the last change of each key, and where it then stands with the log. */
export interface TargetBatch {
  /** Undefined for a part of what follows from one entry, with the rest to come. */
  readonly to: LogEnd | undefined;
  readonly changes: readonly VersionedChange[];
}

export interface EntryIndexesOptions {
  /** The number of the partition whose log is followed. */
  readonly source: number;
  readonly tables: IndexedTables;
  readonly progress: IndexProgress;
}

/** What entries of one partition's log change in global indexes. */
export class EntryIndexes {
  readonly #options: EntryIndexesOptions;

  constructor(options: EntryIndexesOptions) {
    this.#options = options;
  }

  /** The changes that follow from a record of the entry at `index`, in order. Pure but for the catalogue's word. */
  changesOf(record: ItemRecord, index: number): readonly VersionedChange[] {
    const { tables } = this.#options;
    const table = tables.globals(record.table);
    if (table === undefined) return [];
    const isBackfill = record.cause === 'backfill';
    const indexes = table.indexes
      .map((each) => ({ each, isWhole: this.#isWhole(each) }))
      .filter(({ each, isWhole }) => (isWhole ? !isBackfill : this.#isAfterStart(each, index)))
      .map(({ each: { definition, number }, isWhole }) => ({ definition, number, isWhole }));
    if (indexes.length === 0) return [];
    const { key, image, itemBytes, version, oldImage } = record;
    const after = image === undefined ? undefined : { image, itemBytes };
    const before = isBackfill ? undefined : oldImage;
    return entryChanges(indexes, table.keySchema, { key, before, after }).map((change) => ({
      ...change,
      version,
    }));
  }

  /** Whether the index has had every record of the table: it came with it. */
  #isWhole({ number, backfilling }: TableIndex): boolean {
    return !backfilling && this.#options.progress.of(number) === undefined;
  }

  #isAfterStart({ number }: TableIndex, index: number): boolean {
    const { progress, source } = this.#options;
    const starts = progress.of(number);
    // A partition that came of a split since then has nothing in its log that is older.
    return starts !== undefined && index > (starts[source]?.start ?? 0);
  }
}

/** Gathers what entries change for one target into batches. A key has its last change only. */
export class TargetBatches {
  readonly #batches: TargetBatch[] = [];
  #changes = new Map<string, VersionedChange>();
  #bytes = 0;
  #end: LogEnd | undefined;

  /** Adds all that follows from the next entry. Entries without changes need not be added. */
  add(entry: CommittedEntry['entry'], changes: readonly VersionedChange[]): void {
    const bytes = changes.reduce((sum, change) => sum + bytesOf(change), 0);
    const isTooMuch =
      this.#bytes + bytes > batchBytesMax || this.#changes.size + changes.length > batchChangesMax;
    if (isTooMuch) this.#close();
    for (const change of changes) {
      const name = nameOf(change);
      // In the order of the last changes.
      this.#changes.delete(name);
      this.#changes.set(name, change);
    }
    this.#bytes += bytes;
    this.#end = endOf(entry);
  }

  #close(): void {
    if (this.#changes.size === 0) return;
    const parts = inParts([...this.#changes.values()]);
    parts.forEach((changes, place) => {
      const isLast = place === parts.length - 1;
      this.#batches.push({ to: isLast ? this.#end : undefined, changes });
    });
    this.#changes = new Map();
    this.#bytes = 0;
  }

  take(): readonly TargetBatch[] {
    this.#close();
    return this.#batches.splice(0);
  }
}

/** One entry may change more than a batch holds: every index of the table may have a large projection. */
function inParts(changes: readonly VersionedChange[]): readonly VersionedChange[][] {
  const parts: VersionedChange[][] = [];
  let part: VersionedChange[] = [];
  let bytes = 0;
  for (const change of changes) {
    const isFull = part.length >= batchChangesMax || bytes + bytesOf(change) > batchBytesMax;
    if (part.length > 0 && isFull) {
      parts.push(part);
      part = [];
      bytes = 0;
    }
    part.push(change);
    bytes += bytesOf(change);
  }
  return [...parts, part];
}

const bytesOf = ({ key, entry }: VersionedChange): number =>
  key.length + (entry?.image.length ?? 0);

const nameOf = ({ table, key }: VersionedChange): string =>
  `${table}/${Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')}`;
