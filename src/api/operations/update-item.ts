import { updatedAttributes } from '../../expression/apply-update.ts';
import type { UpdateExpression } from '../../expression/ast.ts';
import { checkUpdateSparesKey } from '../../expression/key-checks.ts';
import { project } from '../../expression/project.ts';
import { parseItem } from '../../model/attribute-value.ts';
import { encodeItemKey } from '../../model/item-key.ts';
import { validateKey } from '../../model/key-validation.ts';
import type { ItemImage } from '../../region/region.ts';
import { checkUpdatedIndexes } from '../index-key-updates.ts';
import { parseImage } from '../item-json.ts';
import type { AppliedWrite, ItemWriteInput } from '../item-write-answer.ts';
import { appliedWrite, writeAnswer } from '../item-write-answer.ts';
import type { Input, Operation } from '../operation.ts';
import type { ExpressionInput } from '../request-expressions.ts';
import { checkParameters, updateExpressions } from '../request-expressions.ts';
import { checkedInput, checkedInputBut } from '../request-shape.ts';
import { itemTable } from '../table-access.ts';

interface UpdateItemInput extends ItemWriteInput, ExpressionInput {
  readonly Key: unknown;
}

export const updateItemOperation: Operation = {
  name: 'UpdateItem',
  async run({ region, expressions }, input) {
    const request = updateItemInput(input);
    checkParameters(request, 'update');
    const key = parseItem(request.Key);
    const { update, condition } = updateExpressions(expressions, request);
    const table = itemTable(region, request.TableName);
    const { number, definition } = table;
    validateKey(definition.keySchema, key);
    checkUpdateSparesKey(update, definition.keySchema);
    const indexKeys = checkUpdatedIndexes(update, table);
    const outcome = await region.write({
      table: number,
      key: encodeItemKey(definition.keySchema, key),
      change: { kind: 'update', update, keyAttributes: key, ...indexKeys },
      condition,
      cause: 'user',
    });
    const written = appliedWrite(outcome, request);
    const shown = attributesOf(request, update, written);
    return writeAnswer(request, { table, key, written }, shown);
  },
};

/** Beside anything else than a missing key, `ReturnConsumedCapacity` is not complained about. */
const updateItemInput = (input: Input): UpdateItemInput =>
  (input['Key'] ?? undefined) === undefined
    ? checkedInput('UpdateItem', input)
    : checkedInputBut('UpdateItem', input, 'ReturnConsumedCapacity');

function attributesOf(
  request: UpdateItemInput,
  update: UpdateExpression,
  { before, after }: AppliedWrite,
): Uint8Array | undefined {
  switch (request.ReturnValues) {
    case 'ALL_OLD':
      return before?.image;
    case 'ALL_NEW':
      return after?.image;
    case 'UPDATED_OLD':
      return updatedPart(update, before);
    case 'UPDATED_NEW':
      return updatedPart(update, after);
    case 'NONE':
    case undefined:
    default:
      return undefined;
  }
}

/** What the update touches of an item; undefined when nothing of that is there. */
function updatedPart(
  update: UpdateExpression,
  image: ItemImage | undefined,
): Uint8Array | undefined {
  if (image === undefined) return undefined;
  const part = project(updatedAttributes(update), parseImage(image.image));
  return Object.keys(part).length === 0 ? undefined : Buffer.from(JSON.stringify(part));
}
