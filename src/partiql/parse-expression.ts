import { isFunctionKeyword, typeNamed } from './keywords.ts';
import type { Token } from './lexer.ts';
import {
  callOfStar,
  expectedToken,
  GROUP_EMPTY,
  notWellFormed,
  PATH_DOT_INVALID,
  RIGHT_SIDE_MISSING,
  SIMPLE_PATH_DOT_INVALID,
  SIMPLE_PATH_EXPECTED,
  SIMPLE_PATH_INVALID,
  tooDeep,
  TYPE_NAME_EXPECTED,
  UNEXPECTED_KEYWORD,
  UNEXPECTED_OPERATOR,
  UNEXPECTED_TERM,
} from './messages.ts';
import type { Expression, PathStep, Span, Statement, StructMember } from './syntax.ts';
import type { TokenReader } from './token-reader.ts';

/** Expressions inside expressions, and operators on the left side of operators. Ours. */
export const EXPRESSION_LEVELS_MAX = 200;

/** Lowest first. What stands in a FROM clause ends before a set operator. */
const PRECEDENCE: Readonly<Record<string, number>> = {
  union: 5,
  except: 5,
  intersect: 5,
  or: 10,
  and: 20,
  not: 30,
  '=': 40,
  '<>': 40,
  is: 40,
  in: 40,
  '<': 50,
  '<=': 50,
  '>': 50,
  '>=': 50,
  between: 50,
  like: 50,
  '+': 60,
  '-': 60,
  '||': 60,
  '*': 70,
  '/': 70,
  '%': 70,
};
export const CLAUSE_PRECEDENCE = 6;
const ANY_PRECEDENCE = -1;
const NOT_PRECEDENCE = 30;

/** Words before which NOT belongs to them. */
const NEGATABLE: ReadonlySet<string> = new Set(['in', 'between', 'like']);
const STATEMENT_WORDS: ReadonlySet<string> = new Set([
  'select',
  'update',
  'delete',
  'from',
  'set',
  'remove',
]);

/**
 * Expressions of PartiQL, by the precedence of their operators. What it refuses, and in which words, is what PartiQL's own
 * parser does, which DynamoDB uses. Source: partiql-lang, its `SqlParser`; conformance.
 */
export class ExpressionParser {
  readonly #tokens: TokenReader;
  readonly #statement: () => Statement;
  #levels = 0;
  #parameters = 0;

  /** `statement` reads a statement, whose first word is the next token. */
  constructor(tokens: TokenReader, statement: () => Statement) {
    this.#tokens = tokens;
    this.#statement = statement;
  }

  /** How many parameters have been read. */
  get parameters(): number {
    return this.#parameters;
  }

