import { unreachable } from '../base/assert.ts';
import { validationError } from '../model/errors.ts';
import type { KeySchema } from '../model/table.ts';
import type {
  ConditionExpression,
  Operand,
  Path,
  ProjectionExpression,
  UpdateExpression,
} from './ast.ts';
import { filterOnKey, keyNotScalar, keyUpdated } from './messages.ts';

const keyNames = ({ partition, sort }: KeySchema): readonly string[] =>
  sort === undefined ? [partition.name] : [partition.name, sort.name];

/** An update may not touch a key. Throws `ValidationException`. */
export function checkUpdateSparesKey(update: UpdateExpression, keySchema: KeySchema): void {
  for (const name of keyNames(keySchema)) {
    if (update.actions.some((action) => action.path[0] === name)) {
      throw validationError(keyUpdated(name));
    }
  }
}

/** A filter sees what a key condition has found, and may not ask for the key. Throws `ValidationException`. */
export function checkFilterSparesKey(filter: ConditionExpression, keySchema: KeySchema): void {
  const names = new Set(pathsIn(filter).map((path) => path[0]));
  for (const name of keyNames(keySchema)) {
    if (names.has(name)) throw validationError(filterOnKey(name));
  }
}

/** Keys have no inside, so that a condition may not look there. Throws `ValidationException`. */
export function checkKeysScalar(condition: ConditionExpression, keySchema: KeySchema): void {
  const nested = pathsIn(condition).filter((path) => path.length > 1);
  const names = new Set(nested.map((path) => path[0]));
  for (const name of keyNames(keySchema)) {
    if (names.has(name)) throw validationError(keyNotScalar(name));
  }
}

/** As `checkKeysScalar`, of a projection. */
export function checkProjectedKeysScalar(
  projection: ProjectionExpression,
  keySchema: KeySchema,
): void {
  for (const name of keyNames(keySchema)) {
    const inside = projection.members.some(
      (member) => member.name === name && member.node.kind !== 'whole',
    );
    if (inside) throw validationError(keyNotScalar(name));
  }
}

/** Every path that a condition reads. */
function pathsIn(condition: ConditionExpression): readonly Path[] {
  switch (condition.kind) {
    case 'and':
    case 'or':
      return condition.conditions.flatMap(pathsIn);
    case 'not':
      return pathsIn(condition.condition);
    case 'attribute_exists':
    case 'attribute_not_exists':
      return [condition.path];
    case 'attribute_type':
      return operandPaths([condition.operand]);
    case 'compare':
      return operandPaths([condition.left, condition.right]);
    case 'between':
      return operandPaths([condition.operand, condition.lower, condition.upper]);
    case 'in':
      return operandPaths([condition.operand, ...condition.candidates]);
    case 'begins_with':
      return operandPaths([condition.operand, condition.prefix]);
    case 'contains':
      return operandPaths([condition.container, condition.operand]);
    default:
      return unreachable(condition);
  }
}

function operandPaths(operands: readonly Operand[]): readonly Path[] {
  return operands.flatMap((operand) => {
    if (operand.kind === 'path') return [operand.path];
    return operand.kind === 'size' ? operandPaths([operand.operand]) : [];
  });
}
