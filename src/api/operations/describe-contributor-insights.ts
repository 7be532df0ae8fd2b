import { ClientError, validationError } from '../../model/errors.ts';
import { INDEX_NAME_LENGTH_MAX, INDEX_NAME_LENGTH_MIN } from '../../model/limits.ts';
import type { Table } from '../../model/table.ts';
import { featureTable } from '../feature-table.ts';
import type { Operation } from '../operation.ts';
import { checkedInput } from '../request-shape.ts';
import { INDEX_NAME_LENGTH, insightsIndexNotFound } from '../table-feature-messages.ts';

interface DescribeContributorInsightsInput {
  readonly TableName: string;
  readonly IndexName?: string;
}

/** Insights are of the table and of each global index. Source: measured, DDB-TABLE-089 and 094 of api-quirks. */
export const describeContributorInsightsOperation: Operation = {
  name: 'DescribeContributorInsights',
  async run({ region }, input) {
    const request = checkedInput<DescribeContributorInsightsInput>(
      'DescribeContributorInsights',
      input,
    );
    const { IndexName: index } = request;
    if (index !== undefined) checkIndexName(index);
    const table = featureTable(region, request.TableName);
    if (index !== undefined && !hasGlobalIndex(table, index)) {
      const message = insightsIndexNotFound(index, table.name);
      throw new ClientError('ResourceNotFoundException', message);
    }
    return JSON.stringify({
      TableName: table.name,
      IndexName: index,
      ContributorInsightsStatus: 'DISABLED',
    });
  },
};

function checkIndexName({ length }: string): void {
  if (length < INDEX_NAME_LENGTH_MIN || length > INDEX_NAME_LENGTH_MAX) {
    throw validationError(INDEX_NAME_LENGTH);
  }
}

const hasGlobalIndex = ({ indexes = [] }: Table, name: string): boolean =>
  indexes.some(({ definition }) => definition.kind === 'global' && definition.name === name);
