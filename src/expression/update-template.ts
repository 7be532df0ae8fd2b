import { unreachable } from '../base/assert.ts';
import {
  attributeOf,
  type AttributeMap,
  type AttributeType,
  attributeTypeOf,
  type AttributeValue,
} from '../model/attribute-value.ts';
import { EXPRESSION_OPERATORS_MAX } from '../model/limits.ts';
import type { Path, UpdateAction, UpdateExpression, UpdateOperand } from './ast.ts';
import {
  functionMisused,
  functionNotInUpdate,
  invalidExpression,
  operandCount,
  operandType,
  pathRequired,
  sectionOperandType,
  sectionTwice,
  tooManyOperators,
  unknownFunction,
  valueNotDefined,
} from './messages.ts';
import { parseUpdate } from './parse-update.ts';
import { type Names, PathResolver, pathsFault } from './path-resolver.ts';
import type { SyntaxAction, SyntaxOperand, SyntaxSetValue, SyntaxUpdate } from './syntax.ts';

/** An update whose names are resolved and whose values are not: what requests with other values share. */
export interface UpdateTemplate {
  readonly actions: readonly TemplateAction[];
  /** What is wrong with the paths together: reported once all values are defined. */
  readonly pathsFault: string | undefined;
  readonly names: ReadonlySet<string>;
  /** In the order of the text. */
  readonly values: ReadonlySet<string>;
}

type TemplateAction =
  | { readonly kind: 'set'; readonly path: Path; readonly operand: TemplateOperand }
  | { readonly kind: 'remove'; readonly action: UpdateAction }
  | { readonly kind: 'add' | 'delete'; readonly path: Path; readonly placeholder: string };

type TemplateOperand =
  | { readonly kind: 'path'; readonly operand: UpdateOperand & { kind: 'path' } }
  | { readonly kind: 'value'; readonly placeholder: string }
  | {
      readonly kind: 'call';
      readonly name: CallName;
      readonly operands: readonly TemplateOperand[];
    };

type CallName = 'if_not_exists' | 'list_append' | '+' | '-';

/**
 * Makes a template of an UpdateExpression's text. Throws `ValidationException` for every fault that DynamoDB
 * reports before it looks at values.
 */
export function updateTemplate(source: string, names: Names | undefined): UpdateTemplate {
  const syntax = parseUpdate(source);
  const maker = new TemplateMaker(names);
  const actions = syntax.actions.map((action) => maker.action(action));
  const fault = maker.fault(syntax);
  if (fault !== undefined) throw invalidExpression('UpdateExpression', fault);
  return {
    actions,
    pathsFault: pathsFault(actions.map(pathOf)),
    names: new Set(maker.names),
    values: maker.values,
  };
}

const pathOf = (action: TemplateAction): Path =>
  action.kind === 'remove' ? action.action.path : action.path;

const isCallName = (name: string): name is CallName =>
  name === 'if_not_exists' || name === 'list_append';

const CONDITION_FUNCTIONS: ReadonlySet<string> = new Set([
  'attribute_exists',
  'attribute_not_exists',
  'attribute_type',
  'begins_with',
  'contains',
  'size',
]);

class TemplateMaker {
  readonly values = new Set<string>();
  readonly #paths: PathResolver;
  #operators = 0;
  #functionFault: string | undefined;
  #misused: string | undefined;
  #pathFault: string | undefined;

  constructor(names: Names | undefined) {
    this.#paths = new PathResolver(names);
  }

  get names(): readonly string[] {
    return this.#paths.used;
  }

  fault({ sections }: SyntaxUpdate): string | undefined {
    if (this.#operators > EXPRESSION_OPERATORS_MAX) return tooManyOperators(this.#operators);
    const repeated = sections.find((section, i) => sections.indexOf(section) < i);
    return (
      this.#paths.reservedFault ??
      this.#functionFault ??
      this.#misused ??
      (repeated === undefined ? undefined : sectionTwice(repeated)) ??
      this.#pathFault
    );
  }

  action(syntax: SyntaxAction): TemplateAction {
    const path = this.#path(syntax.path);
    switch (syntax.section) {
      case 'SET':
        return { kind: 'set', path, operand: this.#setValue(syntax.value) };
      case 'REMOVE':
        return { kind: 'remove', action: { kind: 'remove', path } };
      case 'ADD':
      case 'DELETE': {
        const placeholder = this.#placeholder(syntax.value.placeholder);
        return { kind: syntax.section === 'ADD' ? 'add' : 'delete', path, placeholder };
      }
      default:
        return unreachable(syntax);
    }
  }

  #path(syntax: SyntaxAction['path']): Path {
    const { path, fault } = this.#paths.resolve(syntax);
    this.#pathFault ??= fault;
    return path;
  }

  #placeholder(placeholder: string): string {
    this.values.add(placeholder);
    return placeholder;
  }

