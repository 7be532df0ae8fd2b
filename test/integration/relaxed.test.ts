import { stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { TestLab, US } from '../support/test-lab.ts';
import { createTable, putMany, scanAll } from '../support/test-table.ts';

test('a relaxed region whose logs lost more to a power cut than its stores starts behind the stores', async () => {
  const lab = await TestLab.start([US], { durability: 'relaxed' });
  const us = lab.region(US);
  await createTable(us);
  await putMany(us, { prefix: 'x ', count: 200 });
  // What the stores lack when the logs lose it is lost: that is what relaxed means.
  await us.untilApplied();
  await us.stop();
  for (const zone of ['a', 'b', 'c'] as const) {
    const segment = join(us.zonePath(zone), 'log', 'log-00000001.seg');
    await truncate(segment, Math.floor((await stat(segment)).size * 0.6));
  }
  await us.start();
  expect(await scanAll(us)).toHaveLength(200);
  await putMany(us, { prefix: 'y ', count: 20 });
  expect(await scanAll(us)).toHaveLength(220);
  const lost = us.logger.messages('error').filter((each) => each.includes('lost its end'));
  expect(lost.length).toBeGreaterThan(0);
  await us.stop();
  await us.start();
  expect(await scanAll(us)).toHaveLength(220);
});
