import { validationError } from '../model/errors.ts';
import { GLOBAL_INDEXES_MAX, LOCAL_INDEXES_MAX } from '../model/limits.ts';
import { checkProjectedFit } from '../model/projected-attributes.ts';
import type {
  AttributeDefinition,
  IndexDefinition,
  IndexProjection,
  TableDefinition,
} from '../model/table.ts';
import { BUCKETS_DEFAULT, bucketsFor, javaHashOrder } from './java-hash-order.ts';
import {
  checkGlobalKey,
  checkKeyDefined,
  checkKeyPair,
  keyAttributesOf,
  type KeySchemaElement,
} from './key-schema-request.ts';
import {
  ATTRIBUTE_DEFINITIONS_UNMATCHED,
  attributeDefinitionsUnused,
  globalIndexesTooMany,
  indexesEmpty,
  indexHashKeyOther,
  indexNameTwice,
  indexThroughputMissing,
  indexThroughputWithPayPerRequest,
  indexWithoutRangeKey,
  localIndexesTooMany,
  PROJECTION_TYPE_MISSING,
  PROJECTION_WITHOUT_ATTRIBUTES,
  projectedTwice,
  projectionWithAttributes,
  TABLE_WITHOUT_RANGE_KEY,
} from './table-messages.ts';
import {
  boundsOf,
  type OnDemandMember,
  type ThroughputMember,
  throughputOf,
  type WarmMember,
} from './throughput-request.ts';

/** Secondary indexes as requests define them. Every function throws `ValidationException`, in DynamoDB's order. */

export interface ProjectionMember {
  readonly ProjectionType?: 'ALL' | 'KEYS_ONLY' | 'INCLUDE';
  readonly NonKeyAttributes?: readonly string[];
}

export interface LocalIndexMember {
  readonly IndexName: string;
  readonly KeySchema: readonly KeySchemaElement[];
  readonly Projection: ProjectionMember;
}

export interface GlobalIndexMember extends LocalIndexMember {
  readonly ProvisionedThroughput?: ThroughputMember;
  readonly OnDemandThroughput?: OnDemandMember;
  readonly WarmThroughput?: WarmMember;
}

export interface IndexMembers {
  readonly LocalSecondaryIndexes?: readonly LocalIndexMember[];
  readonly GlobalSecondaryIndexes?: readonly GlobalIndexMember[];
}

export interface IndexedTable {
  readonly key: readonly KeySchemaElement[];
  readonly definitions: readonly AttributeDefinition[];
  readonly billingMode: TableDefinition['billingMode'];
}

/** The indexes that a table is created with, local ones first. The table's own key is valid. */
export function indexesOf(request: IndexMembers, table: IndexedTable): readonly IndexDefinition[] {
  const { LocalSecondaryIndexes: locals, GlobalSecondaryIndexes: globals } = request;
  const { key, definitions } = table;
  if (locals?.length === 0) throw validationError(indexesEmpty('LocalSecondaryIndexes'));
  if (globals?.length === 0) throw validationError(indexesEmpty('GlobalSecondaryIndexes'));
  if (locals !== undefined && key.length < 2) throw validationError(TABLE_WITHOUT_RANGE_KEY);
  const all = [...(locals ?? []), ...(globals ?? [])];
  for (const index of all) checkKeyDefined(index.KeySchema, definitions);
  checkAllUsed(table, all);
  const made = [
    ...(locals ?? []).map((index) => localIndexOf(index, table)),
    ...(globals ?? []).map((index) => globalIndexOf(index, table)),
  ];
  const names = made.map(({ name }) => name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw validationError(indexNameTwice(twice));
  if ((locals?.length ?? 0) > LOCAL_INDEXES_MAX)
    throw validationError(localIndexesTooMany(LOCAL_INDEXES_MAX));
  if ((globals?.length ?? 0) > GLOBAL_INDEXES_MAX)
    throw validationError(globalIndexesTooMany(GLOBAL_INDEXES_MAX));
  checkProjectedFit(made);
  return made;
}

/** A table without indexes is told only that the numbers differ. Source: measured, DDB-TABLE-127 of api-quirks. */
function checkAllUsed(
  { key, definitions }: IndexedTable,
  indexes: readonly LocalIndexMember[],
): void {
  const elements = [...key, ...indexes.flatMap((index) => index.KeySchema)];
  const used = [...new Set(elements.map((element) => element.AttributeName))];
  const names = definitions.map(({ name }) => name);
  if (used.length === names.length) return;
  throw validationError(
    indexes.length === 0
      ? ATTRIBUTE_DEFINITIONS_UNMATCHED
      : attributeDefinitionsUnused(
          javaHashOrder(names, bucketsFor(names.length)),
          javaHashOrder(used, BUCKETS_DEFAULT),
        ),
  );
}

function localIndexOf(
  index: LocalIndexMember,
  { key, definitions }: IndexedTable,
): IndexDefinition {
  const { IndexName: name, KeySchema: elements } = index;
  checkKeyPair(elements);
  if (elements.length < 2) throw validationError(indexWithoutRangeKey(name));
  const [own, tables] = [elements[0]?.AttributeName ?? '', key[0]?.AttributeName ?? ''];
  if (own !== tables) throw validationError(indexHashKeyOther(name, { index: own, table: tables }));
  const projection = projectionOf(index.Projection);
  return { name, kind: 'local', ...keyAttributesOf(elements, definitions), projection };
}

function globalIndexOf(index: GlobalIndexMember, table: IndexedTable): IndexDefinition {
  const { billingMode } = table;
  const made = globalKeysOf(index, table.definitions);
  const { name } = made;
  const isOnDemand = billingMode === 'PAY_PER_REQUEST';
  const { ProvisionedThroughput: provisioned } = index;
  if (isOnDemand && provisioned !== undefined)
    throw validationError(indexThroughputWithPayPerRequest(name));
  if (!isOnDemand && provisioned === undefined) throw validationError(indexThroughputMissing(name));
  const units = provisioned === undefined ? undefined : throughputOf(provisioned, name);
  return {
    ...made,
    kind: 'global',
    ...(units !== undefined && { provisionedThroughput: units }),
    ...boundsOf(index, { billingMode, units, index: name }),
  };
}

/** What an index of any table is. The attributes of its key are defined. */
export function globalKeysOf(
  { IndexName: name, KeySchema: elements, Projection: projection }: LocalIndexMember,
  definitions: readonly AttributeDefinition[],
): Pick<IndexDefinition, 'name' | 'partition' | 'sort' | 'projection'> {
  checkGlobalKey(elements);
  return { name, ...keyAttributesOf(elements, definitions), projection: projectionOf(projection) };
}

/** Names come in the order in which they are described. Source: measured, DDB-TABLE-125 and 126 of api-quirks. */
function projectionOf({
  ProjectionType: type,
  NonKeyAttributes: names,
}: ProjectionMember): IndexProjection {
  if (type === undefined) throw validationError(PROJECTION_TYPE_MISSING);
  if (type !== 'INCLUDE') {
    if (names !== undefined) throw validationError(projectionWithAttributes(type));
    return { kind: type === 'ALL' ? 'all' : 'keys' };
  }
  if (names === undefined) throw validationError(PROJECTION_WITHOUT_ATTRIBUTES);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw validationError(projectedTwice(twice));
  return { kind: 'include', attributes: names.toSorted(byCodeUnit) };
}

export const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
