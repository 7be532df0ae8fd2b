import { type ExpressionField, REDUNDANT_PARENTHESES } from './messages.ts';
import type { SyntaxCondition, SyntaxOperand } from './syntax.ts';
import { TokenStream } from './token-stream.ts';

/**
 * The syntax of a condition, filter or key condition. NOT binds tighter than AND, AND than OR. Throws
 * `ValidationException` for what is no condition.
 *
 * Grammar: developer guide, Expressions.OperatorsAndFunctions; where it is silent, as DynamoDB was measured.
 */
export function parseCondition(field: ExpressionField, source: string): SyntaxCondition {
  const tokens = new TokenStream(field, source, KEYWORDS);
  const term = new ConditionParser(tokens).disjunction();
  tokens.expectEnd();
  return asCondition(tokens, term);
}

const KEYWORDS: ReadonlySet<string> = new Set(['AND', 'OR', 'NOT', 'IN', 'BETWEEN']);

const COMPARATORS: ReadonlySet<string> = new Set(['=', '<>', '<', '<=', '>', '>=']);

/** Deeper, parentheses are redundant or there are more operators than an expression may have. */
const PARENTHESES_DEPTH_MAX = 400;

/** In parentheses may stand a condition or an operand; a call may be either. Which it is shows what follows. */
type Term = SyntaxCondition | SyntaxOperand;

const isBareOperand = (term: Term): term is Exclude<SyntaxOperand, { kind: 'function' }> =>
  term.kind === 'path' || term.kind === 'value';

const isOperand = (term: Term): term is SyntaxOperand =>
  isBareOperand(term) || term.kind === 'function';

function asCondition(tokens: TokenStream, term: Term): SyntaxCondition {
  if (isBareOperand(term)) throw tokens.syntaxError();
  return term;
}

class ConditionParser {
  readonly #tokens: TokenStream;
  #depth = 0;
  /** Where the last pair of parentheses opened and closed. */
  #opened = -1;
  #closed = -1;

  constructor(tokens: TokenStream) {
    this.#tokens = tokens;
  }

  disjunction(): Term {
    return this.#chain('or', () => this.#chain('and', () => this.#negation()));
  }

  #chain(kind: 'and' | 'or', next: () => Term): Term {
    const tokens = this.#tokens;
    const keyword = kind === 'and' ? 'AND' : 'OR';
    const first = next();
    if (tokens.peekKeyword() !== keyword) return first;
    const conditions = [asCondition(tokens, first)];
    while (tokens.takeKeyword(keyword)) conditions.push(asCondition(tokens, next()));
    return { kind, conditions };
  }

  #negation(): Term {
    const tokens = this.#tokens;
    let negations = 0;
    while (tokens.takeKeyword('NOT')) negations++;
    let term = this.#test();
    if (negations > 0) term = asCondition(tokens, term);
    for (; negations > 0; negations--) {
      term = { kind: 'not', condition: asCondition(tokens, term) };
    }
    return term;
  }

  #test(): Term {
    const tokens = this.#tokens;
    const first = tokens.atSymbol('(') ? this.#parentheses() : tokens.plainOperand();
    if (!isOperand(first)) return first;
    const token = tokens.peek();
    if (token.kind === 'symbol' && COMPARATORS.has(token.text)) {
      tokens.next();
      const operands = [first, tokens.parenthesisedOperand()];
      return { kind: 'test', operator: token.text, operands };
    }
    if (tokens.takeKeyword('BETWEEN')) return this.#between(first);
    if (tokens.takeKeyword('IN')) return this.#candidates(first);
    return this.#lone(first);
  }

  #between(first: SyntaxOperand): Term {
    const lower = this.#tokens.parenthesisedOperand();
    if (!this.#tokens.takeKeyword('AND')) throw this.#tokens.syntaxError();
    const upper = this.#tokens.parenthesisedOperand();
    return { kind: 'test', operator: 'BETWEEN', operands: [first, lower, upper] };
  }

  #candidates(first: SyntaxOperand): Term {
    this.#tokens.expectSymbol('(');
    const operands = [first, ...this.#tokens.operandList()];
    this.#tokens.expectSymbol(')');
    return { kind: 'test', operator: 'IN', operands };
  }

  /** A call is a condition by itself; anything else must be all that stands in its parentheses. */
  #lone(operand: SyntaxOperand): Term {
    const enclosed = this.#depth > 0 && this.#tokens.atSymbol(')');
    if (isBareOperand(operand) && !enclosed) throw this.#tokens.syntaxError();
    return operand;
  }

  #parentheses(): Term {
    const tokens = this.#tokens;
    const opened = tokens.position;
    tokens.expectSymbol('(');
    this.#depth++;
    if (this.#depth > PARENTHESES_DEPTH_MAX) throw tokens.fault(REDUNDANT_PARENTHESES);
    let term = this.disjunction();
    this.#depth--;
    const closed = tokens.position;
    tokens.expectSymbol(')');
    if (this.#opened === opened + 1 && this.#closed === closed - 1) {
      tokens.noteRedundantParentheses();
    }
    this.#opened = opened;
    this.#closed = closed;
    if (term.kind === 'path') term = tokens.extendPath(term.parts);
    return term;
  }
}
