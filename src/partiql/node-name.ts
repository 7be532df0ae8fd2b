import type { Expression } from './syntax.ts';

const BINARY_NAMES: Readonly<Record<string, string>> = {
  '=': 'Eq',
  '<>': 'Ne',
  '<': 'Lt',
  '<=': 'Lte',
  '>': 'Gt',
  '>=': 'Gte',
  '+': 'Plus',
  '-': 'Minus',
  '*': 'Times',
  '/': 'Divide',
  '%': 'Modulo',
  '||': 'Concat',
  union: 'Union',
  except: 'Except',
  intersect: 'Intersect',
};

const UNARY_NAMES = { not: 'Not', '+': 'Pos', '-': 'Neg' } as const;

const NAMES = {
  name: 'Id',
  path: 'Path',
  number: 'Lit',
  string: 'Lit',
  ion: 'Lit',
  boolean: 'Lit',
  null: 'Lit',
  missing: 'Missing',
  parameter: 'Parameter',
  list: 'List',
  bag: 'Bag',
  struct: 'Struct',
  and: 'And',
  or: 'Or',
  between: 'Between',
  in: 'InCollection',
  like: 'Like',
  is: 'IsType',
  statement: 'Select',
} as const;

/** What DynamoDB calls an expression that it does not take somewhere: a node of PartiQL's syntax tree, or a function. */
export function nodeName(expression: Expression): string {
  if (expression.kind === 'call') return expression.name;
  if (expression.kind === 'unary') return UNARY_NAMES[expression.operator];
  if (expression.kind === 'binary') {
    return BINARY_NAMES[expression.operator] ?? expression.operator;
  }
  return NAMES[expression.kind];
}
