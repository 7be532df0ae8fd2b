/** JSON of requests and answers. */
export type Json = Readonly<Record<string, unknown>>;

/** A table as `createKeyedTable` makes it, that the actions below are about. */
export const KEYED = 'keyed';

export const keyOf = (pk: string): Json => ({ pk: { S: pk }, sk: { N: '1' } });

export const put = (pk: string, more: Json = {}): Json => ({
  Put: { TableName: KEYED, Item: keyOf(pk), ...more },
});

export const putItem = (pk: string, attributes: Json): Json =>
  put(pk, { Item: { ...keyOf(pk), ...attributes } });

export const remove = (pk: string, more: Json = {}): Json => ({
  Delete: { TableName: KEYED, Key: keyOf(pk), ...more },
});

/** Adds 1 to `n`. */
export const add = (pk: string, more: Json = {}): Json => ({
  Update: {
    TableName: KEYED,
    Key: keyOf(pk),
    UpdateExpression: 'ADD n :one',
    ExpressionAttributeValues: { ':one': { N: '1' } },
    ...more,
  },
});

export const check = (pk: string, ConditionExpression = 'attribute_exists(pk)'): Json => ({
  ConditionCheck: { TableName: KEYED, Key: keyOf(pk), ConditionExpression },
});

export interface Answer {
  readonly status: number;
  readonly body: Json;
}

export const invalid = (message: string): Answer => ({
  status: 400,
  body: { __type: 'com.amazon.coral.validate#ValidationException', message },
});

export const NOT_FOUND: Answer = {
  status: 400,
  body: {
    __type: 'com.amazonaws.dynamodb.v20120810#ResourceNotFoundException',
    message: 'Requested resource not found',
  },
};

export const cancelled = (...CancellationReasons: readonly Json[]): Answer => ({
  status: 400,
  body: {
    __type: 'com.amazonaws.dynamodb.v20120810#TransactionCanceledException',
    Message:
      'Transaction cancelled, please refer cancellation reasons for specific reasons ' +
      `[${CancellationReasons.map(({ Code }) => String(Code)).join(', ')}]`,
    CancellationReasons,
  },
});

export const NONE: Json = { Code: 'None' };
export const CONFLICT: Json = {
  Code: 'TransactionConflict',
  Message: 'Transaction is ongoing for the item',
};
export const invalidReason = (Message: string): Json => ({ Code: 'ValidationError', Message });
