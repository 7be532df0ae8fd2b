import type { Version } from '../model/version.ts';
import type { ScannedItem, TimeVector } from '../partition/partition.ts';
import { ByteReader, ByteWriter, damaged, WireError } from './byte-codec.ts';

/**
 * What regions say to each other while one sends the other a copy of a table: a version, a kind, and the members in the
 * order in which they are declared. `bus/frame.ts` goes around each message. Every decoder throws `WireError`.
 *
 * History of the version:
 * - 1: the first.
 */
const COPY_WIRE_VERSION = 1;

const PAGE = 1;
const ANSWER = 2;

/** What a sender has of a table in the key range (after, last]. The pages of a scan are its table, without a gap. */
export interface CopyPage {
  readonly scanId: string;
  /** Global id of the table. */
  readonly table: string;
  /** Counts pages from 0. */
  readonly page: number;
  /** Undefined: from the first key. */
  readonly after: Uint8Array | undefined;
  /** Undefined: to the end, and this is the last page. */
  readonly last: Uint8Array | undefined;
  readonly via: 'scan' | 'bootstrap';
  /**
   * Present when the receiver is to remove what is not in the scan: per region, the time up to which the sender had
   * applied everything before the scan began.
   */
  readonly vector: TimeVector | undefined;
  readonly items: readonly ScannedItem[];
}

/**
 * `durable`: so is the page. The others refuse it: the table is not `known` here (any more), the sender is no `member`,
 * or the scan was `begun` before the receiver was, and must begin anew.
 */
export type CopyAnswer = 'durable' | 'not known' | 'not a member' | 'not begun';

const ANSWERS: readonly CopyAnswer[] = ['durable', 'not known', 'not a member', 'not begun'];

const FLAG_AFTER = 1;
const FLAG_LAST = 2;
const FLAG_BOOTSTRAP = 4;
const FLAG_VECTOR = 8;
const PAGE_FLAGS = FLAG_AFTER | FLAG_LAST | FLAG_BOOTSTRAP | FLAG_VECTOR;

const FLAG_IMAGE = 1;
const FLAG_REPLACED = 2;

/** Key, flags, version and size. */
const ITEM_BYTES_MIN = 2 + 1 + 8 + 2 + 4;
const VECTOR_MEMBER_BYTES_MIN = 2 + 8;

export function encodeCopyPage(page: CopyPage): Uint8Array {
  const { after, last, vector } = page;
  let expectedBytes = 512;
  for (const { key, image } of page.items) expectedBytes += key.length + (image?.length ?? 0) + 64;
  const to = new ByteWriter(expectedBytes).u8(COPY_WIRE_VERSION).u8(PAGE);
  to.text(page.scanId).text(page.table).u32(page.page);
  to.u8(
    flag(after, FLAG_AFTER) |
      flag(last, FLAG_LAST) |
      (page.via === 'bootstrap' ? FLAG_BOOTSTRAP : 0) |
      flag(vector, FLAG_VECTOR),
  );
  if (after !== undefined) to.short(after);
  if (last !== undefined) to.short(last);
  if (vector !== undefined) {
    const members = Object.entries(vector);
    to.u32(members.length);
    for (const [region, time] of members) to.text(region).whole(time);
  }
  to.u32(page.items.length);
  for (const item of page.items) writeItem(to, item);
  return to.finish();
}

const flag = (value: unknown, bit: number): number => (value === undefined ? 0 : bit);

function writeItem(
  to: ByteWriter,
  { key, version, replaced, image, itemBytes }: ScannedItem,
): void {
  to.short(key).u8(flag(image, FLAG_IMAGE) | flag(replaced, FLAG_REPLACED));
  to.whole(version.time).text(version.region).u32(itemBytes);
  if (replaced !== undefined) to.whole(replaced.time).text(replaced.region);
  if (image !== undefined) to.long(image);
}

export function decodeCopyPage(bytes: Uint8Array): CopyPage {
  const from = opened(bytes, PAGE);
  const scanId = from.text();
  const table = from.text();
  const page = from.u32();
  const flags = from.u8();
  if ((flags & ~PAGE_FLAGS) !== 0) throw damaged(`flags ${flags}`);
  const decoded: CopyPage = {
    scanId,
    table,
    page,
    after: (flags & FLAG_AFTER) === 0 ? undefined : from.short(),
    last: (flags & FLAG_LAST) === 0 ? undefined : from.short(),
    via: (flags & FLAG_BOOTSTRAP) === 0 ? 'scan' : 'bootstrap',
    vector: (flags & FLAG_VECTOR) === 0 ? undefined : readVector(from),
    items: Array.from({ length: from.count(ITEM_BYTES_MIN) }, () => readItem(from)),
  };
  from.end();
  return decoded;
}

const readVector = (from: ByteReader): TimeVector =>
  Object.fromEntries(
    Array.from({ length: from.count(VECTOR_MEMBER_BYTES_MIN) }, () => {
      const region = from.text();
      return [region, from.whole()] as const;
    }),
  );

function readItem(from: ByteReader): ScannedItem {
  const key = from.short();
  const flags = from.u8();
  if ((flags & ~(FLAG_IMAGE | FLAG_REPLACED)) !== 0) throw damaged(`flags ${flags}`);
  const version = readVersion(from);
  const itemBytes = from.u32();
  const replaced = (flags & FLAG_REPLACED) === 0 ? undefined : readVersion(from);
  const image = (flags & FLAG_IMAGE) === 0 ? undefined : from.long();
  return { key, version, replaced, image, itemBytes };
}

const readVersion = (from: ByteReader): Version => ({ time: from.whole(), region: from.text() });

export const encodeCopyAnswer = (answer: CopyAnswer): Uint8Array =>
  new ByteWriter(8).u8(COPY_WIRE_VERSION).u8(ANSWER).u8(ANSWERS.indexOf(answer)).finish();

export function decodeCopyAnswer(bytes: Uint8Array): CopyAnswer {
  const from = opened(bytes, ANSWER);
  const answer = ANSWERS[from.u8()];
  if (answer === undefined) throw damaged('an answer that is not listed');
  from.end();
  return answer;
}

function opened(bytes: Uint8Array, kind: number): ByteReader {
  const from = new ByteReader(bytes);
  const version = from.u8();
  if (version !== COPY_WIRE_VERSION)
    throw new WireError(
      'version',
      `a copy of version ${version}, and this region speaks ${COPY_WIRE_VERSION}`,
    );
  if (from.u8() !== kind) throw damaged('it is no message of a copy');
  return from;
}
