import type { ProjectionExpression } from '../../expression/ast.ts';
import type { ExpressionCompiler } from '../../expression/expression-compiler.ts';
import { project } from '../../expression/project.ts';
import type { AttributeMap } from '../../model/attribute-value.ts';
import { parseItem } from '../../model/attribute-value.ts';
import { validationError } from '../../model/errors.ts';
import { encodeItemKey } from '../../model/item-key.ts';
import { validateKey } from '../../model/key-validation.ts';
import { BATCH_GET_KEYS_MAX, BATCH_RESPONSE_BYTES_MAX } from '../../model/limits.ts';
import type { Table } from '../../model/table.ts';
import type { ItemImage, Region } from '../../region/region.ts';
import { BATCH_GET_TOO_MANY, DUPLICATE_KEYS } from '../api-messages.ts';
import type { ConsumedCapacity, ReturnConsumedCapacity } from '../consumed-capacity.ts';
import { consumedCapacity, readUnits } from '../consumed-capacity.ts';
import type { JsonPart } from '../item-json.ts';
import { joinJson, parseImage } from '../item-json.ts';
import type { Operation } from '../operation.ts';
import type { ExpressionInput } from '../request-expressions.ts';
import { readProjection } from '../request-expressions.ts';
import { checkedInput } from '../request-shape.ts';
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
  async run({ region, expressions }, input) {
    const request = checkedInput<BatchGetItemInput>('BatchGetItem', input);
    const reads = Object.entries(request.RequestItems).map(([called, wanted]) =>
      tableRead(called, wanted, expressions),
    );
    const count = reads.reduce((sum, { keys }) => sum + keys.length, 0);
    if (count > BATCH_GET_KEYS_MAX) throw validationError(BATCH_GET_TOO_MANY);
    const itemKeys = reads.map((read) => itemKeysOf(read, itemTable(region, read.called)));
    const found = await Promise.all(
      reads.map(async (read, index) => readAll(region, read, itemKeys[index])),
    );
    const answers = fill(reads, found);
    return joinJson(answerParts(answers, request.ReturnConsumedCapacity));
  },
};

function tableRead(
  called: string,
  request: KeysAndAttributes,
  expressions: ExpressionCompiler,
): TableRead {
  return {
    called,
    request,
    projection: readProjection(expressions, request),
    keys: request.Keys.map(parseItem),
    consistent: request.ConsistentRead ?? false,
  };
}

interface TableKeys {
  readonly table: Table;
  readonly keys: readonly Uint8Array[];
}

function itemKeysOf({ keys }: TableRead, table: Table): TableKeys {
  const { keySchema } = table.definition;
  const itemKeys = keys.map((key) => {
    validateKey(keySchema, key);
    return encodeItemKey(keySchema, key);
  });
  const distinct = new Set(itemKeys.map((key) => Buffer.from(key).toString('latin1')));
  if (distinct.size < itemKeys.length) throw validationError(DUPLICATE_KEYS);
  return { table, keys: itemKeys };
}

const readAll = async (
  region: Region,
  { consistent }: TableRead,
  wanted: TableKeys | undefined,
): Promise<readonly (ItemImage | undefined)[]> =>
  Promise.all(
    (wanted?.keys ?? []).map(async (key) =>
      region.getItem({ table: wanted?.table.number ?? 0, key, consistent }),
    ),
  );

/** Items go into the answer in order until it is full; the rest is left for another request. */
function fill(
  reads: readonly TableRead[],
  found: readonly (readonly (ItemImage | undefined)[])[],
): readonly TableAnswer[] {
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
