import type { Awaitable } from '../../base/awaitable.ts';
import type { ProjectionExpression } from '../../expression/ast.ts';
import { checkProjectedKeysScalar } from '../../expression/key-checks.ts';
import { project } from '../../expression/project.ts';
import { parseItem } from '../../model/attribute-value.ts';
import { encodeItemKey } from '../../model/item-key.ts';
import { validateKey } from '../../model/key-validation.ts';
import type { ItemImage } from '../../region/region.ts';
import type { ReturnConsumedCapacity } from '../consumed-capacity.ts';
import { consumedCapacity, readUnits } from '../consumed-capacity.ts';
import { imageAnswer, parseImage } from '../item-json.ts';
import type { AnswerBody, Operation } from '../operation.ts';
import type { ExpressionInput } from '../request-expressions.ts';
import { checkParameters, readProjection } from '../request-expressions.ts';
import { checkedInput } from '../request-shape.ts';
import { scalarNames } from '../scalar-names.ts';
import { itemTable } from '../table-access.ts';

interface GetItemInput extends ExpressionInput {
  readonly TableName: string;
  readonly Key: unknown;
  readonly ConsistentRead?: boolean;
  readonly ReturnConsumedCapacity?: ReturnConsumedCapacity;
}

export const getItemOperation: Operation = {
  name: 'GetItem',
  run({ region, expressions }, input): Awaitable<AnswerBody> {
    const request = checkedInput<GetItemInput>('GetItem', input);
    checkParameters(request, 'read');
    const key = parseItem(request.Key);
    const projection = readProjection(expressions, request);
    const table = itemTable(region, request.TableName);
    const { number, definition } = table;
    validateKey(definition.keySchema, key);
    if (projection !== undefined) checkProjectedKeysScalar(projection, scalarNames(table));
    const found = region.getItem({
      table: number,
      key: encodeItemKey(definition.keySchema, key),
      consistent: request.ConsistentRead ?? false,
    });
    return found instanceof Promise
      ? found.then((later) => itemAnswer(request, projection, later))
      : itemAnswer(request, projection, found);
  },
};

function itemAnswer(
  request: GetItemInput,
  projection: ProjectionExpression | undefined,
  found: ItemImage | undefined,
): AnswerBody {
  const units = readUnits(found?.itemBytes ?? 0, request.ConsistentRead ?? false);
  const ConsumedCapacity = consumedCapacity(
    request.ReturnConsumedCapacity,
    request.TableName,
    units,
  );
  if (found === undefined || projection === undefined) {
    return imageAnswer('Item', found?.image, ConsumedCapacity && { ConsumedCapacity });
  }
  return JSON.stringify({ Item: project(projection, parseImage(found.image)), ConsumedCapacity });
}
