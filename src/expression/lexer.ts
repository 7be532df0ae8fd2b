export type TokenKind =
  | 'word'
  | 'name'
  | 'value'
  | 'number'
  | 'symbol'
  /** A character that begins no token. */
  | 'unknown'
  | 'end';

/** `text` is the source from `start` to `end`, and `<EOF>` for the last token of all. */
export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const END_TEXT = '<EOF>';

/** One token at a time: words begin with a letter, placeholders have at least one character after the mark. */
const TOKEN =
  /[ \t\r\n]*(?:([A-Za-z][A-Za-z0-9_]*)|(#[A-Za-z0-9_]+)|(:[A-Za-z0-9_]+)|([0-9]+)|(<>|<=|>=|[()[\],.=<>+-]))/y;

const GROUP_KINDS = ['word', 'name', 'value', 'number', 'symbol'] as const;

const SPACE = /[ \t\r\n]*/y;

/**
 * The tokens of an expression of any kind, always with an `end` last. Never fails: what is no token is
 * `unknown`, and the parser that meets it reports it.
 */
export function lex(source: string): readonly Token[] {
  const tokens: Token[] = [];
  let position = 0;
  for (;;) {
    TOKEN.lastIndex = position;
    const match = TOKEN.exec(source);
    if (match !== null) {
      position = TOKEN.lastIndex;
      tokens.push(tokenOf(match, position));
      continue;
    }
    SPACE.lastIndex = position;
    SPACE.exec(source);
    const start = SPACE.lastIndex;
    if (start >= source.length) break;
    position = start + characterLength(source, start);
    tokens.push({ kind: 'unknown', text: source.slice(start, position), start, end: position });
  }
  tokens.push({ kind: 'end', text: END_TEXT, start: source.length, end: source.length });
  return tokens;
}

function tokenOf(match: RegExpExecArray, end: number): Token {
  const group = GROUP_KINDS.findIndex((_, i) => match[i + 1] !== undefined);
  const text = match[group + 1] ?? '';
  return { kind: GROUP_KINDS[group] ?? 'unknown', text, start: end - text.length, end };
}

const characterLength = (source: string, at: number): number =>
  (source.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
