import { Buffer } from 'node:buffer';

import { expect, test } from 'vitest';

import type { Bus } from '../../src/bus/bus.ts';
import { encodeFrame } from '../../src/bus/frame.ts';
import { encodeCopyAnswer } from '../../src/replication/copy-wire.ts';
import { PeerLine } from '../../src/replication/peer-line.ts';
import { PAGES_WITHOUT_REST, TableCopy } from '../../src/replication/table-copy.ts';
import { Layout } from '../../src/storage/layout.ts';
import { MemoryLogger } from '../support/memory-logger.ts';
import { emptyDisk, MemoryPartition } from '../support/memory-partition.ts';
import { keyOf } from '../support/replication-world.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { TurningClock } from '../support/turning-clock.ts';

const TABLE = 7;
/** Of a partition in memory. */
const ITEMS_PER_PAGE = 3;

/** How many items of a table were sent to a peer that takes everything, and how often the copy rested. */
async function sent(
  items: number,
  turnMs: number,
  via: 'scan' | 'bootstrap' = 'bootstrap',
): Promise<{ progress: number; rests: number }> {
  const clock = new TurningClock(turnMs);
  const disk = emptyDisk('a-0');
  const now = (): number => clock.wallMs();
  const partition = new MemoryPartition({ number: 0, region: 'a', now, clock, disk });
  for (let at = 0; at < items; at += 1)
    partition.put(TABLE, keyOf(`item ${at}`), Buffer.from('{}'));
  const bus: Bus = {
    region: 'a',
    request: async () => encodeFrame(encodeCopyAnswer('durable')),
    serve: () => () => {},
  };
  const copy = new TableCopy({
    partitions: [partition],
    layout: () => Layout.even(1),
    lineTo: (peer) => new PeerLine(bus, peer),
    watermarks: () => ({}),
    clock,
    random: new SeededRandom(1),
    logger: new MemoryLogger(),
  });
  let progress = 0;
  await copy.send({
    table: TABLE,
    globalId: 'orders',
    target: 'b',
    only: undefined,
    authoritative: false,
    via,
    signal: new AbortController().signal,
    onProgress: (count) => {
      progress = count;
    },
  });
  return { progress, rests: clock.rests.length };
}

const long = 3 * PAGES_WITHOUT_REST * ITEMS_PER_PAGE;

test('a long copy rests between pages where there is something else to do, and is whole', async () => {
  const { progress, rests } = await sent(long, 2);
  expect(progress).toBe(long);
  expect(rests).toBeGreaterThan(PAGES_WITHOUT_REST);
});

test('it does not where there is nothing else, nor does a short one', async () => {
  expect(await sent(long, 0)).toEqual({ progress: long, rests: 0 });
  const short = (PAGES_WITHOUT_REST - 2) * ITEMS_PER_PAGE;
  expect(await sent(short, 2)).toEqual({ progress: short, rests: 0 });
});

test('nor does one of a resync, whose log may be trimmed before it ends', async () => {
  expect(await sent(long, 2, 'scan')).toEqual({ progress: long, rests: 0 });
});
