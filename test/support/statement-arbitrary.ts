import fc from 'fast-check';
import type {
  Expression,
  Manipulation,
  PathStep,
  SelectStatement,
  Source,
  Span,
  WriteStatement,
} from '../../src/partiql/syntax.ts';

/** Nothing looks at the places of what has not been parsed. */
const at: Span = { start: 0, end: 0 };

const name = fc
  .oneof(fc.constantFrom('pk', 'sk', 'select', 'Size', 'a.b', 'it"s', ''), fc.string())
  .map((each): Expression => ({ kind: 'name', name: each, at }));

const TYPES = ['missing', 'null', 'boolean', 'string', 'numeric', 'double_precision'] as const;
const OPERATORS = [
  '=',
  '<>',
  '<',
  '<=',
  '>',
  '>=',
  '+',
  '-',
  '||',
  '*',
  '/',
  '%',
  'union',
] as const;
const FUNCTIONS = ['exists', 'begins_with', 'size', 'count', 'set_add'] as const;

const number = fc.constantFrom(
  '0',
  '7',
  '1.50',
  '.5',
  '1e3',
  '-2',
  '-1E-7',
  '12345678901234567890',
);

const steps = (element: fc.Arbitrary<Expression>): fc.Arbitrary<readonly PathStep[]> =>
  fc.array(
    fc.oneof(
      fc.string().map((each): PathStep => ({ kind: 'member', name: each, at })),
      element.map((index): PathStep => ({ kind: 'element', index, at })),
      fc.constant<PathStep>({ kind: 'wildcard', at }),
    ),
    { minLength: 1, maxLength: 3 },
  );

const simpleIndex = fc.oneof(
  fc.nat(20).map((each): Expression => ({ kind: 'number', text: String(each), at })),
  fc.string().map((text): Expression => ({ kind: 'string', text, at })),
);

/** What SET, REMOVE and INTO name. */
const simplePath: fc.Arbitrary<Expression> = fc.oneof(
  name,
  fc
    .tuple(name, steps(simpleIndex))
    .map(([root, taken]): Expression => ({ kind: 'path', root, steps: taken, at })),
);

const simpleSource: fc.Arbitrary<Source> = fc.record({
  expression: simplePath,
  aliased: fc.boolean(),
  joined: fc.constant(false),
});

const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined });

const some = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T[]> =>
  fc.array(arbitrary, { minLength: 1, maxLength: 3 });

const leaf: fc.Arbitrary<Expression> = fc.oneof(
  name,
  number.map((text): Expression => ({ kind: 'number', text, at })),
  fc.string().map((text): Expression => ({ kind: 'string', text, at })),
  fc.string().map((text): Expression => ({ kind: 'ion', text: text.replaceAll('`', ''), at })),
  fc.boolean().map((value): Expression => ({ kind: 'boolean', value, at })),
  fc.constantFrom<Expression>(
    { kind: 'null', at },
    { kind: 'missing', at },
    { kind: 'parameter', index: 0, at },
    { kind: 'call', name: 'count', operands: [], star: true, at },
  ),
);

function selectOf(expression: fc.Arbitrary<Expression>): fc.Arbitrary<SelectStatement> {
  const column = fc.record({ expression, aliased: fc.boolean() });
  const source = fc.record({ expression, aliased: fc.boolean(), joined: fc.boolean() });
  const select = fc.record({
    kind: fc.constant('select'),
    distinct: fc.boolean(),
    value: fc.constant(false),
    columns: optional(some(column)),
    source,
    where: optional(expression),
    grouped: fc.boolean(),
    having: optional(expression),
    orderBy: optional(some(fc.record({ expression, descending: fc.boolean() }))),
    limit: optional(expression),
  } as const);
  const ofValue = fc.tuple(select, expression).map(([each, value]) => ({
    ...each,
    value: true,
    columns: [{ expression: value, aliased: false }],
  }));
  return fc.oneof(select, ofValue);
}

