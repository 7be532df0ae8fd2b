import { parseStatement } from '../../src/partiql/parse-statement.ts';

const REFUSED = "Statement wasn't well formed, can't be processed: ";

/** What the grammar has against a text; undefined when nothing. */
export function parseFault(source: string): string | undefined {
  try {
    parseStatement(source);
  } catch (error) {
    const { message } = error instanceof Error ? error : new Error(String(error));
    return message.startsWith(REFUSED) ? message.slice(REFUSED.length) : `not refused: ${message}`;
  }
  return undefined;
}
