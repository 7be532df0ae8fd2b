import { expect, test } from 'vitest';

import { MemoryStoreDisk } from '../../support/memory-store.ts';
import { put } from '../../support/partition-world.ts';
import { RecoveryWorld, ZONES } from '../../support/recovery-world.ts';

/** A region with ten items in all copies. */
async function region(): Promise<RecoveryWorld> {
  const world = await RecoveryWorld.start();
  for (let item = 0; item < 10; item += 1) await world.put(item, `text ${item}`);
  await world.untilEqual();
  return world;
}

/**
 * Node `a` has applied an item that the stream has lost since, and the others have gone on without: with item 21, and
 * without item 3.
 */
async function forkedRegion(): Promise<RecoveryWorld> {
  const world = await region();
  await world.only('a');
  const last = world.streams.model(1).last;
  await world.put(20, 'of a alone');
  await world.untilEqual();
  await world.only();
  const model = world.streams.model(1);
  model.goBack(model.last - last);
  await world.only('b', 'c');
  await world.put(21, 'without a');
  await world.remove(3);
  await world.untilEqual();
  return world;
}

async function untilOn(world: RecoveryWorld, generation: number): Promise<void> {
  const up = [...world.nodes.values()].filter(({ isUp }) => isUp);
  await world.until(`generation ${generation}`, () =>
    up.every((node) => node.generation === generation),
  );
  await world.untilEqual();
}

function expectNothingLost(world: RecoveryWorld): void {
  for (const zone of ZONES) {
    const node = world.node(zone);
    expect(node.text(2)).toContain('text 2');
    expect(node.text(3), `${zone}: what was deleted`).toBe(undefined);
    expect(node.text(20), `${zone}: what the stream has lost`).toContain('of a alone');
    expect(node.text(21)).toContain('without a');
  }
  expect(world.failures).toEqual([]);
}

test('a stream that is deleted goes on as another, under a new log id, with all that was written', async () => {
  const world = await region();
  await world.remove(3);
  await world.untilEqual();
  const { logId, epoch, index } = world.node('a').store.copy(0).position;
  world.streams.delete(1);
  await untilOn(world, 2);
  await world.put(30, 'afterwards');
  await world.untilEqual();
  for (const zone of ZONES) {
    const node = world.node(zone);
    expect(node.text(2)).toContain('text 2');
    expect(node.text(3)).toBe(undefined);
    expect(node.text(30)).toContain('afterwards');
    expect(node.store.copy(0).position.logId).not.toBe(logId);
    expect(node.store.copy(0).position.epoch).toBeGreaterThan(epoch);
    expect(node.store.copy(0).position.index).toBeGreaterThan(index);
  }
  const said = 'a lost log goes on in a new stream, under a new log id';
  expect(world.logger.messages('error').filter((message) => message === said)).toHaveLength(1);
  expect(world.failures).toEqual([]);
});

test('a stream that is deleted under load loses nothing that was answered', async () => {
  const world = await region();
  const answered: number[] = [];
  const done = new AbortController();
  let next = 100;
  const writers = Array.from({ length: 4 }, async () => {
    while (!done.signal.aborted) {
      const item = next++;
      try {
        await world.ask({ name: 'write', request: put(item, `text ${item}`) });
        answered.push(item);
        await world.clock.sleep(20);
      } catch {
        await world.clock.sleep(500);
      }
    }
  });
  await world.until('some answers', () => answered.length > 20);
  world.streams.delete(1);
  await world.clock.advance(1000);
  const before = answered.length;
  await world.until('answers afterwards', () => answered.length > before + 20);
  done.abort();
  await world.run(Promise.all(writers));
  await untilOn(world, 2);
  for (const zone of ZONES)
    for (const item of answered) expect(world.node(zone).text(item)).toContain(`text ${item}`);
  expect(world.failures).toEqual([]);
});

test('a copy that is behind when the stream is lost brings nothing back that was deleted', async () => {
  const world = await region();
  await world.only('a', 'b');
  await world.remove(3);
  await world.put(11, 'later');
  await world.untilEqual();
  world.streams.delete(1);
  await world.only('a', 'b', 'c');
  await untilOn(world, 2);
  for (const zone of ZONES) {
    expect(world.node(zone).text(3)).toBe(undefined);
    expect(world.node(zone).text(11)).toContain('later');
  }
});

test('what one copy alone has is handed in when the log goes on without it', async () => {
  const world = await forkedRegion();
  await world.only('a', 'b', 'c');
  await world.until('node a to be mended', () => world.node('a').stucks.length > 0);
  await world.untilEqual();
  expectNothingLost(world);
  expect(world.node('a').generation).toBe(1);
});

