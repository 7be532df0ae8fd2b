/**
 * What was asked for cannot be done as things are; the message says why, in words for who asked. `unknown`: there is no
 * such thing. `conflict`: there is, and it stands otherwise.
 */
export class OperationRefused extends Error {
  override readonly name = 'OperationRefused';
  readonly code: 'unknown' | 'conflict';

  constructor(code: 'unknown' | 'conflict', message: string) {
    super(message);
    this.code = code;
  }
}