  /** An expression that ends before an operator of this precedence, or a lower one. */
  expression(precedence: number = ANY_PRECEDENCE): Expression {
    this.#levels += 1;
    if (this.#levels > EXPRESSION_LEVELS_MAX) throw notWellFormed(tooDeep(EXPRESSION_LEVELS_MAX));
    let left = this.#unary();
    let chained = 0;
    for (;;) {
      const infix = this.#infix();
      if (infix === undefined || precedence >= infix.precedence) break;
      chained += infix.operator === 'and' || infix.operator === 'or' ? 0 : 1;
      if (chained > EXPRESSION_LEVELS_MAX) throw notWellFormed(tooDeep(EXPRESSION_LEVELS_MAX));
      left = this.#joined(left, infix);
    }
    this.#levels -= 1;
    return left;
  }

  /** A name with members and elements, and nothing that has to be computed. */
  simplePath(): Expression {
    const token = this.#tokens.peek();
    if (token.kind !== 'name') throw notWellFormed(SIMPLE_PATH_EXPECTED);
    this.#tokens.next();
    return this.#steps({ kind: 'name', name: token.text, at: spanOf(token) }, true);
  }

  /** Expressions between commas, at least one. */
  list(precedence?: number): readonly Expression[] {
    const items = [this.expression(precedence)];
    while (this.#tokens.takeSymbol(',')) items.push(this.expression(precedence));
    return items;
  }

  #infix(): Infix | undefined {
    const token = this.#tokens.peek();
    const negated = token.text === 'not' && token.kind === 'operator';
    const word = negated ? this.#tokens.peek(1) : token;
    if (negated && !(word.kind === 'operator' && NEGATABLE.has(word.text))) return undefined;
    const isStar = word.kind === 'symbol' && word.text === '*';
    if (word.kind !== 'operator' && !isStar) return undefined;
    const precedence = PRECEDENCE[word.text];
    return precedence === undefined || word.text === 'not'
      ? undefined
      : { operator: word.text, negated, precedence };
  }

  #joined(left: Expression, infix: Infix): Expression {
    const { operator, negated } = infix;
    if (negated) this.#tokens.next();
    if (operator === 'is') return this.#is(left);
    if (operator === 'in' && this.#tokens.atSymbol('(', 1)) {
      const start = this.#tokens.next().end;
      const items = this.#group();
      const right: Expression = { kind: 'list', items, at: { start, end: this.#tokens.readTo } };
      return { kind: 'in', negated, operand: left, right, at: this.#since(left) };
    }
    const right = this.#right(infix);
    const at = this.#since(left);
    switch (operator) {
      case 'and':
      case 'or':
        return left.kind === operator
          ? { ...left, terms: [...left.terms, right], at }
          : { kind: operator, terms: [left, right], at };
      case 'between':
        return this.#between(left, { lower: right, infix });
      case 'in':
      case 'like':
        return { kind: operator, negated, operand: left, right, at };
      default:
        return { kind: 'binary', operator, left, right, at };
    }
  }

  #right({ precedence }: Infix): Expression {
    if (this.#tokens.left < 3) throw notWellFormed(RIGHT_SIDE_MISSING);
    this.#tokens.next();
    return this.expression(precedence);
  }

  #between(
    operand: Expression,
    { lower, infix }: { readonly lower: Expression; readonly infix: Infix },
  ): Expression {
    if (!this.#tokens.takeOperator('and')) throw notWellFormed(expectedToken('AND'));
    const upper = this.expression(infix.precedence);
    const { negated } = infix;
    return { kind: 'between', negated, operand, lower, upper, at: this.#since(operand) };
  }

  #is(operand: Expression): Expression {
    this.#tokens.next();
    const negated = this.#tokens.takeOperator('not');
    const type = this.#typeName();
    return { kind: 'is', negated, operand, type, at: this.#since(operand) };
  }

  #typeName(): string {
    const token = this.#tokens.next();
    if (token.kind !== 'keyword') throw notWellFormed(TYPE_NAME_EXPECTED);
    if (token.text === 'double' && this.#tokens.takeKeyword('precision')) return 'double_precision';
    const varying = token.text === 'character' && this.#tokens.takeKeyword('varying');
    const type = varying ? 'character_varying' : typeNamed(token.text);
    if (type === undefined) throw notWellFormed(TYPE_NAME_EXPECTED);
    if (this.#tokens.takeSymbol('(')) {
      this.list();
      this.#tokens.expectSymbol(')');
    }
    return type;
  }

  #unary(): Expression {
    const token = this.#tokens.peek();
    if (token.kind !== 'operator') return this.#steps(this.#term(), false);
    const { text: operator } = token;
    if (operator !== 'not' && operator !== '+' && operator !== '-') {
      return this.#steps(this.#term(), false);
    }
    this.#tokens.next();
    if (operator === 'not') {
      const operand = this.expression(NOT_PRECEDENCE);
      return { kind: 'unary', operator, operand, at: spanOf(token) };
    }
    const operand = this.#nested(() => this.#unary());
    if (operand.kind !== 'number') return { kind: 'unary', operator, operand, at: spanOf(token) };
    return operator === '+' ? operand : { ...operand, text: negatedNumber(operand.text) };
  }

  /** Counts a level for what does not go through `expression`. */
  #nested<T>(read: () => T): T {
    this.#levels += 1;
    if (this.#levels > EXPRESSION_LEVELS_MAX) throw notWellFormed(tooDeep(EXPRESSION_LEVELS_MAX));
    const result = read();
    this.#levels -= 1;
    return result;
  }

  #steps(root: Expression, simple: boolean): Expression {
    const steps: PathStep[] = [];
    for (;;) {
      if (this.#tokens.takeSymbol('.')) steps.push(this.#member(simple));
      else if (this.#tokens.takeSymbol('[')) steps.push(this.#element(simple));
      else break;
    }
    return steps.length === 0 ? root : { kind: 'path', root, steps, at: this.#since(root) };
  }

  #member(simple: boolean): PathStep {
    const token = this.#tokens.next();
    if (token.kind === 'name') return { kind: 'member', name: token.text, at: spanOf(token) };
    if (token.kind === 'symbol' && token.text === '*') {
      if (simple) throw notWellFormed(SIMPLE_PATH_DOT_INVALID);
      return { kind: 'unpivot', at: spanOf(token) };
    }
    throw notWellFormed(PATH_DOT_INVALID);
  }

  #element(simple: boolean): PathStep {
    const token = this.#tokens.peek();
    if (token.kind === 'symbol' && token.text === '*') {
      this.#tokens.next();
      this.#tokens.expectSymbol(']');
      return { kind: 'wildcard', at: spanOf(token) };
    }
    const index = this.expression();
    this.#tokens.expectSymbol(']');
    if (simple && index.kind !== 'number' && index.kind !== 'string') {
      throw notWellFormed(SIMPLE_PATH_INVALID);
    }
    return { kind: 'element', index, at: index.at };
  }

  #term(): Expression {
    const token = this.#tokens.peek();
    const at = spanOf(token);
    switch (token.kind) {
      case 'operator':
        throw notWellFormed(UNEXPECTED_OPERATOR);
      case 'keyword':
        return this.#keywordTerm(token);
      case 'symbol':
        return this.#symbolTerm(token);
      case 'name':
        this.#tokens.next();
        return this.#tokens.atSymbol('(')
          ? this.#call(token)
          : { kind: 'name', name: token.text, at };
      case 'number':
      case 'string':
      case 'ion':
        this.#tokens.next();
        return { kind: token.kind, text: token.text, at };
      case 'parameter':
        this.#tokens.next();
        return { kind: 'parameter', index: this.#parameters++, at };
      case 'end':
      default:
        throw notWellFormed(UNEXPECTED_TERM);
    }
  }

  #keywordTerm(token: Token): Expression {
    const at = spanOf(token);
    const { text } = token;
    if (STATEMENT_WORDS.has(text) || (text === 'insert' && this.#tokens.atKeyword('into', 1))) {
      return { kind: 'statement', statement: this.#nested(this.#statement), at };
    }
    this.#tokens.next();
    if (text === 'true' || text === 'false') return { kind: 'boolean', value: text === 'true', at };
    if (text === 'null' || text === 'missing') return { kind: text, at };
    if (text === 'values') return this.#rows(at);
    if (isFunctionKeyword(text) && this.#tokens.atSymbol('(')) return this.#call(token);
    throw notWellFormed(UNEXPECTED_KEYWORD);
  }

  #symbolTerm(token: Token): Expression {
    const { start } = token;
    switch (token.text) {
      case '(': {
        const items = this.#group();
        const [only] = items;
        if (only === undefined) throw notWellFormed(GROUP_EMPTY);
        return items.length === 1 ? only : { kind: 'list', items, at: this.#from(start) };
      }
      case '[':
        return { kind: 'list', items: this.#items(']'), at: this.#from(start) };
      case '<<':
        return { kind: 'bag', items: this.#items('>>'), at: this.#from(start) };
      case '{':
        return this.#struct(start);
      default:
        throw notWellFormed(UNEXPECTED_TERM);
    }
  }

  /** Expressions in parentheses. */
  #group(): readonly Expression[] {
    this.#tokens.next();
    const items = this.list();
    this.#tokens.expectSymbol(')');
    return items;
  }

  #items(close: string): readonly Expression[] {
    this.#tokens.next();
    if (this.#tokens.takeSymbol(close)) return [];
    const items = this.list();
    this.#tokens.expectSymbol(close);
    return items;
  }

  #struct(start: number): Expression {
    this.#tokens.next();
    const members: StructMember[] = [];
    if (!this.#tokens.takeSymbol('}')) {
      do {
        const key = this.expression();
        this.#tokens.expectSymbol(':');
        members.push({ key, value: this.expression() });
      } while (this.#tokens.takeSymbol(','));
      this.#tokens.expectSymbol('}');
    }
    return { kind: 'struct', members, at: this.#from(start) };
  }

  /** VALUES (...), (...): a bag of lists. */
  #rows(at: Span): Expression {
    const items: Expression[] = [];
    do {
      const { start } = this.#tokens.peek();
      if (!this.#tokens.atSymbol('(')) throw notWellFormed(expectedToken('LEFT_PAREN'));
      items.push({ kind: 'list', items: this.#group(), at: this.#from(start) });
    } while (this.#tokens.takeSymbol(','));
    return { kind: 'bag', items, at };
  }

  #call(nameToken: Token): Expression {
    const name = nameToken.text.toLowerCase();
    const at = spanOf(nameToken);
    this.#tokens.expectSymbol('(');
    if (this.#tokens.takeSymbol('*')) {
      if (name !== 'count') throw notWellFormed(callOfStar(name));
      this.#tokens.expectSymbol(')');
      return { kind: 'call', name, operands: [], star: true, at };
    }
    if (this.#tokens.takeSymbol(')')) return { kind: 'call', name, operands: [], star: false, at };
    const operands = this.list();
    this.#tokens.expectSymbol(')');
    return { kind: 'call', name, operands, star: false, at };
  }

  #from(start: number): Span {
    return { start, end: this.#tokens.readTo };
  }

  #since(left: Expression): Span {
    return this.#from(left.at.start);
  }
}

interface Infix {
  readonly operator: string;
  readonly negated: boolean;
  readonly precedence: number;
}

const spanOf = ({ start, end }: Token): Span => ({ start, end });

const negatedNumber = (text: string): string => (text.startsWith('-') ? text.slice(1) : `-${text}`);
