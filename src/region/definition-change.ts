import type {
  Encryption,
  OnDemandThroughput,
  Table,
  TableDefinition,
  Throughput,
} from '../model/table.ts';
import { largerThroughput, ON_DEMAND_WARM, warmThroughputOf } from '../model/warm-throughput.ts';
import { changedIndexes } from './index-changes.ts';
import type { TableChange, WarmThroughputChange } from './region.ts';
import {
  encryptedByDefault,
  encryptedWithKey,
  onDemandOfProvisioned,
  streamEnabled,
  streamMissing,
  streamOfReplica,
  throughputMissing,
  throughputOnDemand,
  timeToLiveDisabled,
  timeToLiveElsewhere,
  timeToLiveEnabled,
} from './table-errors.ts';
import {
  assertThroughputChanges,
  changedOnDemand,
  changedWarm,
  firstOf,
} from './throughput-change.ts';

/**
 * The table's definition after a change, the same object when it changes nothing. Throws `ValidationException`,
 * `LimitExceededException` or `ResourceNotFoundException` for what cannot be as the table stands.
 */
export function changedDefinition(
  table: Table,
  change: TableChange,
  nowMs: number,
): TableDefinition {
  let next = withThroughput(table, change, nowMs);
  next = withOnDemand(next, change.onDemandThroughput);
  next = withWarm(next, change.warmThroughput);
  next = withStream(table, next, change.stream);
  next = withClass(next, change.tableClass);
  next = withEncryption(next, change.encryption);
  next = withTimeToLive(next, change.timeToLive, nowMs);
  return changedIndexes(table, next, { change, nowMs });
}

/** Mode and provisioned throughput. What was bounded on demand is not, after a change of the mode. */
function withThroughput(table: Table, change: TableChange, nowMs: number): TableDefinition {
  const { definition } = table;
  const { billingMode = definition.billingMode, provisionedThroughput } = change;
  const isSwitched = billingMode !== definition.billingMode;
  if (billingMode === 'PAY_PER_REQUEST') {
    if (provisionedThroughput !== undefined) throw throughputOnDemand();
    if (!isSwitched) return definition;
    const warmThroughput = largerThroughput(warmThroughputOf(definition), ON_DEMAND_WARM);
    return { ...definition, billingMode, provisionedThroughput: NONE, warmThroughput };
  }
  if (provisionedThroughput === undefined) {
    if (change.billingMode !== undefined) throw throughputMissing();
    return definition;
  }
  const warmThroughput = largerThroughput(warmThroughputOf(definition), provisionedThroughput);
  const next = { ...definition, billingMode, provisionedThroughput, warmThroughput };
  if (!isSwitched) {
    assertThroughputChanges(definition.provisionedThroughput, provisionedThroughput, {
      index: undefined,
      history: table.throughputHistory,
      nowMs,
    });
    return next;
  }
  const { onDemandThroughput: _dropped, ...kept } = next;
  return kept;
}

const NONE: Throughput = { read: 0, write: 0 };

function withOnDemand(
  definition: TableDefinition,
  change: OnDemandThroughput | undefined,
): TableDefinition {
  if (change === undefined) return definition;
  if (definition.billingMode === 'PROVISIONED')
    throw onDemandOfProvisioned(firstOf(change), undefined);
  const { onDemandThroughput: standing, ...rest } = definition;
  const onDemandThroughput = changedOnDemand(standing, change);
  return onDemandThroughput === undefined ? rest : { ...rest, onDemandThroughput };
}

function withWarm(
  definition: TableDefinition,
  change: WarmThroughputChange | undefined,
): TableDefinition {
  if (change === undefined) return definition;
  const warmThroughput = changedWarm(warmThroughputOf(definition), change, undefined);
  return { ...definition, warmThroughput };
}

function withStream(
  table: Table,
  definition: TableDefinition,
  change: TableChange['stream'],
): TableDefinition {
  if (change === undefined) return definition;
  if (change !== 'off') {
    if (definition.stream !== undefined) throw streamEnabled(table.name);
    return { ...definition, stream: change };
  }
  if (definition.stream === undefined) throw streamMissing(table.name);
  if (table.global !== undefined) throw streamOfReplica();
  const { stream: _off, ...rest } = definition;
  return rest;
}

/** STANDARD is what a table has that was never given a class. DDB-TABLE-177 of api-quirks. */
const withClass = (
  definition: TableDefinition,
  tableClass: TableChange['tableClass'],
): TableDefinition =>
  tableClass === undefined || tableClass === (definition.tableClass ?? 'STANDARD')
    ? definition
    : { ...definition, tableClass };

/** DDB-TABLE-143, 146 and 147 of api-quirks. */
function withTimeToLive(
  definition: TableDefinition,
  change: TableChange['timeToLive'],
  nowMs: number,
): TableDefinition {
  if (change === undefined) return definition;
  const { timeToLive: standing } = definition;
  if (standing?.enabled === true) {
    if (standing.attribute !== change.attribute) throw timeToLiveElsewhere(standing.attribute);
    if (change.enabled) throw timeToLiveEnabled();
  } else if (!change.enabled) {
    throw timeToLiveDisabled();
  }
  // A later change names another setting, however the clock stands.
  const changedAtMs = Math.max(nowMs, (standing?.changedAtMs ?? 0) + 1);
  return { ...definition, timeToLive: { ...change, changedAtMs } };
}

/** DDB-TABLE-078, 079 and 141 of api-quirks. */
function withEncryption(
  definition: TableDefinition,
  change: Encryption | 'off' | undefined,
): TableDefinition {
  if (change === undefined) return definition;
  const { encryption: standing, ...rest } = definition;
  if (change === 'off') {
    if (standing === undefined) throw encryptedByDefault();
    return rest;
  }
  const isArnAgain = change.keyId !== undefined && change.keyId.startsWith('arn:');
  if (isArnAgain && standing?.keyId === change.keyId) throw encryptedWithKey();
  return { ...rest, encryption: change };
}
