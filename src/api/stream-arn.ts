import { ClientError, validationError } from '../model/errors.ts';
import { ARN_PARTITION, ARN_SERVICE, parseArn, parseTableResource } from '../model/table-arn.ts';
import type { Region, StreamOfTable } from '../region/region.ts';
import { streamArnInvalid, streamNotFound } from './stream-messages.ts';

/**
 * The stream of an ARN, which the service model has checked. Throws `ValidationException` for what is no stream's, and
 * `ResourceNotFoundException` for what is not there, or is another account's.
 */
export function streamOf(region: Region, text: string): StreamOfTable {
  assertStreamArn(text);
  const stream = region.streams.find(text);
  if (stream === undefined)
    throw new ClientError('ResourceNotFoundException', streamNotFound(text));
  return stream;
}

/** Throws `ValidationException` for what is no stream's ARN. */
export function assertStreamArn(text: string): void {
  const arn = parseArn(text);
  const resource = arn && parseTableResource(arn.resource);
  const isStream =
    arn?.partition === ARN_PARTITION && arn.service === ARN_SERVICE && resource?.of === 'stream';
  if (!isStream) throw validationError(streamArnInvalid(text));
}
