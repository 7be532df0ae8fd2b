import type { ConditionExpression } from '../expression/ast.ts';
import {
  attributesRead,
  checkKeysScalar,
  checkProjectedKeysScalar,
} from '../expression/key-checks.ts';
import { projectionOf } from '../expression/projection-template.ts';
import type { AttributeMap } from '../model/attribute-value.ts';
import { ClientError, validationError } from '../model/errors.ts';
import { encodeItemKey, type ItemKeyRange, type SortKeyCondition } from '../model/item-key.ts';
import { validateKeyValue } from '../model/key-validation.ts';
import { PAGE_BYTES_MAX } from '../model/limits.ts';
import type { SelectPlan } from '../partiql/compiled-statement.ts';
import { type ResultColumn, shownColumns } from '../partiql/compile-columns.ts';
import { keyTypeOfCondition, TOKEN_INVALID } from '../partiql/messages.ts';
import type { KeyedRead, ReadPlan } from '../partiql/plan-reads.ts';
import { planReads } from '../partiql/plan-reads.ts';
import type { Page } from '../region/region.ts';
import { attributesNotInIndex, filterNotInIndex } from './api-messages.ts';
import type { Units } from './consumed-capacity.ts';
import { readUnits, sumOfUnits } from './consumed-capacity.ts';
import type { EvaluatedPage } from './evaluated-page.ts';
import { evaluatePage } from './evaluated-page.ts';
import type { JsonPart } from './item-json.ts';
import { BUCKETS_DEFAULT, javaHashOrder } from './java-hash-order.ts';
import type { ReadPosition } from './next-token.ts';
import type { OperationContext } from './operation.ts';
import { shownItems } from './page-answer.ts';
import { attributesNotProjected, sourceRange } from './page-source.ts';
import { scalarNames } from './scalar-names.ts';
import { checkScanIndexStart, scanStart } from './start-key.ts';
import type { StatementSource } from './statement-source.ts';
import { readOrder, statementSource } from './statement-source.ts';

/** How one SELECT is to be read: its table has been found, and nothing is wrong with it. */
export interface StatementReading {
  readonly source: StatementSource;
  readonly plan: Exclude<ReadPlan, { kind: 'mistyped' }>;
  readonly columns: readonly ResultColumn[] | undefined;
  readonly consistent: boolean;
  readonly forward: boolean;
  /** Whether the items of the table are wanted, beside the entries of a local index. */
  readonly fetches: boolean;
}

type ReadContext = Pick<OperationContext, 'region' | 'clock'>;

/**
 * `keyMistyped`: what to say of a key attribute that is compared with what it cannot be. Throws
 * `ResourceNotFoundException` and `ValidationException`.
 */
export function statementReading(
  { region }: Pick<ReadContext, 'region'>,
  select: SelectPlan,
  {
    consistent,
    keyMistyped = keyTypeOfCondition,
  }: { readonly consistent: boolean; readonly keyMistyped?: (name: string) => string },
): StatementReading {
  const source = statementSource(region, select, consistent);
  const columns = select.columns();
  const scalars = scalarNames(source.table);
  if (columns !== undefined) {
    checkProjectedKeysScalar(projectionOf(columns.map(({ path }) => path)), scalars);
  }
  if (select.where !== undefined) checkKeysScalar(select.where, scalars);
  const order = readOrder(select, source.simple);
  const plan = planReads(select.where, source.simple, order);
  if (plan.kind === 'mistyped') throw validationError(keyMistyped(plan.name));
  const fetches = fetchesItems(source, columns);
  if (!fetches && plan.kind === 'reads') checkFilter(source, plan.reads[0]?.filter);
  return { source, plan, columns, consistent, forward: order.forward, fetches };
}

