import { expect, test } from 'vitest';

import type { AskLeader } from '../../../src/partition/clustered/partition-client.ts';
import { receiveByLayout } from '../../../src/partition/clustered/receive-by-layout.ts';
import type { ReceivedRecord } from '../../../src/partition/partition.ts';
import { HASHES, SYSTEM_TABLE } from '../../../src/storage/key-layout.ts';
import { Layout } from '../../../src/storage/layout.ts';

function record(hash: number, table = 1): ReceivedRecord {
  const key = Buffer.alloc(8);
  key.writeUInt32BE(hash);
  const version = { time: 1, region: 'east' };
  return { table, key, version, replaced: undefined, image: undefined, itemBytes: 0, via: 'scan' };
}

test('records go where their hashes are by now, and every other call where it is sent', async () => {
  const asked: string[] = [];
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- answers of which nothing is asked
  const ask = (async (partition, call) => {
    const hashes =
      call.name === 'receive'
        ? call.request.map(({ key }) => Buffer.from(key).readUInt32BE()).join()
        : '';
    asked.push(`${partition} ${call.name} ${hashes}`);
  }) as AskLeader;
  const layout = Layout.even(2)
    .split(0, HASHES / 4)
    .split(2, (HASHES * 3) / 8);
  const routed = receiveByLayout(ask, () => layout);
  const request = [record(1), record(HASHES / 4), record((HASHES * 3) / 8), record(2)];
  await routed(0, { name: 'receive', request });
  expect(asked.splice(0)).toEqual([
    `2 receive ${HASHES / 4}`,
    `3 receive ${(HASHES * 3) / 8}`,
    '0 receive 1,2',
  ]);
  await routed(0, { name: 'receive', request: [record(HASHES / 2, SYSTEM_TABLE)] });
  expect(asked.splice(0)).toEqual([`0 receive ${HASHES / 2}`]);
  await routed(1, { name: 'advanceTime', request: undefined });
  expect(asked).toEqual(['1 advanceTime ']);
});
