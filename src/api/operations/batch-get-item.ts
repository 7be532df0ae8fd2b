import { allOf, type Awaitable } from '../../base/awaitable.ts';
import type { ProjectionExpression } from '../../expression/ast.ts';
import type { ExpressionCompiler } from '../../expression/expression-compiler.ts';
import { checkProjectedKeysScalar } from '../../expression/key-checks.ts';
import { project } from '../../expression/project.ts';
import type { AttributeMap } from '../../model/attribute-value.ts';
import { parseItem } from '../../model/attribute-value.ts';
import { validationError } from '../../model/errors.ts';
import { encodeItemKey } from '../../model/item-key.ts';
import { validateKey } from '../../model/key-validation.ts';
import { BATCH_GET_KEYS_MAX, BATCH_RESPONSE_BYTES_MAX } from '../../model/limits.ts';
import type { Table } from '../../model/table.ts';
import type { ItemImage, Region } from '../../region/region.ts';
import {
  BATCH_GET_EMPTY,
  BATCH_GET_TOO_MANY,
  batchGetKeysMissing,
  batchGetKeysTooMany,
  DUPLICATE_KEYS,
  expressionsMixed,
} from '../api-messages.ts';
import type { ConsumedCapacity, ReturnConsumedCapacity } from '../consumed-capacity.ts';
import { consumedCapacity, readUnits } from '../consumed-capacity.ts';
import type { JsonPart } from '../item-json.ts';
import { joinJson, parseImage } from '../item-json.ts';
import type { AnswerBody, Operation } from '../operation.ts';
import type { ExpressionInput } from '../request-expressions.ts';
import { checkParameters, readProjection } from '../request-expressions.ts';
import { checkedInput } from '../request-shape.ts';
import { scalarNames } from '../scalar-names.ts';
import { itemTable } from '../table-access.ts';

interface BatchGetItemInput {
  readonly RequestItems: Readonly<Record<string, KeysAndAttributes>>;
  readonly ReturnConsumedCapacity?: ReturnConsumedCapacity;
}

interface KeysAndAttributes extends ExpressionInput {
  readonly Keys: readonly unknown[];
  readonly ConsistentRead?: boolean;
}

/** What is asked of one table. */
interface TableRead {
  /** What the client called the table. */
  readonly called: string;
  readonly request: KeysAndAttributes;
  readonly keys: readonly AttributeMap[];
  readonly projection: ProjectionExpression | undefined;
  readonly consistent: boolean;
}

interface TableAnswer {
  readonly read: TableRead;
  readonly items: JsonPart[];
  readonly unprocessed: AttributeMap[];
  units: number;
}

export const batchGetItemOperation: Operation = {
  name: 'BatchGetItem',
  run({ region, expressions }, input): Awaitable<AnswerBody> {
    const request = checkedInput<BatchGetItemInput>('BatchGetItem', input);
    const tables = Object.entries(request.RequestItems);
    if (tables.length === 0) throw validationError(BATCH_GET_EMPTY);
    checkNotMixed(Object.values(request.RequestItems));
    const asked = tables.map(([called, wanted]) => tableRead(called, wanted, expressions));
    const count = asked.reduce((sum, { keys }) => sum + keys.length, 0);
    if (count > BATCH_GET_KEYS_MAX) throw validationError(BATCH_GET_TOO_MANY);
    asked.forEach(checkDistinct);
    const reads = oneEachTable(region, asked);
    const itemKeys = reads.map((read) => itemKeysOf(read, itemTable(region, read.called)));
    // What is waited for must not be left alone by a read beside it that throws.
    const found = reads.some(({ consistent }) => consistent)
      ? Promise.all(itemKeys.map(async (keys) => readAll(region, keys)))
      : allOf(itemKeys.map((keys): Awaitable<Found> => readAll(region, keys)));
    const answered = (images: readonly Found[]): AnswerBody =>
      joinJson(answerParts(fill(reads, images), request.ReturnConsumedCapacity));
    return found instanceof Promise ? found.then(answered) : answered(found);
  },
};

/** All tables of a batch are to be asked in the same way, be it the older or the newer one. */
function checkNotMixed(requests: readonly KeysAndAttributes[]): void {
  const isGiven = (field: 'AttributesToGet' | 'ProjectionExpression'): boolean =>
    requests.some((request) => request[field] !== undefined);
  if (isGiven('AttributesToGet') && isGiven('ProjectionExpression')) {
    throw validationError(expressionsMixed(['AttributesToGet'], ['ProjectionExpression']));
  }
}

function tableRead(
  called: string,
  request: KeysAndAttributes,
  expressions: ExpressionCompiler,
): TableRead {
  if (request.Keys.length === 0) throw validationError(batchGetKeysMissing(called));
  if (request.Keys.length > BATCH_GET_KEYS_MAX) throw validationError(batchGetKeysTooMany(called));
  checkParameters(request, 'read');
  return {
    called,
    request,
    projection: readProjection(expressions, request),
    keys: request.Keys.map(parseItem),
    consistent: request.ConsistentRead ?? false,
  };
}

