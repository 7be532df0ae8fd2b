import { READ_UNIT_BYTES, WRITE_UNIT_BYTES } from '../model/limits.ts';
import type { IndexDefinition } from '../model/table.ts';

export type ReturnConsumedCapacity = 'NONE' | 'TOTAL' | 'INDEXES';

interface Capacity {
  readonly CapacityUnits: number;
  /** These two are told of transactions only. */
  readonly ReadCapacityUnits?: number;
  readonly WriteCapacityUnits?: number;
}

/** `ConsumedCapacity` of the service model; TableName is what the client called the table. */
export interface ConsumedCapacity extends Capacity {
  readonly TableName: string;
  readonly Table?: Capacity;
  readonly LocalSecondaryIndexes?: Readonly<Record<string, Capacity>>;
  readonly GlobalSecondaryIndexes?: Readonly<Record<string, Capacity>>;
}

/** Units of a request, by what took them. */
export interface Units {
  readonly table: number;
  /** Indexes that took none are left out. */
  readonly indexes: readonly IndexUnits[];
}

export interface IndexUnits {
  readonly index: Pick<IndexDefinition, 'name' | 'kind'>;
  readonly units: number;
}

/** Units of a read: one for each 4 KB begun, at least one, and half of that when eventually consistent. */
export function readUnits(bytes: number, consistent: boolean): number {
  const units = Math.max(1, Math.ceil(bytes / READ_UNIT_BYTES));
  return consistent ? units : units / 2;
}

/** Units of a write: one for each KB begun of the larger of the item before and after, at least one. */
export const writeUnits = (bytesBefore: number, bytesAfter: number): number =>
  Math.max(1, Math.ceil(Math.max(bytesBefore, bytesAfter) / WRITE_UNIT_BYTES));

/** Units of several requests on one table. */
export function sumOfUnits(all: readonly Units[]): Units {
  const indexes = new Map<string, IndexUnits>();
  for (const { index, units } of all.flatMap((each) => each.indexes)) {
    const before = indexes.get(index.name)?.units ?? 0;
    indexes.set(index.name, { index, units: before + units });
  }
  return {
    table: all.reduce((sum, { table }) => sum + table, 0),
    indexes: [...indexes.values()],
  };
}

/** What an answer says of the units, or undefined when the client did not ask. */
export function consumedCapacity(
  wanted: ReturnConsumedCapacity | undefined,
  tableName: string,
  units: number | Units,
): ConsumedCapacity | undefined {
  if (wanted === undefined || wanted === 'NONE') return undefined;
  const all = typeof units === 'number' ? { table: units, indexes: [] } : units;
  return tableCapacity(wanted, { tableName, units: all }, (each) => ({ CapacityUnits: each }));
}

interface TableUnits {
  readonly tableName: string;
  readonly units: Units;
}

/** As `consumedCapacity`, of a transaction: of that, DynamoDB says too whether it read or wrote. Source: conformance. */
export const transactedCapacity = (
  wanted: 'TOTAL' | 'INDEXES',
  kind: 'read' | 'write',
  consumed: TableUnits,
): ConsumedCapacity =>
  tableCapacity(wanted, consumed, (units) =>
    kind === 'read'
      ? { CapacityUnits: units, ReadCapacityUnits: units }
      : { CapacityUnits: units, WriteCapacityUnits: units },
  );

function tableCapacity(
  wanted: 'TOTAL' | 'INDEXES',
  { tableName, units: { table, indexes } }: TableUnits,
  capacityOf: (units: number) => Capacity,
): ConsumedCapacity {
  const all = indexes.reduce((sum, index) => sum + index.units, table);
  const total = { TableName: tableName, ...capacityOf(all) };
  if (wanted === 'TOTAL') return total;
  const ofIndexes = (kind: IndexDefinition['kind']): Readonly<Record<string, Capacity>> =>
    Object.fromEntries(
      indexes
        .filter(({ index }) => index.kind === kind)
        .map(({ index, units }) => [index.name, capacityOf(units)]),
    );
  const local = ofIndexes('local');
  const global = ofIndexes('global');
  return {
    ...total,
    Table: capacityOf(table),
    ...(Object.keys(local).length > 0 && { LocalSecondaryIndexes: local }),
    ...(Object.keys(global).length > 0 && { GlobalSecondaryIndexes: global }),
  };
}
