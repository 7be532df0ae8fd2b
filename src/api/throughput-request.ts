import { validationError } from '../model/errors.ts';
import type { OnDemandThroughput, TableDefinition, Throughput } from '../model/table.ts';
import { ON_DEMAND_WARM } from '../model/warm-throughput.ts';
import type { WarmThroughputChange } from '../region/region.ts';
import {
  onDemandOutOfRange,
  onDemandWithProvisioned,
  throughputOutOfBounds,
  warmBelowOnDemand,
  warmBelowProvisioned,
} from './table-messages.ts';

/**
 * Throughput of tables and indexes as requests name it. `index` is the index's name, undefined for the table. Every
 * function throws `ValidationException`.
 */

export interface ThroughputMember {
  readonly ReadCapacityUnits: number;
  readonly WriteCapacityUnits: number;
}

export interface OnDemandMember {
  readonly MaxReadRequestUnits?: number;
  readonly MaxWriteRequestUnits?: number;
}

export interface WarmMember {
  readonly ReadUnitsPerSecond?: number;
  readonly WriteUnitsPerSecond?: number;
}

/** What one may ask for, in units. */
const THROUGHPUT_UNITS_MAX = 1_000_000_000_000;

export function throughputOf(member: ThroughputMember, index: string | undefined): Throughput {
  for (const name of ['ReadCapacityUnits', 'WriteCapacityUnits'] as const) {
    const units = member[name];
    if (units > THROUGHPUT_UNITS_MAX)
      throw validationError(throughputOutOfBounds(units, name, index));
  }
  return { read: member.ReadCapacityUnits, write: member.WriteCapacityUnits };
}

/** `clears`: whether -1 is a value, which takes a bound away. */
export function onDemandOf(
  { MaxReadRequestUnits: read, MaxWriteRequestUnits: write }: OnDemandMember,
  { index, clears }: { readonly index: string | undefined; readonly clears: boolean },
): OnDemandThroughput {
  const isValid = (units: number | undefined): boolean =>
    units === undefined || units > 0 || (clears && units === -1);
  if (!isValid(read)) throw validationError(onDemandOutOfRange('MaxReadRequestUnits', index));
  if (!isValid(write)) throw validationError(onDemandOutOfRange('MaxWriteRequestUnits', index));
  return { read, write };
}

export const warmOf = (member: WarmMember): WarmThroughputChange => ({
  read: member.ReadUnitsPerSecond,
  write: member.WriteUnitsPerSecond,
});

interface NewThroughput {
  readonly billingMode: TableDefinition['billingMode'];
  readonly units: Throughput | undefined;
  readonly index: string | undefined;
}

type Bounds = Pick<TableDefinition, 'onDemandThroughput' | 'warmThroughput'>;

/** What a new table or index has beside its provisioned throughput. */
export function boundsOf(
  {
    OnDemandThroughput: onDemand,
    WarmThroughput: warm,
  }: { readonly OnDemandThroughput?: OnDemandMember; readonly WarmThroughput?: WarmMember },
  { billingMode, units, index }: NewThroughput,
): Bounds {
  const bound = onDemand === undefined ? undefined : newOnDemand(onDemand, billingMode, index);
  const warmThroughput = warm === undefined ? undefined : newWarm(warm, units, index);
  return {
    ...(bound !== undefined && { onDemandThroughput: bound }),
    ...(warmThroughput !== undefined && { warmThroughput }),
  };
}

function newOnDemand(
  member: OnDemandMember,
  billingMode: TableDefinition['billingMode'],
  index: string | undefined,
): OnDemandThroughput | undefined {
  const { MaxReadRequestUnits: read, MaxWriteRequestUnits: write } = member;
  if (read === undefined && write === undefined) return undefined;
  const first = read === undefined ? 'MaxWriteRequestUnits' : 'MaxReadRequestUnits';
  if (billingMode === 'PROVISIONED') throw validationError(onDemandWithProvisioned(first, index));
  return onDemandOf(member, { index, clears: false });
}

/** At least what goes without saying. Source: measured, DDB-TABLE-039 and 128 of api-quirks. */
function newWarm(
  { ReadUnitsPerSecond: read, WriteUnitsPerSecond: write }: WarmMember,
  units: Throughput | undefined,
  index: string | undefined,
): Throughput | undefined {
  if (read === undefined && write === undefined) return undefined;
  const least = units ?? ON_DEMAND_WARM;
  const tooLow = (member: string, capacity: string): Error =>
    validationError(
      units === undefined
        ? warmBelowOnDemand(member, index)
        : warmBelowProvisioned(member, capacity, index),
    );
  if (read !== undefined && read < least.read)
    throw tooLow('ReadUnitsPerSecond', 'ReadCapacityUnits');
  if (write !== undefined && write < least.write)
    throw tooLow('WriteUnitsPerSecond', 'WriteCapacityUnits');
  return { read: read ?? least.read, write: write ?? least.write };
}
