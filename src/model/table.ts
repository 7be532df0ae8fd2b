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
}

export type TableStatus = 'CREATING' | 'UPDATING' | 'DELETING' | 'ACTIVE';

export interface TableDefinition {
  readonly keySchema: KeySchema;
  readonly attributeDefinitions: readonly AttributeDefinition[];
  readonly billingMode: 'PROVISIONED' | 'PAY_PER_REQUEST';
  readonly provisionedThroughput: { readonly read: number; readonly write: number };
}

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
  /** Members that this region must still send its whole copy to: they came while it could not be reached. */
  readonly owesScanTo: readonly string[];
}

export interface Member {
  readonly tableId: string;
  readonly phase: MemberPhase;
  /** The region whose copy is scanned for this member's bootstrap. */
  readonly source: string;
  readonly addedAtMs: number;
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
