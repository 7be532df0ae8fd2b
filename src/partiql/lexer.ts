import { isKeyword, isOperatorWord } from './keywords.ts';
import { notWellFormed, UNREADABLE } from './messages.ts';
import type { Span } from './syntax.ts';

export type TokenKind =
  | 'name'
  | 'keyword'
  | 'operator'
  | 'string'
  | 'number'
  | 'ion'
  | 'parameter'
  | 'symbol'
  | 'end';

/**
 * `text`: of names and strings what is between the quotes, of keywords and operators the word in lower case, of all others
 * as it is written.
 */
export interface Token extends Span {
  readonly kind: TokenKind;
  readonly text: string;
}

const SPACE = /(?:[ \t\r\n\f\v]+|--[^\n]*|\/\*[^]*?\*\/)+/y;

/** One token at a time. What is between quotes has them doubled where it has them itself. */
const TOKEN =
  /([A-Za-z_$][A-Za-z0-9_$]*)|"((?:[^"]|"")*)"|'((?:[^']|'')*)'|`([^`]*)`|((?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)|(\?)|(<<|>>|[()[\]{},.:;*])|(<>|<=|>=|!=|\|\||[-+/%<>=@])/y;

const WORD = 1;
const QUOTED = 2;
const STRING = 3;
const ION = 4;
const NUMBER = 5;
const PARAMETER = 6;
const SYMBOL = 7;
const OPERATOR = 8;

/**
 * The tokens of a statement, always with an `end` last. Throws `ValidationException` for what cannot be read: a strange
 * character, a quote or a comment without an end, a number that runs into a word or has too large an exponent.
 */
export function lex(source: string): readonly Token[] {
  const tokens: Token[] = [];
  let position = afterSpace(source, 0);
  while (position < source.length) {
    TOKEN.lastIndex = position;
    const match = TOKEN.exec(source);
    // A comment without an end.
    if (match === null || source.startsWith('/*', position)) throw notWellFormed(UNREADABLE);
    const token = tokenOf(match, { start: position, end: TOKEN.lastIndex });
    if (token.kind === 'number') checkNumber(source, token);
    tokens.push(token);
    position = afterSpace(source, token.end);
  }
  tokens.push({ kind: 'end', text: '', start: source.length, end: source.length });
  return tokens;
}

function afterSpace(source: string, position: number): number {
  SPACE.lastIndex = position;
  return SPACE.test(source) ? SPACE.lastIndex : position;
}

function tokenOf(match: RegExpExecArray, span: Span): Token {
  const word = match[WORD];
  if (word !== undefined) return wordOf(word, span);
  const quoted = match[QUOTED];
  if (quoted !== undefined) return { kind: 'name', text: quoted.replaceAll('""', '"'), ...span };
  const string = match[STRING];
  if (string !== undefined) return { kind: 'string', text: string.replaceAll("''", "'"), ...span };
  const ion = match[ION];
  if (ion !== undefined) return { kind: 'ion', text: ion, ...span };
  const number = match[NUMBER];
  if (number !== undefined) return { kind: 'number', text: number, ...span };
  if (match[PARAMETER] !== undefined) return { kind: 'parameter', text: '?', ...span };
  const symbol = match[SYMBOL];
  if (symbol !== undefined) return { kind: 'symbol', text: symbol, ...span };
  const operator = match[OPERATOR] ?? '';
  return { kind: 'operator', text: operator === '!=' ? '<>' : operator, ...span };
}

function wordOf(word: string, span: Span): Token {
  const lower = word.toLowerCase();
  if (isOperatorWord(lower)) return { kind: 'operator', text: lower, ...span };
  if (isKeyword(lower)) return { kind: 'keyword', text: lower, ...span };
  return { kind: 'name', text: word, ...span };
}

const WORD_START = /[A-Za-z_$]/;
const INT_MIN = -(2 ** 31);
const INT_MAX = 2 ** 31 - 1;

/** An exponent, and the scale that it leaves, are held in 32 bits. */
function checkNumber(source: string, { text, end }: Token): void {
  if (WORD_START.test(source.charAt(end))) throw notWellFormed(UNREADABLE);
  const [digits = '', exponentText = '0'] = text.split(/[eE]/);
  const exponent = Number(exponentText);
  const fraction = digits.split('.')[1] ?? '';
  const scale = fraction.length - exponent;
  if (!isInt(exponent) || !isInt(scale)) throw notWellFormed(UNREADABLE);
}

const isInt = (value: number): boolean => value >= INT_MIN && value <= INT_MAX;

/** `line:column:length` of a span, from 1, in characters: how DynamoDB tells a place. */
export function placeOf(source: string, { start, end }: Span): string {
  const lines = source.slice(0, start).split('\n');
  const column = charactersIn(lines.at(-1) ?? '') + 1;
  return `${lines.length}:${column}:${charactersIn(source.slice(start, end))}`;
}

const charactersIn = (text: string): number => Array.from(text).length;
