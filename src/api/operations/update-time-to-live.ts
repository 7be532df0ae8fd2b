import { featureTable } from '../feature-table.ts';
import type { Operation } from '../operation.ts';
import { checkedTableInput } from '../request-shape.ts';

interface UpdateTimeToLiveInput {
  readonly TableName: string;
  readonly TimeToLiveSpecification: { readonly Enabled: boolean; readonly AttributeName: string };
}

/** Answers as it was asked, not as the setting is described. Source: measured, DDB-TABLE-144 of api-quirks. */
export const updateTimeToLiveOperation: Operation = {
  name: 'UpdateTimeToLive',
  async run({ region }, input) {
    const request = checkedTableInput<UpdateTimeToLiveInput>('UpdateTimeToLive', input);
    const { Enabled: enabled, AttributeName: attribute } = request.TimeToLiveSpecification;
    const { name } = featureTable(region, request.TableName);
    await region.updateTable(name, { timeToLive: { enabled, attribute } });
    return JSON.stringify({
      TimeToLiveSpecification: { Enabled: enabled, AttributeName: attribute },
    });
  },
};
