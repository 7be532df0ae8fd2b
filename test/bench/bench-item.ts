import { createHash } from 'node:crypto';

/** Names and values of an item's attributes in DynamoDB's JSON. */
export type WireItem = Readonly<Record<string, Readonly<Record<string, string>>>>;

export const ITEM_BYTES = 400;

/** An item of `ITEM_BYTES` by DynamoDB's count: names, and values (a number of two digits or fewer counts 2). */
export function padded(attributes: WireItem): WireItem {
  const used = Object.entries(attributes).reduce(
    (sum, [name, value]) => sum + name.length + (value['S']?.length ?? 2),
    'data'.length,
  );
  return { ...attributes, data: { S: 'x'.repeat(ITEM_BYTES - used) } };
}

/** The same item with a text that compresses to half and is no other item's. */
export function unlike(item: WireItem, at: number): WireItem {
  const length = item['data']?.['S']?.length ?? 0;
  const text = createHash('shake256', { outputLength: Math.ceil(length / 2) }).update(String(at));
  return { ...item, data: { S: text.digest('hex').slice(0, length) } };
}
