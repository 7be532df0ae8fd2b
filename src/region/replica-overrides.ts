import type {
  GlobalTable,
  IndexOverride,
  ReplicaOverrides,
  TableDefinition,
} from '../model/table.ts';
import { indexMissing, overrideOnDemand, overrideProvisioned } from './table-errors.ts';

/**
 * What one replica may have otherwise than the others: units of reading, and the class. Source: developer guide, how
 * global tables work.
 */

/** Overrides after a request. What equals the definition is none. Throws `ValidationException`, `ResourceNotFoundException`. */
export function changedOverrides(
  standing: ReplicaOverrides | undefined,
  change: ReplicaOverrides,
  { name, definition }: { readonly name: string; readonly definition: TableDefinition },
): ReplicaOverrides | undefined {
  const { billingMode, provisionedThroughput, indexes = [] } = definition;
  const isOnDemand = billingMode === 'PAY_PER_REQUEST';
  const read = change.read ?? standing?.read;
  const onDemandRead = change.onDemandRead ?? standing?.onDemandRead;
  const tableClass = change.tableClass ?? standing?.tableClass;
  assertSuits(change, isOnDemand);
  for (const override of change.indexes ?? []) {
    if (!indexes.some((index) => index.name === override.name))
      throw indexMissing(override.name, name);
    assertSuits(override, isOnDemand);
  }
  const isSameBound = onDemandRead === -1 || onDemandRead === definition.onDemandThroughput?.read;
  const changed = {
    ...(read !== provisionedThroughput.read && read !== undefined && { read }),
    ...(!isSameBound && onDemandRead !== undefined && { onDemandRead }),
    ...(tableClass !== (definition.tableClass ?? 'STANDARD') &&
      tableClass !== undefined && { tableClass }),
    ...indexOverrides(standing?.indexes ?? [], change.indexes ?? [], definition),
  };
  return Object.keys(changed).length === 0 ? undefined : changed;
}

function assertSuits({ read, onDemandRead }: ReplicaOverrides, isOnDemand: boolean): void {
  if (isOnDemand && read !== undefined) throw overrideOnDemand();
  if (!isOnDemand && onDemandRead !== undefined) throw overrideProvisioned();
}

function indexOverrides(
  standing: readonly IndexOverride[],
  change: readonly IndexOverride[],
  { indexes = [] }: TableDefinition,
): Pick<ReplicaOverrides, 'indexes'> {
  const overrides = indexes.flatMap((index): IndexOverride[] => {
    const { name } = index;
    const before = standing.find((each) => each.name === name);
    const after = change.find((each) => each.name === name);
    const read = after?.read ?? before?.read;
    const onDemandRead = after?.onDemandRead ?? before?.onDemandRead;
    const isRead = read !== undefined && read !== index.provisionedThroughput?.read;
    const isBound =
      onDemandRead !== undefined &&
      onDemandRead !== -1 &&
      onDemandRead !== index.onDemandThroughput?.read;
    if (!isRead && !isBound) return [];
    return [{ name, ...(isRead && { read }), ...(isBound && { onDemandRead }) }];
  });
  return overrides.length === 0 ? {} : { indexes: overrides };
}

/** A change for all replicas takes the overrides of what it changes away. The state is the next one already. */
export function withoutOverridden(
  global: GlobalTable,
  before: TableDefinition,
  after: TableDefinition,
): GlobalTable {
  const isMode = before.billingMode !== after.billingMode;
  const isRead = isMode || before.provisionedThroughput.read !== after.provisionedThroughput.read;
  const isBound = isMode || before.onDemandThroughput?.read !== after.onDemandThroughput?.read;
  const isClass = before.tableClass !== after.tableClass;
  const members = Object.entries(global.members).map(([region, member]) => {
    const { overrides, ...rest } = member;
    if (overrides === undefined) return [region, member];
    const { read, onDemandRead, tableClass } = overrides;
    const indexes = isMode ? [] : keptIndexes(overrides.indexes ?? [], before, after);
    const kept: ReplicaOverrides = {
      ...(!isRead && read !== undefined && { read }),
      ...(!isBound && onDemandRead !== undefined && { onDemandRead }),
      ...(!isClass && tableClass !== undefined && { tableClass }),
      ...(indexes.length > 0 && { indexes }),
    };
    return [region, Object.keys(kept).length === 0 ? rest : { ...rest, overrides: kept }];
  });
  return { ...global, members: Object.fromEntries(members) };
}

const keptIndexes = (
  overrides: readonly IndexOverride[],
  before: TableDefinition,
  after: TableDefinition,
): readonly IndexOverride[] =>
  overrides.filter(({ name }) => {
    const from = before.indexes?.find((index) => index.name === name);
    const to = after.indexes?.find((index) => index.name === name);
    return (
      to !== undefined &&
      from?.provisionedThroughput?.read === to.provisionedThroughput?.read &&
      from?.onDemandThroughput?.read === to.onDemandThroughput?.read
    );
  });
