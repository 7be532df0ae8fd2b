import type { AttributeMap } from '../../model/attribute-value.ts';
import { validationError } from '../../model/errors.ts';
import { encodeItemKey, itemKeyHash } from '../../model/item-key.ts';
import type { KeySchema } from '../../model/table.ts';
import {
  SEGMENT_MISSING,
  TOTAL_SEGMENTS_MISSING,
  segmentTooLarge,
  startKeyOtherSegment,
} from '../api-messages.ts';
import type { Operation } from '../operation.ts';
import { pageAnswer } from '../page-answer.ts';
import type { PageInput } from '../page-request.ts';
import { checkSelect, checkStartKey, pageRequest, pageTable, startKeyOf } from '../page-request.ts';
import { scanExpressions } from '../request-expressions.ts';
import { checkedInput } from '../request-shape.ts';

interface ScanInput extends PageInput {
  readonly Segment?: number;
  readonly TotalSegments?: number;
}

interface Segment {
  readonly segment: number;
  readonly totalSegments: number;
}

const HASHES = 2 ** 32;

export const scanOperation: Operation = {
  name: 'Scan',
  async run({ region, clock, expressions }, input) {
    const request = checkedInput<ScanInput>('Scan', input);
    const start = startKeyOf(request);
    const segment = segmentOf(request);
    const bound = scanExpressions(expressions, request);
    checkSelect(request);
    const table = pageTable(region, request);
    const { keySchema } = table.definition;
    const startAfter = start === undefined ? undefined : startIn(start, keySchema, segment);
    const shape = pageRequest(request, table, bound);
    const page = await region.scan({
      ...segment,
      table: table.number,
      consistent: shape.consistent,
      limit: request.Limit,
      startAfter,
    });
    return pageAnswer(clock, shape, page);
  },
};

function segmentOf({ Segment: segment, TotalSegments: totalSegments }: ScanInput): Segment {
  if (segment === undefined && totalSegments === undefined) return { segment: 0, totalSegments: 1 };
  if (totalSegments === undefined) throw validationError(TOTAL_SEGMENTS_MISSING);
  if (segment === undefined) throw validationError(SEGMENT_MISSING);
  if (segment >= totalSegments) throw validationError(segmentTooLarge(segment, totalSegments));
  return { segment, totalSegments };
}

/** The key to start after. Throws `ValidationException` for one that is no key, or of another segment. */
function startIn(start: AttributeMap, keySchema: KeySchema, segment: Segment): Uint8Array {
  checkStartKey(start, keySchema);
  const key = encodeItemKey(keySchema, start);
  if (!mayLieIn(itemKeyHash(key), segment)) {
    throw validationError(startKeyOtherSegment(segment.segment, segment.totalSegments));
  }
  return key;
}

/** Segments are the region's to cut; a hash beside a border may be on either side of it. */
function mayLieIn(hash: number, { segment, totalSegments }: Segment): boolean {
  const segmentAt = (at: number): number => Math.floor((at * totalSegments) / HASHES);
  return segmentAt(Math.max(hash - 1, 0)) <= segment && segment <= segmentAt(hash + 1);
}
