import type { Path, UpdateAction, UpdateExpression, UpdateOperand } from '../expression/ast.ts';
import { operandCount, operandType, pathRequired } from '../expression/messages.ts';
import { pathsFault, samePath } from '../expression/path-resolver.ts';
import {
  type AttributeType,
  attributeTypeOf,
  type AttributeValue,
} from '../model/attribute-value.ts';
import { type ClientError, validationError } from '../model/errors.ts';
import { attributePath, isPath } from './attribute-path.ts';
import { placeOf } from './lexer.ts';
import { type Bindings, constantValue, isConstant } from './literal-value.ts';
import {
  IS_IN_UPDATE,
  setArgumentsAt,
  setFirstArgumentAt,
  setSecondArgumentAt,
  unrecognizedFunctionAt,
  updateOperator,
} from './messages.ts';
import { nodeName } from './node-name.ts';
import type { Assignment, CallExpression, Expression, Manipulation } from './syntax.ts';

/** The update that SET and REMOVE say. Throws `ValidationException`. */
export function compileUpdate(
  manipulations: readonly Manipulation[],
  bindings: Bindings,
): UpdateExpression {
  const compiler = new UpdateCompiler(bindings);
  const actions = manipulations.flatMap((manipulation) => compiler.actions(manipulation));
  const fault = pathsFault(actions.map(({ path }) => path));
  if (fault !== undefined) throw validationError(fault);
  return { actions };
}

const SET_FUNCTIONS = { set_add: 'add', set_delete: 'delete' } as const;
const isSetFunction = (name: string): name is keyof typeof SET_FUNCTIONS =>
  Object.hasOwn(SET_FUNCTIONS, name);

class UpdateCompiler {
  readonly #bindings: Bindings;

  constructor(bindings: Bindings) {
    this.#bindings = bindings;
  }

  actions(manipulation: Manipulation): readonly UpdateAction[] {
    if (manipulation.kind === 'remove') {
      return [{ kind: 'remove', path: this.#path(manipulation.target) }];
    }
    return manipulation.kind === 'set'
      ? manipulation.assignments.map((assignment) => this.#assignment(assignment))
      : [];
  }

  #path(expression: Expression): Path {
    return attributePath(expression, this.#bindings.source);
  }

  #assignment({ target, value }: Assignment): UpdateAction {
    const path = this.#path(target);
    return value.kind === 'call' && isSetFunction(value.name)
      ? this.#setFunction(path, value, SET_FUNCTIONS[value.name])
      : { kind: 'set', path, operand: this.#operand(value) };
  }

  #setFunction(path: Path, call: CallExpression, kind: 'add' | 'delete'): UpdateAction {
    const name = call.name.toUpperCase();
    const [first, second] = call.operands;
    if (first === undefined || second === undefined || call.operands.length > 2) {
      throw this.#refusal(setArgumentsAt, { name, expression: call });
    }
    if (!isPath(first) || !samePath(this.#path(first), path)) {
      throw this.#refusal(setFirstArgumentAt, { name, expression: call });
    }
    const value = isConstant(second) ? constantValue(second, this.#bindings) : undefined;
    if (value === undefined || !isSet(value)) {
      throw this.#refusal(setSecondArgumentAt, { name, expression: first });
    }
    return { kind, path, value };
  }

  #refusal(
    worded: (name: string, where: string) => string,
    { name, expression }: { readonly name: string; readonly expression: Expression },
  ): ClientError {
    return validationError(worded(name, placeOf(this.#bindings.source, expression.at)));
  }

  #operand(expression: Expression): UpdateOperand {
    if (isPath(expression)) return { kind: 'path', path: this.#path(expression) };
    if (isConstant(expression)) {
      return { kind: 'value', value: constantValue(expression, this.#bindings) };
    }
    if (expression.kind === 'call') return this.#call(expression);
    if (expression.kind === 'binary') return this.#arithmetic(expression);
    if (expression.kind === 'is') throw validationError(IS_IN_UPDATE);
    throw validationError(updateOperator(nodeName(expression)));
  }

  #arithmetic({ operator, left, right }: Expression & { kind: 'binary' }): UpdateOperand {
    if (operator !== '+' && operator !== '-') throw validationError(updateOperator(operator));
    const operands = [this.#operand(left), this.#operand(right)] as const;
    checkOperandTypes(operator, operands, 'N');
    return { kind: operator === '+' ? 'add' : 'subtract', left: operands[0], right: operands[1] };
  }

  #call(call: CallExpression): UpdateOperand {
    const { name } = call;
    if (name !== 'list_append' && name !== 'if_not_exists') {
      throw this.#refusal(unrecognizedFunctionAt, { name, expression: call });
    }
    const operands = call.operands.map((operand) => this.#operand(operand));
    const [left, right] = operands;
    if (left === undefined || right === undefined || operands.length > 2) {
      throw validationError(operandCount(name, operands.length));
    }
    if (name === 'list_append') {
      checkOperandTypes(name, operands, 'L');
      return { kind: name, left, right };
    }
    if (left.kind !== 'path') throw validationError(pathRequired(name));
    return { kind: name, path: left.path, otherwise: right };
  }
}

const isSet = (value: AttributeValue): boolean => 'SS' in value || 'NS' in value || 'BS' in value;

function checkOperandTypes(
  name: string,
  operands: readonly UpdateOperand[],
  expected: AttributeType,
): void {
  for (const operand of operands) {
    if (operand.kind !== 'value') continue;
    const type = attributeTypeOf(operand.value);
    if (type !== expected) throw validationError(operandType(name, type));
  }
}
