import { finite, members, text } from '../base/shape.ts';
import type { LogEnd } from '../log/entry.ts';
import { joinHashed } from '../model/item-key.ts';
import type { HashRange } from '../storage/key-layout.ts';

/*
 * Items of `PARTITION_TABLE`: what a partition keeps of itself. Their keys begin with the partition's first hash, so that they
 * lie in it.
 *
 *   name            image, JSON
 *   index/<source>  a `LogEnd`: up to where the log of partition `source` is taken here, for global indexes
 *   shipped         whatever the follower of this partition's own log keeps
 */

/** The key of the position of a source's log in the partition that holds these hashes. */
export const indexStandKey = ({ from }: Pick<HashRange, 'from'>, source: number): Uint8Array =>
  joinHashed(from, Buffer.from(`index/${source}`));

export const shippedKey = ({ from }: HashRange): Uint8Array =>
  joinHashed(from, Buffer.from('shipped'));

export const encodeDocument = (document: unknown): Uint8Array =>
  Buffer.from(JSON.stringify(document));

export const decodeDocument = (image: Uint8Array): unknown =>
  JSON.parse(Buffer.from(image).toString('utf8'));

export const encodeLogEnd = (end: LogEnd): Uint8Array => {
  const { logId, epoch, index, checksum, partitionTime } = end;
  return encodeDocument({ logId, epoch, index, checksum, partitionTime });
};

/** Throws `ShapeError` for anything that `encodeLogEnd` did not write. */
export const decodeLogEnd = (image: Uint8Array): LogEnd =>
  logEndShape(decodeDocument(image), 'position');

export const logEndShape = members<LogEnd>({
  logId: text,
  epoch: finite,
  index: finite,
  checksum: finite,
  partitionTime: finite,
});

/** Whether both are the same entry of the same log; undefined is the end of none. */
export const isSameEnd = (a: LogEnd | undefined, b: LogEnd | undefined): boolean =>
  a === b ||
  (a !== undefined &&
    b !== undefined &&
    a.index === b.index &&
    a.checksum === b.checksum &&
    a.epoch === b.epoch &&
    a.logId === b.logId);
