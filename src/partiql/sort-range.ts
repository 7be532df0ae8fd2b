import { unreachable } from '../base/assert.ts';
import { encodeKeyValue, type SortKeyCondition } from '../model/item-key.ts';
import type { KeyAttribute } from '../model/table.ts';

/** Bytes of sort keys from `from` (inclusive) to `to` (exclusive); without `to` up to the last. */
export interface SortRange {
  readonly from: Uint8Array;
  readonly to: Uint8Array | undefined;
}

const EVERYTHING: SortRange = { from: new Uint8Array(0), to: undefined };

/** Where sort keys lie that meet all the conditions, whose values are of the key's type. */
export function sortRange(
  conditions: readonly SortKeyCondition[],
  sort: KeyAttribute | undefined,
): SortRange {
  if (sort === undefined) return EVERYTHING;
  let range = EVERYTHING;
  for (const condition of conditions) range = intersection(range, rangeOf(condition, sort));
  return range;
}

/** Whether a sort key may lie in both. */
export const rangesMeet = (one: SortRange, other: SortRange): boolean =>
  !isEmptyRange(intersection(one, other));

export const isEmptyRange = ({ from, to }: SortRange): boolean =>
  to !== undefined && Buffer.compare(from, to) >= 0;

function intersection(one: SortRange, other: SortRange): SortRange {
  const from = Buffer.compare(one.from, other.from) > 0 ? one.from : other.from;
  if (one.to === undefined || other.to === undefined) return { from, to: one.to ?? other.to };
  return { from, to: Buffer.compare(one.to, other.to) < 0 ? one.to : other.to };
}

function rangeOf(condition: SortKeyCondition, sort: KeyAttribute): SortRange {
  if (condition.kind === 'between') {
    const high = encodeKeyValue(sort, condition.high);
    return { from: encodeKeyValue(sort, condition.low), to: after(high) };
  }
  const at = encodeKeyValue(sort, condition.value);
  switch (condition.kind) {
    case '=':
      return { from: at, to: after(at) };
    case '<':
      return { from: EVERYTHING.from, to: at };
    case '<=':
      return { from: EVERYTHING.from, to: after(at) };
    case '>':
      return { from: after(at), to: undefined };
    case '>=':
      return { from: at, to: undefined };
    case 'begins-with':
      return { from: at, to: afterPrefix(at) };
    default:
      return unreachable(condition);
  }
}

/** The next of all byte strings. */
function after(bytes: Uint8Array): Uint8Array {
  const next = new Uint8Array(bytes.length + 1);
  next.set(bytes);
  return next;
}

/** The first of all byte strings above those that begin with `prefix`; undefined when there is none. */
function afterPrefix(prefix: Uint8Array): Uint8Array | undefined {
  let last = prefix.length - 1;
  while (last >= 0 && prefix[last] === 0xff) last -= 1;
  if (last < 0) return undefined;
  const next = new Uint8Array(prefix.subarray(0, last + 1));
  next[last] = (next[last] ?? 0) + 1;
  return next;
}
