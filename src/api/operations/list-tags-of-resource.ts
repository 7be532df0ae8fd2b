import type { Operation } from '../operation.ts';
import { checkedInput } from '../request-shape.ts';
import { parseTaggedArn, taggedTable } from '../resource-arn.ts';
import { describeTag } from '../tags.ts';

interface ListTagsOfResourceInput {
  readonly ResourceArn?: string;
}

/** All tags fit on one page, and DynamoDB answers any token with the first. */
export const listTagsOfResourceOperation: Operation = {
  name: 'ListTagsOfResource',
  async run({ region }, input) {
    const request = checkedInput<ListTagsOfResourceInput>('ListTagsOfResource', input);
    const { tags = [] } = taggedTable(region, parseTaggedArn(request.ResourceArn, region));
    return JSON.stringify({ Tags: tags.map(describeTag) });
  },
};
