import { READ_UNIT_BYTES, WRITE_UNIT_BYTES } from '../model/limits.ts';

export type ReturnConsumedCapacity = 'NONE' | 'TOTAL' | 'INDEXES';

/** `ConsumedCapacity` of the service model; TableName is what the client called the table. */
export interface ConsumedCapacity {
  readonly TableName: string;
  readonly CapacityUnits: number;
  readonly Table?: { readonly CapacityUnits: number };
}

/** Units of a read: one for each 4 KB begun, at least one, and half of that when eventually consistent. */
export function readUnits(bytes: number, consistent: boolean): number {
  const units = Math.max(1, Math.ceil(bytes / READ_UNIT_BYTES));
  return consistent ? units : units / 2;
}

/** Units of a write: one for each KB begun of the larger of the item before and after, at least one. */
export const writeUnits = (bytesBefore: number, bytesAfter: number): number =>
  Math.max(1, Math.ceil(Math.max(bytesBefore, bytesAfter) / WRITE_UNIT_BYTES));

/** What an answer says of the units, or undefined when the client did not ask. */
export function consumedCapacity(
  wanted: ReturnConsumedCapacity | undefined,
  tableName: string,
  units: number,
): ConsumedCapacity | undefined {
  if (wanted === undefined || wanted === 'NONE') return undefined;
  if (wanted === 'TOTAL') return { TableName: tableName, CapacityUnits: units };
  return { TableName: tableName, CapacityUnits: units, Table: { CapacityUnits: units } };
}
