import { checkFilterSparesKey } from '../../expression/key-checks.ts';
import type { KeyCondition } from '../../expression/key-condition.ts';
import { keyCondition } from '../../expression/key-condition.ts';
import type { AttributeMap } from '../../model/attribute-value.ts';
import { attributeOf } from '../../model/attribute-value.ts';
import { validationError } from '../../model/errors.ts';
import type { ItemKeyRange } from '../../model/item-key.ts';
import { encodeItemKey, partitionKeyRange, sortKeyRange } from '../../model/item-key.ts';
import type { KeySchema } from '../../model/table.ts';
import {
  START_KEY_INVALID,
  START_KEY_NOT_IN_RANGE,
  START_KEY_OTHER_PARTITION,
  START_KEY_OUTSIDE_QUERY,
} from '../api-messages.ts';
import type { Operation } from '../operation.ts';
import { pageAnswer } from '../page-answer.ts';
import type { PageInput } from '../page-request.ts';
import { checkSelect, checkStartKey, pageRequest, pageTable, startKeyOf } from '../page-request.ts';
import { queryExpressions } from '../request-expressions.ts';
import { checkedInput } from '../request-shape.ts';

interface QueryInput extends PageInput {
  readonly ScanIndexForward?: boolean;
}

export const queryOperation: Operation = {
  name: 'Query',
  async run({ region, clock, expressions }, input) {
    const request = checkedInput<QueryInput>('Query', input);
    const start = startKeyOf(request);
    const bound = queryExpressions(expressions, request);
    checkSelect(request);
    const table = pageTable(region, request);
    const { keySchema } = table.definition;
    const condition = keyCondition(bound.keyConditions, keySchema);
    const range = rangeOf(keySchema, condition);
    const startAfter = start === undefined ? undefined : startIn(start, keySchema, condition);
    if (bound.filter !== undefined) checkFilterSparesKey(bound.filter, keySchema);
    const shape = pageRequest(request, table, bound);
    const page = await region.query({
      ...range,
      table: table.number,
      consistent: shape.consistent,
      limit: request.Limit,
      startAfter,
      forward: request.ScanIndexForward ?? true,
    });
    return pageAnswer(clock, shape, page);
  },
};

const rangeOf = (keySchema: KeySchema, { partition, sort }: KeyCondition): ItemKeyRange =>
  sort === undefined
    ? partitionKeyRange(keySchema, partition)
    : sortKeyRange(keySchema, partition, sort);

/** The key to start after. Throws `ValidationException` for one that the query could not have ended at. */
function startIn(start: AttributeMap, keySchema: KeySchema, condition: KeyCondition): Uint8Array {
  const { partition, sort } = keySchema;
  if (Object.keys(start).length !== (sort === undefined ? 1 : 2)) {
    throw validationError(START_KEY_INVALID);
  }
  checkStartKey(start, keySchema);
  const key = encodeItemKey(keySchema, start);
  const range = rangeOf(keySchema, condition);
  if (condition.sort === undefined) {
    if (!isIn(key, range)) throw validationError(START_KEY_OUTSIDE_QUERY);
    return key;
  }
  const sortValue = attributeOf(start, sort?.name ?? '');
  const sameSort = Object.fromEntries([
    [partition.name, condition.partition],
    ...(sort === undefined || sortValue === undefined ? [] : [[sort.name, sortValue] as const]),
  ]);
  if (!isIn(encodeItemKey(keySchema, sameSort), range)) {
    throw validationError(START_KEY_NOT_IN_RANGE);
  }
  if (!isIn(key, range)) throw validationError(START_KEY_OTHER_PARTITION);
  return key;
}

const isIn = (key: Uint8Array, { from, to }: ItemKeyRange): boolean =>
  Buffer.compare(key, from) >= 0 && Buffer.compare(key, to) < 0;
