import { expect, test } from 'vitest';

import { DocumentPositions } from '../../src/region/document-positions.ts';
import { WireError } from '../../src/replication/byte-codec.ts';
import { SystemDocuments } from '../../src/region/system-documents.ts';
import type { OriginPositions } from '../../src/replication/position-store.ts';
import { emptyDisk, MemoryPartition } from '../support/memory-partition.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const end = (index: number) => ({
  logId: 'a log',
  epoch: 3,
  index,
  checksum: 99,
  partitionTime: 1000 + index,
});

const positions: OriginPositions = {
  logs: 2,
  positions: new Map([
    [0, end(7)],
    [1, end(9)],
  ]),
  ownEnds: [end(4)],
};

function newDocuments(): SystemDocuments {
  let time = 0;
  return new SystemDocuments(
    new MemoryPartition({
      number: 0,
      region: 'a',
      now: () => (time += 1),
      clock: new VirtualClock(),
      disk: emptyDisk('log'),
    }),
  );
}

test('positions are found by whichever node has the seat next', async () => {
  const documents = newDocuments();
  await new DocumentPositions(documents, new Map()).save('eu-west-1', positions);
  const next = new DocumentPositions(documents, await documents.all());
  expect(await next.load('eu-west-1')).toEqual(positions);
  expect(await next.load('eu-west-2')).toBeUndefined();
});

const keeping = (document: unknown): DocumentPositions =>
  new DocumentPositions(newDocuments(), new Map([['inbox/x', document]]));

test('what is no position is not taken for one', async () => {
  for (const document of [{ positions: 7 }, {}, [], null, 'text', undefined]) {
    await expect(keeping(document).load('x')).rejects.toThrow('inbox/x');
    await expect(keeping(document).load('x')).rejects.toBeInstanceOf(WireError);
  }
  await expect(keeping({ positions: 'AAAA' }).load('x')).rejects.toBeInstanceOf(WireError);
});
