import type { HybridTime } from '../clock/hybrid-time.ts';
import type { Entry } from '../log/entry.ts';
import { LogError } from '../log/replicated-log.ts';
import type { Splitting } from '../storage/apply.ts';

/** The payload of a `split` entry. Format history: 1, the first: JSON of version, child and middle. */
const SPLIT_FORMAT_VERSION = 1;

export const encodeSplit = ({ child, middle }: Splitting): Uint8Array =>
  Buffer.from(JSON.stringify({ version: SPLIT_FORMAT_VERSION, child, middle }));

/** An entry that gives the hashes from `middle` on to `child`. */
export interface CommittedSplit extends Splitting {
  readonly index: number;
  /** The partition's, with the entry. */
  readonly time: HybridTime;
}

/** Of a `split` entry. Throws as `decodeSplit` does. */
export const splitOf = ({ payload, index, partitionTime: time }: Entry): CommittedSplit => ({
  ...decodeSplit(payload),
  index,
  time,
});

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
