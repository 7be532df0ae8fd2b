import type {
  IndexDefinition,
  Table,
  TableDefinition,
  TableIndex,
  TableUpdate,
  TableUpdateKind,
  Throughput,
  ThroughputHistory,
} from '../model/table.ts';
import { decreasesToday, isDecrease } from '../model/throughput-history.ts';
import { bornIndexes, reconcileIndexes } from './table-indexes.ts';

/** What becomes of a region's table when its definition changes: what is shown as under way, and what is remembered. */

/** Kinds of updates during which TableStatus is UPDATING. Source: measured, DDB-TABLE-410 of api-quirks. */
const SHOWN_BY_TABLE: ReadonlySet<TableUpdateKind> = new Set([
  'throughput',
  'billing',
  'stream',
  'class',
  'allocation',
]);

/** Whether what this region does with its table is to be shown as TableStatus UPDATING. */
export const isUpdating = ({ updates, indexes }: Table): boolean =>
  (updates?.some(({ kind }) => SHOWN_BY_TABLE.has(kind)) ?? false) ||
  (indexes?.some(({ status }) => status === 'DELETING') ?? false);

/** A new table with what comes of its definition: its indexes, and the moments that a region keeps of it. */
export function bornTable(table: Table): Table {
  const { definition, createdAtMs } = table;
  return {
    ...table,
    ...(definition.indexes !== undefined && { indexes: bornIndexes(definition) }),
    ...(definition.stream !== undefined && { streamLabel: streamLabel(createdAtMs) }),
    ...(definition.billingMode === 'PAY_PER_REQUEST' && { payPerRequestAtMs: createdAtMs }),
  };
}

/**
 * The table under a changed definition, at home as at every other member. TableStatus is left as it is: see `withStatus`
 * of membership.
 */
export function withDefinition(table: Table, definition: TableDefinition, nowMs: number): Table {
  const { definition: before } = table;
  const isStreamNew = definition.stream !== undefined && definition.stream !== before.stream;
  const isProvisioned = [before, definition].every(
    ({ billingMode }) => billingMode === 'PROVISIONED',
  );
  const history = isProvisioned
    ? historyAfter(table.throughputHistory, before, definition, nowMs)
    : table.throughputHistory;
  const indexes = reconcileIndexes(table, definition).map((index) =>
    indexUnder(index, table, nowMs),
  );
  const updates = changesBetween(before, definition).map((change): TableUpdate => ({
    ...change,
    sinceMs: nowMs,
    before,
  }));
  return {
    ...table,
    definition,
    ...(indexes.length > 0 && { indexes }),
    ...(isStreamNew && { streamLabel: streamLabel(nowMs) }),
    ...(history !== undefined && { throughputHistory: history }),
    ...(table.status !== 'CREATING' &&
      updates.length > 0 && { updates: [...(table.updates ?? []), ...updates] }),
  };
}

/**
 * The table once it is to have a replica: DynamoDB turns a stream on, unless there is one, and leaves it on. Source:
 * measured, DDB-TABLE-221, 222 and 305 of api-quirks.
 */
export function withReplicaStream(table: Table, nowMs: number): Table {
  const { definition } = table;
  if (definition.stream !== undefined) return table;
  return {
    ...table,
    definition: { ...definition, stream: 'NEW_AND_OLD_IMAGES' },
    streamLabel: streamLabel(nowMs),
  };
}

/** DynamoDB names a stream by the moment in which it was enabled, in UTC. */
const streamLabel = (atMs: number): string => new Date(atMs).toISOString().slice(0, -1);

type Change = Pick<TableUpdate, 'kind' | 'index'>;

