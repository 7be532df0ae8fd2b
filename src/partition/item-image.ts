import type { AttributeMap } from '../model/attribute-value.ts';
import type { StoredItem } from '../model/record.ts';
import type { ItemImage } from './item-write.ts';

/** An item from its wire JSON, which this project wrote itself. */
export const parseImage = (image: Uint8Array): AttributeMap =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every image was parsed before it was written
  JSON.parse(
    Buffer.from(image.buffer, image.byteOffset, image.byteLength).toString('utf8'),
  ) as AttributeMap;

/** Undefined where no item stands. */
export const imageOf = (stored: StoredItem | undefined): ItemImage | undefined =>
  stored?.image === undefined ? undefined : { image: stored.image, itemBytes: stored.itemBytes };
