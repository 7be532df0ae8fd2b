import type { LogEnd } from '../log/entry.ts';
import type { Version } from '../model/version.ts';
import type { Batch, ShippedRecord } from './batch.ts';
import type { ForgettingReport } from './forgetting.ts';
import type { OriginPositions } from './position-store.ts';
import { ByteReader, ByteWriter, damaged, WireError } from './byte-codec.ts';
import type { CommitRun } from './commit-time.ts';

/**
 * What regions say to each other, as bytes: a version, a kind, and the members in the order in which they are
 * declared. Whole numbers and times are doubles, other numbers little-endian, texts UTF-8. `bus/frame.ts` goes
 * around each message, with the checksum and the compression. Every decoder throws `WireError`.
 *
 * History of the version:
 * - 1: the first.
 */
export const REPLICATION_WIRE_VERSION = 1;

const KINDS = {
  hello: 1,
  stand: 2,
  ship: 3,
  clock: 4,
  time: 5,
  positions: 6,
  report: 7,
  none: 9,
  stored: 10,
  batches: 11,
  stands: 12,
  commits: 13,
} as const;

type Kind = keyof typeof KINDS;

/** Opens an outbox, or places it. */
export interface Hello {
  /** The origin's partition, and how many it has. */
  readonly log: number;
  readonly logs: number;
  /** The last entry that the origin has committed. */
  readonly end: LogEnd;
  /** Sets the position there to `at` if it is `expected`: the start of a first contact, the end of a resync. */
  readonly place: { readonly at: LogEnd; readonly expected: LogEnd | undefined } | undefined;
}

/**
 * Where the inbox stands with a log: `applied`, all up to it is durable in the target; `durable`, so is that position.
 * `waitsFor`: the batch was not taken, because a table in it is not known yet.
 */
export interface Stand {
  readonly applied: LogEnd | undefined;
  readonly durable: LogEnd | undefined;
  readonly waitsFor: string | undefined;
}

/** The wall clock of the asked region when a probe came and when its answer left. */
export interface ClockReading {
  readonly receivedWallMs: number;
  readonly answeredWallMs: number;
}

const write = (kind: Kind, expectedBytes?: number): ByteWriter =>
  new ByteWriter(expectedBytes).u8(REPLICATION_WIRE_VERSION).u8(KINDS[kind]);

function read<T>(bytes: Uint8Array, kind: Kind, parse: (reader: ByteReader) => T): T {
  const reader = new ByteReader(bytes);
  const version = reader.u8();
  if (version !== REPLICATION_WIRE_VERSION) {
    throw new WireError(
      'version',
      `a message of version ${version}, and this region speaks ${REPLICATION_WIRE_VERSION}`,
    );
  }
  if (reader.u8() !== KINDS[kind]) throw damaged(`it is no ${kind}`);
  const value = parse(reader);
  reader.end();
  return value;
}

function writeOptional<T>(to: ByteWriter, value: T | undefined, put: (value: T) => void): void {
  to.u8(value === undefined ? 0 : 1);
  if (value !== undefined) put(value);
}

function readOptional<T>(from: ByteReader, take: () => T): T | undefined {
  const flag = from.u8();
  if (flag > 1) throw damaged(`a flag of ${flag}`);
  return flag === 1 ? take() : undefined;
}

const writeEnd = (to: ByteWriter, end: LogEnd): ByteWriter =>
  to.text(end.logId).whole(end.epoch).whole(end.index).u32(end.checksum).whole(end.partitionTime);

const readEnd = (from: ByteReader): LogEnd => ({
  logId: from.text(),
  epoch: from.whole(),
  index: from.whole(),
  checksum: from.u32(),
  partitionTime: from.whole(),
});

const writeVersion = (to: ByteWriter, version: Version): ByteWriter =>
  to.whole(version.time).text(version.region);

const readVersion = (from: ByteReader): Version => ({ time: from.whole(), region: from.text() });

export function encodeHello({ log, logs, end, place }: Hello): Uint8Array {
  const to = writeEnd(write('hello').u32(log).u32(logs), end);
  writeOptional(to, place, ({ at, expected }) => {
    writeEnd(to, at);
    writeOptional(to, expected, (position) => writeEnd(to, position));
  });
  return to.finish();
}

