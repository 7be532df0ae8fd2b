import type { AttributeMap } from '../model/attribute-value.ts';
import { ClientError } from '../model/errors.ts';
import { TRANSACTION_CONFLICT } from '../model/messages.ts';
import type { CancellationReason } from '../region/region.ts';
import { CONDITION_FAILED } from './api-messages.ts';
import { parseImage } from './item-json.ts';
import { transactionCancelledFor } from './transaction-messages.ts';

/** `CancellationReason` of the service model: one for each action, in order. */
interface ShownReason {
  readonly Code: string;
  readonly Message?: string;
  readonly Item?: AttributeMap;
}

/** What an action says about its failed condition; undefined is `NONE`. */
export type ReturnedOnFailure = 'NONE' | 'ALL_OLD' | undefined;

/**
 * DynamoDB's answer to a transaction that did not come about: all that was wrong, action by action. `returned` has what
 * each action wants to see of the item on which its condition failed; absent: nothing.
 *
 * Throws the error itself where an action met one that is no reason of DynamoDB's: a table that has gone, a failure of
 * the service.
 */
export function transactionCancelled(
  reasons: readonly CancellationReason[],
  returned: readonly ReturnedOnFailure[] = [],
): ClientError {
  const shown = reasons.map((reason, index) => shownReason(reason, returned[index]));
  return cancelledFor(shown);
}

/**
 * The same where nothing was begun, because of what some of the actions are: an error each, or undefined. Other than
 * elsewhere, a table that is not there is a reason. Source: floci.
 */
export const cancelledBefore = (errors: readonly (ClientError | undefined)[]): ClientError =>
  cancelledFor(
    errors.map((error) => {
      if (error === undefined) return { Code: 'None' };
      return error.code === 'ResourceNotFoundException'
        ? { Code: 'ResourceNotFound', Message: error.message }
        : refusedReason(error);
    }),
  );

function cancelledFor(shown: readonly ShownReason[]): ClientError {
  const codes = shown.map(({ Code }) => Code);
  return new ClientError('TransactionCanceledException', transactionCancelledFor(codes), {
    members: { CancellationReasons: shown },
  });
}

function shownReason(reason: CancellationReason, returned: ReturnedOnFailure): ShownReason {
  switch (reason.kind) {
    case 'condition': {
      const shown = returned === 'ALL_OLD' ? reason.before : undefined;
      const failed = { Code: 'ConditionalCheckFailed', Message: CONDITION_FAILED };
      return shown === undefined ? failed : { ...failed, Item: parseImage(shown.image) };
    }
    case 'conflict':
      return { Code: 'TransactionConflict', Message: TRANSACTION_CONFLICT };
    case 'refused':
      return refusedReason(reason.error);
    case 'none':
    default:
      return { Code: 'None' };
  }
}

/** The codes of reasons by the errors that a single write is answered with. */
const REASON_CODES: ReadonlyMap<string, string> = new Map([
  ['ValidationException', 'ValidationError'],
  ['DuplicateItemException', 'DuplicateItem'],
  ['ItemCollectionSizeLimitExceededException', 'ItemCollectionSizeLimitExceeded'],
  ['ProvisionedThroughputExceededException', 'ProvisionedThroughputExceeded'],
  ['ThrottlingException', 'ThrottlingError'],
  ['TransactionConflictException', 'TransactionConflict'],
]);

function refusedReason(error: ClientError): ShownReason {
  const code = REASON_CODES.get(error.code);
  if (code === undefined) throw error;
  return { Code: code, Message: error.message };
}

/**
 * Makes of each action what `make` does, which throws what DynamoDB finds only once a transaction has begun: the first
 * `ValidationException` cancels it, and the actions behind it are not looked at. Source: alternator.
 */
export function cancelOnRefusal<Action, Made>(
  actions: readonly Action[],
  make: (action: Action) => Made,
): readonly Made[] {
  return actions.map((action, index) => {
    try {
      return make(action);
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      const refused: CancellationReason = { kind: 'refused', error };
      const reasons = actions.map((_, at) => (at === index ? refused : NOTHING_WRONG));
      throw transactionCancelled(reasons);
    }
  });
}

const NOTHING_WRONG: CancellationReason = { kind: 'none' };
