import {
  finite,
  flag,
  list,
  members,
  oneOf,
  optional,
  tagged,
  text,
  type Shape,
} from '../base/shape.ts';
import {
  STREAM_VIEW_TYPES,
  TABLE_UPDATE_KINDS,
  type Encryption,
  type IndexDefinition,
  type IndexOverride,
  type IndexProjection,
  type KeyAttribute,
  type OnDemandThroughput,
  type ReplicaOverrides,
  type ResourcePolicy,
  type TableDefinition,
  type TableIndex,
  type TableUpdate,
  type Throughput,
  type ThroughputHistory,
  type TimeToLive,
} from '../model/table.ts';

/** A table's definition, its indexes and what is known of both, as regions send it to each other and keep it. */

export const keyAttributeShape = members<KeyAttribute>({ name: text, type: oneOf('S', 'N', 'B') });

export const throughputShape = members<Throughput>({ read: finite, write: finite });

export const onDemandShape = members<OnDemandThroughput>({
  read: optional(finite),
  write: optional(finite),
});

export const encryptionShape = members<Encryption>({ keyId: optional(text) });

export const tableClassShape = oneOf('STANDARD', 'STANDARD_INFREQUENT_ACCESS');

export const projectionShape = tagged<IndexProjection>({
  all: members({ kind: oneOf('all') }),
  keys: members({ kind: oneOf('keys') }),
  include: members({ kind: oneOf('include'), attributes: list(text) }),
});

const indexShape: Shape<IndexDefinition> = members<IndexDefinition>({
  name: text,
  kind: oneOf('local', 'global'),
  partition: list(keyAttributeShape),
  sort: list(keyAttributeShape),
  projection: projectionShape,
  provisionedThroughput: optional(throughputShape),
  onDemandThroughput: optional(onDemandShape),
  warmThroughput: optional(throughputShape),
});

const timeToLiveShape = members<TimeToLive>({
  enabled: flag,
  attribute: text,
  changedAtMs: finite,
});

export const definitionShape: Shape<TableDefinition> = members<TableDefinition>({
  keySchema: members({ partition: keyAttributeShape, sort: optional(keyAttributeShape) }),
  attributeDefinitions: list(keyAttributeShape),
  billingMode: oneOf('PROVISIONED', 'PAY_PER_REQUEST'),
  provisionedThroughput: throughputShape,
  indexes: optional(list(indexShape)),
  onDemandThroughput: optional(onDemandShape),
  warmThroughput: optional(throughputShape),
  tableClass: optional(tableClassShape),
  stream: optional(oneOf(...STREAM_VIEW_TYPES)),
  encryption: optional(encryptionShape),
  timeToLive: optional(timeToLiveShape),
});

export const overridesShape = members<ReplicaOverrides>({
  read: optional(finite),
  onDemandRead: optional(finite),
  tableClass: optional(tableClassShape),
  indexes: optional(
    list(
      members<IndexOverride>({
        name: text,
        read: optional(finite),
        onDemandRead: optional(finite),
      }),
    ),
  ),
});

export const throughputHistoryShape = members<ThroughputHistory>({
  increasedAtMs: optional(finite),
  decreasedAtMs: optional(finite),
  decreases: finite,
});

export const tableIndexesShape: Shape<readonly TableIndex[]> = list(
  members<TableIndex>({
    definition: indexShape,
    number: finite,
    status: oneOf('CREATING', 'UPDATING', 'DELETING', 'ACTIVE'),
    backfilling: flag,
    throughputHistory: optional(throughputHistoryShape),
  }),
);

export const tableUpdatesShape: Shape<readonly TableUpdate[]> = list(
  members<TableUpdate>({
    kind: oneOf(...TABLE_UPDATE_KINDS),
    index: optional(text),
    sinceMs: finite,
    before: definitionShape,
  }),
);

export const resourcePolicyShape = members<ResourcePolicy>({ document: text, revisionId: text });
