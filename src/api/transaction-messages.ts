/** What DynamoDB says about transactions. Sources, and what is not measured: docs/sources.md. */

export const ITEM_TWICE = 'Transaction request cannot include multiple operations on one item';
export const ACTION_MISSING =
  'Invalid Request: TransactWriteRequest should contain Delete or Put or Update request';
export const ACTIONS_MIXED = 'TransactItems can only contain one of Check, Put, Update or Delete';
export const TRANSACTION_TOO_LARGE = 'Transaction payload size cannot exceed 4 MB';

export const transactionCancelledFor = (codes: readonly string[]): string =>
  'Transaction cancelled, please refer cancellation reasons for specific reasons ' +
  `[${codes.join(', ')}]`;

export const TOKEN_MISMATCH =
  'The request uses the same client token as a previous, but different, request.';
export const TRANSACTION_IN_PROGRESS = 'Transaction from previous request is still in progress';