/** As of a Query: what a local index does not have comes from the table, a global one has nothing else. */
function fetchesItems(
  source: StatementSource,
  columns: readonly ResultColumn[] | undefined,
): boolean {
  const names = new Set(columns?.map(({ path }) => path[0]));
  const missing = attributesNotProjected(source, names);
  if (missing.length > 0 && source.index?.kind === 'global') {
    throw validationError(attributesNotInIndex(source.index.name, missing));
  }
  return missing.length > 0;
}

/** Only the first read's filter is looked at, and none of a scan: it finds nothing. Source: conformance, floci. */
function checkFilter(source: StatementSource, filter: ConditionExpression | undefined): void {
  if (source.index === undefined || filter === undefined) return;
  const missing = attributesNotProjected(source, attributesRead(filter));
  if (missing.length === 0) return;
  const names = javaHashOrder(missing, BUCKETS_DEFAULT);
  throw validationError(filterNotInIndex(source.index.name, names));
}

export interface StatementPage {
  readonly items: readonly JsonPart[];
  readonly units: Units;
  /** Undefined after the last page. */
  readonly next: ReadPosition | undefined;
}

interface Progress {
  readonly items: JsonPart[];
  readonly units: Units[];
  evaluated: number;
  itemBytes: number;
}

/** One page: at most `limit` items are looked at, and not much more than 1 MB. */
export async function readPage(
  context: ReadContext,
  reading: StatementReading,
  {
    limit,
    start,
  }: { readonly limit: number | undefined; readonly start: ReadPosition | undefined },
): Promise<StatementPage> {
  const { plan } = reading;
  const reads = plan.kind === 'scan' ? [undefined] : plan.reads;
  const done: Progress = { items: [], units: [], evaluated: 0, itemBytes: 0 };
  let place = start?.read ?? 0;
  let after = start?.after;
  let next: ReadPosition | undefined;
  if (place >= reads.length || place < 0) throw validationError(TOKEN_INVALID);
  for (; place < reads.length && next === undefined; place += 1) {
    const left = limit === undefined ? undefined : limit - done.evaluated;
    const isFull = left === 0 || done.itemBytes >= PAGE_BYTES_MAX;
    if (isFull && place > (start?.read ?? 0)) {
      next = { read: place, after: undefined };
      break;
    }
    const keyed = reads[place];
    const lastKey =
      keyed === undefined
        ? await scanInto(done, { context, reading, limit: left, after })
        : await readInto(done, { context, reading, limit: left, after, keyed });
    if (lastKey !== undefined) next = { read: place, after: lastKey };
    after = undefined;
  }
  return { items: done.items, units: sumOfUnits(done.units), next };
}

interface OneRead {
  readonly context: ReadContext;
  readonly reading: StatementReading;
  readonly limit: number | undefined;
  readonly after: AttributeMap | undefined;
}

async function scanInto(done: Progress, one: OneRead): Promise<AttributeMap | undefined> {
  const { context, reading, limit, after } = one;
  const { source, consistent, plan } = reading;
  const page = await context.region.scan({
    table: source.number,
    segment: 0,
    totalSegments: 1,
    consistent,
    limit,
    startAfter: after === undefined ? undefined : startKey(source, after),
  });
  return addPage(done, one, { page, filter: plan.kind === 'scan' ? plan.filter : undefined });
}

async function readInto(
  done: Progress,
  one: OneRead & { readonly keyed: KeyedRead },
): Promise<AttributeMap | undefined> {
  const { reading, keyed } = one;
  const key = wholeKey(reading.source, keyed);
  if (key !== undefined) {
    await getInto(done, one, key);
    return undefined;
  }
  const { context, limit, after } = one;
  const { source, consistent, forward } = reading;
  const range = keyRange(source, keyed);
  const page = await context.region.query({
    ...range,
    table: source.number,
    consistent,
    limit,
    forward,
    startAfter: after === undefined ? undefined : startInRange(source, after, range),
  });
  return addPage(done, one, { page, filter: keyed.filter });
}