test('a stream that goes back under its leader goes on with the others, and with what the leader had', async () => {
  const world = await region();
  await world.only('a');
  const model = world.streams.model(1);
  const { last } = model;
  await world.put(20, 'of a alone');
  model.goBack(model.last - last);
  await world.only('a', 'b', 'c');
  await world.putAgainAndAgain(21, 'without a');
  expect(world.node('a').leading).toBe(undefined);
  await world.remove(3);
  await world.until('node a to have it', () => world.node('a').text(21) !== undefined);
  await world.untilEqual();
  expectNothingLost(world);
});

test('what one copy alone has is handed in when the stream is lost, too', async () => {
  const world = await forkedRegion();
  world.streams.delete(1);
  await world.only('a', 'b', 'c');
  await untilOn(world, 2);
  expectNothingLost(world);
  expect(world.logger.messages('error')).toContain('what a copy held beyond was handed in');
});

test('while a copy is missing a lost stream is waited for, loudly', async () => {
  const world = await forkedRegion();
  world.streams.delete(1);
  await world.clock.advance(30_000);
  expect([...world.streams.models.keys()]).toEqual([]);
  const words = 'waits: the copies of a are not in reach; an operator may go on without';
  expect(world.logger.messages('warn')).toContain(words);
  await world.only('a', 'b', 'c');
  await untilOn(world, 2);
  expectNothingLost(world);
});

test("by an operator's word it goes on without, and takes in what the missing copy has later", async () => {
  const world = await forkedRegion();
  world.streams.delete(1);
  world.withoutMissing = true;
  await untilOn(world, 2);
  await world.put(31, 'without a');
  await world.only('a', 'b', 'c');
  await world.untilEqual();
  expectNothingLost(world);
  for (const zone of ZONES) expect(world.node(zone).text(31)).toContain('without a');
});

test('a stream that was made and not begun is begun', async () => {
  const world = await region();
  await world.only();
  world.streams.delete(1);
  await world.streams.create({ partition: 0, generation: 2 });
  await world.only('a', 'b', 'c');
  await untilOn(world, 2);
  for (const zone of ZONES) expect(world.node(zone).text(2)).toContain('text 2');
});

test('an empty stream in the place of the lost one is of no use to any copy', async () => {
  const world = await region();
  world.streams.delete(1);
  await world.streams.create({ partition: 0, generation: 1 });
  await untilOn(world, 2);
  for (const zone of ZONES) expect(world.node(zone).text(2)).toContain('text 2');
});

test('a copy is never replaced by one that has begun with nothing', async () => {
  const world = await region();
  await world.only();
  world.streams.delete(1);
  await world.streams.create({ partition: 0, generation: 1 });
  world.node('b').disk = new MemoryStoreDisk();
  await world.only('b');
  await world.put(40, 'of a new beginning');
  await world.only('a', 'b', 'c');
  await world.clock.advance(20_000);
  for (const zone of ['a', 'c']) expect(world.node(zone).text(2)).toContain('text 2');
  const words = 'waits: the copy of zone b has nothing in common with this one';
  expect(world.logger.messages('warn')).toContain(words);
});

test('a blank node is filled, and a log of which it has nothing is not lost for it', async () => {
  const world = await region();
  await world.only('a', 'b');
  world.node('c').disk = new MemoryStoreDisk();
  const { log } = world.node('a');
  await world.put(12, 'new');
  log?.trim(log.end.index - 1);
  const leader = ['a', 'b'].find((zone) => world.node(zone).leading !== undefined) ?? 'a';
  world.node(leader).log?.trim((world.node(leader).log?.end.index ?? 0) - 1);
  await world.clock.advance(1000);
  await world.only('a', 'b', 'c');
  await world.untilEqual();
  for (const zone of ZONES) expect(world.node(zone).text(2)).toContain('text 2');
});

test('a stream that only one node misses is opened anew, soon after another has read it', async () => {
  const world = await region();
  const startMs = world.clock.monotonicMs();
  const trouble = {
    partition: 0,
    generation: 1,
    log: undefined,
    why: { kind: 'lost', words: 'by mistake' },
  } as const;
  const mended = world.node('c').recovery.mend(trouble, new AbortController().signal);
  expect(await world.run(mended)).toEqual({ kind: 'reopen' });
  expect(world.clock.monotonicMs() - startMs).toBeLessThan(5000);
  expect([...world.streams.models.keys()]).toEqual([1]);
});

test('a node that stops waits no longer', async () => {
  const world = await region();
  await world.only('a');
  world.streams.delete(1);
  await world.clock.advance(30_000);
  await world.only();
  expect(world.node('a').isUp).toBe(false);
});
