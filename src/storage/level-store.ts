import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { Level } from 'level';

import {
  StoreError,
  type IterateOptions,
  type KeyRange,
  type KeyValueIterator,
  type KeyValueOperation,
  type KeyValuePair,
  type KeyValueSnapshot,
  type KeyValueStore,
  type StoreErrorCode,
} from './key-value-store.ts';
import { ReadAhead, type AheadSource } from './read-ahead.ts';

export interface LevelStoreOptions {
  /** Uncompressed blocks kept in memory. */
  readonly cacheBytes?: number;
  /** What gathers in memory before it becomes a file; there may be two of it. */
  readonly writeBufferBytes?: number;
  /** Of one table at most. */
  readonly tableBytes?: number;
  /** Tables that may be open at once, 64 at least. */
  readonly tablesOpenMax?: number | undefined;
  /** Makes a file durable; one that is gone is none to it. */
  readonly syncFile?: (path: string) => Promise<void>;
}

const CACHE_BYTES = 8 * 1024 * 1024;
const WRITE_BUFFER_BYTES = 8 * 1024 * 1024;

const TABLE_BYTES = 8 * 1024 * 1024;

/**
 * As many as 16 GB are, of which each takes some 0.13 MB of memory. To open one is to read and unpack its index, some 100 µs, and
 * LevelDB would keep a thousand open by itself. It keeps no more files open for that than the system lets it: others are opened for each read.
 */
export const TABLES_OPEN_MAX = 2048;

/** Of `maxOpenFiles` LevelDB leaves so many to other files. */
const OTHER_FILES = 10;

/** Of what is read and compressed as one. The key of each one's end is kept in memory for each open table. */
const BLOCK_BYTES = 8 * 1024;

/** What one round of an iterator may hold: about 1 ms of work for whoever reads it. */
const READ_AHEAD_BYTES = 128 * 1024;

/** After this many batches one is synced even if nobody asks, so that their marks are few. */
const UNSYNCED_BATCHES_MAX = 4096;
const MARKS_KEPT_MAX = 256;

/**
 * Opens the LevelDB store in a directory, creating both. Rejects with `StoreError`: `locked` while another process has
 * it, `damaged` when what is there is not what was written.
 *
 * LevelDB keeps two write-ahead files while it turns the older into a table, and a sync reaches only the newer: a power
 * cut could take batches from the middle. So every file is synced, oldest first, before a batch that is to be synced is
 * written, which may begin another file; and each batch carries a numbered mark, so that a missing one shows when the
 * store is opened. Marks are the keys that begin with 0x00.
 *
 * Blocks are compressed with Snappy: with 400-byte items of repetitive text a quarter of the disk, writes a fifth faster,
 * reads from the disk no slower.
 */
export async function openLevelStore(
  directory: string,
  options: LevelStoreOptions = {},
): Promise<KeyValueStore> {
  const level = new Level<Uint8Array, Uint8Array>(directory, {
    keyEncoding: 'view',
    valueEncoding: 'view',
    cacheSize: options.cacheBytes ?? CACHE_BYTES,
    writeBufferSize: options.writeBufferBytes ?? WRITE_BUFFER_BYTES,
    maxFileSize: options.tableBytes ?? TABLE_BYTES,
    maxOpenFiles: (options.tablesOpenMax ?? TABLES_OPEN_MAX) + OTHER_FILES,
    blockSize: BLOCK_BYTES,
  });
  try {
    await level.open();
  } catch (error) {
    throw openError(error, directory);
  }
  try {
    const [base, last] = await readMarks(level);
    const files = { directory, sync: options.syncFile ?? syncFile };
    return new LevelStore(level, files, { base, last });
  } catch (error) {
    await level.close();
    throw storeError(error);
  }
}

class LevelStore implements KeyValueStore {
  readonly #level: Level<Uint8Array, Uint8Array>;
  readonly #files: WriteAheadFiles;
  readonly #ahead: ReadAhead;
  /** Batches are numbered; all up to `base` are durable and have no marks any more. */
  #base: number;
  #last: number;
  #durable: number;
  #queue: Promise<void> = Promise.resolve();
  #failure: StoreError | undefined;

