import { originOf, type Version } from '../model/version.ts';
import { parseImage } from './item-image.ts';

/** A time further back than this is no time to live. Source: developer guide, Time to Live: five years. */
export const timeToLiveAgeMsMax = 5 * 365 * 24 * 60 * 60 * 1000;

/**
 * How long a region leaves an item that another region wrote to that one, so that one region expires it, and the others
 * hear of it. Who does not hear by then, because the other is cut off or gone, expires it itself.
 */
export const otherRegionsMs = 5000;

/** Which attribute of a table's items is their time to live. */
export interface ExpiryRule {
  readonly attribute: string;
  /** The beginning of the attribute's member in the wire JSON of any item that could have it. */
  readonly needle: Buffer;
}

export const expiryRule = (attribute: string): ExpiryRule => ({
  attribute,
  needle: Buffer.from(`${JSON.stringify(attribute)}:{"N":"`),
});

/**
 * When an item's time to live is over, wall time in milliseconds; undefined where it has none: no attribute of that name at the top, no
 * number, or one beyond any clock. A fraction of a second counts, down to the millisecond. Pure. Source: developer guide, Time to Live;
 * fractions: alternator's tests, which run against AWS.
 */
export function expiresAtMs(image: Uint8Array, rule: ExpiryRule): number | undefined {
  const bytes = Buffer.from(image.buffer, image.byteOffset, image.byteLength);
  if (!bytes.includes(rule.needle)) return undefined;
  const value = parseImage(image)[rule.attribute];
  if (value === undefined || !('N' in value)) return undefined;
  const expiresMs = Math.round(Number(value.N) * 1000);
  // Later by `otherRegionsMs` it must be a number that logs and stores can say, too.
  return Number.isSafeInteger(expiresMs + otherRegionsMs) ? expiresMs : undefined;
}

/** An item as it stands in `region`, at `nowMs` of its wall time. */
export interface ItemInRegion {
  readonly image: Uint8Array;
  readonly version: Version;
  readonly region: string;
  readonly nowMs: number;
}

/** When `region` is to expire an item; undefined for never: it has no time to live, or one of long ago. Pure. */
export function dueMsOf(
  { image, version, region, nowMs }: ItemInRegion,
  rule: ExpiryRule,
): number | undefined {
  const expiresMs = expiresAtMs(image, rule);
  if (expiresMs === undefined || expiresMs < Math.max(0, nowMs - timeToLiveAgeMsMax))
    return undefined;
  return originOf(version) === region ? expiresMs : expiresMs + otherRegionsMs;
}