export const decodeHello = (bytes: Uint8Array): Hello =>
  read(bytes, 'hello', (from) => {
    const log = from.u32();
    const logs = from.u32();
    if (log >= logs) throw damaged(`log ${log} of ${logs}`);
    const end = readEnd(from);
    const place = readOptional(from, () => ({
      at: readEnd(from),
      expected: readOptional(from, () => readEnd(from)),
    }));
    return { log, logs, end, place };
  });

export function encodeStand({ applied, durable, waitsFor }: Stand): Uint8Array {
  const to = write('stand');
  writeOptional(to, applied, (end) => writeEnd(to, end));
  writeOptional(to, durable, (end) => writeEnd(to, end));
  writeOptional(to, waitsFor, (table) => to.text(table));
  return to.finish();
}

export const decodeStand = (bytes: Uint8Array): Stand =>
  read(bytes, 'stand', (from) => ({
    applied: readOptional(from, () => readEnd(from)),
    durable: readOptional(from, () => readEnd(from)),
    waitsFor: readOptional(from, () => from.text()),
  }));

const FLAG_IMAGE = 1;
const FLAG_REPLACED = 2;
/** Who does not know it refuses the batch. It is only said where a table has a time to live. */
const FLAG_EXPIRED = 4;

/** The least that a record takes: table, flags, key, time and size. */
const RECORD_BYTES_MIN = 2 + 1 + 2 + 8 + 4;
const TABLE_BYTES_MIN = 2;
/** The least that a batch takes in a message of several. */
const BATCH_BYTES_MIN = 4;
/** A dictionary's index has 16 bits. */
const TABLES_MAX = 65_536;

export function encodeBatch(batch: Batch): Uint8Array {
  const tables = new Map<string, number>();
  let expectedBytes = 512;
  for (const { table, key, image } of batch.records) {
    if (!tables.has(table)) tables.set(table, tables.size);
    expectedBytes += key.length + (image?.length ?? 0) + 64;
  }
  const to = write('ship', expectedBytes).text(batch.origin).u32(batch.log);
  writeEnd(writeEnd(to, batch.from), batch.to).u32(tables.size);
  for (const table of tables.keys()) to.text(table);
  to.u32(batch.records.length);
  for (const record of batch.records) writeRecord(to, record, tables.get(record.table) ?? 0);
  return to.finish();
}

function writeRecord(to: ByteWriter, record: ShippedRecord, table: number): void {
  const { key, time, expiredOf, replaced, image, itemBytes } = record;
  const flags =
    (image === undefined ? 0 : FLAG_IMAGE) |
    (replaced === undefined ? 0 : FLAG_REPLACED) |
    (expiredOf === undefined ? 0 : FLAG_EXPIRED);
  to.u16(table).u8(flags).short(key).whole(time).u32(itemBytes);
  if (replaced !== undefined) writeVersion(to, replaced);
  if (expiredOf !== undefined) to.text(expiredOf);
  if (image !== undefined) to.long(image);
}

export const decodeBatch = (bytes: Uint8Array): Batch =>
  read(bytes, 'ship', (from) => {
    const origin = from.text();
    const log = from.u32();
    const start = readEnd(from);
    const end = readEnd(from);
    if (end.index < start.index) throw damaged('a batch that runs backwards');
    const tables = Array.from({ length: from.count(TABLE_BYTES_MIN) }, () => from.text());
    if (tables.length > TABLES_MAX) throw damaged(`${tables.length} tables`);
    const count = from.count(RECORD_BYTES_MIN);
    const records = Array.from({ length: count }, () => readRecord(from, tables));
    if (count > 0 && end.index === start.index) throw damaged('records of no entry');
    return { origin, log, from: start, to: end, records };
  });

