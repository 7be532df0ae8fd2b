import type { InvocationOutcome } from './trigger-target.ts';

/** Why records were given up: Lambda's words. */
export type GiveUpCondition = 'RetryAttemptsExhausted' | 'RecordAgeExceeded';

export interface GivenUp {
  readonly condition: GiveUpCondition;
  /** What was invoked, as an ARN that names the trigger. */
  readonly functionArn: string;
  /** Of the last invocation, or a new one where there was none. */
  readonly requestId: string;
  readonly invocations: number;
  /** The last one's; undefined when nothing was invoked. */
  readonly outcome: InvocationOutcome | undefined;
  readonly nowMs: number;
  readonly streamArn: string;
  readonly shardId: string;
  /** At least one. */
  readonly records: readonly {
    readonly sequenceNumber: string;
    readonly createdMs: number;
  }[];
  /** The event of these records. */
  readonly payload: string;
}

/**
 * The record of a failed invocation as Lambda sends it to an on-failure destination (developer guide, "Retain discarded records
 * for a DynamoDB event source"), as JSON on one line; with the event under `payload`, which Lambda adds for destinations on S3.
 */
export function failureLetter(given: GivenUp): string {
  const { records, outcome } = given;
  const [first, last] = [records[0], records.at(-1)];
  return JSON.stringify({
    requestContext: {
      requestId: given.requestId,
      functionArn: given.functionArn,
      condition: given.condition,
      approximateInvokeCount: given.invocations,
    },
    ...(outcome === undefined ? {} : { responseContext: responseContextOf(outcome) }),
    version: '1.0',
    timestamp: instant(given.nowMs),
    DDBStreamBatchInfo: {
      shardId: given.shardId,
      startSequenceNumber: first?.sequenceNumber,
      endSequenceNumber: last?.sequenceNumber,
      approximateArrivalOfFirstRecord: seconds(first?.createdMs),
      approximateArrivalOfLastRecord: seconds(last?.createdMs),
      batchSize: records.length,
      streamArn: given.streamArn,
    },
    payload: given.payload,
  });
}

function responseContextOf(outcome: InvocationOutcome): object {
  const executedVersion = '$LATEST';
  if (outcome.kind === 'answered') return { statusCode: 200, executedVersion };
  if (outcome.kind === 'unreachable') return { statusCode: 503, executedVersion };
  const { statusCode, functionError } = outcome;
  return { statusCode, executedVersion, ...(functionError === undefined ? {} : { functionError }) };
}

const instant = (ms: number): string => new Date(ms).toISOString();

/** Lambda tells arrivals to the second. */
const seconds = (ms: number | undefined): string | undefined =>
  ms === undefined ? undefined : instant(ms).replace(/\.\d+Z$/u, 'Z');
