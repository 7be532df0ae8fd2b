import type { ConditionExpression, Operand } from '../expression/ast.ts';
import { madeTest, testFault } from '../expression/condition-test.ts';
import { operandCount, operandsNotDistinct, tooManyCandidates } from '../expression/messages.ts';
import { samePath } from '../expression/path-resolver.ts';
import type { AttributeType } from '../model/attribute-value.ts';
import { validationError } from '../model/errors.ts';
import { IN_OPERANDS_MAX } from '../model/limits.ts';
import { attributePath, isPath } from './attribute-path.ts';
import { placeOf } from './lexer.ts';
import { type Bindings, constantValue, isConstant } from './literal-value.ts';
import {
  AND_OR_OPERANDS,
  conditionOperator,
  IN_OPERANDS,
  IS_OPERAND,
  isType,
  MISSING_COMPARED,
  NOT_OPERAND,
  unknownTypeName,
  unrecognizedFunctionAt,
  WHERE_NOT_BOOLEAN,
} from './messages.ts';
import { nodeName } from './node-name.ts';
import type { CallExpression, Expression } from './syntax.ts';

/** The condition that a WHERE clause says. Throws `ValidationException`. */
export const whereCondition = (where: Expression, bindings: Bindings): ConditionExpression =>
  new ConditionCompiler(bindings).condition(where, WHERE_NOT_BOOLEAN);

/** Predicates, and the number of operands that each takes. */
const PREDICATES: ReadonlyMap<string, number> = new Map([
  ['attribute_exists', 1],
  ['attribute_not_exists', 1],
  ['attribute_type', 2],
  ['begins_with', 2],
  ['contains', 2],
]);

const COMPARATORS: ReadonlySet<string> = new Set(['=', '<>', '<', '<=', '>', '>=']);

/** What IS asks for, but MISSING. */
const IS_TYPES: ReadonlyMap<string, AttributeType> = new Map([
  ['null', 'NULL'],
  ['boolean', 'BOOL'],
  ['blob', 'B'],
  ['string', 'S'],
  ['numeric', 'N'],
  ['struct', 'M'],
  ['tuple', 'M'],
  ['list', 'L'],
]);

const TYPE_NAMES: ReadonlySet<string> = new Set([
  'N',
  'BS',
  'L',
  'B',
  'NULL',
  'M',
  'S',
  'SS',
  'NS',
  'BOOL',
]);

class ConditionCompiler {
  readonly #bindings: Bindings;

  constructor(bindings: Bindings) {
    this.#bindings = bindings;
  }

  /** `refusal`: what to say of an expression that is no condition. */
  condition(expression: Expression, refusal: string): ConditionExpression {
    const { kind } = expression;
    if (kind === 'and' || kind === 'or') {
      const conditions = expression.terms.map((term) => this.condition(term, AND_OR_OPERANDS));
      return { kind, conditions };
    }
    if (kind === 'unary' && expression.operator === 'not') {
      return { kind: 'not', condition: this.condition(expression.operand, NOT_OPERAND) };
    }
    if (kind === 'binary') return this.#comparison(expression);
    if (kind === 'between') {
      const { negated, operand, lower, upper } = expression;
      return negatedIf(negated, this.#test('BETWEEN', [operand, lower, upper]));
    }
    if (kind === 'in') {
      return negatedIf(expression.negated, this.#in(expression.operand, expression.right));
    }
    if (kind === 'is') return negatedIf(expression.negated, this.#is(expression));
    if (kind === 'like') throw validationError(conditionOperator('LIKE'));
    if (kind === 'call' && expression.name !== 'size') return this.#predicate(expression);
    throw validationError(refusal);
  }

  #comparison(expression: Expression & { kind: 'binary' }): ConditionExpression {
    const { operator, left, right } = expression;
    if (!COMPARATORS.has(operator)) throw validationError(conditionOperator(operator));
    return this.#test(operator, [left, right]);
  }

  #test(operator: string, operands: readonly Expression[]): ConditionExpression {
    return checkedTest(
      operator,
      operands.map((operand) => this.#operand(operand)),
    );
  }

  #in(operand: Expression, right: Expression): ConditionExpression {
    const isSequence = right.kind === 'list' || right.kind === 'bag';
    if (isConstant(operand) || !isSequence || right.items.length === 0) {
      throw validationError(IN_OPERANDS);
    }
    const { length } = right.items;
    if (length > IN_OPERANDS_MAX) throw validationError(tooManyCandidates(length));
    return this.#test('IN', [operand, ...right.items]);
  }

  #is({ operand, type }: Expression & { kind: 'is' }): ConditionExpression {
    if (!isPath(operand)) throw validationError(IS_OPERAND);
    const path = attributePath(operand, this.#bindings.source);
    if (type === 'missing') return { kind: 'attribute_not_exists', path };
    const attributeType = IS_TYPES.get(type);
    if (attributeType === undefined) throw validationError(isType(type.toUpperCase()));
    return { kind: 'attribute_type', operand: { kind: 'path', path }, type: attributeType };
  }

  #predicate(call: CallExpression): ConditionExpression {
    const count = PREDICATES.get(call.name);
    if (count === undefined) throw this.#unrecognized(call);
    const operands = call.operands.map((operand) => this.#operand(operand));
    if (operands.length !== count) {
      throw validationError(operandCount(call.name, operands.length));
    }
    if (call.name === 'attribute_type') checkTypeName(operands[1]);
    return checkedTest(call.name, operands);
  }

  #unrecognized({ name, at }: CallExpression): Error {
    return validationError(unrecognizedFunctionAt(name, placeOf(this.#bindings.source, at)));
  }

  #operand(expression: Expression): Operand {
    if (isPath(expression)) {
      return { kind: 'path', path: attributePath(expression, this.#bindings.source) };
    }
    if (expression.kind === 'missing') throw validationError(MISSING_COMPARED);
    if (isConstant(expression)) {
      return { kind: 'value', value: constantValue(expression, this.#bindings) };
    }
    if (expression.kind === 'call' && expression.name === 'size') return this.#size(expression);
    const refusal = conditionOperator(nodeName(expression));
    return { kind: 'condition', condition: this.condition(expression, refusal) };
  }

  #size({ operands }: CallExpression): Operand {
    const [operand] = operands;
    if (operand === undefined || operands.length > 1) {
      throw validationError(operandCount('size', operands.length));
    }
    return { kind: 'size', operand: this.#operand(operand) };
  }
}

const negatedIf = (negated: boolean, condition: ConditionExpression): ConditionExpression =>
  negated ? { kind: 'not', condition } : condition;

function checkedTest(operator: string, operands: readonly Operand[]): ConditionExpression {
  const fault = distinctFault(operator, operands) ?? testFault(operator, operands);
  if (fault !== undefined) throw validationError(fault);
  return madeTest(operator, operands);
}

function distinctFault(operator: string, [one, two, more]: readonly Operand[]): string | undefined {
  if (operator === 'IN' || more !== undefined) return undefined;
  if (one?.kind !== 'path' || two?.kind !== 'path') return undefined;
  return samePath(one.path, two.path) ? operandsNotDistinct(operator, one.path) : undefined;
}

/** As `testFault`, in the words that statements get. */
function checkTypeName(operand: Operand | undefined): void {
  if (operand?.kind !== 'value' || !('S' in operand.value)) return;
  if (!TYPE_NAMES.has(operand.value.S)) throw validationError(unknownTypeName(operand.value.S));
}
