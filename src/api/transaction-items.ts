import { latin1Of } from '../base/latin1.ts';
import { validationError } from '../model/errors.ts';
import { TRANSACTION_BYTES_MAX } from '../model/limits.ts';
import { ITEM_TWICE, TRANSACTION_TOO_LARGE } from './transaction-messages.ts';

interface ItemName {
  readonly table: number;
  /** `ItemKey` bytes. */
  readonly key: Uint8Array;
}

/** No two parts of a transaction may be about the same item. Throws `ValidationException`. */
export function checkItemsDistinct(items: readonly ItemName[]): void {
  const names = items.map(({ table, key }) => `${table}/${latin1Of(key)}`);
  if (new Set(names).size < names.length) throw validationError(ITEM_TWICE);
}

/** The bound is for what a transaction writes with it, not for what it deletes. Throws `ValidationException`. */
export function checkTransactionSize(sizesBytes: readonly number[]): void {
  const bytes = sizesBytes.reduce((sum, each) => sum + each, 0);
  if (bytes > TRANSACTION_BYTES_MAX) throw validationError(TRANSACTION_TOO_LARGE);
}
