import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** How far apart the flipped bytes of a file are: some fall into every block of a store's table. */
const STRIDE_BYTES = 1000;

/**
 * Flips bytes all over every file of a folder whose name ends with `suffix`, from `fromByte` on, in place. Resolves with
 * how many were flipped.
 */
export async function flipBytes(
  folder: string,
  suffix: string,
  { fromByte = 0, strideBytes = STRIDE_BYTES }: { fromByte?: number; strideBytes?: number } = {},
): Promise<number> {
  let flipped = 0;
  for (const name of await readdir(folder)) {
    if (!name.endsWith(suffix)) continue;
    const file = await open(join(folder, name), 'r+');
    try {
      const { size } = await file.stat();
      const byte = Buffer.alloc(1);
      for (let at = fromByte; at < size; at += strideBytes) {
        await file.read(byte, 0, 1, at);
        byte[0] = (byte[0] ?? 0) ^ 0xff;
        await file.write(byte, 0, 1, at);
        flipped += 1;
      }
    } finally {
      await file.close();
    }
  }
  return flipped;
}
