import { unreachable } from '../base/assert.ts';
import { attributeOf, type AttributeMap } from '../model/attribute-value.ts';
import { EXPRESSION_OPERATORS_MAX, IN_OPERANDS_MAX } from '../model/limits.ts';
import type { ConditionExpression, Operand } from './ast.ts';
import { bindTest } from './condition-test.ts';
import {
  type ExpressionField,
  functionMisused,
  functionNotInCondition,
  invalidExpression,
  operandCount,
  operandsNotDistinct,
  tooManyCandidates,
  tooManyOperators,
  unknownFunction,
  valueNotDefined,
} from './messages.ts';
import { parseCondition } from './parse-condition.ts';
import { type Names, PathResolver, samePath } from './path-resolver.ts';
import type { SyntaxCondition, SyntaxOperand } from './syntax.ts';

/** A condition whose names are resolved and whose values are not: what requests with other values share. */
export interface ConditionTemplate {
  readonly field: ExpressionField;
  readonly root: TemplateNode;
  readonly names: ReadonlySet<string>;
  readonly values: ReadonlySet<string>;
}

type TemplateNode =
  | { readonly kind: 'and' | 'or'; readonly nodes: readonly TemplateNode[] }
  | { readonly kind: 'not'; readonly node: TemplateNode }
  | TemplateTest;

/** A comparison or a call. `fault` is found without values, but reported only when these are defined. */
interface TemplateTest {
  readonly kind: 'test';
  readonly operator: string;
  readonly operands: readonly TemplateOperand[];
  readonly fault: string | undefined;
}

type TemplateOperand =
  | {
      readonly kind: 'path';
      readonly operand: Operand & { kind: 'path' };
      readonly fault: string | undefined;
    }
  | { readonly kind: 'value'; readonly placeholder: string }
  | { readonly kind: 'size'; readonly operands: readonly TemplateOperand[] };

/**
 * Makes a template of an expression's text. Throws `ValidationException` for every fault that DynamoDB
 * reports before it looks at placeholders.
 */
export function conditionTemplate(
  field: ExpressionField,
  source: string,
  names: Names | undefined,
): ConditionTemplate {
  const syntax = parseCondition(field, source);
  const maker = new TemplateMaker(names);
  const root = maker.node(syntax);
  const fault = maker.fault;
  if (fault !== undefined) throw invalidExpression(field, fault);
  return { field, root, names: new Set(maker.names), values: maker.values };
}

/** The number of operands that each function takes. */
const FUNCTIONS: ReadonlyMap<string, number> = new Map([
  ['attribute_exists', 1],
  ['attribute_not_exists', 1],
  ['attribute_type', 2],
  ['begins_with', 2],
  ['contains', 2],
  ['size', 1],
]);

const UPDATE_FUNCTIONS: ReadonlySet<string> = new Set(['if_not_exists', 'list_append']);

class TemplateMaker {
  readonly values = new Set<string>();
  readonly #paths: PathResolver;
  #operators = 0;
  #unknown: string | undefined;
  #misused: string | undefined;

  constructor(names: Names | undefined) {
    this.#paths = new PathResolver(names);
  }

  get names(): readonly string[] {
    return this.#paths.used;
  }

  get fault(): string | undefined {
    if (this.#operators > EXPRESSION_OPERATORS_MAX) return tooManyOperators(this.#operators);
    return this.#unknown ?? this.#misused ?? this.#paths.reservedFault;
  }

  node(syntax: SyntaxCondition): TemplateNode {
    switch (syntax.kind) {
      case 'and':
      case 'or':
        this.#operators += syntax.conditions.length - 1;
        return { kind: syntax.kind, nodes: syntax.conditions.map((each) => this.node(each)) };
      case 'not':
        this.#operators++;
        return { kind: 'not', node: this.node(syntax.condition) };
      case 'test':
        this.#operators++;
        return this.#test(syntax.operator, syntax.operands);
      case 'function':
        this.#function(syntax.name);
        if (syntax.name === 'size') this.#misused ??= functionMisused(syntax.name);
        return this.#test(syntax.name, syntax.operands);
      default:
        return unreachable(syntax);
    }
  }

  #function(name: string): void {
    this.#operators++;
    if (UPDATE_FUNCTIONS.has(name)) this.#unknown ??= functionNotInCondition(name);
    else if (!FUNCTIONS.has(name)) this.#unknown ??= unknownFunction(name);
  }

