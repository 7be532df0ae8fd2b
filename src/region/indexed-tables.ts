import type { KeySchema, Table, TableIndex } from '../model/table.ts';
import type { IndexedTable, IndexEntries } from '../partition/index-entries.ts';
import { hasOld } from '../streams/stream-record.ts';
import type { Catalogue } from './catalogue.ts';

/** The global indexes of a table that are kept up: all but those that are being deleted. */
export interface GloballyIndexed {
  readonly keySchema: KeySchema;
  readonly indexes: readonly TableIndex[];
}

interface Indexed {
  readonly local: IndexedTable | undefined;
  readonly global: GloballyIndexed | undefined;
}

/** The catalogue, as those who keep indexes up see it. Synchronous, and one lookup for a table without indexes. */
export class IndexedTables {
  readonly #catalogue: Catalogue;
  readonly #byTable = new WeakMap<Table, Indexed>();

  /** Until the next change of any table. */
  #hasGlobals: boolean | undefined;

  constructor(catalogue: Catalogue) {
    this.#catalogue = catalogue;
    catalogue.onChange(() => {
      this.#hasGlobals = undefined;
    });
  }

  /** What the leader of a partition must know; undefined for a table that has no indexes, and no stream. */
  indexed(table: number): IndexedTable | undefined {
    const found = this.#catalogue.byNumber(table);
    if (found === undefined || (found.indexes === undefined && found.streams === undefined))
      return undefined;
    return this.#of(found).local;
  }

  /** What follows from the table's records elsewhere; undefined for a table without global indexes. */
  globals(table: number): GloballyIndexed | undefined {
    const found = this.#catalogue.byNumber(table);
    return found?.indexes === undefined ? undefined : this.#of(found).global;
  }

  /** Whether any table of the region has a global index. Not to be asked before the catalogue is loaded. */
  get hasGlobals(): boolean {
    this.#hasGlobals ??= this.#catalogue.all.some(
      ({ number }) => this.globals(number) !== undefined,
    );
    return this.#hasGlobals;
  }

  #of(table: Table): Indexed {
    let indexed = this.#byTable.get(table);
    if (indexed === undefined) {
      indexed = indexedOf(table);
      this.#byTable.set(table, indexed);
    }
    return indexed;
  }
}

function indexedOf({ indexes = [], streams = [], definition: { keySchema } }: Table): Indexed {
  const kept = indexes.filter(({ status }) => status !== 'DELETING');
  const globals = kept.filter(({ definition }) => definition.kind === 'global');
  const locals = kept.filter(({ definition }) => definition.kind === 'local').map(entriesOf);
  const stream = streams.find(({ end }) => end === undefined);
  const marksUnchanged = stream !== undefined;
  const keepsOldImages = globals.length > 0 || (stream !== undefined && hasOld(stream.view));
  const isNeeded = locals.length > 0 || keepsOldImages || marksUnchanged;
  return {
    local: isNeeded ? { keySchema, locals, keepsOldImages, marksUnchanged } : undefined,
    global: globals.length > 0 ? { keySchema, indexes: globals } : undefined,
  };
}

const entriesOf = ({ definition, number }: TableIndex): IndexEntries => ({
  definition,
  number,
  isWhole: true,
});
