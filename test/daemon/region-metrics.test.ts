import { expect, test } from 'vitest';

import { RegionMetrics } from '../../src/daemon/region-metrics.ts';
import { CountingMetrics } from '../support/counting-metrics.ts';

const progress = { items: 1, totalItems: 4, bytes: 10, totalBytes: 40 };

test('a rebuild shows while it runs, and counts once it is complete', () => {
  const metrics = new CountingMetrics();
  const counted = new RegionMetrics(metrics);
  const [one, other] = [
    { zone: 'b', partition: 0 },
    { zone: 'b', partition: 1 },
  ] as const;
  counted.rebuildProgressed(one, { ...progress, items: 0, bytes: 0 });
  counted.rebuildProgressed(one, progress);
  counted.rebuildProgressed(other, progress);
  expect(counted.rebuilds).toEqual([
    { labels: { zone: 'b', partition: '0' }, copiedBytes: 10, totalBytes: 40 },
    { labels: { zone: 'b', partition: '1' }, copiedBytes: 10, totalBytes: 40 },
  ]);
  counted.rebuildEnded(one, true);
  expect(counted.rebuilds.map(({ labels }) => labels.partition)).toEqual(['1']);
  counted.rebuildEnded(other, false);
  expect(counted.rebuilds).toEqual([]);
  expect(metrics.totals.get('tidemark_zone_rebuilds_total')).toBe(1);
});
