import { mkdir, open, readdir, rename, rm, statfs } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';

import { finite, members, text } from '../base/shape.ts';
import type { Zone } from '../log/embedded/storage-node-identity.ts';
import type { KeyValueStore } from '../storage/key-value-store.ts';
import { openLevelStore } from '../storage/level-store.ts';
import type { RegionConfig } from './config.ts';
import { DataDirectoryError } from './data-directory-error.ts';
import { NodeDisk } from './node-disk.ts';
import type { RegionPlace } from './region-place.ts';

/**
 * The layout of a region's data directory. History: 1, the first:
 *
 *     region.json          format, region and number of partitions
 *     zone-a/log           the storage node's log, and its identity
 *     zone-a/store         its store
 *     zone-a/store.next    one that is being filled from another zone, in place of a damaged one
 *     zone-a/store.damaged the damaged one, while the next takes its place
 *     positions            where inboxes stand
 */
const DATA_FORMAT_VERSION = 1;

const HEADER_FILE = 'region.json';

/** In a zone's directory. */
const STORE = 'store';
const NEXT_STORE = 'store.next';
const DAMAGED_STORE = 'store.damaged';

/**
 * How far a log's file is filled with zeros ahead of what is appended: see `NodeDiskOptions`. The zones write the same bytes, and an
 * append waits some milliseconds for what the file system does with a file that grows: by different steps they hardly ever fill at
 * one moment, and two of them go on.
 */
export const logAheadBytes: Readonly<Record<Zone, number>> = {
  a: 1024 * 1024,
  b: 1328 * 1024,
  c: 1168 * 1024,
};

/** Free space above which a store can be opened again after its disk was full. */
const spareBytesMin = 64 * 1024 * 1024;

interface Header {
  readonly format: number;
  readonly region: string;
  readonly partitions: number;
}

/** One region's place on disk. */
export class DataDirectory implements RegionPlace {
  readonly path: string;
  readonly #config: RegionConfig;

  private constructor(path: string, config: RegionConfig) {
    this.path = path;
    this.#config = config;
  }

  /**
   * Makes the directory, or checks that it is of this format, of this region and of as many partitions. Rejects with
   * `DataDirectoryError`, in words, otherwise.
   */
  static async open(path: string, config: RegionConfig): Promise<DataDirectory> {
    await mkdir(path, { recursive: true });
    const header: Header = {
      format: DATA_FORMAT_VERSION,
      region: config.region,
      partitions: config.partitions,
    };
    const disk = await NodeDisk.open(path);
    const kept = await disk.readAll(HEADER_FILE);
    if (kept === undefined) await disk.replace(HEADER_FILE, Buffer.from(JSON.stringify(header)));
    else check(path, parseHeader(path, kept), header);
    return new DataDirectory(path, config);
  }

  async logDisk(zone: Zone): Promise<NodeDisk> {
    return NodeDisk.open(join(this.#zonePath(zone), 'log'), {
      aheadBytes: logAheadBytes[zone],
      writeThrough: this.#config.durability === 'synced',
    });
  }

  async positionsDisk(): Promise<NodeDisk> {
    return NodeDisk.open(join(this.path, 'positions'));
  }

  async open(zone: Zone): Promise<KeyValueStore> {
    const folder = this.#zonePath(zone);
    await mkdir(folder, { recursive: true });
    await finishTaking(folder);
    return openLevelStore(join(folder, STORE));
  }

  async openNext(zone: Zone): Promise<KeyValueStore> {
    const folder = this.#zonePath(zone);
    await mkdir(folder, { recursive: true });
    await rm(join(folder, NEXT_STORE), { recursive: true, force: true });
    return openLevelStore(join(folder, NEXT_STORE));
  }

  async takeNext(zone: Zone): Promise<void> {
    const folder = this.#zonePath(zone);
    if ((await readdir(folder)).includes(STORE)) {
      await rm(join(folder, DAMAGED_STORE), { recursive: true, force: true });
      await rename(join(folder, STORE), join(folder, DAMAGED_STORE));
      await syncFolder(folder);
    }
    await rename(join(folder, NEXT_STORE), join(folder, STORE));
    await syncFolder(folder);
    await rm(join(folder, DAMAGED_STORE), { recursive: true, force: true });
  }

  async hasSpace(zone: Zone): Promise<boolean> {
    const { bavail, bsize } = await statfs(this.#zonePath(zone));
    return bavail * bsize > spareBytesMin;
  }

  #zonePath(zone: Zone): string {
    const { directory } = this.#config.zones[zone];
    return isAbsolute(directory) ? directory : resolve(this.path, directory);
  }
}

/**
 * After a crash: the next store is whole when the damaged one was put aside for it. Then it has its place; otherwise it is
 * begun anew when it is needed.
 */
async function finishTaking(folder: string): Promise<void> {
  const names = await readdir(folder);
  const isAside = names.includes(DAMAGED_STORE);
  let isThere = names.includes(STORE);
  if (isAside && !isThere && names.includes(NEXT_STORE)) {
    await rename(join(folder, NEXT_STORE), join(folder, STORE));
    await syncFolder(folder);
    isThere = true;
  }
  if (isAside && isThere) await rm(join(folder, DAMAGED_STORE), { recursive: true });
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

const headerShape = members<Header>({ format: finite, region: text, partitions: finite });

function parseHeader(path: string, bytes: Uint8Array): Header {
  try {
    return headerShape(JSON.parse(Buffer.from(bytes).toString('utf8')), HEADER_FILE);
  } catch (error) {
    throw new DataDirectoryError(`${join(path, HEADER_FILE)} cannot be read`, { cause: error });
  }
}

function check(path: string, found: Header, wanted: Header): void {
  if (found.format !== wanted.format)
    throw new DataDirectoryError(
      `${path} has data of format ${found.format}; this program reads format ${wanted.format}`,
    );
  if (found.region !== wanted.region)
    throw new DataDirectoryError(
      `${path} has the data of region ${found.region}, not of ${wanted.region}`,
    );
  if (found.partitions !== wanted.partitions)
    throw new DataDirectoryError(
      `${path} was made with ${found.partitions} partitions; the configuration says ${wanted.partitions}`,
    );
}
