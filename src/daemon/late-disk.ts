import { DiskError, type Disk, type DiskFile } from '../base/disk.ts';

/**
 * A disk that is opened when it is first used. While it does not open each use of it fails as that of a broken disk does,
 * so that a zone without its disk is one zone less, and comes back when the disk is there again.
 */
export class LateDisk implements Disk {
  readonly #openDisk: () => Promise<Disk>;
  #opened: Promise<Disk> | undefined;

  constructor(openDisk: () => Promise<Disk>) {
    this.#openDisk = openDisk;
  }

  async open(name: string): Promise<DiskFile> {
    return (await this.#disk()).open(name);
  }

  async list(): Promise<readonly string[]> {
    return (await this.#disk()).list();
  }

  async delete(name: string): Promise<void> {
    return (await this.#disk()).delete(name);
  }

  async readAll(name: string): Promise<Uint8Array | undefined> {
    return (await this.#disk()).readAll(name);
  }

  async replace(name: string, bytes: Uint8Array): Promise<void> {
    return (await this.#disk()).replace(name, bytes);
  }

  async #disk(): Promise<Disk> {
    const opened = (this.#opened ??= this.#openDisk());
    try {
      return await opened;
    } catch (error) {
      if (this.#opened === opened) this.#opened = undefined;
      if (error instanceof DiskError) throw error;
      const message = error instanceof Error ? error.message : String(error);
      throw new DiskError('io', `the disk does not open: ${message}`, { cause: error });
    }
  }
}
