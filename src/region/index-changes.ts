import { GLOBAL_INDEXES_MAX } from '../model/limits.ts';
import { checkProjectedFit } from '../model/projected-attributes.ts';
import type {
  AttributeDefinition,
  IndexDefinition,
  KeyAttribute,
  Table,
  TableDefinition,
} from '../model/table.ts';
import {
  largerThroughput,
  ON_DEMAND_WARM,
  warmThroughputOfIndex,
} from '../model/warm-throughput.ts';
import type { IndexChange, IndexThroughputChange, TableChange } from './region.ts';
import {
  attributeRedefined,
  indexesExceeded,
  indexExists,
  indexMissing,
  indexNotGlobal,
  indexThroughputMissing,
  indexThroughputNeeded,
  indexThroughputOnDemand,
  indexUpdateOnDemand,
  onDemandOfProvisioned,
} from './table-errors.ts';
import {
  assertThroughputChanges,
  changedOnDemand,
  changedWarm,
  firstOf,
} from './throughput-change.ts';

export interface IndexesChange {
  readonly change: TableChange;
  readonly nowMs: number;
}

/**
 * `next`, the definition that `table` is to have, with its indexes after the change. Throws as `changedDefinition`.
 */
export function changedIndexes(
  table: Table,
  next: TableDefinition,
  { change, nowMs }: IndexesChange,
): TableDefinition {
  const { indexes: changes = [] } = change;
  const switched = underMode(table.definition, next);
  if (changes.length === 0 && switched === next) return next;
  for (const each of changes) assertPossible(table, each);
  let changed = switched;
  for (const each of changes) changed = withIndexChange(table, changed, { change: each, nowMs });
  if (next.billingMode === 'PROVISIONED')
    for (const { kind, name, provisionedThroughput } of changed.indexes ?? [])
      if (kind === 'global' && provisionedThroughput === undefined)
        throw indexThroughputMissing(name);
  return changed;
}

/** An index of a table whose mode changes loses what went with the old one. DDB-TABLE-153 of api-quirks. */
function underMode(before: TableDefinition, next: TableDefinition): TableDefinition {
  const { billingMode, indexes } = next;
  if (before.billingMode === billingMode || indexes === undefined) return next;
  return {
    ...next,
    indexes: indexes.map((index) => {
      if (index.kind === 'local') return index;
      const { provisionedThroughput: _provisioned, onDemandThroughput: _bound, ...kept } = index;
      const warm = warmThroughputOfIndex(index, before.billingMode);
      const isOnDemand = billingMode === 'PAY_PER_REQUEST';
      return {
        ...kept,
        warmThroughput: isOnDemand ? largerThroughput(warm, ON_DEMAND_WARM) : warm,
      };
    }),
  };
}

function assertPossible({ name, definition }: Table, change: IndexChange): void {
  const { indexes = [] } = definition;
  const index = change.kind === 'create' ? change.index.name : change.name;
  const standing = indexes.find((each) => each.name === index);
  if (change.kind === 'create') {
    if (standing !== undefined) throw indexExists();
    const globals = indexes.filter(({ kind }) => kind === 'global');
    if (globals.length >= GLOBAL_INDEXES_MAX) throw indexesExceeded(GLOBAL_INDEXES_MAX);
    return;
  }
  if (standing === undefined) throw indexMissing(index, name);
  if (standing.kind === 'local') throw indexNotGlobal(change.kind, index);
}

interface OneChange {
  readonly change: IndexChange;
  readonly nowMs: number;
}

function withIndexChange(
  table: Table,
  definition: TableDefinition,
  { change, nowMs }: OneChange,
): TableDefinition {
  const { indexes = [] } = definition;
  switch (change.kind) {
    case 'create':
      return withIndex(definition, change);
    case 'delete': {
      const kept = indexes.filter(({ name }) => name !== change.name);
      return { ...definition, indexes: kept, attributeDefinitions: usedOf(definition, kept) };
    }
    case 'update':
      return {
        ...definition,
        indexes: indexes.map((index) =>
          index.name === change.name
            ? withThroughput(index, change.throughput, { table, definition, nowMs })
            : index,
        ),
      };
    default:
      return change satisfies never;
  }
}

/** Only what some key uses stays. DDB-TABLE-151 of api-quirks. */
function usedOf(
  { attributeDefinitions, keySchema: { partition, sort } }: TableDefinition,
  indexes: readonly IndexDefinition[],
): readonly AttributeDefinition[] {
  const keys = [partition, sort, ...indexes.flatMap(keysOf)];
  return attributeDefinitions.filter(({ name }) => keys.some((key) => key?.name === name));
}

