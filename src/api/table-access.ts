import { ClientError, validationError } from '../model/errors.ts';
import type { Table } from '../model/table.ts';
import type { Region } from '../region/region.ts';
import { TABLE_UNAVAILABLE, notSupported, tableNotFound } from './api-messages.ts';
import { parseTableName } from './table-name.ts';

/**
 * The table that a request on items names, by name or ARN. Throws `ResourceNotFoundException` when there is
 * none, or none yet, or none any more.
 */
export function itemTable(region: Region, nameOrArn: string): Table {
  const table = region.findTable(parseTableName(nameOrArn, region));
  if (table === undefined || (table.status !== 'ACTIVE' && table.status !== 'UPDATING')) {
    throw new ClientError('ResourceNotFoundException', TABLE_UNAVAILABLE);
  }
  return table;
}

/** The table that a request on tables names, whatever its status. Throws `ResourceNotFoundException`. */
export function namedTable(region: Region, nameOrArn: string): Table {
  const name = parseTableName(nameOrArn, region);
  const table = region.findTable(name);
  if (table === undefined) {
    throw new ClientError('ResourceNotFoundException', tableNotFound(name));
  }
  return table;
}

/**
 * Refuses members that DynamoDB would act on and this service would not: nothing that a client asks for is
 * passed over in silence. Throws `ValidationException` naming the first that is present.
 */
export function refuseMembers(
  request: Readonly<Record<string, unknown>>,
  members: readonly string[],
): void {
  for (const member of members) {
    if (request[member] !== undefined) throw validationError(notSupported(member));
  }
}
