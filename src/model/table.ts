/** The catalogue's word on one table of this region. What all replicas of a global table share is `definition`. */
export interface Table {
  /** Counts tables of this region from 1 and is never used again: the prefix of the table's keys in the stores. */
  readonly number: number;
  readonly name: string;
  /** This region's incarnation of the table: DynamoDB's TableId. */
  readonly tableId: string;
  /** The same in every region that holds a replica, and never used again. */
  readonly globalId: string;
  readonly createdAtMs: number;
  readonly status: TableStatus;
  readonly definition: TableDefinition;
  /** Present while the table has, or is getting, a replica in another region. */
  readonly global: GlobalTable | undefined;
  /**
   * The last control state that is known of a table without `global`, if it ever had one. Whoever was away, and still
   * believes to share the table, is told by it; should the table be shared again, its states go on from here.
   */
  readonly parted: GlobalTable | undefined;
  /**
   * Per incarnation of another region's replica (`Member.tableId`), where this region's logs ended, by number, when it
   * first knew of that member. What they hold of the table up to there is in the copy that the member gets, and is not
   * shipped to it: it would bring back what was deleted and forgotten since. The catalogue alone writes it, of this
   * region; it is never taken over from others.
   */
  readonly memberStarts?: MemberStarts;
  /**
   * This region's secondary indexes of the table, in the order of their making: those of the definition, and those that
   * are still being deleted. Absent means none.
   */
  readonly indexes?: readonly TableIndex[];
}

/**
 * A secondary index in this region. Its entries are the items of a table of their own, which has `number` and no name:
 * they lie in the partition that their own key's hash says, and are read as a table's items are.
 */
export interface TableIndex {
  readonly definition: IndexDefinition;
  /** Of the same count as `Table.number`, and never used again. */
  readonly number: number;
  readonly status: TableStatus;
  /** Whether what the table held before the index is still on its way into it. */
  readonly backfilling: boolean;
}

export type MemberStarts = Readonly<Record<string, readonly LogPlace[]>>;

/** An entry of one of this region's logs: see `LogEnd`. */
export interface LogPlace {
  readonly logId: string;
  readonly epoch: number;
  readonly index: number;
  readonly checksum: number;
  readonly partitionTime: number;
}

export type TableStatus = 'CREATING' | 'UPDATING' | 'DELETING' | 'ACTIVE';

export interface TableDefinition {
  readonly keySchema: KeySchema;
  readonly attributeDefinitions: readonly AttributeDefinition[];
  readonly billingMode: 'PROVISIONED' | 'PAY_PER_REQUEST';
  readonly provisionedThroughput: { readonly read: number; readonly write: number };
  /** Absent means none. */
  readonly indexes?: readonly IndexDefinition[];
}

export interface IndexDefinition {
  readonly name: string;
  /** `local`: in the partition of the item, changed with it, strongly readable. `global`: follows the table's logs. */
  readonly kind: 'local' | 'global';
  /** One to four attributes; of a local index the table's own partition key. */
  readonly partition: readonly KeyAttribute[];
  /** None to four attributes; of a local index one. */
  readonly sort: readonly KeyAttribute[];
  readonly projection: IndexProjection;
}

/** `keys` are those of the index and of the table. They are in every projection. */
export type IndexProjection =
  | { readonly kind: 'all' }
  | { readonly kind: 'keys' }
  | { readonly kind: 'include'; readonly attributes: readonly string[] };

export type KeyType = 'S' | 'N' | 'B';

export interface AttributeDefinition {
  readonly name: string;
  readonly type: KeyType;
}

export interface KeyAttribute {
  readonly name: string;
  readonly type: KeyType;
}

export interface KeySchema {
  readonly partition: KeyAttribute;
  readonly sort: KeyAttribute | undefined;
}

/**
 * The control state of a global table, ordered by (term, revision). Its home region alone moves the revision; a
 * region that takes a lost home's place moves the term. Whoever holds an older state takes a newer one over.
 */
export interface GlobalTable {
  readonly home: string;
  readonly term: number;
  readonly revision: number;
  /** Every member, this region included, by region name. */
  readonly members: Readonly<Record<string, Member>>;
  /** This region's own, never taken over from others: the members that it must still send its whole copy to. */
  readonly debts: readonly Debt[];
}

/** A whole copy that is owed to the member `to`, named by the state by which it came to be owed: no two are alike. */
export interface Debt {
  readonly to: string;
  readonly term: number;
  readonly revision: number;
}

export interface Member {
  readonly tableId: string;
  readonly phase: MemberPhase;
  /** The region whose copy is scanned for this member's bootstrap. */
  readonly source: string;
  readonly addedAtMs: number;
  /** Counts how often a change went on without this member, because it did not answer: it then owes all its copy. */
  readonly missed: number;
}

/**
 * A member's way: `requested` (known at home only), `preparing` (all members open an outbox to it, note their
 * positions and stop forgetting), `copying` (its source scans), `active`; `draining` (it refuses writes and ships
 * what it has), `deleting`; or, when it cannot be reached, `evicting` (the survivors make each other equal).
 */
export const MEMBER_PHASES = [
  'requested',
  'preparing',
  'copying',
  'active',
  'draining',
  'deleting',
  'evicting',
] as const;

export type MemberPhase = (typeof MEMBER_PHASES)[number];