/** Before the table is looked for, so that its keys are compared as they are given. Throws `ValidationException`. */
function checkDistinct({ keys }: TableRead): void {
  if (new Set(keys.map(keyText)).size < keys.length) throw validationError(DUPLICATE_KEYS);
}

/** A key of one attribute needs no order. */
function keyText(key: AttributeMap): string {
  const attributes = Object.entries(key);
  return JSON.stringify(
    attributes.length > 1
      ? attributes.toSorted(([one], [other]) => (one < other ? -1 : 1))
      : attributes,
  );
}

/** A table that is named in two ways, by its ARN too, is asked once, as it is at first. */
function oneEachTable(region: Region, asked: readonly TableRead[]): readonly TableRead[] {
  const reads = new Map<number, TableRead>();
  for (const read of asked) {
    const { number } = itemTable(region, read.called);
    const first = reads.get(number);
    reads.set(number, first === undefined ? read : withKeysOf(first, read));
  }
  return [...reads.values()];
}

function withKeysOf(first: TableRead, { keys }: TableRead): TableRead {
  const known = new Set(first.keys.map(keyText));
  return { ...first, keys: [...first.keys, ...keys.filter((key) => !known.has(keyText(key)))] };
}

interface TableKeys {
  readonly table: Table;
  readonly keys: readonly Uint8Array[];
  readonly consistent: boolean;
}

function itemKeysOf({ keys, projection, consistent }: TableRead, table: Table): TableKeys {
  const { keySchema } = table.definition;
  if (projection !== undefined) checkProjectedKeysScalar(projection, scalarNames(table));
  const itemKeys = keys.map((key) => {
    validateKey(keySchema, key);
    return encodeItemKey(keySchema, key);
  });
  return { table, keys: itemKeys, consistent };
}

type Found = readonly (ItemImage | undefined)[];

function readAll(
  region: Region,
  { table: { number: table }, keys, consistent }: TableKeys,
): Awaitable<Found> {
  if (consistent) return region.getCommittedItems(table, keys);
  return allOf(
    keys.map((key): Awaitable<ItemImage | undefined> => region.getItem({ table, key, consistent })),
  );
}

/** Items go into the answer in order until it is full; the rest is left for another request. */
function fill(reads: readonly TableRead[], found: readonly Found[]): readonly TableAnswer[] {
  let answeredBytes = 0;
  return reads.map((read, tableIndex) => {
    const answer: TableAnswer = { read, items: [], unprocessed: [], units: 0 };
    read.keys.forEach((key, index) => {
      const item = found[tableIndex]?.[index];
      const itemBytes = item?.itemBytes ?? 0;
      if (answeredBytes + itemBytes > BATCH_RESPONSE_BYTES_MAX) {
        answer.unprocessed.push(key);
        return;
      }
      answeredBytes += itemBytes;
      answer.units += readUnits(itemBytes, read.consistent);
      if (item !== undefined) answer.items.push(itemPart(item, read.projection));
    });
    return answer;
  });
}

const itemPart = (item: ItemImage, projection: ProjectionExpression | undefined): JsonPart =>
  projection === undefined
    ? item.image
    : JSON.stringify(project(projection, parseImage(item.image)));

function answerParts(
  answers: readonly TableAnswer[],
  wanted: ReturnConsumedCapacity | undefined,
): readonly JsonPart[] {
  const parts: JsonPart[] = ['{"Responses":{'];
  answers.forEach(({ read, items }, index) => {
    parts.push(`${index === 0 ? '' : ','}${JSON.stringify(read.called)}:[`);
    items.forEach((item, position) => {
      if (position > 0) parts.push(',');
      parts.push(item);
    });
    parts.push(']');
  });
  const rest = JSON.stringify({
    UnprocessedKeys: unprocessedKeys(answers),
    ConsumedCapacity: capacities(answers, wanted),
  });
  parts.push(`},${rest.slice(1)}`);
  return parts;
}

function unprocessedKeys(answers: readonly TableAnswer[]): Readonly<Record<string, unknown>> {
  const waiting = answers.filter(({ unprocessed }) => unprocessed.length > 0);
  return Object.fromEntries(
    waiting.map(({ read, unprocessed }) => [
      read.called,
      {
        Keys: unprocessed,
        AttributesToGet: read.request.AttributesToGet,
        ConsistentRead: read.request.ConsistentRead,
        ProjectionExpression: read.request.ProjectionExpression,
        ExpressionAttributeNames: read.request.ExpressionAttributeNames,
      },
    ]),
  );
}

const capacities = (
  answers: readonly TableAnswer[],
  wanted: ReturnConsumedCapacity | undefined,
): readonly (ConsumedCapacity | undefined)[] | undefined =>
  wanted === undefined || wanted === 'NONE'
    ? undefined
    : answers.map(({ read, units }) => consumedCapacity(wanted, read.called, units));
