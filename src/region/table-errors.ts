import { ClientError } from '../model/errors.ts';
import type { Table } from '../model/table.ts';

/** What DynamoDB answers to a change of a table that cannot be made as things stand. */
export const tableExists = (name: string): ClientError =>
  new ClientError('ResourceInUseException', `Table already exists: ${name}`);

export const tableMissing = (name: string): ClientError =>
  new ClientError(
    'ResourceNotFoundException',
    `Requested resource not found: Table: ${name} not found`,
  );

/** Source: measured, DDB-TABLE-227 of api-quirks (see docs/sources.md). */
export const tableChanging = (): ClientError =>
  new ClientError(
    'ResourceInUseException',
    'The resource which you are attempting to change is in use.',
  );

const DOING: Partial<Record<Table['status'], string>> = {
  CREATING: 'created',
  UPDATING: 'updated',
  DELETING: 'deleted',
};

/** A table that is being created, updated or deleted takes no other change of itself. */
export const tableInUse = ({ name, status }: Table): ClientError =>
  new ClientError(
    'ResourceInUseException',
    `Attempt to change a resource which is still in use: Table is being ${DOING[status] ?? 'changed'}: ${name}`,
  );
