import type { AttributeMap } from '../model/attribute-value.ts';
import { attributeValueBytes } from '../model/item-size.ts';
import type { UpdateAction, UpdateExpression } from './ast.ts';

/** What an update counts for itself, beside what it writes. */
const UPDATE_BYTES = 3;
const WRITING_ACTION_BYTES = 19;
const REMOVING_ACTION_BYTES = 2;
const LIST_INDEX_BYTES = 1;

/**
 * What DynamoDB holds to the largest size of an item after an UpdateItem: the finished item, or the attributes that
 * the update writes together with the update itself, whichever is more. So a short key, and little else in the
 * item, leave less room than a PutItem has. Of an UpdateItem alone: statements and transactions are held to the finished
 * item (`ItemChange.sizedAs`). Source: conformance (`itemSizeBySurface`).
 *
 * `itemBytes` is the size of `item`, the item as the update leaves it. Up to `bytesMax` the answer may be less than
 * what DynamoDB counts.
 */
export function updatedBytes(
  update: UpdateExpression,
  { item, itemBytes, bytesMax }: { item: AttributeMap; itemBytes: number; bytesMax: number },
): number {
  let bytes = UPDATE_BYTES;
  for (const action of update.actions) bytes += actionBytes(action);
  if (itemBytes + bytes <= bytesMax) return itemBytes;
  for (const name of writtenNames(update)) {
    const value = item[name];
    if (value !== undefined) bytes += Buffer.byteLength(name) + attributeValueBytes(value);
  }
  return Math.max(itemBytes, bytes);
}

function actionBytes({ kind, path }: UpdateAction): number {
  if (kind === 'remove' || kind === 'delete') return REMOVING_ACTION_BYTES;
  const hasIndex = path.some((step) => typeof step === 'number');
  return WRITING_ACTION_BYTES + (hasIndex ? LIST_INDEX_BYTES : 0);
}

const writtenNames = ({ actions }: UpdateExpression): ReadonlySet<string> =>
  new Set(
    actions.filter(({ kind }) => kind === 'set' || kind === 'add').map(({ path: [name] }) => name),
  );
