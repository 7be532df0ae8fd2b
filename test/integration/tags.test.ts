import {
  ListTagsOfResourceCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';

import { EU, TestLab, type TestRegion, US } from '../support/test-lab.ts';
import { createGlobalTable, describe } from '../support/test-table.ts';

async function arnIn(region: TestRegion): Promise<string> {
  const table = await describe(region);
  return table?.TableArn ?? '';
}

async function tagsIn(region: TestRegion): Promise<unknown> {
  const ResourceArn = await arnIn(region);
  const { Tags } = await region.client.send(new ListTagsOfResourceCommand({ ResourceArn }));
  return Tags;
}

test('tags are of one region, and outlive its stop', async () => {
  const lab = await TestLab.start([US, EU]);
  const [us, eu] = [lab.region(US), lab.region(EU)];
  await createGlobalTable(lab.regions);
  const Tags = [
    { Key: 'Env', Value: 'prod' },
    { Key: 'Owner', Value: '' },
  ];
  await us.client.send(new TagResourceCommand({ ResourceArn: await arnIn(us), Tags }));
  expect(await tagsIn(us)).toEqual(Tags);
  expect(await tagsIn(eu)).toEqual([]);

  await us.stop();
  await us.start();
  expect(await tagsIn(us)).toEqual(Tags);

  const gone = new UntagResourceCommand({ ResourceArn: await arnIn(us), TagKeys: ['Env'] });
  await us.client.send(gone);
  expect(await tagsIn(us)).toEqual([{ Key: 'Owner', Value: '' }]);
});
