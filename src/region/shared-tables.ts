import type { GlobalTable, Table } from '../model/table.ts';
import type { EntryPlace, SharedTable, Tables } from '../replication/tables.ts';
import type { Catalogue } from './catalogue.ts';
import { memberStart } from './member-starts.ts';
import { isGrowing, isShippedTo } from './membership.ts';
import { isOwedBy } from './paid-copies.ts';

export interface SharedTablesOptions {
  readonly region: string;
  readonly catalogue: Catalogue;
  /** Whether a copy of the table is on its way out of this region. */
  readonly isSending: (globalId: string) => boolean;
  /** Whether this region is being made equal with a peer. */
  readonly isResyncing: () => boolean;
}

/** The catalogue as replication sees it. */
export class SharedTables implements Tables {
  readonly #options: SharedTablesOptions;

  constructor(options: SharedTablesOptions) {
    this.#options = options;
  }

  shared(table: number, peer: string, { log, index }: EntryPlace): string | undefined {
    const found = this.#options.catalogue.byNumber(table);
    if (found === undefined || !isShippedTo(found.global, peer)) return undefined;
    const start = memberStart(found, peer)?.[log];
    return start === undefined || index > start.index ? found.globalId : undefined;
  }

  sharesWith(peer: string): boolean {
    return this.#options.catalogue.all.some(({ global }) => isShippedTo(global, peer));
  }

  /**
   * A record of a region that is no member must not be applied, and dropping it would let its watermark rise over
   * what is missing: it waits, until that region has heard that it is none, or this one that it is.
   */
  byGlobalId(globalId: string, origin: string): Table | 'unknown' | 'gone' {
    const table = this.#options.catalogue.byGlobalId(globalId);
    if (typeof table === 'string' || origin === this.#options.region) return table;
    if (table.global === undefined) return 'gone';
    return isShippedTo(table.global, origin) ? table : 'unknown';
  }

  owes(table: number, peer: string): boolean {
    const debts = this.#options.catalogue.byNumber(table)?.global?.debts ?? [];
    return debts.some(({ to }) => to === peer);
  }

  isOwedBy(origin: string): boolean {
    return this.#options.catalogue.all.some((table) => isOwedBy(table, origin));
  }

  nameOf(table: number): string {
    return this.#options.catalogue.byNumber(table)?.name ?? `table ${table}`;
  }

  /** Also the regional ones: a table that was global once may still have tombstones. */
  global(): readonly SharedTable[] {
    const { catalogue, region } = this.#options;
    return catalogue.all.map(({ number, globalId, global }) => ({
      number,
      globalId,
      members: global === undefined ? [region] : Object.keys(global.members),
      settled: this.#isSettled(globalId, global),
    }));
  }

  #isSettled(globalId: string, global: GlobalTable | undefined): boolean {
    if (this.#options.isSending(globalId)) return false;
    if (global === undefined) return true;
    const isLosing = Object.values(global.members).some(
      ({ phase }) => phase === 'evicting' || phase === 'deleting',
    );
    return (
      !isLosing && !isGrowing(global) && global.debts.length === 0 && !this.#options.isResyncing()
    );
  }
}
