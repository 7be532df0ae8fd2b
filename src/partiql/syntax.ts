/*
 * What the parser makes of a statement's text: its grammar, and nothing else, has been checked. Places are kept, because
 * DynamoDB tells them.
 */

/** From `start` to `end` (exclusive) of the text, in UTF-16 units. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export type PathStep =
  | { readonly kind: 'member'; readonly name: string; readonly at: Span }
  | { readonly kind: 'element'; readonly index: Expression; readonly at: Span }
  /** `.*` and `[*]`. */
  | { readonly kind: 'unpivot' | 'wildcard'; readonly at: Span };

export interface PathExpression {
  readonly kind: 'path';
  readonly root: Expression;
  readonly steps: readonly PathStep[];
  readonly at: Span;
}

export interface NameExpression {
  readonly kind: 'name';
  readonly name: string;
  readonly at: Span;
}

export interface CallExpression {
  readonly kind: 'call';
  /** In lower case. */
  readonly name: string;
  readonly operands: readonly Expression[];
  /** `name(*)`. */
  readonly star: boolean;
  /** Of the name. */
  readonly at: Span;
}

export interface StructMember {
  readonly key: Expression;
  readonly value: Expression;
}

export type Expression =
  | NameExpression
  | PathExpression
  | CallExpression
  /** `text` may begin with a minus, which stands before the place that `at` tells. */
  | { readonly kind: 'number'; readonly text: string; readonly at: Span }
  | { readonly kind: 'string' | 'ion'; readonly text: string; readonly at: Span }
  | { readonly kind: 'boolean'; readonly value: boolean; readonly at: Span }
  | { readonly kind: 'null' | 'missing'; readonly at: Span }
  /** `index` counts the parameters of the statement from 0. */
  | { readonly kind: 'parameter'; readonly index: number; readonly at: Span }
  | { readonly kind: 'list' | 'bag'; readonly items: readonly Expression[]; readonly at: Span }
  | { readonly kind: 'struct'; readonly members: readonly StructMember[]; readonly at: Span }
  | { readonly kind: 'and' | 'or'; readonly terms: readonly Expression[]; readonly at: Span }
  | {
      readonly kind: 'unary';
      readonly operator: 'not' | '+' | '-';
      readonly operand: Expression;
      readonly at: Span;
    }
  | {
      readonly kind: 'binary';
      readonly operator: string;
      readonly left: Expression;
      readonly right: Expression;
      readonly at: Span;
    }
  | {
      readonly kind: 'between';
      readonly negated: boolean;
      readonly operand: Expression;
      readonly lower: Expression;
      readonly upper: Expression;
      readonly at: Span;
    }
  | {
      readonly kind: 'in' | 'like';
      readonly negated: boolean;
      readonly operand: Expression;
      readonly right: Expression;
      readonly at: Span;
    }
  | {
      readonly kind: 'is';
      readonly negated: boolean;
      readonly operand: Expression;
      readonly type: string;
      readonly at: Span;
    }
  | { readonly kind: 'statement'; readonly statement: Statement; readonly at: Span };

export interface Source {
  readonly expression: Expression;
  readonly aliased: boolean;
  /** Whether other sources stand beside it. */
  readonly joined: boolean;
}

export interface Column {
  readonly expression: Expression;
  readonly aliased: boolean;
}

export interface OrderItem {
  readonly expression: Expression;
  readonly descending: boolean;
}

export type Returned = 'ALL OLD' | 'ALL NEW' | 'MODIFIED OLD' | 'MODIFIED NEW';

export interface ReturningItem {
  readonly returned: Returned;
  readonly star: boolean;
}

export interface SelectStatement {
  readonly kind: 'select';
  readonly distinct: boolean;
  /** SELECT VALUE. */
  readonly value: boolean;
  /** Undefined: `*`. */
  readonly columns: readonly Column[] | undefined;
  readonly source: Source;
  readonly where: Expression | undefined;
  readonly grouped: boolean;
  readonly having: Expression | undefined;
  readonly orderBy: readonly OrderItem[] | undefined;
  readonly limit: Expression | undefined;
}

/** `values`: INSERT INTO ... without VALUE, which may be of several items. */
export type Manipulation =
  | {
      readonly kind: 'insert';
      readonly target: Expression;
      readonly value: Expression;
      readonly several: boolean;
      readonly position: Expression | undefined;
    }
  | { readonly kind: 'set'; readonly assignments: readonly Assignment[] }
  | { readonly kind: 'remove'; readonly target: Expression }
  | { readonly kind: 'delete' };

export interface Assignment {
  readonly target: Expression;
  readonly value: Expression;
}

/** At least one manipulation. Without a source: INSERT, or SET and REMOVE that stand alone. */
export interface WriteStatement {
  readonly kind: 'write';
  readonly source: Source | undefined;
  readonly manipulations: readonly Manipulation[];
  readonly where: Expression | undefined;
  readonly returning: readonly ReturningItem[] | undefined;
}

export type Statement = SelectStatement | WriteStatement;