function writeOf(expression: fc.Arbitrary<Expression>): fc.Arbitrary<WriteStatement> {
  const insert = fc
    .tuple(simplePath, expression, optional(expression), fc.boolean())
    .map(([target, value, position, several]): Manipulation => {
      return { kind: 'insert', target, value, several, position: several ? undefined : position };
    });
  const assignments = some(fc.record({ target: simplePath, value: expression }));
  const change = fc.oneof(
    assignments.map((each): Manipulation => ({ kind: 'set', assignments: each })),
    simplePath.map((target): Manipulation => ({ kind: 'remove', target })),
    insert,
  );
  const returning = optional(
    some(
      fc.record({
        returned: fc.constantFrom('ALL OLD', 'ALL NEW', 'MODIFIED OLD', 'MODIFIED NEW'),
        star: fc.boolean(),
      } as const),
    ),
  );
  const write = { kind: fc.constant('write'), returning } as const;
  return fc.oneof(
    fc.record({
      ...write,
      source: fc.constant(undefined),
      manipulations: some(change),
      where: fc.constant(undefined),
    }),
    fc.record({
      ...write,
      source: simpleSource,
      manipulations: some(change),
      where: optional(expression),
    }),
    fc.record({
      ...write,
      source: simpleSource,
      manipulations: fc.constant([{ kind: 'delete' } as const]),
      where: optional(expression),
    }),
  );
}

/** What a sign stands before; a number takes it into itself. */
const signed = (operand: Expression): Expression =>
  operand.kind === 'number' ? operand : { kind: 'unary', operator: '-', operand, at };

function joined(kind: 'and' | 'or', terms: readonly Expression[]): Expression {
  const [first, ...more] = terms;
  // The first term's own are counted among them.
  return first?.kind === kind
    ? { kind, terms: [...first.terms, ...more], at }
    : { kind, terms, at };
}

const { expression, statement } = fc.letrec<{ expression: Expression; statement: Expression }>(
  (tie) => {
    const any = tie('expression');
    const negated = fc.boolean();
    return {
      expression: fc.oneof(
        { maxDepth: 4, depthIdentifier: 'statement' },
        leaf,
        fc.oneof(
          fc
            .tuple(any, steps(any))
            .map(([root, taken]): Expression => ({ kind: 'path', root, steps: taken, at })),
          fc
            .tuple(fc.constantFrom(...FUNCTIONS), fc.array(any, { maxLength: 3 }))
            .map(([called, operands]): Expression => {
              return { kind: 'call', name: called, operands, star: false, at };
            }),
          fc
            .tuple(fc.constantFrom('list', 'bag'), fc.array(any, { maxLength: 3 }))
            .map(([kind, items]): Expression => ({ kind, items, at })),
          fc
            .array(fc.record({ key: any, value: any }), { maxLength: 3 })
            .map((members): Expression => ({ kind: 'struct', members, at })),
          fc
            .tuple(fc.constantFrom('and', 'or'), fc.array(any, { minLength: 2, maxLength: 4 }))
            .map(([kind, terms]) => joined(kind, terms)),
          any.map((operand): Expression => ({ kind: 'unary', operator: 'not', operand, at })),
          any.map(signed),
          fc
            .tuple(any, fc.constantFrom(...OPERATORS), any)
            .map(([left, operator, right]): Expression => {
              return { kind: 'binary', operator, left, right, at };
            }),
          fc.record({
            kind: fc.constant('between'),
            negated,
            operand: any,
            lower: any,
            upper: any,
            at: fc.constant(at),
          } as const),
          fc.record({
            kind: fc.constant('like'),
            negated,
            operand: any,
            right: any,
            at: fc.constant(at),
          } as const),
          fc.record({
            kind: fc.constant('in'),
            negated,
            operand: any,
            right: some(any).map((items): Expression => ({ kind: 'list', items, at })),
            at: fc.constant(at),
          } as const),
          fc
            .tuple(any, negated, fc.constantFrom(...TYPES))
            .map(([operand, not, type]): Expression => {
              return { kind: 'is', negated: not, operand, type, at };
            }),
          tie('statement'),
        ),
      ),
      statement: fc
        .oneof(selectOf(any), writeOf(any))
        .map((each): Expression => ({ kind: 'statement', statement: each, at })),
    };
  },
);

/** Expressions of every kind, and statements of them. The places in them mean nothing, nor do the numbers of parameters. */
export const statementOrExpression: fc.Arbitrary<Expression> = fc.oneof(statement, expression);

/** The same without places and numbers of parameters, which no text has. */
export function withoutPlaces(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutPlaces);
  if (typeof value !== 'object' || value === null) return value;
  const isParameter = 'kind' in value && value.kind === 'parameter';
  const left = Object.entries(value).filter(
    ([member]) => member !== 'at' && !(isParameter && member === 'index'),
  );
  return Object.fromEntries(left.map(([member, each]) => [member, withoutPlaces(each)]));
}
