import type { ConditionExpression, UpdateExpression } from '../expression/ast.ts';
import type { AttributeMap } from '../model/attribute-value.ts';
import type { IndexKeyRules } from '../model/index-key-validation.ts';
import type { Cause } from '../model/record.ts';

/**
 * A valid request to write one item, as plain data, so that it can be forwarded. The leader evaluates it
 * against the item as it stands.
 */
export interface ItemWrite extends ItemPlace {
  readonly change: ItemChange;
  readonly condition: ConditionExpression | undefined;
  readonly cause: Cause;
}

/** Where an item is, or may be. */
export interface ItemPlace {
  readonly table: number;
  /** `ItemKey` bytes. */
  readonly key: Uint8Array;
}

export type ItemChange =
  | {
      readonly kind: 'put';
      /** The new item's wire JSON in UTF-8, canonical. */
      readonly image: Uint8Array;
      readonly itemBytes: number;
    }
  | {
      readonly kind: 'update';
      readonly update: UpdateExpression;
      /** The key attributes, with which an item that did not exist begins. */
      readonly keyAttributes: AttributeMap;
      /** Keys of indexes that the update touches: what it makes of them is checked. Absent means none. */
      readonly indexKeys?: IndexKeyRules;
      /** What is held to the largest size of an item: the finished item alone, unless `updatedBytes` has to say. */
      readonly sizedAs?: 'item';
    }
  | { readonly kind: 'delete' };

/** A put or a deletion that asks for nothing: it is made whatever stands there. */
export interface PlainWrite extends ItemWrite {
  readonly change: Exclude<ItemChange, { kind: 'update' }>;
  readonly condition: undefined;
}

/**
 * What became of one of several `PlainWrite`s that came together: each stands or falls by itself. Sizes are those of the item
 * before and after, as DynamoDB counts them, 0 for none. `error` is what `write` would reject with.
 */
export type WriteResult =
  | { readonly kind: 'applied'; readonly beforeBytes: number; readonly afterBytes: number }
  | { readonly kind: 'failed'; readonly error: unknown };

/**
 * What became of an `ItemWrite`. Images are wire JSON in UTF-8. `refused`: the condition did not hold, and
 * nothing was written. `before` is the item that the condition saw, undefined when there was none.
 */
export type WriteOutcome =
  | {
      readonly kind: 'applied';
      readonly before: ItemImage | undefined;
      readonly after: ItemImage | undefined;
    }
  | { readonly kind: 'refused'; readonly before: ItemImage | undefined };

export interface ItemImage {
  readonly image: Uint8Array;
  /** As DynamoDB counts it. */
  readonly itemBytes: number;
}
