import { ClientError, validationError } from '../model/errors.ts';
import { TABLE_NAME_LENGTH_MAX, TABLE_NAME_LENGTH_MIN } from '../model/limits.ts';
import { memberPattern, validationErrors, violation } from '../model/messages.ts';
import { TABLE_NAME_LENGTH } from './api-messages.ts';
import { describedGlobalTableNotFound, globalTableNotFound } from './table-feature-messages.ts';

/**
 * Global tables of version 2017.11.29: none exists, none can be made, and tables of today's version are none of them.
 * Source: measured, DDB-GLOBALTABLE-001 to 004 of api-quirks.
 */

const NAME = /^[a-zA-Z0-9_.-]+$/;
const NAME_PATTERN = '[a-zA-Z0-9_.-]+';

/** Throws `ValidationException` for what cannot be a table's name. */
export function checkGlobalTableName(name: string): void {
  if (name.length < TABLE_NAME_LENGTH_MIN || name.length > TABLE_NAME_LENGTH_MAX) {
    throw validationError(TABLE_NAME_LENGTH);
  }
  if (NAME.test(name)) return;
  const refused = violation(`'${name}'`, 'globalTableName', memberPattern(NAME_PATTERN));
  throw validationError(validationErrors([refused]));
}

export const missingGlobalTable = (name: string): ClientError =>
  new ClientError('GlobalTableNotFoundException', globalTableNotFound(name));

/** In the words of DescribeGlobalTable, which has its own. */
export const missingDescribedGlobalTable = (name: string): ClientError =>
  new ClientError('GlobalTableNotFoundException', describedGlobalTableNotFound(name));
