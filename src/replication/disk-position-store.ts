import type { Disk } from '../base/disk.ts';
import { decodeFrame, encodeFrame } from '../bus/frame.ts';
import type { OriginPositions, PositionStore } from './position-store.ts';
import { decodeStoredPositions, encodeStoredPositions } from './wire.ts';

/** Positions as one small file per origin, framed with a checksum. */
export class DiskPositionStore implements PositionStore {
  readonly #disk: Disk;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /** Rejects with `DiskError`. */
  async save(origin: string, positions: OriginPositions): Promise<void> {
    await this.#disk.replace(fileOf(origin), encodeFrame(encodeStoredPositions(positions)));
  }

  /** Rejects with `DiskError`; with `FrameError` or `WireError` when the file is damaged or of another version. */
  async load(origin: string): Promise<OriginPositions | undefined> {
    const bytes = await this.#disk.readAll(fileOf(origin));
    return bytes === undefined ? undefined : decodeStoredPositions(decodeFrame(bytes));
  }
}

const fileOf = (origin: string): string => `inbox.${origin}`;
