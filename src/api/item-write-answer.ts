import type { AttributeMap } from '../model/attribute-value.ts';
import { ClientError } from '../model/errors.ts';
import type { Table } from '../model/table.ts';
import type { ItemImage, WriteOutcome } from '../region/region.ts';
import { CONDITION_FAILED } from './api-messages.ts';
import { consumedCapacity, writeUnits } from './consumed-capacity.ts';
import type { ReturnConsumedCapacity, Units } from './consumed-capacity.ts';
import { indexWriteUnits } from './index-write-units.ts';
import type { ReturnItemCollectionMetrics } from './item-collection-metrics.ts';
import { itemCollectionMetrics } from './item-collection-metrics.ts';
import { imageAnswer, parseImage } from './item-json.ts';

/** Parameters that all writes of one item share. */
export interface ItemWriteInput {
  readonly TableName: string;
  readonly ReturnValues?: 'NONE' | 'ALL_OLD' | 'UPDATED_OLD' | 'ALL_NEW' | 'UPDATED_NEW';
  readonly ReturnConsumedCapacity?: ReturnConsumedCapacity;
  readonly ReturnItemCollectionMetrics?: ReturnItemCollectionMetrics;
  readonly ReturnValuesOnConditionCheckFailure?: 'NONE' | 'ALL_OLD';
}

export type AppliedWrite = Extract<WriteOutcome, { kind: 'applied' }>;

/** The outcome of a write that was made. Throws `ConditionalCheckFailedException` for one that was not. */
export function appliedWrite(outcome: WriteOutcome, request: ItemWriteInput): AppliedWrite {
  if (outcome.kind === 'applied') return outcome;
  const shown = request.ReturnValuesOnConditionCheckFailure === 'ALL_OLD';
  const members =
    shown && outcome.before !== undefined ? { Item: parseImage(outcome.before.image) } : {};
  throw new ClientError('ConditionalCheckFailedException', CONDITION_FAILED, { members });
}

/** A write that was made, of the item that `key` (or the item itself) names. */
export interface AnsweredWrite {
  readonly table: Table;
  readonly key: AttributeMap;
  readonly written: AppliedWrite;
}

/** The answer to a write: the attributes asked for, as an image, the units and the item's collection. */
export function writeAnswer(
  request: ItemWriteInput,
  { table, key, written }: AnsweredWrite,
  attributes: Uint8Array | undefined,
): string | Uint8Array {
  const wanted = request.ReturnConsumedCapacity;
  return imageAnswer('Attributes', attributes, {
    ConsumedCapacity:
      wanted === undefined || wanted === 'NONE'
        ? undefined
        : consumedCapacity(wanted, request.TableName, unitsOfWrite(table, written)),
    ItemCollectionMetrics: itemCollectionMetrics(table, request.ReturnItemCollectionMetrics, key),
  });
}

/** The units of a write, of the table and of its indexes. Reads both images where there are indexes. */
export const unitsOfWrite = (
  table: Table,
  { before, after }: Pick<AppliedWrite, 'before' | 'after'>,
): Units => ({
  table: writeUnits(bytesOf(before), bytesOf(after)),
  indexes: indexWriteUnits(table, before, after),
});

const bytesOf = (image: ItemImage | undefined): number => image?.itemBytes ?? 0;
