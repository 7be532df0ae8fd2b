import { assert } from '../../base/assert.ts';
import type { Disk, DiskFile } from '../../base/disk.ts';
import { continues, endOf } from '../chain.ts';
import { decodeEntry } from '../entry-codec.ts';
import { LogError } from '../replicated-log.ts';
import type { Frame } from './frame.ts';
import {
  decodeEnd,
  decodeSegment,
  FrameCursor,
  isOfUnknownKind,
  provesSynced,
  SEGMENT_FORMAT,
} from './frame.ts';
import type { Segment } from './log-file-set.ts';
import type { LogIndex } from './log-index.ts';
import { readSummary } from './segment-summary.ts';
import { StorageNodeError } from './storage-node-error.ts';

const NAME = /^log-(\d{8})\.seg$/;

export const segmentName = (number: number): string => `log-${String(number).padStart(8, '0')}.seg`;

/** The numbers of the segments among a disk's files, rising. */
export const segmentNumbers = (names: readonly string[]): readonly number[] =>
  names.flatMap((name) => {
    const digits = NAME.exec(name)?.[1];
    return digits === undefined ? [] : [Number(digits)];
  });

/**
 * Takes every segment of a zone into `index`, and cuts off what a power cut tore. The last segment, and any without a
 * summary, is read and verified; the others' entries are verified when they are read.
 */
export async function scanSegments(disk: Disk, index: LogIndex): Promise<Segment[]> {
  const segments: Segment[] = [];
  const numbers = segmentNumbers(await disk.list());
  try {
    for (const [at, number] of numbers.entries()) {
      const before = numbers[at - 1] ?? number - 1;
      if (number !== before + 1) throw damaged(segmentName(before + 1), 'it is missing');
      const file = await disk.open(segmentName(number));
      segments.push({ number, file, readers: 0, dropped: false, damaged: false });
      const isLast = at === numbers.length - 1;
      const summary = isLast ? undefined : await readSummary(disk, number, file.sizeBytes);
      if (summary !== undefined && index.addSummary(summary)) continue;
      index.openSegment(number);
      const tornAt = await scanSegment(number, file, index);
      if (tornAt === undefined) continue;
      await refuseUnknown(file, tornAt);
      if (!isLast) throw damaged(file.name, `a frame at ${tornAt} is bad`);
      await cutTorn(number, file, tornAt);
    }
    // What the last group left may be whole and yet not be synced.
    await segments.at(-1)?.file.sync();
  } catch (error) {
    for (const { file } of segments) await file.close();
    throw error;
  }
  return segments;
}

/** Where the first bad frame begins, if there is one. */
async function scanSegment(
  number: number,
  file: DiskFile,
  index: LogIndex,
): Promise<number | undefined> {
  const cursor = new FrameCursor(file, 0);
  let grouped = false;
  for (;;) {
    const { offset } = cursor;
    const frame = cursor.next();
    // A head without a group is one that was torn: the segment begins again.
    if (frame === 'end') return grouped || offset === 0 ? undefined : 0;
    if (frame === 'more') {
      await cursor.fill();
      continue;
    }
    if (frame === 'bad') return grouped ? offset : 0;
    if (offset === 0) checkSegment(number, file, frame);
    if (frame.kind === 'group') grouped = true;
    if (!addFrame(file, index, frame)) return offset;
  }
}

function checkSegment(number: number, file: DiskFile, frame: Frame): void {
  if (frame.kind !== 'segment') throw damaged(file.name, 'it has no head');
  const head = decodeSegment(frame.body);
  if (head.format !== SEGMENT_FORMAT)
    throw new StorageNodeError(
      'format',
      `${file.name} has format ${head.format}; this program reads format ${SEGMENT_FORMAT}`,
    );
  if (head.number !== number) throw damaged(file.name, `it says that it is number ${head.number}`);
}

/** False when the frame's entry is broken. Throws when all checksums hold but the chain does not. */
function addFrame(file: DiskFile, index: LogIndex, frame: Frame): boolean {
  const { kind, partition, offset, body } = frame;
  const end = index.end(partition);
  const broken = (): LogError => damaged(file.name, `the frame at ${offset} breaks the chain`);
  if (kind === 'entry') {
    const entry = entryIn(file, body);
    if (entry === undefined) return false;
    if (!continues(end, entry)) throw broken();
    index.add(kind, partition, endOf(entry), offset);
  } else if (kind === 'base') {
    const base = decodeEnd(body);
    const known = index.ends.has(partition);
    if (known && (base.index !== end.index || base.checksum !== end.checksum)) throw broken();
    index.addBase(partition, base);
  } else if (kind === 'cut' || kind === 'rebase') {
    const to = decodeEnd(body);
    if (kind === 'cut' && to.index > end.index) throw broken();
    index.add(kind, partition, to, offset);
  }
  return true;
}

function entryIn(file: DiskFile, body: Buffer): ReturnType<typeof decodeEntry> | undefined {
  try {
    return decodeEntry(body);
  } catch (error) {
    if (!(error instanceof LogError)) throw error;
    if (error.code === 'format')
      throw new StorageNodeError('format', `${file.name}: ${error.message}`, { cause: error });
    return undefined;
  }
}

/** What a later version wrote is neither torn nor damaged, and must be neither cut nor replaced. */
async function refuseUnknown(file: DiskFile, offset: number): Promise<void> {
  const head = await file.read(offset, 64);
  if (isOfUnknownKind(Buffer.from(head.buffer, head.byteOffset, head.length)))
    throw new StorageNodeError(
      'format',
      `${file.name} has a frame at ${offset} of a kind that this program does not know`,
    );
}

/** Cuts the last segment back to `offset`, unless what stands there was synced once: then it is damage. */
async function cutTorn(number: number, file: DiskFile, offset: number): Promise<void> {
  const rest = await file.read(offset, file.sizeBytes - offset);
  const bytes = Buffer.from(rest.buffer, rest.byteOffset, rest.length);
  if (provesSynced(bytes, { segment: number, offset }))
    throw damaged(file.name, `a frame at ${offset} is bad, and it was synced`);
  await file.truncate(offset);
  assert(file.sizeBytes === offset, 'a truncated file has the size that was asked for');
}

const damaged = (name: string, why: string): LogError =>
  new LogError('damaged', `${name} is damaged: ${why}`);