  constructor(
    level: Level<Uint8Array, Uint8Array>,
    files: WriteAheadFiles,
    marks: { readonly base: number; readonly last: number },
  ) {
    this.#level = level;
    this.#files = files;
    this.#ahead = new ReadAhead(new LevelAhead(level, files.directory));
    this.#base = marks.base;
    this.#last = marks.last;
    this.#durable = marks.base;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const ahead = this.#ahead.taken(key);
    if (ahead !== undefined) return ahead.value;
    try {
      return this.#level.getSync(key);
    } catch (error) {
      throw storeError(error);
    }
  }

  get readsAhead(): boolean {
    return this.#ahead.isWanted;
  }

  async readAhead(keys: readonly Uint8Array[]): Promise<void> {
    return this.#ahead.read(keys);
  }

  async write(
    batch: readonly KeyValueOperation[],
    options?: { readonly sync?: boolean },
  ): Promise<void> {
    const asked = options?.sync === true;
    if (batch.length === 0 && !asked) return;
    return this.#enqueue(async () => {
      const sync = asked || this.#last - this.#durable >= UNSYNCED_BATCHES_MAX;
      const number = this.#last + 1;
      const rebase = sync && number - this.#base >= MARKS_KEPT_MAX;
      if (sync) await this.#syncWritten();
      // One operation after the other: as an array each would be cloned, which takes longer than all else here together.
      const operations = this.#level.batch();
      for (const operation of batch) {
        if (operation.kind === 'put') operations.put(operation.key, operation.value);
        else operations.del(operation.key);
      }
      operations.put(markKey(number), NOTHING);
      if (rebase) operations.put(BASE_KEY, numberBytes(number));
      await operations.write({ sync });
      this.#ahead.changed(batch);
      this.#last = number;
      if (sync) this.#durable = number;
      if (rebase) await this.#rebase(number);
    });
  }

  iterate({ from, to }: KeyRange, { reverse = false }: IterateOptions = {}): KeyValueIterator {
    try {
      return new LevelIterator(
        this.#level.iterator({ gte: from, lt: to, reverse, highWaterMarkBytes: READ_AHEAD_BYTES }),
      );
    } catch (error) {
      throw storeError(error);
    }
  }

  snapshot(): KeyValueSnapshot {
    try {
      return new LevelSnapshot(this.#level);
    } catch (error) {
      throw storeError(error);
    }
  }

  async clear(range: KeyRange): Promise<void> {
    return this.#enqueue(async () => {
      await this.#level.clear({ gte: range.from, lt: range.to });
      this.#ahead.forget();
    });
  }

  async close(): Promise<void> {
    await this.#queue;
    try {
      await this.#level.close();
    } catch (error) {
      throw storeError(error);
    }
  }

  /** One write at a time, in the order of the calls. After a failed one nothing is known, so no other follows. */
  async #enqueue(task: () => Promise<void>): Promise<void> {
    const run = this.#queue.then(async () => this.#run(task));
    this.#queue = run.catch(() => undefined);
    return run;
  }

  async #run(task: () => Promise<void>): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      await task();
    } catch (error) {
      this.#failure = storeError(error);
      throw this.#failure;
    }
  }

  /** Makes every batch durable that was written, in the order of writing: a power cut meanwhile takes the last ones. */
  async #syncWritten(): Promise<void> {
    const { directory, sync } = this.#files;
    for (const name of writeAheadNames(await readdir(directory))) await sync(join(directory, name));
  }

  /** Batch `number` is durable, and with it the new base: no mark up to there is needed any more. */
  async #rebase(number: number): Promise<void> {
    this.#base = number;
    await this.#level.clear({ gte: markKey(0), lte: markKey(number) });
  }
}

/** Reads by iterators, in LevelDB's other threads. */
class LevelAhead implements AheadSource {
  readonly #level: Level<Uint8Array, Uint8Array>;
  readonly #directory: string;

  constructor(level: Level<Uint8Array, Uint8Array>, directory: string) {
    this.#level = level;
    this.#directory = directory;
  }

  async value(key: Uint8Array): Promise<Uint8Array | undefined> {
    // Two are asked for: LevelDB passes over what it cannot read, to an older value, and that it could not is told at the end of a range only.
    const iterator = this.#level.iterator({ gte: key, lte: key, keys: false });
    try {
      const [pair] = await iterator.nextv(2);
      return pair?.[1];
    } finally {
      await iterator.close();
    }
  }

  async areThere(keys: readonly Uint8Array[]): Promise<readonly boolean[]> {
    return this.#level.hasMany([...keys]);
  }

