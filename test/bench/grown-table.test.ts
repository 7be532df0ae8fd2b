import { expect, test } from 'vitest';

import { GROWN_WORKLOADS, grownBatches } from './grown-table.ts';

const bodyOf = (request: Buffer): Record<string, unknown> =>
  JSON.parse(request.toString().split('\r\n\r\n')[1] ?? '');

test('every item is asked for once, and not in its order', () => {
  const requests = GROWN_WORKLOADS.get.requests(1000);
  const keys = requests.map((request) => JSON.stringify(bodyOf(request)['Key']));
  expect(new Set(keys).size).toBe(1000);
  expect(keys).not.toEqual(keys.toSorted());
});

test('what is asked for was filled in, however far the table has grown', () => {
  const filled = [...grownBatches(0, 60), ...grownBatches(60, 130)].flatMap(({ RequestItems }) =>
    Object.values(RequestItems).flat(),
  );
  const items = filled.map((put) => JSON.stringify(put));
  expect(items).toHaveLength(130);
  for (const request of GROWN_WORKLOADS.put.requests(130)) {
    const put = JSON.stringify({ PutRequest: { Item: bodyOf(request)['Item'] } });
    expect(items).toContain(put);
  }
});

test('a table without items cannot be asked', () => {
  expect(() => GROWN_WORKLOADS.query.requests()).toThrow(RangeError);
});
