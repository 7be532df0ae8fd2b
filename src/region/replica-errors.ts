import { type ClientError, internalError, validationError } from '../model/errors.ts';

/**
 * What DynamoDB answers to changes of replicas, in its own words. Source: measured, DDB-TABLE-203, 223, 225, 227,
 * 266 and 307 of api-quirks.
 */
export const replicaExists = (table: string): ClientError =>
  validationError(
    `Failed to create a the new replica of table with name: ‘${table}’ because one or more replicas already existed as tables.`,
  );

export const replicaMissing = (region: string): ClientError =>
  validationError(
    `Update global table operation failed because one or more replicas were not part of the global table. Please retry the request without these replicas: [${region}].`,
  );

export const regionUnsupported = (region: string, regions: readonly string[]): ClientError =>
  validationError(
    `Region ${region} is not supported. The latest version of global tables are only supported in the following regions: [${regions.join(', ')}]`,
  );

export const replicaBeingAdded = (table: string, region: string): ClientError =>
  validationError(
    `Create/Update/Delete of replica is not allowed while the replica is being added to table with name: ‘${table}’ in region: ‘${region}’.`,
  );

export const replicaProtected = (table: string, region: string): ClientError =>
  validationError(
    `Cannot delete table ${table} in region ${region} because it has deletion protection enabled. Disable deletion protection first.`,
  );

export const sourceTooYoung = (): ClientError =>
  validationError(
    'Replica cannot be deleted because it has acted as a source region for new replica(s) being added to the table in the last 24 hours.',
  );

export const needsAutoScaling = (): ClientError =>
  validationError('Table write capacity should either be Pay-Per-Request or AutoScaled.');

/** The region that is to get a replica does not answer. */
export const targetUnreachable = (region: string): ClientError =>
  internalError(`The region ${region} cannot be reached. Try again later.`);

/** Only the home orders changes: without it there are none, and data goes on. */
export const homeUnreachable = (home: string): ClientError =>
  internalError(
    `The home region of the global table, ${home}, cannot be reached. Try again later.`,
  );
