import type { Clock } from '../../src/base/clock.ts';
import { type Disk, DiskError, type DiskFile } from '../../src/base/disk.ts';
import { type Random, randomBelow } from '../../src/base/random.ts';

/** What a disk holds at one moment. */
export type SavedDisk = ReadonlyMap<string, Uint8Array>;

interface Content {
  bytes: Buffer;
  size: number;
  /** What a power cut leaves for certain; undefined when not even the name is certain. */
  synced: Buffer | undefined;
  /** Where `synced` lies after a sync, with room behind it: the next sync copies only what is new. */
  kept?: { readonly room: Buffer; readonly synced: Buffer };
  /** Below this nothing of `bytes` has changed since the last sync. */
  changedFrom?: number;
}

export interface SimulatedDiskOptions {
  readonly random: Random;
  /** With a latency, each append and sync takes its time. */
  readonly clock?: Clock;
  readonly latencyMs?: number;
}

/**
 * A disk in memory that keeps no promise but its contract's. After `powerCut` every file is what was synced, followed by
 * some part of what was not, the end of which may be torn; calls on files that were open then fail.
 */
export class SimulatedDisk implements Disk {
  readonly #random: Random;
  readonly #clock: Clock | undefined;
  readonly #files = new Map<string, Content>();
  #latencyMs: number;
  #session = 0;
  #full = false;
  #freeBytes = Infinity;
  #failSyncs = false;
  #failAppends = false;
  #plannedSyncFailures = 0;
  #tellSyncFailed = (): void => {};
  #tellMisdirected: ((what: string) => void) | undefined;
  #broken = false;
  syncs = 0;

  constructor(options: SimulatedDiskOptions) {
    this.#random = options.random;
    this.#clock = options.clock;
    this.#latencyMs = options.latencyMs ?? 0;
  }

  /** The machine loses power: open files are gone, and of unsynced bytes only what chance leaves. */
  powerCut(): void {
    this.#session += 1;
    for (const [name, content] of this.#files) this.#cut(name, content);
  }

  /** The process dies and the machine does not: everything written is still there. */
  crash(): void {
    this.#session += 1;
  }

  /** Everything is lost, as with a new disk. */
  erase(): void {
    this.#session += 1;
    this.#files.clear();
    this.#plannedSyncFailures = 0;
    this.#tellMisdirected = undefined;
  }

  /** A copy of everything that was written so far. */
  save(): SavedDisk {
    return new Map(
      [...this.#files].map(([name, { bytes, size }]) => [
        name,
        Buffer.from(bytes.subarray(0, size)),
      ]),
    );
  }

  /** Puts an earlier content in place of everything, as when a backup of a disk is brought back. */
  restore(saved: SavedDisk): void {
    this.erase();
    for (const [name, bytes] of saved) {
      const copy = Buffer.from(bytes);
      this.#files.set(name, { bytes: Buffer.from(copy), size: copy.length, synced: copy });
    }
  }

