/** What DynamoDB Streams says to requests: a part of the catalogue. Sources: docs/sources.md. */

export const streamNotFound = (arn: string): string =>
  `Requested resource not found: Stream: ${arn} not found`;
export const streamArnInvalid = (arn: string): string => `Invalid StreamArn: ${arn}`;
export const SHARD_ITERATOR_INVALID = 'Invalid ShardIterator';
export const ITERATOR_EXPIRED =
  'The shard iterator has expired and can no longer be used to retrieve stream records.';
export const SEQUENCE_NUMBER_MISSING =
  'Member SequenceNumber must be specified for ShardIteratorType AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER';
export const sequenceNumberUnexpected = (type: string): string =>
  `Member SequenceNumber must not be specified for ShardIteratorType ${type}`;
export const SHARD_FILTER_INCOMPLETE = 'ShardFilter needs both Type and ShardId';
export const readRateExceeded = (shardId: string): string =>
  `Rate exceeded for shard ${shardId}: too many operations for a given subscriber`;
