import type { Table, TableIndex, TableUpdateKind } from '../model/table.ts';
import type { TableChange } from './region.ts';
import {
  classWithClass,
  classWithStream,
  classWithThroughput,
  deletedWhileUpdated,
  deletedWithIndexes,
  deletedWithStream,
  deletionProtected,
  encryptionUpdating,
  indexAllocating,
  indexInUse,
  indexWithClass,
  indexWithStream,
  indexWithThroughput,
  onDemandWhile,
  onlyOneIndex,
  streamUpdating,
  streamWithClass,
  streamWithIndex,
  streamWithThroughput,
  tableInUse,
  throughputUpdating,
  throughputWithIndex,
} from './table-errors.ts';
import { isIndexChanging } from './table-indexes.ts';

/** Which changes a table takes while others are under way. Source: measured, the entries of api-quirks that are named. */

/** Throws `ValidationException` or `ResourceInUseException`. DDB-TABLE-001, 002, 016, 063, 069, 150. */
export function assertMayDelete(table: Table): void {
  const { name, status, updates = [] } = table;
  if (status === 'CREATING' || status === 'DELETING') throw tableInUse(table);
  if (table.deletionProtection === true) throw deletionProtected();
  if (isIndexChanging(table)) throw deletedWithIndexes();
  if (updates.some(({ kind }) => kind === 'stream')) throw deletedWithStream();
  if (updates.length > 0) throw deletedWhileUpdated(name);
}

/** Throws `ResourceInUseException`, `LimitExceededException`. */
export function assertMayUpdate(table: Table, change: TableChange): void {
  if (table.status === 'CREATING' || table.status === 'DELETING') throw tableInUse(table);
  const state = stateOf(table);
  assertIndexesFree(state, change);
  if (change.provisionedThroughput !== undefined || change.billingMode !== undefined)
    assertThroughputFree(state, change);
  if (change.onDemandThroughput !== undefined) assertOnDemandFree(state);
  if (change.stream !== undefined) assertStreamFree(state);
  if (change.tableClass !== undefined) assertClassFree(state);
  if (change.encryption === 'off' && state.is('encryption')) throw encryptionUpdating();
}

interface State {
  readonly table: Table;
  readonly is: (...kinds: readonly TableUpdateKind[]) => boolean;
  readonly allocating: readonly string[];
  readonly deleting: readonly string[];
}

function stateOf(table: Table): State {
  const { updates = [], indexes = [] } = table;
  return {
    table,
    is: (...kinds) => updates.some(({ kind }) => kinds.includes(kind)),
    allocating: updates.flatMap(({ kind, index }) =>
      kind === 'allocation' && index !== undefined ? [index] : [],
    ),
    deleting: indexes
      .filter(({ status }) => status === 'DELETING')
      .map(({ definition }) => definition.name),
  };
}

/** DDB-TABLE-063, 369, 370, 375, 376. The mode that is, sent again, is let through. */
function assertThroughputFree(state: State, change: TableChange): void {
  const { table, is, allocating, deleting } = state;
  const { name, definition } = table;
  const isSame =
    change.billingMode === 'PAY_PER_REQUEST' && definition.billingMode === change.billingMode;
  if (is('throughput', 'billing')) throw throughputUpdating(name);
  if (isSame) return;
  if (deleting.length > 0) throw throughputWithIndex('deleted', name, deleting);
  if (allocating.length > 0) throw throughputWithIndex('created', name, allocating);
}

/** DDB-TABLE-119, 286, 369, 375, 458. */
function assertOnDemandFree({ table, is, allocating, deleting }: State): void {
  const { tableClass = 'STANDARD' } = table.definition;
  if (is('billing')) throw onDemandWhile('BillingMode update is in progress');
  if (is('stream')) throw onDemandWhile('stream status update is in progress');
  if (is('class'))
    throw onDemandWhile(
      `TableClass update is in progress. TableClassUpdateInProgress: ${tableClass}`,
    );
  if (allocating.length > 0)
    throw onDemandWhile(`index creation is in progress for indexes: [${allocating.join(', ')}]`);
  if (deleting.length > 0)
    throw onDemandWhile(`index deletion is in progress for indexes: [${deleting.join(', ')}]`);
}

/** DDB-TABLE-002, 286, 369, 458. */
function assertStreamFree({ table, is, allocating }: State): void {
  const { name, definition } = table;
  if (is('throughput', 'billing')) throw streamWithThroughput(name);
  if (is('class')) throw streamWithClass(name, definition.tableClass ?? 'STANDARD');
  if (allocating.length > 0) throw streamWithIndex();
  if (is('stream')) throw streamUpdating(name);
}

/** DDB-TABLE-052, 119, 286. */
function assertClassFree({ table, is }: State): void {
  const { name, definition } = table;
  if (is('class')) throw classWithClass(name, definition.tableClass ?? 'STANDARD');
  if (is('stream')) throw classWithStream(name);
  if (is('throughput', 'billing')) throw classWithThroughput(name);
}

/** DDB-TABLE-135, 149, 159, 175, 375. */
function assertIndexesFree(state: State, { indexes: changes = [] }: TableChange): void {
  const { table, is } = state;
  const structural = changes.filter(({ kind }) => kind !== 'update');
  if (structural.length > 1) throw onlyOneIndex();
  for (const change of changes)
    if (change.kind !== 'create') assertIndexFree(state, change.kind, change.name);
  if (structural.length === 0) return;
  if (is('throughput', 'billing')) throw indexWithThroughput(table.name);
  if (is('stream')) throw indexWithStream();
  if (is('class')) throw indexWithClass();
  const own = changes.flatMap((change) => (change.kind === 'delete' ? [change.name] : []));
  const busy = (table.indexes ?? []).filter(
    ({ status, definition }) =>
      (status === 'CREATING' && !own.includes(definition.name)) || status === 'DELETING',
  );
  if (busy.length > 0 || state.allocating.some((index) => !own.includes(index)))
    throw onlyOneIndex();
}

function assertIndexFree(
  { table, allocating }: State,
  kind: 'update' | 'delete',
  index: string,
): void {
  const { name } = table;
  const standing = indexNamed(table, index);
  if (standing === undefined) return;
  if (kind === 'delete' && allocating.includes(index)) throw indexAllocating(index, name);
  if (standing.status === 'DELETING') throw indexInUse('deleted', index, name);
  if (kind === 'delete') return;
  if (standing.status === 'CREATING' || allocating.includes(index))
    throw indexInUse('created', index, name);
  if (standing.status === 'UPDATING') throw indexInUse('updated', index, name);
}

/** The index that is shown under that name: one that is on its way out gives way to its successor. */
const indexNamed = ({ indexes = [] }: Table, name: string): TableIndex | undefined =>
  indexes.findLast(({ definition }) => definition.name === name);
