/** `format`: another version of Tidemark wrote it. `region`: it is another region's. `zone`: another zone's. */
export type StorageNodeErrorCode = 'format' | 'region' | 'zone';

/** A storage node's directory that must not be used as it is: the operator's to solve. */
export class StorageNodeError extends Error {
  readonly code: StorageNodeErrorCode;

  constructor(code: StorageNodeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StorageNodeError';
    this.code = code;
  }
}
