import type { AttributeMap } from '../../model/attribute-value.ts';
import { validationError } from '../../model/errors.ts';
import { itemKeyHash } from '../../model/item-key.ts';
import {
  SEGMENT_MISSING,
  TOTAL_SEGMENTS_MISSING,
  segmentTooLarge,
  startKeyOtherSegment,
} from '../api-messages.ts';
import type { Operation } from '../operation.ts';
import { pageAnswer } from '../page-answer.ts';
import type { PageInput } from '../page-request.ts';
import { checkSelect, checkSelectable, pageRequest } from '../page-request.ts';
import type { PageSource } from '../page-source.ts';
import { pageSource } from '../page-source.ts';
import { checkParameters, olderScanParameters, scanExpressions } from '../request-expressions.ts';
import { checkedInput } from '../request-shape.ts';
import { checkScanIndexStart, parseStartKey, scanStart } from '../start-key.ts';

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
    checkParameters(request, 'scan');
    const older = olderScanParameters(request);
    const start = parseStartKey(request.ExclusiveStartKey);
    const segment = segmentOf(request);
    const bound = scanExpressions(expressions, request, older);
    checkSelect(request);
    const source = pageSource(region, request);
    if (start !== undefined) checkScanIndexStart(start, source);
    checkSelectable(request, source);
    const startAfter = start === undefined ? undefined : startIn(start, source, segment);
    const shape = pageRequest(request, source, bound);
    const page = await region.scan({
      ...segment,
      table: source.number,
      consistent: shape.consistent,
      limit: request.Limit,
      startAfter,
    });
    return pageAnswer({ region, clock }, shape, page);
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
function startIn(start: AttributeMap, source: PageSource, segment: Segment): Uint8Array {
  const key = scanStart(start, source);
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
