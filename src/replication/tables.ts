/** The catalogue as replication sees it. Synchronous, from memory. */
export interface Tables {
  /**
   * The global id of table `table` if what the entry at `at` holds of it goes to `peer`: that has, or is getting, a
   * replica of it, whose copy is not sure to hold the entry.
   */
  shared(table: number, peer: string, at: EntryPlace): string | undefined;
  /** Whether any table has, or is getting, a replica at `peer`. */
  sharesWith(peer: string): boolean;
  /**
   * The table, for records of `origin`. `unknown`: the catalogue may come to know it, or the origin as a member of it,
   * so records wait. `gone`: it never will, so they are dropped.
   */
  byGlobalId(globalId: string, origin: string): { readonly number: number } | 'unknown' | 'gone';
  /** Whether this region owes `peer` a copy of the table: that may lack what no log will bring. */
  owes(table: number, peer: string): boolean;
  /** Whether `origin` owes this region a copy of any table, or may owe it: then its logs do not bring all that it made. */
  isOwedBy(origin: string): boolean;
  /** For logs and metrics. */
  nameOf(table: number): string;
  /** The tables that may have tombstones: those that have, or had, a replica in another region. */
  global(): readonly SharedTable[];
}

/** An entry of this region's: the number of its partition, and its index there. */
export interface EntryPlace {
  readonly log: number;
  readonly index: number;
}

export interface SharedTable {
  readonly number: number;
  readonly globalId: string;
  /** The regions that hold a replica, or are getting one; this one included. */
  readonly members: readonly string[];
  /**
   * False while a scan of the table runs, or is owed to somebody: while a member is added, resynced or evicted. Scans
   * need the tombstones, here and there, so a table forgets nothing then.
   */
  readonly settled: boolean;
}