  async tables(): Promise<number> {
    const names = await readdir(this.#directory);
    return names.filter((name) => name.endsWith('.ldb')).length;
  }
}

interface WriteAheadFiles {
  readonly directory: string;
  readonly sync: (path: string) => Promise<void>;
}

/** Oldest first: LevelDB numbers its files, with six digits or more. */
const writeAheadNames = (names: readonly string[]): readonly string[] =>
  names
    .filter((name) => name.endsWith('.log'))
    .toSorted((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10));

class LevelSnapshot implements KeyValueSnapshot {
  readonly #level: Level<Uint8Array, Uint8Array>;
  readonly #snapshot: ReturnType<Level['snapshot']>;
  readonly #options: {
    readonly snapshot: ReturnType<Level['snapshot']>;
    readonly keyEncoding: 'view';
    readonly valueEncoding: 'view';
  };

  constructor(level: Level<Uint8Array, Uint8Array>) {
    this.#level = level;
    this.#snapshot = level.snapshot();
    this.#options = { snapshot: this.#snapshot, keyEncoding: 'view', valueEncoding: 'view' };
  }

  get(key: Uint8Array): Uint8Array | undefined {
    try {
      return this.#level.getSync<Uint8Array, Uint8Array>(key, this.#options);
    } catch (error) {
      throw storeError(error);
    }
  }

  iterate(range: KeyRange, options?: { readonly reverse?: boolean }): KeyValueIterator {
    try {
      const iterator = this.#level.iterator({
        gte: range.from,
        lt: range.to,
        reverse: options?.reverse === true,
        snapshot: this.#snapshot,
        highWaterMarkBytes: READ_AHEAD_BYTES,
      });
      return new LevelIterator(iterator);
    } catch (error) {
      throw storeError(error);
    }
  }

  async close(): Promise<void> {
    await this.#snapshot.close();
  }
}

class LevelIterator implements KeyValueIterator {
  readonly #iterator: PairSource;

  constructor(iterator: PairSource) {
    this.#iterator = iterator;
  }

  async next(count: number): Promise<readonly KeyValuePair[]> {
    try {
      return await this.#iterator.nextv(count);
    } catch (error) {
      throw storeError(error);
    }
  }

  async close(): Promise<void> {
    await this.#iterator.close();
  }
}

/** What is used of a level iterator. */
interface PairSource {
  nextv(size: number): Promise<KeyValuePair[]>;
  close(): Promise<void>;
}

const NOTHING = new Uint8Array(0);
const BASE_KEY = Uint8Array.of(0);
const MARK_BYTES = 9;

function markKey(number: number): Uint8Array {
  const key = Buffer.alloc(MARK_BYTES);
  key.set(numberBytes(number), 1);
  return key;
}

function numberBytes(number: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(number));
  return bytes;
}

const numberIn = (bytes: Uint8Array, offset: number): number =>
  Number(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(offset));

/** The number up to which batches need no mark, and the number of the last one. Throws where one is missing. */
async function readMarks(level: Level<Uint8Array, Uint8Array>): Promise<[number, number]> {
  const stored = level.getSync(BASE_KEY);
  const base = stored === undefined ? 0 : numberIn(stored, 0);
  let last = base;
  const marks = level.keys({ gte: markKey(base + 1), lt: Uint8Array.of(1) });
  for await (const key of marks) {
    const number = numberIn(key, 1);
    if (number !== last + 1) {
      throw new StoreError('damaged', `the store has lost batch ${last + 1}, but not ${number}`);
    }
    last = number;
  }
  return [base, last];
}

/** A file that is gone has become a table, which LevelDB has synced. */
async function syncFile(path: string): Promise<void> {
  try {
    const file = await open(path, 'r');
    try {
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

function openError(error: unknown, directory: string): StoreError {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  if (codeOf(cause) === 'LEVEL_LOCKED') {
    const message = `the store in ${directory} is in use by another process, or was opened twice by this one`;
    return new StoreError('locked', message, { cause });
  }
  return storeError(cause);
}

function storeError(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new StoreError(storeErrorCode(codeOf(error), message), message, { cause: error });
}

/** LevelDB gives an error of the operating system only as text, so that a full disk is known by strerror's words. */
function storeErrorCode(code: string | undefined, message: string): StoreErrorCode {
  if (code === 'LEVEL_CORRUPTION') return 'damaged';
  if (code === 'LEVEL_LOCKED') return 'locked';
  return code === 'ENOSPC' || message.includes('No space left on device') ? 'full' : 'io';
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
