import type { Awaitable } from '../base/awaitable.ts';
import type { Clock } from '../base/clock.ts';
import { letShortOnesPass, PAGE_REST_MS_MAX } from '../base/give-way.ts';
import type { ConditionExpression, ProjectionExpression } from '../expression/ast.ts';
import { evaluateCondition } from '../expression/evaluate-condition.ts';
import { project } from '../expression/project.ts';
import type { AttributeMap } from '../model/attribute-value.ts';
import type { ItemImage, Page } from '../region/region.ts';
import type { ReturnConsumedCapacity } from './consumed-capacity.ts';
import { consumedCapacity } from './consumed-capacity.ts';
import type { EvaluatedPage, PageReading } from './evaluated-page.ts';
import { evaluatePage } from './evaluated-page.ts';
import type { JsonPart } from './item-json.ts';
import { joinJsonList, parseImage } from './item-json.ts';
import type { AnswerBody, OperationContext } from './operation.ts';

/** Images parsed in one run; about a millisecond's work. */
const RUN_BYTES = 64 * 1024;

/** What a Query or a Scan makes of the page that it has read. */
export interface PageRequest extends PageReading {
  /** What the client called the table. */
  readonly called: string;
  readonly filter: ConditionExpression | undefined;
  readonly projection: ProjectionExpression | undefined;
  /** Whether only the number of items is wanted. */
  readonly countOnly: boolean;
  readonly wantedCapacity: ReturnConsumedCapacity | undefined;
}

/**
 * The answer's JSON. Filtering comes after the page is cut, so a page may be empty and yet not the last. Without
 * filter and projection the items' bytes go out as they are, and at once.
 */
export function pageAnswer(
  { region, clock }: Pick<OperationContext, 'region' | 'clock'>,
  request: PageRequest,
  page: Page,
): Awaitable<AnswerBody> {
  const evaluated = evaluatePage(region, request, page);
  if (evaluated instanceof Promise || request.filter !== undefined || projects(request))
    return laterAnswer(clock, request, evaluated);
  return joinedAnswer(
    request,
    evaluated,
    evaluated.items.map(({ image }) => image),
  );
}

const projects = ({ projection, countOnly }: PageRequest): boolean =>
  projection !== undefined && !countOnly;

async function laterAnswer(
  clock: Clock,
  request: PageRequest,
  evaluating: Awaitable<EvaluatedPage>,
): Promise<AnswerBody> {
  const evaluated = await evaluating;
  return joinedAnswer(request, evaluated, await matchingItems(clock, request, evaluated.items));
}

function joinedAnswer(
  request: PageRequest,
  { scannedCount, lastKey, units }: EvaluatedPage,
  items: readonly JsonPart[],
): AnswerBody {
  const rest = JSON.stringify({
    Count: items.length,
    ScannedCount: scannedCount,
    LastEvaluatedKey: lastKey,
    ConsumedCapacity: consumedCapacity(request.wantedCapacity, request.called, units),
  });
  if (request.countOnly) return rest;
  return joinJsonList('{"Items":[', items, `],${rest.slice(1)}`);
}

const matchingItems = async (
  clock: Clock,
  { filter, projection, countOnly }: PageRequest,
  items: readonly ItemImage[],
): Promise<readonly JsonPart[]> =>
  shownItems(clock, items, {
    filter,
    show: projection === undefined || countOnly ? undefined : (item) => project(projection, item),
  });

/** What of items is answered: those that a filter leaves, as they are or as `show` shows them. */
export interface Shown {
  readonly filter: ConditionExpression | undefined;
  /** Undefined: as they are. */
  readonly show: ((item: AttributeMap) => AttributeMap) | undefined;
}

export async function shownItems(
  clock: Clock,
  items: readonly ItemImage[],
  { filter, show }: Shown,
): Promise<readonly JsonPart[]> {
  if (filter === undefined && show === undefined) return items.map(({ image }) => image);
  const matching: JsonPart[] = [];
  let runBytes = 0;
  let restMsLeft = PAGE_REST_MS_MAX;
  for (const { image } of items) {
    runBytes += image.byteLength;
    if (runBytes > RUN_BYTES) {
      runBytes = 0;
      restMsLeft -= await letShortOnesPass(clock, restMsLeft);
    }
    const item = parseImage(image);
    if (filter !== undefined && !evaluateCondition(filter, item)) continue;
    matching.push(show === undefined ? image : JSON.stringify(show(item)));
  }
  return matching;
}