function readRecord(from: ByteReader, tables: readonly string[]): ShippedRecord {
  const table = tables[from.u16()];
  const flags = from.u8();
  if (table === undefined) throw damaged('a table that is not listed');
  if ((flags & ~(FLAG_IMAGE | FLAG_REPLACED | FLAG_EXPIRED)) !== 0) throw damaged(`flags ${flags}`);
  const key = from.short();
  const time = from.whole();
  const itemBytes = from.u32();
  const replaced = (flags & FLAG_REPLACED) === 0 ? undefined : readVersion(from);
  const expiredOf = (flags & FLAG_EXPIRED) === 0 ? undefined : from.text();
  const image = (flags & FLAG_IMAGE) === 0 ? undefined : from.long();
  if (expiredOf !== undefined && image !== undefined) throw damaged('an expiry with an item');
  return { table, key, time, expiredOf, replaced, image, itemBytes };
}

/** The least that a run takes, and the runs of a batch. */
const RUN_BYTES_MIN = 4 + 8;
const RUNS_BYTES_MIN = 4;
/** No commit is as old: it says that the time is not known. */
const UNKNOWN_MS = 0;

/**
 * When the records of several batches were committed, for each batch in their order. It goes behind them in their message, as one more:
 * an earlier release cannot read it and says so, and that fails alone.
 */
export function encodeCommits(commits: readonly (readonly CommitRun[])[]): Uint8Array {
  const to = write('commits').u32(commits.length);
  for (const runs of commits) {
    to.u32(runs.length);
    for (const { records, committedMs } of runs) to.u32(records).real(committedMs ?? UNKNOWN_MS);
  }
  return to.finish();
}

/** Those of `count` batches. */
export const decodeCommits = (
  bytes: Uint8Array,
  count: number,
): readonly (readonly CommitRun[])[] =>
  read(bytes, 'commits', (from) => {
    const found = from.count(RUNS_BYTES_MIN);
    if (found !== count) throw damaged(`the commits of ${found} batches with ${count}`);
    return Array.from({ length: count }, () =>
      Array.from({ length: from.count(RUN_BYTES_MIN) }, () => {
        const records = from.u32();
        const ms = from.real();
        return { records, committedMs: ms === UNKNOWN_MS ? undefined : ms };
      }),
    );
  });

/** Whether it was made by `encodeCommits`, as far as its head tells. */
export const saysCommits = (bytes: Uint8Array): boolean =>
  bytes[0] === REPLICATION_WIRE_VERSION && bytes[1] === KINDS.commits;

/** Batches of one or several logs in one message, each as `encodeBatch` makes it. */
export function encodeBatches(batches: readonly Uint8Array[]): Uint8Array {
  const bytes = batches.reduce((sum, { length }) => sum + length + 4, 16);
  const to = write('batches', bytes).u32(batches.length);
  for (const batch of batches) to.long(batch);
  return to.finish();
}

/** More are of no program. */
const BATCHES_MAX = 4096;

/** In the order in which they were given, each for `decodeBatch`: one that cannot be read is no reason to lose the others. */
export const decodeBatches = (bytes: Uint8Array): readonly Uint8Array[] =>
  read(bytes, 'batches', (from) => {
    const count = from.count(BATCH_BYTES_MIN);
    if (count > BATCHES_MAX) throw damaged(`${count} batches`);
    return Array.from({ length: count }, () => from.long());
  });

/**
 * What became of one of several batches. `late`: nothing is known of it yet; who ships it again, alone, is told when it is done.
 * `failed`: as an answer of its own would say.
 */
export type StandOutcome =
  | { readonly kind: 'stand'; readonly stand: Stand }
  | { readonly kind: 'late' }
  | { readonly kind: 'failed'; readonly code: string | undefined; readonly words: string };

const OUTCOMES = { stand: 0, late: 1, failed: 2 } as const;
const WORDS_BYTES_MAX = 4000;

export function encodeStands(outcomes: readonly StandOutcome[]): Uint8Array {
  const to = write('stands').u32(outcomes.length);
  for (const outcome of outcomes) {
    to.u8(OUTCOMES[outcome.kind]);
    if (outcome.kind === 'stand') to.long(encodeStand(outcome.stand));
    else if (outcome.kind === 'failed') {
      writeOptional(to, outcome.code, (code) => to.text(code));
      to.text(outcome.words.slice(0, WORDS_BYTES_MAX));
    }
  }
  return to.finish();
}

