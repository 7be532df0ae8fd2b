import type { Operation } from '../operation.ts';
import { checkedInput, nullMembers } from '../request-shape.ts';
import { parseTaggedArn, taggedTable } from '../resource-arn.ts';
import { validateTagKeys } from '../tags.ts';

interface UntagResourceInput {
  readonly ResourceArn?: string;
  readonly TagKeys?: readonly string[];
}

export const untagResourceOperation: Operation = {
  name: 'UntagResource',
  async run({ region }, input) {
    const request = checkedInput<UntagResourceInput>('UntagResource', input);
    const resource = parseTaggedArn(request.ResourceArn, region);
    if (request.TagKeys === undefined) throw nullMembers(['tagKeys']);
    const keys = validateTagKeys(request.TagKeys);
    const { name } = taggedTable(region, resource);
    await region.changeTags(name, { kind: 'remove', keys });
    return '';
  },
};
