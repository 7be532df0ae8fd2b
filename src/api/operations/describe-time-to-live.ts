import { validationError } from '../../model/errors.ts';
import type { Table } from '../../model/table.ts';
import { featureTable } from '../feature-table.ts';
import type { Operation } from '../operation.ts';
import { checkedTableInput } from '../request-shape.ts';
import { timeToLiveUnknown } from '../table-feature-messages.ts';

interface DescribeTimeToLiveInput {
  readonly TableName: string;
}

export const describeTimeToLiveOperation: Operation = {
  name: 'DescribeTimeToLive',
  async run({ region }, input) {
    const request = checkedTableInput<DescribeTimeToLiveInput>('DescribeTimeToLive', input);
    const table = featureTable(region, request.TableName);
    const { status } = table;
    if (status === 'CREATING' || status === 'DELETING') {
      throw validationError(timeToLiveUnknown(status));
    }
    return JSON.stringify({ TimeToLiveDescription: describeTimeToLive(table) });
  },
};

interface TimeToLiveDescription {
  readonly TimeToLiveStatus: 'ENABLED' | 'DISABLED';
  readonly AttributeName?: string;
}

/**
 * A change shows at once, and nothing tells a disabled one from one that was never set. Source: measured, DDB-TABLE-145 of
 * api-quirks; alternator.
 */
function describeTimeToLive({ definition: { timeToLive } }: Table): TimeToLiveDescription {
  if (timeToLive?.enabled !== true) return { TimeToLiveStatus: 'DISABLED' };
  return { TimeToLiveStatus: 'ENABLED', AttributeName: timeToLive.attribute };
}
