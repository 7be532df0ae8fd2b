import type { Operation } from '../operation.ts';
import { checkedInput } from '../request-shape.ts';

export const listGlobalTablesOperation: Operation = {
  name: 'ListGlobalTables',
  async run(_context, input) {
    checkedInput('ListGlobalTables', input);
    return JSON.stringify({ GlobalTables: [] });
  },
};
