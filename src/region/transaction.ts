import type { ConditionExpression } from '../expression/ast.ts';
import type { ClientError } from '../model/errors.ts';
import type { ItemChange, ItemImage } from '../partition/item-write.ts';

/** A valid request to write several items or none, as plain data. No two actions are about the same item. */
export interface WriteTransaction {
  /** 1 to 100. */
  readonly actions: readonly TransactionAction[];
  /** Absent where the client asks for no idempotency. */
  readonly request?: TransactionRequest;
}

/** The client's name for its request. Under the same token nothing is done twice for ten minutes. */
export interface TransactionRequest {
  readonly token: string;
  /** Of all that makes the request another one when it changes. */
  readonly fingerprint: Uint8Array;
}

export interface TransactionAction {
  readonly table: number;
  /** `ItemKey` bytes. */
  readonly key: Uint8Array;
  /** `check` writes nothing: its condition must hold. */
  readonly change: ItemChange | { readonly kind: 'check' };
  readonly condition: ConditionExpression | undefined;
}

/**
 * `committed`: durable, all of it; per action what it found and made. `repeated`: the token's request was committed
 * before; per action the size of the item as it stands, 0 for none. `cancelled`: nothing was written; per action why.
 * `mismatch`: the token was another request's. `under-way`: the token's request has no outcome yet.
 */
export type TransactionOutcome =
  | { readonly kind: 'committed'; readonly items: readonly TransactedItem[] }
  | { readonly kind: 'repeated'; readonly itemBytes: readonly number[] }
  | { readonly kind: 'cancelled'; readonly reasons: readonly CancellationReason[] }
  | { readonly kind: 'mismatch' }
  | { readonly kind: 'under-way' };

export interface TransactedItem {
  readonly before: ItemImage | undefined;
  readonly after: ItemImage | undefined;
}

/**
 * `none`: nothing was wrong with this action. `condition`: it did not hold for the item `before`. `conflict`: other work
 * on the item is under way. `refused`: the change cannot be made of the item as it stands.
 */
export type CancellationReason =
  | { readonly kind: 'none' }
  | { readonly kind: 'condition'; readonly before: ItemImage | undefined }
  | { readonly kind: 'conflict' }
  | { readonly kind: 'refused'; readonly error: ClientError };

/** An item to read with others, as they all stood at one moment. */
export interface TransactionRead {
  readonly table: number;
  /** `ItemKey` bytes. */
  readonly key: Uint8Array;
}

/** In the order of the reads. `cancelled`: one of them met other work that was under way. */
export type TransactionReadOutcome =
  | { readonly kind: 'read'; readonly items: readonly (ItemImage | undefined)[] }
  | { readonly kind: 'cancelled'; readonly reasons: readonly CancellationReason[] };
