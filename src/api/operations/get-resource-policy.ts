import { ClientError } from '../../model/errors.ts';
import type { Operation } from '../operation.ts';
import { checkedInput } from '../request-shape.ts';
import { policyTable } from '../resource-arn.ts';
import { policyNotFound } from '../table-feature-messages.ts';

interface GetResourcePolicyInput {
  readonly ResourceArn: string;
}

export const getResourcePolicyOperation: Operation = {
  name: 'GetResourcePolicy',
  async run({ region }, input) {
    const request = checkedInput<GetResourcePolicyInput>('GetResourcePolicy', input);
    const { resourcePolicy } = policyTable(region, request.ResourceArn);
    if (resourcePolicy !== undefined) {
      const { document: Policy, revisionId: RevisionId } = resourcePolicy;
      return JSON.stringify({ Policy, RevisionId });
    }
    throw new ClientError('PolicyNotFoundException', policyNotFound(request.ResourceArn));
  },
};
