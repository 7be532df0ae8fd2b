import { assert, present } from '../base/assert.ts';
import type { ClientError } from '../model/errors.ts';
import { EXPRESSION_BYTES_MAX } from '../model/limits.ts';
import { lex, type Token } from './lexer.ts';
import {
  EXPRESSION_EMPTY,
  type ExpressionField,
  expressionTooLong,
  invalidExpression,
  REDUNDANT_PARENTHESES,
  syntaxError,
} from './messages.ts';
import type { PathPart, SyntaxFunction, SyntaxOperand, SyntaxPath } from './syntax.ts';

/**
 * The tokens of one expression, read from left to right, with the part of the grammar that all kinds of
 * expressions share. `keywords`, in upper case, are words that are no attribute's name anywhere in it.
 */
export class TokenStream {
  readonly #field: ExpressionField;
  readonly #source: string;
  readonly #tokens: readonly Token[];
  readonly #keywords: ReadonlySet<string>;
  #position = 0;
  #redundantParentheses = false;

  /** Throws `ValidationException` for an expression that is empty or too long. */
  constructor(field: ExpressionField, source: string, keywords: ReadonlySet<string>) {
    if (source.trim() === '') throw invalidExpression(field, EXPRESSION_EMPTY);
    const bytes = Buffer.byteLength(source);
    if (bytes > EXPRESSION_BYTES_MAX)
      throw invalidExpression(field, expressionTooLong(field, bytes));
    this.#field = field;
    this.#source = source;
    this.#tokens = lex(source);
    this.#keywords = keywords;
  }

  get position(): number {
    return this.#position;
  }

  peek(): Token {
    return this.#at(this.#position);
  }

  next(): Token {
    const token = this.peek();
    if (token.kind !== 'end') this.#position++;
    return token;
  }

  /** Whether the next token is this symbol. */
  atSymbol(text: string): boolean {
    const token = this.peek();
    return token.kind === 'symbol' && token.text === text;
  }

  takeSymbol(text: string): boolean {
    const there = this.atSymbol(text);
    if (there) this.#position++;
    return there;
  }

  expectSymbol(text: string): void {
    if (!this.takeSymbol(text)) throw this.syntaxError();
  }

  /** The next token as a keyword in upper case, if it is one. */
  peekKeyword(): string | undefined {
    const token = this.peek();
    if (token.kind !== 'word') return undefined;
    const upper = token.text.toUpperCase();
    return this.#keywords.has(upper) ? upper : undefined;
  }

  takeKeyword(keyword: string): boolean {
    const there = this.peekKeyword() === keyword;
    if (there) this.#position++;
    return there;
  }

  expectEnd(): void {
    if (this.peek().kind !== 'end') throw this.syntaxError();
    if (this.#redundantParentheses) throw this.fault(REDUNDANT_PARENTHESES);
  }

  /** DynamoDB shows the token that it did not expect between its neighbours, as they stand in the text. */
  syntaxError(): ClientError {
    const token = this.peek();
    const before = this.#position === 0 ? undefined : this.#at(this.#position - 1);
    const after = token.kind === 'end' ? token : this.#at(this.#position + 1);
    const start = before?.start ?? 0;
    const end = after.kind === 'end' ? lastText(token, before) : after.end;
    return this.fault(syntaxError(token.text, this.#source.slice(start, end)));
  }

  fault(message: string): ClientError {
    return invalidExpression(this.#field, message);
  }

  /** A name, with members and indexes behind it. */
  path(): SyntaxPath {
    return this.extendPath([this.#pathName()]);
  }

  /** Members and indexes, as many as follow, behind what has been read of a path. */
  extendPath(head: readonly PathPart[]): SyntaxPath {
    const parts = [...head];
    for (;;) {
      if (this.takeSymbol('.')) parts.push(this.#pathName());
      else if (this.takeSymbol('[')) parts.push(this.#index());
      else return { kind: 'path', parts };
    }
  }

  /** A value, a path or a call. */
  plainOperand(): SyntaxOperand {
    const token = this.peek();
    if (token.kind === 'value') {
      this.#position++;
      return { kind: 'value', placeholder: token.text };
    }
    return this.#atCall() ? this.#call() : this.path();
  }

  /** Operands between commas, without the parentheses around them; at least one. */
  operandList(): readonly SyntaxOperand[] {
    const operands = [this.parenthesisedOperand()];
    while (this.takeSymbol(',')) operands.push(this.parenthesisedOperand());
    return operands;
  }

  /** An operand in any number of parentheses, of which more than one pair is noted as redundant. */
  parenthesisedOperand(): SyntaxOperand {
    let depth = 0;
    while (this.takeSymbol('(')) depth++;
    let operand = this.plainOperand();
    if (depth > 1) this.noteRedundantParentheses();
    for (; depth > 0; depth--) {
      this.expectSymbol(')');
      if (operand.kind === 'path') operand = this.extendPath(operand.parts);
    }
    return operand;
  }

  /** DynamoDB reports a fault of the syntax further on before redundant parentheses: `expectEnd` throws for them. */
  noteRedundantParentheses(): void {
    this.#redundantParentheses = true;
  }

  #atCall(): boolean {
    const token = this.peek();
    if (token.kind !== 'word' || this.peekKeyword() !== undefined) return false;
    const after = this.#at(this.#position + 1);
    return after.kind === 'symbol' && after.text === '(';
  }

  #call(): SyntaxFunction {
    const name = this.next().text;
    this.expectSymbol('(');
    const operands = this.operandList();
    this.expectSymbol(')');
    return { kind: 'function', name, operands };
  }

  #pathName(): PathPart {
    const token = this.peek();
    const named =
      token.kind === 'name' || (token.kind === 'word' && this.peekKeyword() === undefined);
    if (!named) throw this.syntaxError();
    this.#position++;
    return token.kind === 'name'
      ? { kind: 'name', text: token.text }
      : { kind: 'word', text: token.text };
  }

  #index(): PathPart {
    if (this.peek().kind !== 'number') throw this.syntaxError();
    const digits = this.next().text;
    this.expectSymbol(']');
    return { kind: 'index', digits };
  }

  #at(position: number): Token {
    assert(position < this.#tokens.length, 'nothing is read past the end');
    return present(this.#tokens[position], 'token');
  }
}

/** Where the text ends that is shown of the end of an expression. */
const lastText = (token: Token, before: Token | undefined): number =>
  token.kind === 'end' ? (before?.end ?? token.end) : token.end;
