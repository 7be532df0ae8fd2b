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
  /** This region's own. Absent means nothing. */
  readonly paid?: PaidCopies;
  /**
   * This region's secondary indexes of the table, in the order of their making: those of the definition, and those that
   * are still being deleted. Absent means none.
   */
  readonly indexes?: readonly TableIndex[];
  /** This region's own, never taken over from others, in the order of their adding. Absent means none. */
  readonly tags?: readonly Tag[];
  /** This region's own. Absent means that it can be deleted. */
  readonly deletionProtection?: boolean;
  /** This region's own. */
  readonly resourcePolicy?: ResourcePolicy;
  /** Names this region's latest stream of the table, which may be disabled by now: when it was enabled. */
  readonly streamLabel?: string;
  /**
   * This region's streams of the table that can be read: the one that is enabled, and those that were, oldest first. The
   * catalogue alone writes it; it is never taken over from others. Absent means none.
   */
  readonly streams?: readonly TableStream[];
  readonly throughputHistory?: ThroughputHistory;
  /** When this region last saw the table become one of mode PAY_PER_REQUEST. */
  readonly payPerRequestAtMs?: number;
  /** When this region last saw the table's class change. */
  readonly tableClassAtMs?: number;
  /** What is shown as under way in this region, oldest first. Absent means nothing. */
  readonly updates?: readonly TableUpdate[];
}

/** A change of settings that is already in the definition, and still shown as under way. */
export interface TableUpdate {
  readonly kind: TableUpdateKind;
  /** The index that it is about, of kinds `index` and `allocation`. */
  readonly index: string | undefined;
  readonly sinceMs: number;
  /** What the table had: throughput, class and warm throughput are shown as they were until the end. */
  readonly before: TableDefinition;
}

/**
 * `billing`: the mode, with whatever goes with it. `index`: throughput of one. `allocation`: an index is added to a table
 * that stands, and is not yet being filled as far as anybody sees.
 */
export const TABLE_UPDATE_KINDS = [
  'throughput',
  'billing',
  'stream',
  'class',
  'encryption',
  'warm',
  'index',
  'allocation',
] as const;

export type TableUpdateKind = (typeof TABLE_UPDATE_KINDS)[number];

/** What a region remembers of the changes of a provisioned throughput. */
export interface ThroughputHistory {
  readonly increasedAtMs: number | undefined;
  readonly decreasedAtMs: number | undefined;
  /** Decreases on the UTC day of the last one. */
  readonly decreases: number;
}

export interface ResourcePolicy {
  /** JSON, as it was given. */
  readonly document: string;
  readonly revisionId: string;
}

/** What DynamoDB keeps of it for the owner of the table. No two of a table have the same key. */
export interface Tag {
  readonly key: string;
  readonly value: string;
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
  readonly throughputHistory?: ThroughputHistory;
}

/** A stream of a table: what the logs say of the table from one place in each of them to another. */
export interface TableStream {
  /** When it was enabled, in UTC: no two streams of a table have the same. */
  readonly label: string;
  readonly view: StreamViewType;
  /** After how long its shards are followed by new ones. */
  readonly shardMs: number;
  /** Where this region's logs ended when it was enabled, by the number of the partition. */
  readonly starts: readonly LogPlace[];
  /** Absent while it goes on. */
  readonly end?: StreamEnd;
}

/** How a stream ended: disabled, or with its table. */
export interface StreamEnd {
  readonly atMs: number;
  /** Where the logs ended then, by the number of the partition. */
  readonly places: readonly LogPlace[];
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
  /** 0 and 0 when it is PAY_PER_REQUEST. */
  readonly provisionedThroughput: Throughput;
  /** Absent means none. */
  readonly indexes?: readonly IndexDefinition[];
  readonly onDemandThroughput?: OnDemandThroughput;
  /** What the table can take at once, units per second. It never falls. Absent: what goes without saying. */
  readonly warmThroughput?: Throughput;
  /** Absent: nobody has asked for one, so it is STANDARD. */
  readonly tableClass?: TableClass;
  /** What the table's stream tells; absent when it has none. */
  readonly stream?: StreamViewType;
  /** Absent: under a key that is the service's own. */
  readonly encryption?: Encryption;
}

/** Units of capacity. */
export interface Throughput {
  readonly read: number;
  readonly write: number;
}

/** The most that is taken of a table or index that is PAY_PER_REQUEST, in request units; undefined means no bound. */
export interface OnDemandThroughput {
  readonly read: number | undefined;
  readonly write: number | undefined;
}

export type TableClass = 'STANDARD' | 'STANDARD_INFREQUENT_ACCESS';

export const STREAM_VIEW_TYPES = [
  'NEW_IMAGE',
  'OLD_IMAGE',
  'NEW_AND_OLD_IMAGES',
  'KEYS_ONLY',
] as const;

export type StreamViewType = (typeof STREAM_VIEW_TYPES)[number];

/** Under a key of KMS. No key is ever used: it is described as AWS would. */
export interface Encryption {
  /** As the client named it: id, alias or ARN. Undefined: the one that AWS manages for DynamoDB. */
  readonly keyId: string | undefined;
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
  /** The next three: of a global index alone, and as the table's. Absent in one of a table that is PAY_PER_REQUEST. */
  readonly provisionedThroughput?: Throughput;
  readonly onDemandThroughput?: OnDemandThroughput;
  readonly warmThroughput?: Throughput;
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

/** The key attributes of a table or an index. */
export interface KeyAttributes {
  readonly partition: readonly KeyAttribute[];
  readonly sort: readonly KeyAttribute[];
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

/**
 * Per member, by its `tableId`, up to which of its `missed` changes it has said to have made up for here; -1 after it
 * said that it owes its copy. Who is not in it has made up for none.
 */
export type PaidCopies = Readonly<Record<string, number>>;

/** A whole copy that is owed to the member `to`, named by the state by which it came to be owed: no two are alike. */
export interface Debt {
  readonly to: string;
  readonly term: number;
  readonly revision: number;
  /** The member had been removed by what this region knew, and is back: what is deleted here goes there, too. */
  readonly isBack?: boolean;
}

export interface Member {
  readonly tableId: string;
  readonly phase: MemberPhase;
  /** The region whose copy is scanned for this member's bootstrap. */
  readonly source: string;
  readonly addedAtMs: number;
  /** Counts how often a change went on without this member, because it did not answer: it then owes all its copy. */
  readonly missed: number;
  /** What this replica has otherwise than the table's definition says. Absent means nothing. */
  readonly overrides?: ReplicaOverrides;
}

/** Units of reading, provisioned and at the most on demand, and the class, of one replica. */
export interface ReplicaOverrides {
  readonly read?: number;
  readonly onDemandRead?: number;
  readonly tableClass?: TableClass;
  readonly indexes?: readonly IndexOverride[];
}

export interface IndexOverride {
  readonly name: string;
  readonly read?: number;
  readonly onDemandRead?: number;
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
