import { validationError } from '../../model/errors.ts';
import { checkGlobalTableName, missingGlobalTable } from '../global-tables-2017.ts';
import type { Operation } from '../operation.ts';
import { checkedInput } from '../request-shape.ts';
import {
  GLOBAL_TABLES_2017_UNSUPPORTED,
  GLOBAL_TABLE_UPDATE_INVALID,
} from '../table-feature-messages.ts';

interface UpdateGlobalTableInput {
  readonly GlobalTableName: string;
  readonly ReplicaUpdates: readonly {
    readonly Create?: unknown;
    readonly Delete?: unknown;
  }[];
}

export const updateGlobalTableOperation: Operation = {
  name: 'UpdateGlobalTable',
  async run(_context, input) {
    const request = checkedInput<UpdateGlobalTableInput>('UpdateGlobalTable', input);
    const { GlobalTableName: name, ReplicaUpdates: updates } = request;
    checkGlobalTableName(name);
    const isNothing = updates.some((update) => (update.Create ?? update.Delete) === undefined);
    if (updates.length === 0 || isNothing) throw validationError(GLOBAL_TABLE_UPDATE_INVALID);
    if (updates.some((update) => update.Create !== undefined)) {
      throw validationError(GLOBAL_TABLES_2017_UNSUPPORTED);
    }
    throw missingGlobalTable(name);
  },
};
