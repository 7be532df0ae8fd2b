import { LogError } from '../log/replicated-log.ts';
import type { ForgetDecision } from './partition.ts';

/** The payload of a `forget` entry. Format history: 1, the first: JSON of version, vector and horizons. */
const FORGET_FORMAT_VERSION = 1;

export const encodeForgetDecision = ({ vector, horizons }: ForgetDecision): Uint8Array =>
  Buffer.from(JSON.stringify({ version: FORGET_FORMAT_VERSION, vector, horizons }));

/** Throws `LogError` `damaged` for anything that `encodeForgetDecision` did not write. */
export function decodeForgetDecision(payload: Uint8Array): ForgetDecision {
  const decoded: unknown = JSON.parse(Buffer.from(payload).toString('utf8'));
  if (!isForgetDecision(decoded)) throw new LogError('damaged', 'a forget entry cannot be read');
  return { vector: decoded.vector, horizons: decoded.horizons };
}

const isForgetDecision = (value: unknown): value is ForgetDecision =>
  isObject(value) &&
  value['version'] === FORGET_FORMAT_VERSION &&
  isTimes(value['vector']) &&
  isTimes(value['horizons']);

const isTimes = (value: unknown): boolean =>
  isObject(value) && Object.values(value).every((time) => Number.isSafeInteger(time));

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