function changesBetween(before: TableDefinition, after: TableDefinition): readonly Change[] {
  const kinds: TableUpdateKind[] = [];
  if (before.billingMode !== after.billingMode) kinds.push('billing');
  else if (differ(before.provisionedThroughput, after.provisionedThroughput))
    kinds.push('throughput');
  else if (differ(before.warmThroughput, after.warmThroughput)) kinds.push('warm');
  if (before.stream !== after.stream) kinds.push('stream');
  if ((before.tableClass ?? 'STANDARD') !== (after.tableClass ?? 'STANDARD')) kinds.push('class');
  if (differ(before.encryption, after.encryption)) kinds.push('encryption');
  const indexes = (after.indexes ?? []).flatMap((index): Change[] => {
    const standing = before.indexes?.find(({ name }) => name === index.name);
    if (standing === undefined) return [{ kind: 'allocation', index: index.name }];
    return isThroughputSame(standing, index) ? [] : [{ kind: 'index', index: index.name }];
  });
  return [...kinds.map((kind) => ({ kind, index: undefined })), ...indexes];
}

const isThroughputSame = (a: IndexDefinition, b: IndexDefinition): boolean =>
  isCapacitySame(a, b) && !differ(a.warmThroughput, b.warmThroughput);

/** Warm throughput alone is not shown by IndexStatus. Source: measured, DDB-TABLE-155 of api-quirks. */
const isCapacitySame = (a: IndexDefinition, b: IndexDefinition): boolean =>
  !differ(a.provisionedThroughput, b.provisionedThroughput) &&
  !differ(a.onDemandThroughput, b.onDemandThroughput);

const differ = (a: object | undefined, b: object | undefined): boolean =>
  JSON.stringify(a) !== JSON.stringify(b);

/** An index that stood in `table` and goes on under another throughput is UPDATING for a while. */
function indexUnder(index: TableIndex, { indexes }: Table, nowMs: number): TableIndex {
  const standing = indexes?.find(({ number }) => number === index.number);
  if (standing === undefined || index.status !== 'ACTIVE') return index;
  if (isCapacitySame(standing.definition, index.definition)) return index;
  const { throughputHistory } = standing;
  const history = historyAfter(throughputHistory, standing.definition, index.definition, nowMs);
  return {
    ...index,
    status: 'UPDATING',
    ...(history !== undefined && { throughputHistory: history }),
  };
}

interface Provisioned {
  readonly provisionedThroughput?: Throughput;
}

function historyAfter(
  history: ThroughputHistory | undefined,
  { provisionedThroughput: from }: Provisioned,
  { provisionedThroughput: to }: Provisioned,
  nowMs: number,
): ThroughputHistory | undefined {
  if (from === undefined || to === undefined || !differ(from, to)) return history;
  const { increasedAtMs, decreasedAtMs } = history ?? {};
  const isIncrease = to.read > from.read || to.write > from.write;
  const isLess = isDecrease(from, to);
  const today = decreasesToday(history, nowMs);
  return {
    increasedAtMs: isIncrease ? nowMs : increasedAtMs,
    decreasedAtMs: isLess ? nowMs : decreasedAtMs,
    decreases: isLess ? today + 1 : today,
  };
}

/** The table once the updates up to `sinceMs` have been shown long enough. */
export function settledTable(table: Table, sinceMs: number, nowMs: number): Table {
  const over = (table.updates ?? []).filter((update) => update.sinceMs <= sinceMs);
  if (over.length === 0) return table;
  const updates = (table.updates ?? []).filter((update) => update.sinceMs > sinceMs);
  const isOver = (kind: TableUpdateKind): boolean => over.some((update) => update.kind === kind);
  const isOnDemand = table.definition.billingMode === 'PAY_PER_REQUEST';
  const indexes = table.indexes?.map((index) =>
    index.status === 'UPDATING' && !updates.some((update) => update.index === index.definition.name)
      ? { ...index, status: 'ACTIVE' as const }
      : index,
  );
  return {
    ...table,
    updates,
    ...(indexes !== undefined && { indexes }),
    ...(isOver('billing') && isOnDemand && { payPerRequestAtMs: nowMs }),
    ...(isOver('class') && { tableClassAtMs: nowMs }),
  };
}
