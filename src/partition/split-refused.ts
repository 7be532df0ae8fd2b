/** A partition is not split now; the message says why, in words for an operator. */
export class SplitRefused extends Error {
  override readonly name = 'SplitRefused';
}
