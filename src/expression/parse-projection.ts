import type { SyntaxPath } from './syntax.ts';
import { TokenStream } from './token-stream.ts';

const KEYWORDS: ReadonlySet<string> = new Set();

/** The syntax of a ProjectionExpression: paths between commas. Throws `ValidationException` for what is none. */
export function parseProjection(source: string): readonly SyntaxPath[] {
  const tokens = new TokenStream('ProjectionExpression', source, KEYWORDS);
  const paths = [tokens.path()];
  while (tokens.takeSymbol(',')) paths.push(tokens.path());
  tokens.expectEnd();
  return paths;
}
