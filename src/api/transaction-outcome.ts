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
    : { token, fingerprint: createHash('sha256').update(sortedText(payload)).digest() };

/** A text of a value like its JSON, the members of every object in the order of their names. The value must not nest without end. */
function sortedText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  let text = '';
  if (Array.isArray(value)) {
    for (const each of value) text += `,${sortedText(each)}`;
    return `[${text}]`;
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- an object that is no array
  const members = value as Readonly<Record<string, unknown>>;
  const names = Object.keys(members);
  if (names.length > 1) names.sort();
  for (const name of names) {
    const member = members[name];
    if (member !== undefined) text += `,${JSON.stringify(name)}:${sortedText(member)}`;
  }
  return `{${text}}`;
}
