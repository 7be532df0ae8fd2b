import { parseItem } from '../../model/attribute-value.ts';
import { validationError } from '../../model/errors.ts';
import { encodeItemKey } from '../../model/item-key.ts';
import { validateKey } from '../../model/key-validation.ts';
import { RETURN_VALUES_OLD_ONLY } from '../api-messages.ts';
import type { ItemWriteInput } from '../item-write-answer.ts';
import { appliedWrite, writeAnswer } from '../item-write-answer.ts';
import type { Operation } from '../operation.ts';
import type { ExpressionInput } from '../request-expressions.ts';
import { checkParameters, writeCondition } from '../request-expressions.ts';
import { checkedInput } from '../request-shape.ts';
import { itemTable } from '../table-access.ts';

interface DeleteItemInput extends ItemWriteInput, ExpressionInput {
  readonly Key: unknown;
}

export const deleteItemOperation: Operation = {
  name: 'DeleteItem',
  async run({ region, expressions }, input) {
    const request = checkedInput<DeleteItemInput>('DeleteItem', input);
    checkParameters(request, 'write');
    const key = parseItem(request.Key);
    if ((request.ReturnValues ?? 'NONE') !== 'NONE' && request.ReturnValues !== 'ALL_OLD') {
      throw validationError(RETURN_VALUES_OLD_ONLY);
    }
    const condition = writeCondition(expressions, request);
    const table = itemTable(region, request.TableName);
    const { number, definition } = table;
    validateKey(definition.keySchema, key);
    const outcome = await region.write({
      table: number,
      key: encodeItemKey(definition.keySchema, key),
      change: { kind: 'delete' },
      condition,
      cause: 'user',
    });
    const written = appliedWrite(outcome, request);
    const old = request.ReturnValues === 'ALL_OLD' ? written.before?.image : undefined;
    return writeAnswer(request, { table, key, written }, old);
  },
};
