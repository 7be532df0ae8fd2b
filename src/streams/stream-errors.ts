import { ClientError, validationError } from '../model/errors.ts';

/** What DynamoDB Streams says when it cannot read. Sources: docs/sources.md. */

export const dataTrimmed = (): ClientError =>
  new ClientError(
    'TrimmedDataAccessException',
    'The data you are trying to access has been trimmed',
  );

export const shardMissing = (): ClientError =>
  new ClientError(
    'ResourceNotFoundException',
    'Requested resource not found: Shard does not exist',
  );

export const sequenceInvalid = (sequenceNumber: string): ClientError =>
  validationError(`Invalid SequenceNumber: ${sequenceNumber}`);
