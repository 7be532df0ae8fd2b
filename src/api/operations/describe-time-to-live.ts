import { validationError } from '../../model/errors.ts';
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
    const { status } = featureTable(region, request.TableName);
    if (status === 'CREATING' || status === 'DELETING') {
      throw validationError(timeToLiveUnknown(status));
    }
    return JSON.stringify({ TimeToLiveDescription: { TimeToLiveStatus: 'DISABLED' } });
  },
};
