import type { Operation } from '../operation.ts';
import { checkedTableInput } from '../request-shape.ts';
import { namedTable } from '../table-access.ts';
import { describeDeletedTable } from '../table-description.ts';

interface DeleteTableInput {
  readonly TableName: string;
}

export const deleteTableOperation: Operation = {
  name: 'DeleteTable',
  async run(context, input) {
    const { TableName } = checkedTableInput<DeleteTableInput>('DeleteTable', input);
    const { name } = namedTable(context.region, TableName);
    const table = await context.region.deleteTable(name);
    return JSON.stringify({ TableDescription: describeDeletedTable(context, table) });
  },
};
