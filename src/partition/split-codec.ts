import { LogError } from '../log/replicated-log.ts';
import type { Splitting } from '../storage/apply.ts';

/** The payload of a `split` entry. Format history: 1, the first: JSON of version, child and middle. */
const SPLIT_FORMAT_VERSION = 1;

export const encodeSplit = ({ child, middle }: Splitting): Uint8Array =>
  Buffer.from(JSON.stringify({ version: SPLIT_FORMAT_VERSION, child, middle }));

/** Throws `LogError` `damaged` for anything that `encodeSplit` did not write. */
export function decodeSplit(payload: Uint8Array): Splitting {
  const decoded: unknown = JSON.parse(Buffer.from(payload).toString('utf8'));
  if (!isSplit(decoded)) throw new LogError('damaged', 'a split entry cannot be read');
  return { child: decoded.child, middle: decoded.middle };
}

const isSplit = (value: unknown): value is Splitting =>
  typeof value === 'object' &&
  value !== null &&
  'version' in value &&
  value.version === SPLIT_FORMAT_VERSION &&
  'child' in value &&
  Number.isSafeInteger(value.child) &&
  'middle' in value &&
  Number.isSafeInteger(value.middle);
