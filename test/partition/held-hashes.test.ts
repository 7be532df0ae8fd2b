import { expect, test } from 'vitest';

import { ClientError } from '../../src/model/errors.ts';
import { HeldHashes } from '../../src/partition/held-hashes.ts';
import { SYSTEM_TABLE, type HashRange } from '../../src/storage/key-layout.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const TABLE = 7;
const SPLIT = { child: 1, middle: 500, index: 9, time: 1 };

function keyAt(hash: number): Uint8Array {
  const key = Buffer.alloc(8);
  key.writeUInt32BE(hash);
  return key;
}

const [LOWER, UPPER] = [keyAt(100), keyAt(900)];

const failed = async (waiting: Promise<void>): Promise<unknown> =>
  waiting.then(
    () => 'over',
    (error: unknown) => (error instanceof ClientError ? error.code : error),
  );

function world(partition = 0) {
  const clock = new VirtualClock();
  const given: { hashes: HashRange } = { hashes: { from: 0, to: 1000 } };
  const held = new HeldHashes({ partition, hashes: () => given.hashes, clock });
  return { clock, given, held };
}

test('a partition holds and leads the keys of its hashes, and the first one the system table', () => {
  const { held } = world();
  expect([held.holds(TABLE, LOWER), held.leads(TABLE, keyAt(1000))]).toEqual([true, false]);
  expect(held.holds(SYSTEM_TABLE, keyAt(5000))).toBe(true);
  expect(world(1).held.leads(SYSTEM_TABLE, LOWER)).toBe(false);
});

test('what a split gives away is led and not held until it is handed over', async () => {
  const { clock, given, held } = world();
  held.giveFrom(500);
  expect(held.splitState).toBe('pending');
  expect([held.holds(TABLE, LOWER), held.holds(TABLE, UPPER)]).toEqual([true, false]);
  expect(held.leads(TABLE, UPPER)).toBe(true);
  const over = held.splitOver(TABLE, UPPER).then(() => held.leads(TABLE, UPPER));
  held.commit(SPLIT);
  expect([held.splitState, held.committedSplit]).toEqual(['committed', SPLIT]);
  given.hashes = { from: 0, to: 500 };
  held.handedOver();
  expect(await clock.runUntilSettled(over)).toBe(false);
  expect([held.splitState, held.committedSplit]).toEqual(['none', undefined]);
});

test('a split that was lost before it was committed gives nothing away', async () => {
  const { clock, held } = world();
  held.giveFrom(500);
  const over = held.splitOver(TABLE, UPPER).then(() => held.holds(TABLE, UPPER));
  held.forgetUncommitted();
  expect(await clock.runUntilSettled(over)).toBe(true);
  held.commit(SPLIT);
  held.forgetUncommitted();
  expect(held.splitState).toBe('committed');
});

test('who waits for a split that does not end, or whose leader stops, is told so, and nobody waits for what is held', async () => {
  const { clock, held } = world();
  held.giveFrom(500);
  await held.splitOver(TABLE, LOWER);
  expect(await clock.runUntilSettled(failed(held.splitOver(TABLE, UPPER)))).toBe(
    'InternalServerError',
  );
  const stopped = failed(held.splitOver(TABLE, UPPER));
  held.stop();
  expect(await stopped).toBe('InternalServerError');
});
