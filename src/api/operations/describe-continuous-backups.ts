import { backedUpTable } from '../feature-table.ts';
import type { Operation } from '../operation.ts';
import { checkedInput } from '../request-shape.ts';

interface DescribeContinuousBackupsInput {
  readonly TableName: string;
}

/**
 * The first status is `ENABLED` of every table that stands, whether or not it can be restored to a point in time: the
 * second status tells that. Source: measured, DDB-TABLE-083 and 111 of api-quirks.
 */
export const describeContinuousBackupsOperation: Operation = {
  name: 'DescribeContinuousBackups',
  async run({ region }, input) {
    const request = checkedInput<DescribeContinuousBackupsInput>(
      'DescribeContinuousBackups',
      input,
    );
    const { status } = backedUpTable(region, request.TableName);
    return JSON.stringify({
      ContinuousBackupsDescription: {
        ContinuousBackupsStatus: status === 'CREATING' ? 'DISABLED' : 'ENABLED',
        PointInTimeRecoveryDescription: { PointInTimeRecoveryStatus: 'DISABLED' },
      },
    });
  },
};