  #setValue(syntax: SyntaxSetValue): TemplateOperand {
    if (syntax.kind !== 'arithmetic') return this.#operand(syntax, false);
    this.#operators++;
    const operands = syntax.operands.map((operand) => this.#operand(operand, false));
    return { kind: 'call', name: syntax.operator, operands };
  }

  /** `list_append` is no operand of another function. */
  #operand(syntax: SyntaxOperand, nested: boolean): TemplateOperand {
    switch (syntax.kind) {
      case 'path':
        return { kind: 'path', operand: { kind: 'path', path: this.#path(syntax) } };
      case 'value':
        return { kind: 'value', placeholder: this.#placeholder(syntax.placeholder) };
      case 'function': {
        this.#operators++;
        const operands = syntax.operands.map((operand) => this.#operand(operand, true));
        const { name } = syntax;
        if (CONDITION_FUNCTIONS.has(name)) this.#functionFault ??= functionNotInUpdate(name);
        else if (!isCallName(name)) this.#functionFault ??= unknownFunction(name);
        if (nested && name === 'list_append') this.#misused ??= functionMisused(name);
        return { kind: 'call', name: isCallName(name) ? name : 'if_not_exists', operands };
      }
      default:
        return unreachable(syntax);
    }
  }
}

/**
 * The update with a request's values in it. Throws `ValidationException` in DynamoDB's order: for values that
 * are not defined, for paths that overlap or conflict, for operands of ADD and DELETE, for those of functions.
 */
export function bindUpdate(
  template: UpdateTemplate,
  values: AttributeMap | undefined,
): UpdateExpression {
  const given = values ?? NO_VALUES;
  for (const placeholder of template.values) {
    if (!Object.hasOwn(given, placeholder)) throw invalid(valueNotDefined(placeholder));
  }
  if (template.pathsFault !== undefined) throw invalid(template.pathsFault);
  for (const action of template.actions) {
    if (action.kind === 'add' || action.kind === 'delete') {
      checkSectionOperand(action.kind, valueOf(given, action.placeholder));
    }
  }
  return { actions: template.actions.map((action) => bindAction(action, given)) };
}

const NO_VALUES: AttributeMap = {};

const invalid = (fault: string): Error => invalidExpression('UpdateExpression', fault);

/** ADD and DELETE call types by other names than everything else. */
const TYPE_NAMES: Partial<Record<AttributeType, string>> = {
  S: 'STRING',
  N: 'NUMBER',
  B: 'BINARY',
  BOOL: 'BOOLEAN',
  NULL: 'NULL',
  L: 'LIST',
  M: 'MAP',
};

function checkSectionOperand(section: 'add' | 'delete', value: AttributeValue): void {
  const type = attributeTypeOf(value);
  const name = TYPE_NAMES[type];
  if (name === undefined || (section === 'add' && type === 'N')) return;
  throw invalid(sectionOperandType(section.toUpperCase(), name));
}

function valueOf(values: AttributeMap, placeholder: string): AttributeValue {
  const value = attributeOf(values, placeholder);
  if (value === undefined) throw invalid(valueNotDefined(placeholder));
  return value;
}

function bindAction(action: TemplateAction, values: AttributeMap): UpdateAction {
  switch (action.kind) {
    case 'remove':
      return action.action;
    case 'set':
      return { kind: 'set', path: action.path, operand: bindOperand(action.operand, values) };
    case 'add':
    case 'delete':
      return { kind: action.kind, path: action.path, value: valueOf(values, action.placeholder) };
    default:
      return unreachable(action);
  }
}

function bindOperand(operand: TemplateOperand, values: AttributeMap): UpdateOperand {
  switch (operand.kind) {
    case 'path':
      return operand.operand;
    case 'value':
      return { kind: 'value', value: valueOf(values, operand.placeholder) };
    case 'call':
      return bindCall(
        operand.name,
        operand.operands.map((each) => bindOperand(each, values)),
      );
    default:
      return unreachable(operand);
  }
}

function bindCall(name: CallName, operands: readonly UpdateOperand[]): UpdateOperand {
  const [left, right] = operands;
  if (operands.length !== 2 || left === undefined || right === undefined) {
    throw invalid(operandCount(name, operands.length));
  }
  switch (name) {
    case 'if_not_exists':
      if (left.kind !== 'path') throw invalid(pathRequired(name));
      return { kind: name, path: left.path, otherwise: right };
    case 'list_append':
      checkOperandTypes(name, operands, 'L');
      return { kind: name, left, right };
    case '+':
    case '-':
      checkOperandTypes(name, operands, 'N');
      return { kind: name === '+' ? 'add' : 'subtract', left, right };
    default:
      return unreachable(name);
  }
}

function checkOperandTypes(
  name: CallName,
  operands: readonly UpdateOperand[],
  expected: AttributeType,
): void {
  for (const operand of operands) {
    if (operand.kind !== 'value') continue;
    const type = attributeTypeOf(operand.value);
    if (type !== expected) throw invalid(operandType(name, type));
  }
}
