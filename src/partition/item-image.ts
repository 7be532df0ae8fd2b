import type { AttributeMap } from '../model/attribute-value.ts';

/** An item from its wire JSON, which this project wrote itself. */
export const parseImage = (image: Uint8Array): AttributeMap =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every image was parsed before it was written
  JSON.parse(
    Buffer.from(image.buffer, image.byteOffset, image.byteLength).toString('utf8'),
  ) as AttributeMap;
