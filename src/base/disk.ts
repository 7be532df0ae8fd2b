/**
 * Files as a port. A `Disk` is one folder of flat files named by `[a-z0-9.-]+`. Its promise is the one
 * that a power cut leaves of any disk: **only what was synced survives**; of what was appended after
 * the last sync any part, even a damaged one, may be there.
 *
 * Failures are `DiskError`s; a failed call may be repeated only after `full`.
 */
export interface Disk {
  /** Opens a file for reading and appending, creating it empty. A new name survives from its first `sync`. */
  open(name: string): Promise<DiskFile>;
  /** The names of the files, in code point order. */
  list(): Promise<readonly string[]>;
  /** Removes a file, durably when the promise resolves. A missing one is no error. */
  delete(name: string): Promise<void>;
  /** The whole content of a file, or undefined when there is none. For small files. */
  readAll(name: string): Promise<Uint8Array | undefined>;
  /** Puts `bytes` under `name` in one durable step: after a power cut the old content or the new. */
  replace(name: string, bytes: Uint8Array): Promise<void>;
}

export interface DiskFile {
  readonly name: string;
  /** Bytes appended so far, synced or not. */
  readonly sizeBytes: number;
  /** Appends all chunks in order. On failure none or some of them may stand at the end: truncate first. */
  append(chunks: readonly Uint8Array[]): Promise<void>;
  /** After this resolves all that was appended before the call survives. **A failed sync is final.** */
  sync(): Promise<void>;
  /** Reads up to `lengthBytes` from `offset`; fewer at the end of the file. */
  read(offset: number, lengthBytes: number): Promise<Uint8Array>;
  /** Cuts the file to `sizeBytes`; durable after the next `sync`. */
  truncate(sizeBytes: number): Promise<void>;
  close(): Promise<void>;
}

export type DiskErrorCode = 'full' | 'io';

/** `full`: no space, the call may be repeated later. `io`: anything else; what the call wrote is unknown. */
export class DiskError extends Error {
  readonly code: DiskErrorCode;

  constructor(code: DiskErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'DiskError';
    this.code = code;
  }
}
