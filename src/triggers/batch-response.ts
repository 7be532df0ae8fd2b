/**
 * Where a batch failed by what its consumer said: the index of the earliest record that it reports, 0 for the whole batch,
 * undefined when all went well. Lambda's rules of success and failure (developer guide, "Configuring partial batch response with
 * DynamoDB and Lambda"): nothing, an empty object, no list or an empty one is success; a report that names no record of the
 * batch is failure of it all.
 */
export function failedFrom(
  payload: unknown,
  sequenceNumbers: readonly string[],
): number | undefined {
  if (typeof payload !== 'object' || payload === null) return undefined;
  const failures = 'batchItemFailures' in payload ? payload.batchItemFailures : undefined;
  if (failures === undefined || failures === null) return undefined;
  if (!Array.isArray(failures)) return 0;
  if (failures.length === 0) return undefined;
  const places = new Map(sequenceNumbers.map((sequenceNumber, at) => [sequenceNumber, at]));
  let first = sequenceNumbers.length;
  for (const failure of failures as readonly unknown[])
    first = Math.min(first, places.get(identifierIn(failure)) ?? 0);
  return first;
}

/** Empty for a failure that has none, which no sequence number is. */
function identifierIn(failure: unknown): string {
  if (typeof failure !== 'object' || failure === null || !('itemIdentifier' in failure)) return '';
  return typeof failure.itemIdentifier === 'string' ? failure.itemIdentifier : '';
}
