import { unreachable } from '../base/assert.ts';
import { validationError } from '../model/errors.ts';
import type { KeyAttributes, KeySchema } from '../model/table.ts';
import type {
  ConditionExpression,
  Operand,
  Path,
  ProjectionExpression,
  UpdateExpression,
  UpdateOperand,
} from './ast.ts';
import { filterOnKey, indexKeyNotScalar, keyNotScalar, keyUpdated } from './messages.ts';

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

/**
 * A filter sees what a key condition has found, and may not ask for the key of what is queried. `member`: what
 * DynamoDB calls the filter. Throws `ValidationException`.
 */
export function checkFilterSparesKey(
  filter: ConditionExpression,
  { partition, sort }: KeyAttributes,
  member = 'Filter Expression',
): void {
  const names = attributesRead(filter);
  for (const { name } of [...partition, ...sort]) {
    if (names.has(name)) throw validationError(filterOnKey(member, name));
  }
}

/** The attributes that a condition reads, whole or in part. */
export const attributesRead = (condition: ConditionExpression): ReadonlySet<string> =>
  new Set(pathsIn(condition).map((path) => path[0]));

/** Names of attributes that have no inside, because they are keys. */
export interface ScalarNames {
  readonly keySchema: KeySchema;
  /** Those of the table's indexes, in the order in which they are looked at. */
  readonly indexKeys: readonly string[];
}

/** Keys have no inside, so that a condition may not look there. Throws `ValidationException`. */
export function checkKeysScalar(condition: ConditionExpression, names: ScalarNames): void {
  checkScalar(nestedNames(pathsIn(condition)), names);
}

/** As `checkKeysScalar`, of a projection. */
export function checkProjectedKeysScalar(
  projection: ProjectionExpression,
  names: ScalarNames,
): void {
  const nested = projection.members.filter(({ node }) => node.kind !== 'whole');
  checkScalar(new Set(nested.map(({ name }) => name)), names);
}

/** As `checkKeysScalar`, of what an update writes and reads. */
export function checkUpdateKeysScalar(update: UpdateExpression, names: ScalarNames): void {
  const paths = update.actions.flatMap((action) =>
    action.kind === 'set' ? [action.path, ...updatePaths(action.operand)] : [action.path],
  );
  checkScalar(nestedNames(paths), names);
}

const nestedNames = (paths: readonly Path[]): ReadonlySet<string> =>
  new Set(paths.filter((path) => path.length > 1).map((path) => path[0]));

function checkScalar(nested: ReadonlySet<string>, { keySchema, indexKeys }: ScalarNames): void {
  if (nested.size === 0) return;
  for (const name of keyNames(keySchema)) {
    if (nested.has(name)) throw validationError(keyNotScalar(name));
  }
  for (const name of indexKeys) {
    if (nested.has(name)) throw validationError(indexKeyNotScalar(name));
  }
}

function updatePaths(operand: UpdateOperand): readonly Path[] {
  switch (operand.kind) {
    case 'path':
      return [operand.path];
    case 'value':
      return [];
    case 'if_not_exists':
      return [operand.path, ...updatePaths(operand.otherwise)];
    case 'list_append':
    case 'add':
    case 'subtract':
      return [...updatePaths(operand.left), ...updatePaths(operand.right)];
    default:
      return unreachable(operand);
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
    switch (operand.kind) {
      case 'path':
        return [operand.path];
      case 'size':
        return operandPaths([operand.operand]);
      case 'condition':
        return pathsIn(operand.condition);
      case 'value':
        return [];
      default:
        return unreachable(operand);
    }
  });
}
