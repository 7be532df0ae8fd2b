import { ClientError } from '../model/errors.ts';
import type { Table } from '../model/table.ts';
import type { Region } from '../region/region.ts';
import { tableNotFound } from './api-messages.ts';
import { backedUpTableNotFound } from './table-feature-messages.ts';
import { parseTableName } from './table-name.ts';

/**
 * The table that a request names, by name or ARN, to ask about what it may have: expiry, insights and the like. Throws
 * `ResourceNotFoundException`, also for a replica that is being created. Source: measured, DDB-TABLE-070 and 298 of
 * api-quirks.
 */
export function featureTable(region: Region, nameOrArn: string): Table {
  const name = parseTableName(nameOrArn, region);
  const table = region.findTable(name);
  if (table === undefined || isReplicaInMaking(table)) {
    throw new ClientError('ResourceNotFoundException', tableNotFound(name));
  }
  return table;
}

/** The same, as whatever has to do with backups refuses it: throws `TableNotFoundException`. */
export function backedUpTable(region: Region, nameOrArn: string): Table {
  const name = parseTableName(nameOrArn, region);
  const table = region.findTable(name);
  if (table === undefined || isReplicaInMaking(table)) {
    throw new ClientError('TableNotFoundException', backedUpTableNotFound(name));
  }
  return table;
}

const isReplicaInMaking = ({ status, global }: Table): boolean =>
  status === 'CREATING' && global !== undefined;
