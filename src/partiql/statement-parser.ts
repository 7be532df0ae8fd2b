import { LruCache } from '../expression/lru-cache.ts';
import { type ParsedStatement, parseStatement } from './parse-statement.ts';

/** Statements that are kept. */
const STATEMENTS_MAX = 1000;

/** Parses a statement once: later ones that have the same text, with whatever parameters, find it parsed. */
export class StatementParser {
  readonly #parsed: LruCache<ParsedStatement>;

  constructor(statementsMax: number = STATEMENTS_MAX) {
    this.#parsed = new LruCache(statementsMax);
  }

  /** Throws as `parseStatement` does. A statement has at most 8192 characters, so that the cache is bounded in bytes, too. */
  parse(source: string): ParsedStatement {
    const there = this.#parsed.get(source);
    if (there !== undefined) return there;
    const parsed = parseStatement(source);
    this.#parsed.set(source, parsed);
    return parsed;
  }
}
