import { applyUpdate } from '../expression/apply-update.ts';
import { evaluateCondition } from '../expression/evaluate-condition.ts';
import { updatedBytes } from '../expression/updated-bytes.ts';
import type { AttributeMap } from '../model/attribute-value.ts';
import { validateUpdatedIndexKeys } from '../model/index-key-validation.ts';
import { itemSizeBytes } from '../model/item-size.ts';
import { validationError } from '../model/errors.ts';
import { ITEM_BYTES_MAX } from '../model/limits.ts';
import { UPDATED_ITEM_TOO_LARGE } from '../model/messages.ts';
import { parseImage } from './item-image.ts';
import type { ItemChange, ItemImage, ItemWrite } from './item-write.ts';

/** What a write comes to, given the item as it stands. `nothing`: it holds already, so no record is made. */
export type WriteDecision =
  | { readonly kind: 'refused' }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'put'; readonly after: ItemImage }
  | { readonly kind: 'remove' };

type ItemUpdate = Extract<ItemChange, { kind: 'update' }>;

/**
 * Evaluates condition and change against `before`. Pure. Throws `ClientError` where DynamoDB refuses an update
 * for what the item holds: wrong operand types, paths that lead nowhere, an item that would grow past 400 KB, what no
 * key of an index can be.
 */
export function evaluateWrite(write: ItemWrite, before: ItemImage | undefined): WriteDecision {
  const { change, condition } = write;
  const item =
    before !== undefined && (condition !== undefined || change.kind === 'update')
      ? parseImage(before.image)
      : undefined;
  if (condition !== undefined && !evaluateCondition(condition, item)) return { kind: 'refused' };
  if (change.kind === 'put') return { kind: 'put', after: change };
  if (change.kind === 'delete') {
    return before === undefined ? { kind: 'nothing' } : { kind: 'remove' };
  }
  const { update, keyAttributes, indexKeys } = change;
  const next = applyUpdate(update, { current: item, keyAttributes }).item;
  if (next === undefined) return { kind: 'nothing' };
  if (indexKeys !== undefined) validateUpdatedIndexKeys(indexKeys, next);
  return { kind: 'put', after: imageOf(change, next) };
}

/** Wire JSON of an updated item, and its size. Throws `ValidationException` above 400 KB. */
function imageOf({ update, sizedAs }: ItemUpdate, item: AttributeMap): ItemImage {
  const itemBytes = itemSizeBytes(item);
  const heldBytes =
    sizedAs === 'item'
      ? itemBytes
      : updatedBytes(update, { item, itemBytes, bytesMax: ITEM_BYTES_MAX });
  if (heldBytes > ITEM_BYTES_MAX) throw validationError(UPDATED_ITEM_TOO_LARGE);
  return { image: Buffer.from(JSON.stringify(item)), itemBytes };
}
