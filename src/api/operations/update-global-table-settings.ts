import { checkGlobalTableName, missingGlobalTable } from '../global-tables-2017.ts';
import type { Operation } from '../operation.ts';
import { checkedInput } from '../request-shape.ts';

interface UpdateGlobalTableSettingsInput {
  readonly GlobalTableName: string;
}

export const updateGlobalTableSettingsOperation: Operation = {
  name: 'UpdateGlobalTableSettings',
  async run(_context, input) {
    const request = checkedInput<UpdateGlobalTableSettingsInput>(
      'UpdateGlobalTableSettings',
      input,
    );
    checkGlobalTableName(request.GlobalTableName);
    throw missingGlobalTable(request.GlobalTableName);
  },
};
