import { LIST_TABLES_MAX } from '../../model/limits.ts';
import type { Operation } from '../operation.ts';
import { checkedInput } from '../request-shape.ts';

interface ListTablesInput {
  readonly ExclusiveStartTableName?: string;
  readonly Limit?: number;
}

export const listTablesOperation: Operation = {
  name: 'ListTables',
  async run({ region }, input) {
    const { ExclusiveStartTableName: after, Limit: limit = LIST_TABLES_MAX } =
      checkedInput<ListTablesInput>('ListTables', input);
    const names = region.tableNames();
    const following = after === undefined ? names : names.filter((name) => name > after);
    const page = following.slice(0, limit);
    return JSON.stringify({
      TableNames: page,
      LastEvaluatedTableName: page.length < following.length ? page.at(-1) : undefined,
    });
  },
};
