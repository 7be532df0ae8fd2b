import { type AttributeValue, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';

import { call, type Outcome } from './raw-request.ts';
import { client } from './target.ts';

export type Item = Record<string, AttributeValue>;

interface StatementOptions {
  readonly Parameters?: readonly AttributeValue[];
  readonly ConsistentRead?: boolean;
  readonly Limit?: number;
  readonly NextToken?: string;
  readonly ReturnConsumedCapacity?: 'TOTAL' | 'INDEXES';
  readonly ReturnValuesOnConditionCheckFailure?: 'ALL_OLD' | 'NONE';
}

/** Sends one statement. Reads are consistent unless they say otherwise, or are of a global index. */
export const run = async (Statement: string, options: StatementOptions = {}): Promise<Outcome> =>
  call('ExecuteStatement', { Statement, ...options });

/** The items that a statement answers; fails for one that is refused. */
export async function itemsOf(
  statement: string,
  options: StatementOptions = {},
): Promise<readonly Item[]> {
  return (await pageOf(statement, options)).items;
}

export interface StatementPage {
  readonly items: readonly Item[];
  readonly token: string | undefined;
}

/** One page of what a statement answers; fails for one that is refused. */
export async function pageOf(
  statement: string,
  options: StatementOptions & { readonly token?: string | undefined } = {},
): Promise<StatementPage> {
  const { token, ...others } = options;
  const paged = token === undefined ? others : { ...others, NextToken: token };
  const { output, message } = await run(statement, paged);
  if (output === undefined) throw new Error(`${statement}: ${message ?? 'refused'}`);
  const next = output['NextToken'];
  return {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the service model says so
    items: output['Items'] as readonly Item[],
    token: typeof next === 'string' ? next : undefined,
  };
}

/** What a statement has to say that is refused. */
export async function refusalOf(
  statement: string,
  Parameters?: readonly AttributeValue[],
): Promise<string> {
  const { code, message } = await run(statement, Parameters === undefined ? {} : { Parameters });
  return `${code ?? 'accepted'}: ${message ?? ''}`;
}

export const put = async (TableName: string, item: Item): Promise<Item> => {
  await client.send(new PutItemCommand({ TableName, Item: item }));
  return item;
};

export const stored = async (TableName: string, Key: Item): Promise<Item | undefined> => {
  const { Item: found } = await client.send(
    new GetItemCommand({ TableName, Key, ConsistentRead: true }),
  );
  return found;
};

/** `line:column:length` of the first place of `token` in a statement of one line, at or after `from`. */
export const placeIn = (statement: string, token: string, from = 0): string =>
  `1:${statement.indexOf(token, from) + 1}:${token.length}`;