  /** The names of the files and their sizes, without a latency. */
  sizes(): ReadonlyMap<string, number> {
    return new Map([...this.#files].map(([name, { size }]) => [name, size]));
  }

  /** Whether a power cut could take anything now. */
  get hasUnsynced(): boolean {
    for (const { size, synced } of this.#files.values())
      if (size > (synced?.length ?? 0)) return true;
    return false;
  }

  /** Flips one bit of the byte at `offset`, counted from the end when negative, synced or not. */
  corrupt(name: string, offset: number): void {
    const content = this.#content(name);
    const at = offset < 0 ? content.size + offset : offset;
    content.bytes[at] = (content.bytes[at] ?? 0) ^ (1 << randomBelow(this.#random, 8));
    content.synced = Buffer.from(content.bytes.subarray(0, content.size));
  }

  /** A full disk takes a random part of an append and then fails it. */
  setFull(full: boolean): void {
    this.#full = full;
  }

  /**
   * The next `count` syncs fail, each telling `onFailed`. Of what such a sync was for, some may be gone at once, though
   * the file keeps its length: a block that could not be written need not be read again as it was.
   */
  failNextSyncs(count: number, onFailed: () => void): void {
    this.#plannedSyncFailures = count;
    this.#tellSyncFailed = onFailed;
  }

  /**
   * The bytes of the next append land at another place of some file, on top of what was there, and are missing where they
   * belong. Tells `onDone` in words. Undefined takes the plan back.
   */
  misdirectNext(onDone: ((what: string) => void) | undefined): void {
    this.#tellMisdirected = onDone;
  }

  setFreeBytes(bytes: number): void {
    this.#freeBytes = bytes;
  }

  setFailSyncs(fail: boolean): void {
    this.#failSyncs = fail;
  }

  /** An append fails when all its bytes are where a read finds them: a disk that writes through could not flush them. */
  setFailAppends(fail: boolean): void {
    this.#failAppends = fail;
  }

  /** Every call fails. */
  setBroken(broken: boolean): void {
    this.#broken = broken;
  }

  setLatencyMs(latencyMs: number): void {
    this.#latencyMs = latencyMs;
  }

  sizeBytes(name: string): number {
    return this.#content(name).size;
  }

  async open(name: string): Promise<DiskFile> {
    await this.#pause();
    this.#check();
    const content = this.#files.get(name) ?? { bytes: Buffer.alloc(0), size: 0, synced: undefined };
    this.#files.set(name, content);
    return this.#file(name, content);
  }

  async list(): Promise<readonly string[]> {
    await this.#pause();
    this.#check();
    return [...this.#files.keys()].toSorted();
  }

  async delete(name: string): Promise<void> {
    await this.#pause();
    this.#check();
    this.#files.delete(name);
  }

  async readAll(name: string): Promise<Uint8Array | undefined> {
    await this.#pause();
    this.#check();
    const content = this.#files.get(name);
    return content === undefined
      ? undefined
      : new Uint8Array(content.bytes.subarray(0, content.size));
  }

  async replace(name: string, bytes: Uint8Array): Promise<void> {
    await this.#pause();
    this.#check();
    if (this.#full) throw new DiskError('full', `no space for ${name}`);
    const copy = Buffer.from(bytes);
    this.#files.set(name, { bytes: Buffer.from(copy), size: copy.length, synced: copy });
  }

  #file(name: string, content: Content): DiskFile {
    const session = this.#session;
    let open = true;
    const check = (): void => {
      if (!open || session !== this.#session) throw new DiskError('io', `${name} is closed`);
      this.#check();
    };
    return {
      name,
      get sizeBytes() {
        return content.size;
      },
      append: async (chunks) => {
        check();
        const bytes = Buffer.concat(chunks);
        if (this.#tellMisdirected !== undefined && this.#misdirect(name, content, bytes))
          bytes.fill(0);
        const free = this.#full ? randomBelow(this.#random, bytes.length) : this.#freeBytes;
        // What is being written when the power goes may be there too.
        put(content, bytes.subarray(0, free));
        if (this.#freeBytes !== Infinity)
          this.#freeBytes = Math.max(0, this.#freeBytes - bytes.length);
        await this.#pause();
        check();
        if (free < bytes.length) throw new DiskError('full', `no space for ${name}`);
        if (this.#failAppends) throw new DiskError('io', `the flush of ${name} failed`);
      },
      sync: async () => {
        check();
        const { size } = content;
        await this.#pause();
        check();
        if (this.#plannedSyncFailures > 0) this.#failSync(name, content);
        if (this.#failSyncs) throw new DiskError('io', `the sync of ${name} failed`);
        this.syncs += 1;
        keepSynced(content, size);
      },
      read: async (offset, lengthBytes) => {
        check();
        await this.#pause();
        check();
        return new Uint8Array(
          content.bytes.subarray(offset, Math.min(offset + lengthBytes, content.size)),
        );
      },
      truncate: async (sizeBytes) => {
        check();
        content.size = Math.min(content.size, sizeBytes);
        content.changedFrom = Math.min(content.changedFrom ?? Infinity, sizeBytes);
        await this.#pause();
      },
      close: async () => {
        open = false;
      },
    };
  }

  #failSync(name: string, content: Content): never {
    this.#plannedSyncFailures -= 1;
    const unsynced = content.bytes.subarray(content.synced?.length ?? 0, content.size);
    if (unsynced.length > 0 && this.#random.next() < 0.5)
      unsynced.fill(0, randomBelow(this.#random, unsynced.length));
    this.#tellSyncFailed();
    throw new DiskError('io', `the sync of ${name} failed`);
  }

  /** False when there is no place for them. */
  #misdirect(name: string, content: Content, bytes: Uint8Array): boolean {
    const places = [...this.#files].filter(([, { size }]) => size > 0);
    const [where, there] = places[randomBelow(this.#random, Math.max(1, places.length))] ?? [];
    if (where === undefined || there === undefined || bytes.length === 0) return false;
    const offset = randomBelow(this.#random, there.size);
    const landed = bytes.subarray(0, there.size - offset);
    there.bytes.set(landed, offset);
    // What was not synced there may still be lost; what was is overwritten for good.
    const kept = Math.max(0, Math.min(landed.length, (there.synced?.length ?? 0) - offset));
    there.synced?.set(landed.subarray(0, kept), offset);
    const [from, to] = [`${name} at ${content.size}`, `${where} at ${offset}`];
    this.#tellMisdirected?.(`${landed.length} bytes of ${from} to ${to}`);
    this.#tellMisdirected = undefined;
    return true;
  }

  #cut(name: string, content: Content): void {
    const { synced } = content;
    const written = content.bytes.subarray(0, content.size);
    if (synced === undefined && this.#random.next() < 0.5) {
      this.#files.delete(name);
      return;
    }
    const base = synced ?? Buffer.alloc(0);
    const unsynced = written.subarray(base.length);
    const kept = Buffer.from(unsynced.subarray(0, randomBelow(this.#random, unsynced.length + 1)));
    if (kept.length > 0 && this.#random.next() < 0.5) {
      // Blocks reach a disk in any order: a hole is left where one did not.
      const from = randomBelow(this.#random, kept.length);
      kept.fill(0, from, from + 1 + randomBelow(this.#random, Math.min(512, kept.length - from)));
    }
    content.bytes = Buffer.concat([base, kept]);
    content.size = content.bytes.length;
    content.synced = Buffer.from(content.bytes);
  }

  async #pause(): Promise<void> {
    if (this.#latencyMs > 0)
      await this.#clock?.sleep(this.#latencyMs * (0.5 + this.#random.next()));
  }

  #check(): void {
    if (this.#broken) throw new DiskError('io', 'the disk is broken');
  }

  #content(name: string): Content {
    const content = this.#files.get(name);
    if (content === undefined) throw new DiskError('io', `no file ${name}`);
    return content;
  }
}

function put(content: Content, bytes: Uint8Array): void {
  const size = content.size + bytes.length;
  if (size > content.bytes.length) {
    const grown = Buffer.alloc(Math.max(size, content.bytes.length * 2, 4096));
    content.bytes.copy(grown, 0, 0, content.size);
    content.bytes = grown;
  }
  content.bytes.set(bytes, content.size);
  content.size = size;
}

/** The first `size` bytes are synced. */
function keepSynced(content: Content, size: number): void {
  const { kept, synced, changedFrom = Infinity } = content;
  const old = kept !== undefined && kept.synced === synced ? kept : undefined;
  const from = old === undefined ? 0 : Math.min(old.synced.length, changedFrom, size);
  let room = old?.room ?? Buffer.alloc(0);
  if (room.length < size) {
    const grown = Buffer.alloc(Math.max(size, room.length * 2, 4096));
    room.copy(grown, 0, 0, from);
    room = grown;
  }
  content.bytes.copy(room, from, from, size);
  content.kept = { room, synced: room.subarray(0, size) };
  content.synced = content.kept.synced;
  content.changedFrom = Infinity;
}
