import { validationError } from '../../model/errors.ts';
import { checkGlobalTableName } from '../global-tables-2017.ts';
import type { Operation } from '../operation.ts';
import { checkedInput } from '../request-shape.ts';
import { GLOBAL_TABLES_2017_UNSUPPORTED } from '../table-feature-messages.ts';

interface CreateGlobalTableInput {
  readonly GlobalTableName: string;
}

export const createGlobalTableOperation: Operation = {
  name: 'CreateGlobalTable',
  async run(_context, input) {
    const request = checkedInput<CreateGlobalTableInput>('CreateGlobalTable', input);
    checkGlobalTableName(request.GlobalTableName);
    throw validationError(GLOBAL_TABLES_2017_UNSUPPORTED);
  },
};
