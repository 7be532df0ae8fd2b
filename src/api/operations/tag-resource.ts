import type { Operation } from '../operation.ts';
import { checkedInput, nullMembers } from '../request-shape.ts';
import { parseTaggedArn, taggedTable } from '../resource-arn.ts';
import { type TagMember, validateAddedTags } from '../tags.ts';

interface TagResourceInput {
  readonly ResourceArn?: string;
  readonly Tags?: readonly TagMember[];
}

export const tagResourceOperation: Operation = {
  name: 'TagResource',
  async run({ region }, input) {
    const request = checkedInput<TagResourceInput>('TagResource', input);
    const resource = parseTaggedArn(request.ResourceArn, region);
    if (request.Tags === undefined) throw nullMembers(['tags']);
    const tags = validateAddedTags(request.Tags);
    const { name } = taggedTable(region, resource);
    await region.changeTags(name, { kind: 'put', tags });
    return '';
  },
};