  #test(operator: string, operands: readonly SyntaxOperand[]): TemplateTest {
    const resolved = operands.map((operand) => this.#operand(operand));
    const fault =
      nestedCountFault(resolved) ??
      countFault(operator, resolved.length) ??
      distinctFault(operator, resolved);
    return { kind: 'test', operator, operands: resolved, fault };
  }

  #operand(syntax: SyntaxOperand): TemplateOperand {
    switch (syntax.kind) {
      case 'path': {
        const { path, fault } = this.#paths.resolve(syntax);
        return { kind: 'path', operand: { kind: 'path', path }, fault };
      }
      case 'value':
        this.values.add(syntax.placeholder);
        return { kind: 'value', placeholder: syntax.placeholder };
      case 'function':
        this.#function(syntax.name);
        if (syntax.name !== 'size') this.#misused ??= functionMisused(syntax.name);
        return { kind: 'size', operands: syntax.operands.map((each) => this.#operand(each)) };
      default:
        return unreachable(syntax);
    }
  }
}

function nestedCountFault(operands: readonly TemplateOperand[]): string | undefined {
  for (const operand of operands) {
    if (operand.kind !== 'size') continue;
    const fault = nestedCountFault(operand.operands) ?? countFault('size', operand.operands.length);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function countFault(operator: string, count: number): string | undefined {
  if (operator === 'IN') {
    return count - 1 > IN_OPERANDS_MAX ? tooManyCandidates(count - 1) : undefined;
  }
  const expected = FUNCTIONS.get(operator) ?? count;
  return expected === count ? undefined : operandCount(operator, count);
}

function distinctFault(operator: string, operands: readonly TemplateOperand[]): string | undefined {
  const [one, two] = operands;
  if (operator === 'IN' || operands.length !== 2 || one?.kind !== 'path' || two?.kind !== 'path')
    return undefined;
  return samePath(one.operand.path, two.operand.path)
    ? operandsNotDistinct(operator, one.operand.path)
    : undefined;
}

/**
 * The condition with a request's values in it. Throws `ValidationException` for placeholders that are not
 * defined and operands that do not fit, in the order of the tests, as DynamoDB reports them.
 */
export function bindCondition(
  template: ConditionTemplate,
  values: AttributeMap | undefined,
): ConditionExpression {
  return bindNode(template.root, { field: template.field, values: values ?? NO_VALUES });
}

const NO_VALUES: AttributeMap = {};

interface Binding {
  readonly field: ExpressionField;
  readonly values: AttributeMap;
}

function bindNode(node: TemplateNode, binding: Binding): ConditionExpression {
  switch (node.kind) {
    case 'and':
    case 'or':
      return { kind: node.kind, conditions: node.nodes.map((each) => bindNode(each, binding)) };
    case 'not':
      return { kind: 'not', condition: bindNode(node.node, binding) };
    case 'test': {
      const operands = node.operands.map((operand) => bindOperand(operand, binding));
      if (node.fault !== undefined) throw invalidExpression(binding.field, node.fault);
      return bindTest(binding.field, node.operator, operands);
    }
    default:
      return unreachable(node);
  }
}

function bindOperand(operand: TemplateOperand, binding: Binding): Operand {
  switch (operand.kind) {
    case 'path':
      if (operand.fault !== undefined) throw invalidExpression(binding.field, operand.fault);
      return operand.operand;
    case 'value': {
      const value = attributeOf(binding.values, operand.placeholder);
      if (value !== undefined) return { kind: 'value', value };
      throw invalidExpression(binding.field, valueNotDefined(operand.placeholder));
    }
    case 'size': {
      // A call with another number of operands is a fault of its test, which is reported next.
      const [first = NOTHING] = operand.operands.map((each) => bindOperand(each, binding));
      return { kind: 'size', operand: first };
    }
    default:
      return unreachable(operand);
  }
}

const NOTHING: Operand = { kind: 'value', value: { NULL: true } };
