import { parseItem } from '../../model/attribute-value.ts';
import { validationError } from '../../model/errors.ts';
import { encodeItemKey } from '../../model/item-key.ts';
import { indexKeyRules, validateIndexKeys } from '../../model/index-key-validation.ts';
import { itemSizeBytes } from '../../model/item-size.ts';
import { validateItemKey } from '../../model/key-validation.ts';
import { ITEM_BYTES_MAX } from '../../model/limits.ts';
import { ITEM_TOO_LARGE } from '../../model/messages.ts';
import { RETURN_VALUES_OLD_ONLY } from '../api-messages.ts';
import type { ItemWriteInput } from '../item-write-answer.ts';
import { appliedWrite, writeAnswer } from '../item-write-answer.ts';
import type { Input, Operation } from '../operation.ts';
import type { ExpressionInput } from '../request-expressions.ts';
import { checkParameters, writeCondition } from '../request-expressions.ts';
import { checkedInput, checkedInputBut } from '../request-shape.ts';
import { itemTable } from '../table-access.ts';

interface PutItemInput extends ItemWriteInput, ExpressionInput {
  readonly Item: unknown;
}

export const putItemOperation: Operation = {
  name: 'PutItem',
  async run({ region, expressions }, input) {
    const request = putItemInput(input);
    checkParameters(request, 'write');
    const item = parseItem(request.Item);
    if ((request.ReturnValues ?? 'NONE') !== 'NONE' && request.ReturnValues !== 'ALL_OLD') {
      throw validationError(RETURN_VALUES_OLD_ONLY);
    }
    const itemBytes = itemSizeBytes(item);
    if (itemBytes > ITEM_BYTES_MAX) throw validationError(ITEM_TOO_LARGE);
    const condition = writeCondition(expressions, request);
    const table = itemTable(region, request.TableName);
    const { number, definition } = table;
    validateItemKey(definition.keySchema, item);
    validateIndexKeys(indexKeyRules(table), item);
    const outcome = await region.write({
      table: number,
      key: encodeItemKey(definition.keySchema, item),
      change: { kind: 'put', image: Buffer.from(JSON.stringify(item)), itemBytes },
      condition,
      cause: 'user',
    });
    const written = appliedWrite(outcome, request);
    const old = request.ReturnValues === 'ALL_OLD' ? written.before?.image : undefined;
    return writeAnswer(request, { table, key: item, written }, old);
  },
};

/** An empty name of a table is complained about before `ReturnValues`, unless the item is missing too. */
const putItemInput = (input: Input): PutItemInput =>
  input['TableName'] === '' && (input['Item'] ?? undefined) !== undefined
    ? checkedInputBut('PutItem', input, 'ReturnValues')
    : checkedInput('PutItem', input);