const keysOf = ({
  partition,
  sort,
}: Pick<IndexDefinition, 'partition' | 'sort'>): readonly KeyAttribute[] => [...partition, ...sort];

function withIndex(
  definition: TableDefinition,
  { index, throughput }: Extract<IndexChange, { kind: 'create' }>,
): TableDefinition {
  const { billingMode, attributeDefinitions, indexes = [] } = definition;
  const { name } = index;
  const { provisionedThroughput: units, onDemandThroughput, warmThroughput } = throughput;
  const isOnDemand = billingMode === 'PAY_PER_REQUEST';
  if (isOnDemand && units !== undefined) throw indexThroughputOnDemand(name);
  if (!isOnDemand && units === undefined) throw indexThroughputNeeded(name);
  if (!isOnDemand && onDemandThroughput !== undefined)
    throw onDemandOfProvisioned(firstOf(onDemandThroughput), name);
  assertNotRedefined(definition, index);
  const warm = units ?? ON_DEMAND_WARM;
  const added: IndexDefinition = {
    ...index,
    kind: 'global',
    ...(units !== undefined && { provisionedThroughput: units }),
    ...(onDemandThroughput !== undefined && { onDemandThroughput }),
    ...(warmThroughput !== undefined && {
      warmThroughput: changedWarm(warm, warmThroughput, name),
    }),
  };
  const all = [...indexes, added];
  checkProjectedFit(all);
  const known = attributeDefinitions.map((attribute) => attribute.name);
  const fresh = keysOf(index).filter((key) => !known.includes(key.name));
  return { ...definition, indexes: all, attributeDefinitions: [...attributeDefinitions, ...fresh] };
}

function assertNotRedefined(
  definition: TableDefinition,
  index: Pick<IndexDefinition, 'partition' | 'sort'>,
): void {
  const redefined = keysOf(index).find(({ name, type }) =>
    definition.attributeDefinitions.some((known) => known.name === name && known.type !== type),
  );
  if (redefined === undefined) return;
  const { partition, sort } = definition.keySchema;
  const table = { partition: [partition], sort: sort === undefined ? [] : [sort] };
  const users = [table, ...(definition.indexes ?? [])];
  const existing = users.find((user) => keysOf(user).some(({ name }) => name === redefined.name));
  throw attributeRedefined(elementsOf(existing ?? table), elementsOf(index));
}

const elementsOf = ({ partition, sort }: Pick<IndexDefinition, 'partition' | 'sort'>): string[] => [
  ...partition.map(({ name, type }) => `${name}:${type}:HASH`),
  ...sort.map(({ name, type }) => `${name}:${type}:RANGE`),
];

interface Surroundings {
  readonly table: Table;
  /** With the mode that it is to have. */
  readonly definition: TableDefinition;
  readonly nowMs: number;
}

function withThroughput(
  index: IndexDefinition,
  change: IndexThroughputChange,
  { table, definition, nowMs }: Surroundings,
): IndexDefinition {
  const { name } = index;
  const isOnDemand = definition.billingMode === 'PAY_PER_REQUEST';
  const { provisionedThroughput: units, onDemandThroughput: bound, warmThroughput } = change;
  if (isOnDemand && units !== undefined) throw indexUpdateOnDemand(name);
  if (!isOnDemand && bound !== undefined) throw onDemandOfProvisioned(firstOf(bound), name);
  const standing = table.indexes?.findLast((each) => each.definition.name === name);
  if (units !== undefined && index.provisionedThroughput !== undefined)
    assertThroughputChanges(index.provisionedThroughput, units, {
      index: name,
      history: standing?.throughputHistory,
      nowMs,
    });
  const { onDemandThroughput: bounded, ...rest } = index;
  const onDemandThroughput = bound === undefined ? bounded : changedOnDemand(bounded, bound);
  const current = warmThroughputOfIndex(index, definition.billingMode);
  const warm = warmThroughput === undefined ? current : changedWarm(current, warmThroughput, name);
  const isWarmSaid = units !== undefined || warmThroughput !== undefined;
  return {
    ...rest,
    ...(units !== undefined && { provisionedThroughput: units }),
    ...(onDemandThroughput !== undefined && { onDemandThroughput }),
    ...(isWarmSaid && { warmThroughput: largerThroughput(warm, units ?? warm) }),
  };
}