async function getInto(
  done: Progress,
  { context, reading, keyed }: OneRead & { readonly keyed: KeyedRead },
  key: AttributeMap,
): Promise<void> {
  const { source, consistent } = reading;
  const { number, definition } = source.table;
  const found = await context.region.getItem({
    table: number,
    key: encodeItemKey(definition.keySchema, key),
    consistent,
  });
  done.evaluated += 1;
  done.itemBytes += found?.itemBytes ?? 0;
  done.units.push({ table: readUnits(found?.itemBytes ?? 0, consistent), indexes: [] });
  if (found === undefined) return;
  done.items.push(...(await shownItems(context.clock, [found], shown(reading, keyed.filter))));
}

async function addPage(
  done: Progress,
  { context, reading }: OneRead,
  { page, filter }: { readonly page: Page; readonly filter: ConditionExpression | undefined },
): Promise<AttributeMap | undefined> {
  const evaluated: EvaluatedPage = await evaluatePage(context.region, reading, page);
  done.evaluated += evaluated.scannedCount;
  done.itemBytes += page.itemBytes;
  done.units.push(evaluated.units);
  done.items.push(...(await shownItems(context.clock, evaluated.items, shown(reading, filter))));
  return evaluated.lastKey;
}

const shown = (
  { columns }: StatementReading,
  filter: ConditionExpression | undefined,
): Parameters<typeof shownItems>[2] => ({
  filter,
  show: columns === undefined ? undefined : (item) => shownColumns(columns, item),
});

/** The key of the one item that a read of a table can find; undefined when there may be several. */
export function wholeKey(
  { index, simple, table }: StatementSource,
  { partition, sort }: KeyedRead,
): AttributeMap | undefined {
  if (index !== undefined) return undefined;
  const { keySchema } = table.definition;
  const own: [string, AttributeMap[string]][] = [[simple.partition.name, partition]];
  if (keySchema.sort !== undefined) {
    const [only, more] = sort;
    if (only?.kind !== '=' || more !== undefined) return undefined;
    own.push([keySchema.sort.name, only.value]);
  }
  validateKeyValue(partition, keySchema.partition, 'partition');
  const sortValue = own[1]?.[1];
  if (keySchema.sort !== undefined && sortValue !== undefined) {
    validateKeyValue(sortValue, keySchema.sort, 'sort');
  }
  return Object.fromEntries(own);
}

/** What a read of several items lies between. Throws `ValidationException` for values that no key may have. */
function keyRange(source: StatementSource, { partition, sort }: KeyedRead): ItemKeyRange {
  const { simple } = source;
  validateKeyValue(partition, simple.partition, 'partition');
  let range = sourceRange(source, { partition: [partition], sort: [] });
  for (const condition of sort) {
    if (simple.sort !== undefined) {
      for (const value of valuesOf(condition)) validateKeyValue(value, simple.sort, 'sort');
    }
    const other = sourceRange(source, { partition: [partition], sort: [condition] });
    range = {
      from: Buffer.compare(range.from, other.from) > 0 ? range.from : other.from,
      to: Buffer.compare(range.to, other.to) < 0 ? range.to : other.to,
    };
  }
  return range;
}

const valuesOf = (condition: SortKeyCondition): readonly AttributeMap[string][] =>
  condition.kind === 'between' ? [condition.low, condition.high] : [condition.value];

/** Throws `ValidationException` for a key that cannot have been a page's last one. */
function startKey(source: StatementSource, after: AttributeMap): Uint8Array {
  try {
    checkScanIndexStart(after, source);
    return scanStart(after, source);
  } catch (error) {
    if (error instanceof ClientError) throw validationError(TOKEN_INVALID);
    throw error;
  }
}

function startInRange(
  source: StatementSource,
  after: AttributeMap,
  { from, to }: ItemKeyRange,
): Uint8Array {
  const key = startKey(source, after);
  const isIn = Buffer.compare(key, from) >= 0 && Buffer.compare(key, to) < 0;
  if (!isIn) throw validationError(TOKEN_INVALID);
  return key;
}
