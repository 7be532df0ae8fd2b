import fs, { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

import { assert } from '../base/assert.ts';
import { type Disk, DiskError, type DiskFile } from '../base/disk.ts';

const NAME = /^[a-z0-9.-]+$/;
const TEMPORARY_SUFFIX = '.new';
/** Chunks of one append up to this are joined, so that a small group is one buffer and one write. */
const JOIN_BYTES_MAX = 64 * 1024;
/** So many buffers for that are kept: three logs are written at once. */
const JOIN_BUFFERS_MAX = 3;
/** The kernel takes at most so many buffers in one call. */
const BUFFERS_MAX = 1024;
/**
 * What a write that returns is durable by. Only Linux keeps that promise: elsewhere the flag may be missing, or, as on macOS,
 * leave the bytes in the drive's own cache, which a sync empties.
 */
const WRITE_THROUGH_FLAG = process.platform === 'linux' ? constants.O_DSYNC : 0;

export interface NodeDiskOptions {
  /**
   * Files that are appended to are filled with zeros this far ahead. A sync then writes data only: a file that grows with
   * each append makes the file system commit its size as well, which costs about twice as much. When half of it is used up
   * more is filled beside the appends, which wait only where they would reach into that. What is ahead is cut off
   * at `close`; after a kill it stands there, and whoever reads the file takes it for a torn end.
   */
  readonly aheadBytes?: number;
  /**
   * Appends are durable when they resolve, so that a `sync` right behind one has nothing left to do: one call to the
   * system instead of two. Where the system has no such write, a `sync` does it as ever.
   */
  readonly writeThrough?: boolean;
}

/** A folder of this machine as a `Disk`. */
export class NodeDisk implements Disk {
  readonly #folder: string;
  readonly #options: NodeDiskOptions;
  readonly #replacing = new Map<string, Promise<void>>();

  private constructor(folder: string, options: NodeDiskOptions) {
    this.#folder = folder;
    this.#options = options;
  }

  /** Makes the folder where there is none, now and whenever it is found gone later. Rejects with `DiskError`. */
  static async open(folder: string, options: NodeDiskOptions = {}): Promise<NodeDisk> {
    return translated(folder, async () => {
      await makeFolder(folder);
      await syncFolder(dirname(resolve(folder)));
      return new NodeDisk(folder, options);
    });
  }

  async open(name: string): Promise<DiskFile> {
    const path = this.#path(name);
    return translated(name, async () => {
      await makeFolder(this.#folder);
      const { aheadBytes = 0, writeThrough = false } = this.#options;
      const throughFlag = writeThrough ? WRITE_THROUGH_FLAG : 0;
      const handle = await open(path, constants.O_RDWR | constants.O_CREAT | throughFlag, 0o644);
      try {
        const { size } = await handle.stat();
        return new NodeDiskFile(name, handle, {
          sizeBytes: size,
          folder: this.#folder,
          aheadBytes,
          writeThrough: throughFlag !== 0,
        });
      } catch (error) {
        await handle.close();
        throw error;
      }
    });
  }

  async list(): Promise<readonly string[]> {
    return translated(this.#folder, async () => {
      await makeFolder(this.#folder);
      const entries = await readdir(this.#folder, { withFileTypes: true });
      return entries
        .filter((entry) => entry.isFile() && isPermanent(entry.name))
        .map((entry) => entry.name)
        .toSorted();
    });
  }

  async delete(name: string): Promise<void> {
    await translated(name, async () => {
      await makeFolder(this.#folder);
      await rm(this.#path(name), { force: true });
      await syncFolder(this.#folder);
    });
  }

  async readAll(name: string): Promise<Uint8Array | undefined> {
    return translated(name, async () => {
      try {
        return await readFile(this.#path(name));
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return undefined;
        throw error;
      }
    });
  }

  /** Replacements of one file take their turns. */
  async replace(name: string, bytes: Uint8Array): Promise<void> {
    const turn = (this.#replacing.get(name) ?? Promise.resolve()).then(async () =>
      this.#replace(name, bytes),
    );
    const settled = turn
      .catch(() => {})
      .finally(() => {
        if (this.#replacing.get(name) === settled) this.#replacing.delete(name);
      });
    this.#replacing.set(name, settled);
    return turn;
  }

  async #replace(name: string, bytes: Uint8Array): Promise<void> {
    const path = this.#path(name);
    await translated(name, async () => {
      await makeFolder(this.#folder);
      const handle = await open(path + TEMPORARY_SUFFIX, 'w', 0o644);
      try {
        await handle.writeFile(bytes);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(path + TEMPORARY_SUFFIX, path);
      await syncFolder(this.#folder);
    });
  }

  #path(name: string): string {
    assert(NAME.test(name) && isPermanent(name), `a file name that a disk takes: ${name}`);
    return join(this.#folder, name);
  }
}

class NodeDiskFile implements DiskFile {
  readonly name: string;
  readonly #handle: FileHandle;
  readonly #folder: string;
  readonly #aheadBytes: number;
  readonly #writeThrough: boolean;
  #sizeBytes: number;
  /** Changes that a sync must carry to the disk, and how many of them one has carried. */
  #changes: number;
  #changesSynced = 0;
  /** How far the file reaches, zeros included. No content stands behind it, nor is written there while `#filling`. */
  #filledBytes: number;
  /** The zeros that are being written from `#filledBytes` on. Never rejects. */
  #filling: Promise<void> | undefined;
  /**
   * Nothing more is filled before the content reaches there: the disk was found full. Each try costs as much as all that it writes, and takes
   * what others on the disk need.
   */
  #fillAgainAtBytes = 0;
  /** What broke in that: the next append fails with it. */
  #fillFailure: Error | undefined;
  #folderSynced = false;
  #syncFailed = false;
  #closed = false;
  /** Writes of content under way, which the handle does not know of. */
  #writes = 0;
  #written: (() => void) | undefined;

  constructor(
    name: string,
    handle: FileHandle,
    options: Required<NodeDiskOptions> & { readonly sizeBytes: number; readonly folder: string },
  ) {
    this.name = name;
    this.#handle = handle;
    this.#sizeBytes = options.sizeBytes;
    this.#filledBytes = options.sizeBytes;
    this.#folder = options.folder;
    this.#aheadBytes = options.aheadBytes;
    this.#writeThrough = options.writeThrough;
    // What stood there before may never have been synced.
    this.#changes = options.sizeBytes > 0 ? 1 : 0;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  async append(chunks: readonly Uint8Array[]): Promise<void> {
    let bytes = 0;
    for (const chunk of chunks) bytes += chunk.length;
    try {
      if (this.#filling !== undefined && this.#sizeBytes + bytes > this.#filledBytes)
        await this.#filling;
      if (this.#fillFailure !== undefined) throw this.#fillFailure;
      if (bytes <= JOIN_BYTES_MAX) await this.#writeJoined(chunks, bytes);
      else
        for (let at = 0; at < chunks.length; at += BUFFERS_MAX)
          await this.#write(chunks.slice(at, at + BUFFERS_MAX));
      if (this.#needsFilling) await this.#keepFilled();
    } catch (cause) {
      throw diskError(this.name, cause);
    }
  }

  async sync(): Promise<void> {
    if (this.#syncFailed) throw new DiskError('io', `${this.name} could not be synced before`);
    if (this.#closed) throw new DiskError('io', `${this.name} is closed`);
    try {
      // What is appended meanwhile may or may not be carried along: it waits for the next sync.
      const changes = this.#changes;
      if (changes > this.#changesSynced) await this.#handle.datasync();
      this.#changesSynced = Math.max(this.#changesSynced, changes);
      if (this.#folderSynced) return;
      await syncFolder(this.#folder);
      this.#folderSynced = true;
    } catch (cause) {
      this.#syncFailed = true;
      throw new DiskError('io', `${this.name}: ${messageOf(cause)}`, { cause });
    }
  }

  async read(offset: number, lengthBytes: number): Promise<Uint8Array> {
    return translated(this.name, async () => {
      const bytes = Buffer.allocUnsafe(
        Math.max(0, Math.min(lengthBytes, this.#sizeBytes - offset)),
      );
      let done = 0;
      while (done < bytes.length) {
        const { bytesRead } = await this.#handle.read(
          bytes,
          done,
          bytes.length - done,
          offset + done,
        );
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      return bytes.subarray(0, done);
    });
  }

  async truncate(sizeBytes: number): Promise<void> {
    await translated(this.name, async () => {
      await this.#filling;
      await this.#cut(sizeBytes);
      this.#sizeBytes = sizeBytes;
      this.#fillAgainAtBytes = 0;
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await translated(this.name, async () => {
      await this.#filling;
      // The descriptor's number may be another file's as soon as this one is closed.
      if (this.#writes > 0)
        await new Promise<void>((written) => {
          this.#written = written;
        });
      try {
        if (this.#filledBytes > this.#sizeBytes) await this.#handle.truncate(this.#sizeBytes);
      } finally {
        await this.#handle.close();
      }
    });
  }

  /** Whether there is anything for `#keepFilled` to do. */
  get #needsFilling(): boolean {
    return this.#filledBytes - this.#sizeBytes < this.#aheadBytes / 2;
  }

  /**
   * Sees to the zeros behind what stands there. They come after the content, and where there is no space for all of them they go
   * again, so that they never take a place that content could have.
   */
  async #keepFilled(): Promise<void> {
    const left = this.#filledBytes - this.#sizeBytes;
    if (left < 0) this.#filledBytes = this.#sizeBytes;
    if (this.#aheadBytes === 0 || this.#sizeBytes < this.#fillAgainAtBytes) return;
    if (left < 0) {
      if (!(await this.#fill(this.#aheadBytes)))
        this.#fillAgainAtBytes = this.#sizeBytes + this.#aheadBytes;
    } else if (left < this.#aheadBytes / 2 && this.#filling === undefined)
      this.#filling = this.#fillBeside(Math.ceil(this.#aheadBytes / 2));
  }

  async #fillBeside(length: number): Promise<void> {
    try {
      // What is filled is used up first.
      if (!(await this.#fill(length))) this.#fillAgainAtBytes = this.#filledBytes + 1;
    } catch (error) {
      this.#fillFailure = error instanceof Error ? error : new Error(String(error));
    }
    this.#filling = undefined;
  }

  /** Whether there was space. */
  async #fill(length: number): Promise<boolean> {
    const from = this.#filledBytes;
    const isFilled = await this.#wroteZeros(length, from);
    if (isFilled) this.#filledBytes = from + length;
    else await this.#cut(from);
    return isFilled;
  }

  async #wroteZeros(length: number, from: number): Promise<boolean> {
    try {
      const { bytesWritten } = await this.#handle.write(zeros(length), 0, length, from);
      return bytesWritten === length;
    } catch (error) {
      if (isFull(error)) return false;
      throw error;
    }
  }

  async #cut(sizeBytes: number): Promise<void> {
    try {
      await this.#handle.truncate(sizeBytes);
      this.#filledBytes = sizeBytes;
    } finally {
      this.#changes += 1;
    }
  }

  /** As one buffer, which is used again for what is appended next: to make one costs more than to fill it. */
  async #writeJoined(chunks: readonly Uint8Array[], bytes: number): Promise<void> {
    const whole = joinBuffers.pop() ?? Buffer.allocUnsafeSlow(JOIN_BYTES_MAX);
    let end = 0;
    for (const chunk of chunks) {
      whole.set(chunk, end);
      end += chunk.length;
    }
    try {
      await this.#write([whole.subarray(0, bytes)]);
    } finally {
      if (joinBuffers.length < JOIN_BUFFERS_MAX) joinBuffers.push(whole);
    }
  }

  /** The size counts what was really written, so that a failed append can be cut off. */
  async #write(chunks: readonly Uint8Array[]): Promise<void> {
    let left = chunks;
    try {
      while (left.length > 0) {
        left = behind(left, await this.#writeSome(left));
      }
    } catch (error) {
      // What a failed write left is anywhere: no sync may take it for carried.
      this.#changes += 1;
      throw error;
    }
    if (!this.#writeThrough) this.#changes += 1;
  }

  /** By the descriptor and a callback, which costs a fifth less than by the handle. Resolves to how many bytes were written. */
  async #writeSome(chunks: readonly Uint8Array[]): Promise<number> {
    return new Promise((succeed, fail) => {
      if (this.#closed) throw new DiskError('io', 'the file is closed');
      const done = (error: Error | null, bytesWritten: number): void => {
        this.#writes -= 1;
        // Whoever closes goes on before whoever writes, and cuts off what the size does not count.
        if (error === null) this.#sizeBytes += bytesWritten;
        if (this.#writes === 0) this.#written?.();
        if (error === null) succeed(bytesWritten);
        else fail(error);
      };
      const { fd } = this.#handle;
      const [only] = chunks;
      if (only !== undefined && chunks.length === 1)
        fs.write(fd, only, 0, only.length, this.#sizeBytes, done);
      else fs.writev(fd, chunks, this.#sizeBytes, done);
      this.#writes += 1;
    });
  }
}

/** Buffers of `JOIN_BYTES_MAX` that no write uses. */
const joinBuffers: Buffer[] = [];

/** What is left of the chunks when their first `bytes` are gone. */
function behind(chunks: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let skip = bytes;
  for (const [at, chunk] of chunks.entries()) {
    if (skip < chunk.length) return [chunk.subarray(skip), ...chunks.slice(at + 1)];
    skip -= chunk.length;
  }
  return [];
}

let zeroBytes = Buffer.alloc(0);

function zeros(length: number): Buffer {
  if (zeroBytes.length < length) zeroBytes = Buffer.alloc(length);
  return zeroBytes;
}

const isPermanent = (name: string): boolean => !name.endsWith(TEMPORARY_SUFFIX);

/** Makes a folder and whatever above it is missing, durably: a name survives once the folder that it is in is synced. */
async function makeFolder(folder: string): Promise<void> {
  const made = await mkdir(folder, { recursive: true });
  if (made === undefined) return;
  const highest = resolve(made);
  for (let each = resolve(folder); ; each = dirname(each)) {
    await syncFolder(dirname(each));
    if (each === highest || each === dirname(each)) return;
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function translated<T>(what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    throw diskError(what, cause);
  }
}

const diskError = (what: string, cause: unknown): DiskError =>
  new DiskError(isFull(cause) ? 'full' : 'io', `${what}: ${messageOf(cause)}`, { cause });

const isFull = (error: unknown): boolean =>
  codeOf(error) === 'ENOSPC' || codeOf(error) === 'EDQUOT';

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
