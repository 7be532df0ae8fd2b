import { featureTable } from '../feature-table.ts';
import type { Operation } from '../operation.ts';
import { checkedInput } from '../request-shape.ts';

interface ListContributorInsightsInput {
  readonly TableName?: string;
}

/** Lists what is not disabled: nothing. */
export const listContributorInsightsOperation: Operation = {
  name: 'ListContributorInsights',
  async run({ region }, input) {
    const { TableName } = checkedInput<ListContributorInsightsInput>(
      'ListContributorInsights',
      input,
    );
    if (TableName !== undefined) featureTable(region, TableName);
    return JSON.stringify({ ContributorInsightsSummaries: [] });
  },
};
