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
import { STREAM_VIEW_TYPES, type Encryption, type IndexDefinition } from '../model/table.ts';
import {
  encryptionShape,
  keyAttributeShape,
  onDemandShape,
  projectionShape,
  tableClassShape,
  throughputShape,
} from './definition-shape.ts';
import type {
  IndexChange,
  IndexThroughputChange,
  TableChange,
  WarmThroughputChange,
} from './region.ts';

/** A change of a table's settings, as a member of a global table sends it to the home. */

const warmShape = members<WarmThroughputChange>({
  read: optional(finite),
  write: optional(finite),
});

const indexThroughputShape = members<IndexThroughputChange>({
  provisionedThroughput: optional(throughputShape),
  onDemandThroughput: optional(onDemandShape),
  warmThroughput: optional(warmShape),
});

const newIndexShape = members<Pick<IndexDefinition, 'name' | 'partition' | 'sort' | 'projection'>>({
  name: text,
  partition: list(keyAttributeShape),
  sort: list(keyAttributeShape),
  projection: projectionShape,
});

const indexChangeShape = tagged<IndexChange>({
  create: members({
    kind: oneOf('create'),
    index: newIndexShape,
    throughput: indexThroughputShape,
  }),
  update: members({ kind: oneOf('update'), name: text, throughput: indexThroughputShape }),
  delete: members({ kind: oneOf('delete'), name: text }),
});

const encryptionChangeShape: Shape<Encryption | 'off'> = (value, place) =>
  value === 'off' ? value : encryptionShape(value, place);

/** Protection is no part of it: it is no other region's matter. */
export const tableChangeShape: Shape<SharedTableChange> = members<SharedTableChange>({
  billingMode: optional(oneOf('PROVISIONED', 'PAY_PER_REQUEST')),
  provisionedThroughput: optional(throughputShape),
  onDemandThroughput: optional(onDemandShape),
  warmThroughput: optional(warmShape),
  stream: optional(oneOf(...STREAM_VIEW_TYPES, 'off')),
  tableClass: optional(tableClassShape),
  encryption: optional(encryptionChangeShape),
  timeToLive: optional(
    members<NonNullable<TableChange['timeToLive']>>({ enabled: flag, attribute: text }),
  ),
  indexes: optional(list(indexChangeShape)),
});

/** What all replicas of a global table share. */
export type SharedTableChange = Omit<TableChange, 'deletionProtection'>;
