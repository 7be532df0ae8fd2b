import type {
  SectionName,
  SyntaxAction,
  SyntaxOperand,
  SyntaxSetValue,
  SyntaxUpdate,
} from './syntax.ts';
import { TokenStream } from './token-stream.ts';

const SECTIONS = ['SET', 'REMOVE', 'ADD', 'DELETE'] as const satisfies readonly SectionName[];

const KEYWORDS: ReadonlySet<string> = new Set(SECTIONS);

/**
 * The syntax of an UpdateExpression: sections in any order, each with actions between commas. Throws
 * `ValidationException` for what is none.
 *
 * Grammar: developer guide, Expressions.UpdateExpressions; where it is silent, as DynamoDB was measured.
 */
export function parseUpdate(source: string): SyntaxUpdate {
  const tokens = new TokenStream('UpdateExpression', source, KEYWORDS);
  const sections: SectionName[] = [];
  const actions: SyntaxAction[] = [];
  do {
    const section = takeSection(tokens);
    sections.push(section);
    do actions.push(parseAction(tokens, section));
    while (tokens.takeSymbol(','));
  } while (tokens.peekKeyword() !== undefined);
  tokens.expectEnd();
  return { sections, actions };
}

function takeSection(tokens: TokenStream): SectionName {
  const section = SECTIONS.find((name) => tokens.takeKeyword(name));
  if (section === undefined) throw tokens.syntaxError();
  return section;
}

function parseAction(tokens: TokenStream, section: SectionName): SyntaxAction {
  const path = tokens.path();
  if (section === 'REMOVE') return { section, path };
  if (section === 'SET') {
    tokens.expectSymbol('=');
    return { section, path, value: parseSetValue(tokens) };
  }
  if (tokens.peek().kind !== 'value') throw tokens.syntaxError();
  return { section, path, value: { kind: 'value', placeholder: tokens.next().text } };
}

/**
 * An operand, or two with `+` or `-` between them. Either may be in parentheses, and so may the whole; which
 * of them a parenthesis encloses shows only later. `((a) + b)` is fine; `((a))` and `((a + b))` are redundant.
 */
function parseSetValue(tokens: TokenStream): SyntaxSetValue {
  let depth = 0;
  while (tokens.takeSymbol('(')) depth++;
  let value = parseArithmetic(tokens, tokens.plainOperand());
  let closedBefore = -1;
  for (; depth > 0; depth--) {
    if (tokens.position === closedBefore) tokens.noteRedundantParentheses();
    tokens.expectSymbol(')');
    closedBefore = tokens.position;
    if (value.kind !== 'arithmetic') value = parseArithmetic(tokens, extend(tokens, value));
  }
  return value;
}

const extend = (tokens: TokenStream, operand: SyntaxOperand): SyntaxOperand =>
  operand.kind === 'path' ? tokens.extendPath(operand.parts) : operand;

function parseArithmetic(tokens: TokenStream, left: SyntaxOperand): SyntaxSetValue {
  const operator = (['+', '-'] as const).find((symbol) => tokens.takeSymbol(symbol));
  if (operator === undefined) return left;
  return { kind: 'arithmetic', operator, operands: [left, tokens.parenthesisedOperand()] };
}
