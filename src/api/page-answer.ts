import type { Clock } from '../base/clock.ts';
import { yieldTo } from '../base/clock.ts';
import type { ConditionExpression, ProjectionExpression } from '../expression/ast.ts';
import { evaluateCondition } from '../expression/evaluate-condition.ts';
import { project } from '../expression/project.ts';
import { decodeItemKey } from '../model/item-key.ts';
import type { Table } from '../model/table.ts';
import type { Page } from '../region/region.ts';
import type { ReturnConsumedCapacity } from './consumed-capacity.ts';
import { consumedCapacity, readUnits } from './consumed-capacity.ts';
import type { JsonPart } from './item-json.ts';
import { joinJson, parseImage } from './item-json.ts';

/** Images parsed in one run; about a millisecond's work. */
const RUN_BYTES = 64 * 1024;

/** What a Query or a Scan makes of the page that it has read. */
export interface PageRequest {
  /** What the client called the table. */
  readonly called: string;
  readonly table: Table;
  readonly filter: ConditionExpression | undefined;
  readonly projection: ProjectionExpression | undefined;
  /** Whether only the number of items is wanted. */
  readonly countOnly: boolean;
  readonly consistent: boolean;
  readonly wantedCapacity: ReturnConsumedCapacity | undefined;
}

/**
 * The answer's JSON. Filtering comes after the page is cut, so a page may be empty and yet not the last. Without
 * filter and projection the items' bytes go out as they are.
 */
export async function pageAnswer(
  clock: Clock,
  request: PageRequest,
  page: Page,
): Promise<string | Uint8Array> {
  const items = await matchingItems(clock, request, page);
  const last = page.items.at(-1);
  const rest = JSON.stringify({
    Count: items.length,
    ScannedCount: page.items.length,
    LastEvaluatedKey:
      page.more && last !== undefined
        ? decodeItemKey(request.table.definition.keySchema, last.key)
        : undefined,
    ConsumedCapacity: consumedCapacity(
      request.wantedCapacity,
      request.called,
      readUnits(page.itemBytes, request.consistent),
    ),
  });
  if (request.countOnly) return rest;
  const parts: JsonPart[] = [];
  for (const item of items) parts.push(parts.length === 0 ? '{"Items":[' : ',', item);
  if (parts.length === 0) parts.push('{"Items":[');
  parts.push(`],${rest.slice(1)}`);
  return joinJson(parts);
}

async function matchingItems(
  clock: Clock,
  { filter, projection, countOnly }: PageRequest,
  page: Page,
): Promise<readonly JsonPart[]> {
  if (filter === undefined && (projection === undefined || countOnly)) {
    return page.items.map(({ image }) => image);
  }
  const matching: JsonPart[] = [];
  let runBytes = 0;
  for (const { image } of page.items) {
    runBytes += image.byteLength;
    if (runBytes > RUN_BYTES) {
      runBytes = 0;
      await yieldTo(clock);
    }
    const item = parseImage(image);
    if (filter !== undefined && !evaluateCondition(filter, item)) continue;
    const asIs = projection === undefined || countOnly;
    matching.push(asIs ? image : JSON.stringify(project(projection, item)));
  }
  return matching;
}
