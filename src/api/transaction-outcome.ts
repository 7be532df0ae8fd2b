import { createHash } from 'node:crypto';

import { ClientError } from '../model/errors.ts';
import type { TransactionOutcome, TransactionRequest } from '../region/region.ts';
import { type ReturnedOnFailure, transactionCancelled } from './transaction-cancellation.ts';
import { TOKEN_MISMATCH, TRANSACTION_IN_PROGRESS } from './transaction-messages.ts';

export type SettledTransaction = Extract<TransactionOutcome, { kind: 'committed' | 'repeated' }>;

/**
 * The outcome of a transaction that came about, now or under the same token before. Throws, of any other,
 * `TransactionCanceledException`, `IdempotentParameterMismatchException` or `TransactionInProgressException`.
 */
export function settledTransaction(
  outcome: TransactionOutcome,
  returned: readonly ReturnedOnFailure[] = [],
): SettledTransaction {
  switch (outcome.kind) {
    case 'committed':
    case 'repeated':
      return outcome;
    case 'cancelled':
      throw transactionCancelled(outcome.reasons, returned);
    case 'mismatch':
      throw new ClientError('IdempotentParameterMismatchException', TOKEN_MISMATCH);
    case 'under-way':
    default:
      throw new ClientError('TransactionInProgressException', TRANSACTION_IN_PROGRESS);
  }
}

/**
 * What a client's token stands for; undefined without one. `payload` is the JSON of all the actions: members may come in
 * another order the next time.
 */
export const transactionRequest = (
  token: string | undefined,
  payload: unknown,
): TransactionRequest | undefined =>
  token === undefined
    ? undefined
    : { token, fingerprint: createHash('sha256').update(sortedJson(payload)).digest() };

const sortedJson = (value: unknown): string =>
  JSON.stringify(value, (_, each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(
          Object.entries(each).toSorted(([one], [other]) => (one < other ? -1 : 1)),
        )
      : each,
  );
