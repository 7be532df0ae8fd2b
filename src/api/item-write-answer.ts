import { ClientError } from '../model/errors.ts';
import type { ItemImage, WriteOutcome } from '../region/region.ts';
import { CONDITION_FAILED } from './api-messages.ts';
import { consumedCapacity, writeUnits } from './consumed-capacity.ts';
import type { ReturnConsumedCapacity } from './consumed-capacity.ts';
import { imageAnswer, parseImage } from './item-json.ts';

/** Parameters that all writes of one item share. */
export interface ItemWriteInput {
  readonly TableName: string;
  readonly ReturnValues?: 'NONE' | 'ALL_OLD' | 'UPDATED_OLD' | 'ALL_NEW' | 'UPDATED_NEW';
  readonly ReturnConsumedCapacity?: ReturnConsumedCapacity;
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

/** The answer to a write: the attributes asked for, as an image, and the units. */
export function writeAnswer(
  request: ItemWriteInput,
  written: AppliedWrite,
  attributes: Uint8Array | undefined,
): string | Uint8Array {
  const units = writeUnits(bytesOf(written.before), bytesOf(written.after));
  return imageAnswer('Attributes', attributes, {
    ConsumedCapacity: consumedCapacity(request.ReturnConsumedCapacity, request.TableName, units),
  });
}

const bytesOf = (image: ItemImage | undefined): number => image?.itemBytes ?? 0;
