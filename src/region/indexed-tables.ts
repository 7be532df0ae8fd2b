import type { KeySchema, Table, TableIndex } from '../model/table.ts';
import { expiryRule } from '../partition/due-time.ts';
import type { IndexedTable, IndexEntries } from '../partition/index-entries.ts';
import { hasOld } from '../streams/stream-record.ts';
import type { Catalogue } from './catalogue.ts';
import { beginningStream } from './kept-streams.ts';

/** The global indexes of a table that are kept up: all but those that are being deleted. */
export interface GloballyIndexed {
  readonly keySchema: KeySchema;
  readonly indexes: readonly TableIndex[];
}

/** A table whose items expire. */
export interface ExpiringTable {
  readonly number: number;
  readonly name: string;
}

interface Indexed {
  readonly local: IndexedTable | undefined;
  readonly global: GloballyIndexed | undefined;
}

/**
 * The catalogue, as those see it who keep indexes up or expire items. Synchronous, and one lookup for a table that has
 * neither.
 */
export class IndexedTables {
  readonly #catalogue: Catalogue;
  readonly #byTable = new WeakMap<Table, Indexed>();

  /** Until the next change of any table. */
  #hasGlobals: boolean | undefined;
  #expiring: readonly ExpiringTable[] | undefined;

  constructor(catalogue: Catalogue) {
    this.#catalogue = catalogue;
    catalogue.onChange(() => {
      this.#hasGlobals = undefined;
      this.#expiring = undefined;
    });
  }

  /**
   * What the leader of a partition must know; undefined for a table that has neither indexes nor a stream, and whose items do
   * not expire.
   */
  indexed(table: number): IndexedTable | undefined {
    const found = this.#catalogue.byNumber(table);
    return found === undefined || !isFollowed(found) ? undefined : this.#of(found).local;
  }

  /** The tables whose items expire now. Not to be asked before the catalogue is loaded. */
  get expiring(): readonly ExpiringTable[] {
    this.#expiring ??= this.#catalogue.all.filter(
      ({ definition, status }) => definition.timeToLive?.enabled === true && status !== 'DELETING',
    );
    return this.#expiring;
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

const isFollowed = ({ indexes, streams, definition }: Table): boolean =>
  indexes !== undefined ||
  streams !== undefined ||
  definition.stream !== undefined ||
  definition.timeToLive?.enabled === true;

function indexedOf(table: Table): Indexed {
  const {
    indexes = [],
    streams = [],
    definition: { keySchema, timeToLive },
  } = table;
  const kept = indexes.filter(({ status }) => status !== 'DELETING');
  const globals = kept.filter(({ definition }) => definition.kind === 'global');
  const locals = kept.filter(({ definition }) => definition.kind === 'local').map(entriesOf);
  // Also one that is to begin, which it does behind what was written without it.
  const stream = beginningStream(table) ?? streams.find(({ end }) => end === undefined);
  const marksUnchanged = stream !== undefined;
  const keepsOldImages = globals.length > 0 || (stream !== undefined && hasOld(stream.view));
  const expiry = timeToLive?.enabled === true ? expiryRule(timeToLive.attribute) : undefined;
  const isNeeded = locals.length > 0 || keepsOldImages || marksUnchanged || expiry !== undefined;
  return {
    local: isNeeded ? { keySchema, locals, keepsOldImages, marksUnchanged, expiry } : undefined,
    global: globals.length > 0 ? { keySchema, indexes: globals } : undefined,
  };
}

const entriesOf = ({ definition, number }: TableIndex): IndexEntries => ({
  definition,
  number,
  isWhole: true,
});
