/**
 * The key is not this partition's any more, or soon will not be: the partition was split. Nothing of what was asked was done for
 * that key; whoever asked finds the partition anew. Never told to a client.
 */
export class MovedError extends Error {
  override readonly name = 'MovedError';

  constructor() {
    super('the key is of another partition since a split');
  }
}
