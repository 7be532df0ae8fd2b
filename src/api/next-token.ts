import { createHash } from 'node:crypto';

import type { AttributeMap } from '../model/attribute-value.ts';
import { parseItem } from '../model/attribute-value.ts';
import { ClientError, validationError } from '../model/errors.ts';
import { TOKEN_INVALID, TOKEN_OF_ANOTHER } from '../partiql/messages.ts';

/** Where a statement goes on: in which of its reads, and after which key of that. */
export interface ReadPosition {
  readonly read: number;
  /** Undefined: at its beginning. */
  readonly after: AttributeMap | undefined;
}

/** What a token belongs to: the statement as it was asked, and the table that it read. */
export interface TokenOwner {
  readonly statement: string;
  readonly parameters: readonly unknown[];
  readonly tableId: string;
}

const VERSION = 1;

/** `NextToken`: opaque to clients, and of use to the same statement with the same parameters only. */
export function encodeNextToken(owner: TokenOwner, { read, after }: ReadPosition): string {
  const content = JSON.stringify([VERSION, fingerprint(owner), read, after ?? null]);
  return Buffer.from(`${checksum(content)}${content}`).toString('base64');
}

/**
 * Throws `ValidationException` for a token that was never given out, or to another statement. The key in it is still to be
 * checked against the table.
 */
export function decodeNextToken(owner: TokenOwner, token: string): ReadPosition {
  const bytes = Buffer.from(token, 'base64');
  const text = bytes.toString();
  const content = text.slice(CHECKSUM_LENGTH);
  const isWhole =
    bytes.toString('base64') === token && checksum(content) === text.slice(0, CHECKSUM_LENGTH);
  if (!isWhole) throw validationError(TOKEN_INVALID);
  const parts: unknown = JSON.parse(content);
  if (!Array.isArray(parts) || parts[0] !== VERSION) throw validationError(TOKEN_INVALID);
  if (parts[1] !== fingerprint(owner)) throw validationError(TOKEN_OF_ANOTHER);
  const [, , read, after] = parts as unknown[];
  if (typeof read !== 'number') throw validationError(TOKEN_INVALID);
  return { read, after: after === null ? undefined : keyIn(after) };
}

function keyIn(raw: unknown): AttributeMap {
  try {
    return parseItem(raw);
  } catch (error) {
    if (error instanceof ClientError) throw validationError(TOKEN_INVALID);
    throw error;
  }
}

const CHECKSUM_LENGTH = 16;

/** Against what was cut or changed by accident, not against a client that means it. */
const checksum = (content: string): string =>
  createHash('sha256').update(content).digest('hex').slice(0, CHECKSUM_LENGTH);

const fingerprint = ({ statement, parameters, tableId }: TokenOwner): string =>
  createHash('sha256')
    .update(JSON.stringify([statement, parameters, tableId]))
    .digest('base64');
