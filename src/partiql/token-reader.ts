import { assert, present } from '../base/assert.ts';
import type { Token } from './lexer.ts';
import { expectedToken, notWellFormed } from './messages.ts';

/** How DynamoDB names the symbols that it misses. */
const SYMBOL_NAMES: Readonly<Record<string, string>> = {
  ')': 'RIGHT_PAREN',
  ']': 'RIGHT_BRACKET',
  '}': 'RIGHT_CURLY',
  '>>': 'RIGHT_DOUBLE_ANGLE_BRACKET',
  '(': 'LEFT_PAREN',
  ':': 'COLON',
};

/** The tokens of one statement, read from left to right. */
export class TokenReader {
  readonly #tokens: readonly Token[];
  #position = 0;

  constructor(tokens: readonly Token[]) {
    assert(tokens.at(-1)?.kind === 'end', 'tokens have an end');
    this.#tokens = tokens;
  }

  /** The token `ahead` places further on, or the end. */
  peek(ahead = 0): Token {
    const last = this.#tokens.length - 1;
    return present(this.#tokens[Math.min(this.#position + ahead, last)], 'token');
  }

  next(): Token {
    const token = this.peek();
    if (token.kind !== 'end') this.#position += 1;
    return token;
  }

  /** How many are left, the end among them. */
  get left(): number {
    return this.#tokens.length - this.#position;
  }

  /** Where the token ends that was read last. */
  get readTo(): number {
    return this.#position === 0 ? 0 : present(this.#tokens[this.#position - 1], 'token').end;
  }

  atSymbol(text: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return token.kind === 'symbol' && token.text === text;
  }

  takeSymbol(text: string): boolean {
    const there = this.atSymbol(text);
    if (there) this.#position += 1;
    return there;
  }

  expectSymbol(text: string): void {
    if (!this.takeSymbol(text)) throw notWellFormed(expectedToken(SYMBOL_NAMES[text] ?? text));
  }

  atKeyword(word: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return token.kind === 'keyword' && token.text === word;
  }

  takeKeyword(word: string): boolean {
    const there = this.atKeyword(word);
    if (there) this.#position += 1;
    return there;
  }

  atOperator(text: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return token.kind === 'operator' && token.text === text;
  }

  takeOperator(text: string): boolean {
    const there = this.atOperator(text);
    if (there) this.#position += 1;
    return there;
  }
}
