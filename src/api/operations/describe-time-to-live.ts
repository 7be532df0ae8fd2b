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
  readonly TimeToLiveStatus: 'ENABLING' | 'ENABLED' | 'DISABLING' | 'DISABLED';
  readonly AttributeName?: string;
}

/** Nothing tells a disabled one from one that was never set. Source: measured, DDB-TABLE-145 of api-quirks. */
function describeTimeToLive({ definition, timeToLiveAtMs }: Table): TimeToLiveDescription {
  const { timeToLive } = definition;
  if (timeToLive === undefined) return { TimeToLiveStatus: 'DISABLED' };
  const { enabled, attribute: AttributeName } = timeToLive;
  const isSettled = timeToLive.changedAtMs === timeToLiveAtMs;
  if (enabled) return { TimeToLiveStatus: isSettled ? 'ENABLED' : 'ENABLING', AttributeName };
  return isSettled
    ? { TimeToLiveStatus: 'DISABLED' }
    : { TimeToLiveStatus: 'DISABLING', AttributeName };
}