/** One for each of `count` batches, in their order. */
export const decodeStands = (bytes: Uint8Array, count: number): readonly StandOutcome[] =>
  read(bytes, 'stands', (from) => {
    const found = from.count(1);
    if (found !== count) throw damaged(`${found} answers to ${count} batches`);
    return Array.from({ length: count }, () => readOutcome(from));
  });

function readOutcome(from: ByteReader): StandOutcome {
  const kind = from.u8();
  if (kind === OUTCOMES.stand) return { kind: 'stand', stand: decodeStand(from.long()) };
  if (kind === OUTCOMES.late) return { kind: 'late' };
  if (kind !== OUTCOMES.failed) throw damaged(`an outcome of kind ${kind}`);
  const code = readOptional(from, () => from.text());
  return { kind: 'failed', code, words: from.text() };
}

/** A message that says only of what kind it is: a clock probe, a request for positions, an answer without news. */
export const encodeNothing = (): Uint8Array => write('none').finish();

export const decodeNothing = (bytes: Uint8Array): undefined => read(bytes, 'none', () => undefined);

export const encodeClockReading = (reading: ClockReading): Uint8Array =>
  write('clock').real(reading.receivedWallMs).real(reading.answeredWallMs).finish();

export const decodeClockReading = (bytes: Uint8Array): ClockReading =>
  read(bytes, 'clock', (from) => ({ receivedWallMs: from.real(), answeredWallMs: from.real() }));

/** Asks a region to move the time of each of its partitions to at least `time`. */
export const encodeTime = (time: number): Uint8Array => write('time').whole(time).finish();

export const decodeTime = (bytes: Uint8Array): number =>
  read(bytes, 'time', (from) => from.whole());

/** Where each log of a region stands, by number. */
export function encodePositions(positions: readonly LogEnd[]): Uint8Array {
  const to = write('positions').u32(positions.length);
  for (const position of positions) writeEnd(to, position);
  return to.finish();
}

const END_BYTES_MIN = 2 + 8 + 8 + 4 + 8;

export const decodePositions = (bytes: Uint8Array): readonly LogEnd[] =>
  read(bytes, 'positions', (from) =>
    Array.from({ length: from.count(END_BYTES_MIN) }, () => readEnd(from)),
  );

/** Positions as they are kept on disk: not said to anybody, but the same bytes. */
export function encodeStoredPositions({ logs, positions, ownEnds }: OriginPositions): Uint8Array {
  const to = write('stored').u32(logs).u32(positions.size);
  for (const [log, position] of positions) writeEnd(to.u32(log), position);
  to.u32(ownEnds.length);
  for (const end of ownEnds) writeEnd(to, end);
  return to.finish();
}

export const decodeStoredPositions = (bytes: Uint8Array): OriginPositions =>
  read(bytes, 'stored', (from) => {
    const logs = from.u32();
    const count = from.count(END_BYTES_MIN);
    const positions = Array.from({ length: count }, () => [from.u32(), readEnd(from)] as const);
    const ownEnds = Array.from({ length: from.count(END_BYTES_MIN) }, () => readEnd(from));
    return { logs, positions: new Map(positions), ownEnds };
  });

const VECTOR_MEMBER_BYTES_MIN = 2 + 8;
const TEXT_BYTES_MIN = 2;

export function encodeReport({ vector, unsettled }: ForgettingReport): Uint8Array {
  const members = Object.entries(vector);
  const to = write('report').u32(members.length);
  for (const [region, time] of members) to.text(region).whole(time);
  to.u32(unsettled.length);
  for (const globalId of unsettled) to.text(globalId);
  return to.finish();
}

export const decodeReport = (bytes: Uint8Array): ForgettingReport =>
  read(bytes, 'report', (from) => {
    const members = Array.from({ length: from.count(VECTOR_MEMBER_BYTES_MIN) }, () => {
      const region = from.text();
      return [region, from.whole()] as const;
    });
    const unsettled = Array.from({ length: from.count(TEXT_BYTES_MIN) }, () => from.text());
    return { vector: Object.fromEntries(members), unsettled };
  });
