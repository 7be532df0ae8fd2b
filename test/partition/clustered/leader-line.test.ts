import { MovedError } from '../../../src/partition/moved-error.ts';
import { expect, test } from 'vitest';

import { ClientError, internalError, validationError } from '../../../src/model/errors.ts';
import { LeadershipNews } from '../../../src/partition/clustered/leadership-news.ts';
import { LeaderLine, type SeatMark } from '../../../src/partition/clustered/leader-line.ts';
import type { LocalPartition } from '../../../src/partition/local-partition.ts';
import type { NodePartition } from '../../../src/partition/clustered/node-partition.ts';
import type { LeaderCall } from '../../../src/partition/clustered/partition-calls.ts';
import { MemoryLogger } from '../../support/memory-logger.ts';
import { NodeLines } from '../../support/node-lines.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

/** A partition as the line sees it: who leads it, by hand. */
class FakePartition {
  leading: FakeLeading | undefined;
  /** Whom it says to ask. */
  called: string | undefined;
  /** Who is about to lead here. */
  soon: Promise<FakeLeading> | undefined;
  readonly news: LeadershipNews;

  constructor(clock: VirtualClock) {
    this.news = new LeadershipNews(clock);
  }

  async soonLeading(): Promise<FakeLeading | undefined> {
    this.leading ??= await this.soon;
    return this.leading;
  }

  async untilNews(ms: number): Promise<void> {
    return this.news.next(ms);
  }

  readonly log = {
    leader: undefined as string | undefined,
    end: { index: 0, epoch: 1 },
    refresh: async () => {
      this.refreshed += 1;
      this.log.end = { ...this.log.end, index: this.stands };
      return true;
    },
  };
  /** Where the log ends in truth. */
  stands = 0;
  refreshed = 0;
}

class FakeLeading {
  committed = { index: 3, epoch: 1 };
  /** Resolves when its epoch is open. */
  opened: Promise<void> = Promise.resolve();
  readonly done: string[] = [];
  answerMs = 0;
  failure: Error | undefined;
  heldEnd = 100;
  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  async readIndex(): Promise<number> {
    await this.opened;
    return this.committed.index;
  }

  async advanceTime(): Promise<{ readonly index: number }> {
    this.done.push('advanceTime');
    await this.#clock.sleep(this.answerMs);
    if (this.failure !== undefined) throw this.failure;
    return { index: 4 };
  }
}

/** Nodes a and b with partitions 0 and 1. */
class World {
  readonly clock = new VirtualClock();
  readonly lines = new NodeLines(this.clock);
  readonly logger = new MemoryLogger();
  readonly leading = new FakeLeading(this.clock);
  /** Up to where each node's catalogue is. */
  readonly through = { a: 0, b: 0 };
  refusal: Error | undefined;
  /** Where the hashes of partition 1 end, as each node's layout says. */
  readonly hashesEnd = { a: 100, b: 100 };
  /** A node that stops does not. */
  waitsForSplits = true;
  /** Of partitions that a node does not take part in. */
  heardLeader: string | undefined;
  /** Up to where the catalogue of who carries out must be for a call to be admitted. */
  admittedFrom = 0;
  readonly a = this.#node('a');
  readonly b = this.#node('b');

  #node(zone: 'a' | 'b') {
    const { calls } = this.lines.of(zone);
    const [zero, one] = [new FakePartition(this.clock), new FakePartition(this.clock)];
    const partitions = [zero, one];
    const line = new LeaderLine({
      zone,
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      partitions: partitions as unknown as NodePartition[],
      calls,
      clock: this.clock,
      logger: this.logger,
      admit: () => {
        if (this.refusal !== undefined) throw this.refusal;
        if (this.through[zone] < this.admittedFrom) throw internalError();
      },
      catalogueThrough: async (index) => {
        while (this.through[zone] < index) await this.clock.sleep(5);
      },
      splits: {
        hasMoved: async (_partition, to, waitMs) => {
          if (this.hashesEnd[zone] > to && this.waitsForSplits) await this.clock.sleep(waitMs);
          return this.hashesEnd[zone] <= to;
        },
        leaderOf: () => this.heardLeader,
        point: async () => ({ kind: 'at', middle: 7, by: 'word' }),
        split: async (_, { child }) => ({ kind: 'waits', words: `for ${child}` }),
      },
    });
    line.start();
    return { line, calls, zero, one };
  }

  /** Node b leads partition 1, as a has heard. */
  static ledByB(): World {
    const world = new World();
    world.b.one.leading = world.leading;
    world.a.one.called = 'b';
    return world;
  }

  async ask(call: LeaderCall, seat?: SeatMark): Promise<unknown> {
    return this.clock.runUntilSettled(this.a.line.ask(1, call, seat), 20_000);
  }
}

const mark = (zone: string, term: number): SeatMark => ({ zone, term, catalogueIndex: 0 });

const advance = { name: 'advanceTime', request: undefined } as const;
const readIndex = { name: 'readIndex', request: undefined } as const;

test('a call is carried out where the partition is led', async () => {
  const world = World.ledByB();
  expect(await world.ask(advance)).toEqual({ index: 4 });
  expect(await world.ask(readIndex)).toBe(3);
  expect(world.leading.done).toEqual(['advanceTime']);
});

test('a node that does not lead says who does', async () => {
  const world = World.ledByB();
  world.b.one.leading = undefined;
  world.b.one.called = 'a';
  world.a.one.called = 'b';
  const asked = world.a.line.ask(1, advance);
  await world.clock.advance(100);
  world.a.one.leading = world.leading;
  expect(await world.clock.runUntilSettled(asked, 1000)).toEqual({ index: 4 });
});

test('while nobody leads it is looked for a while, and then the client is told', async () => {
  const world = new World();
  await expect(world.ask(advance)).rejects.toThrow('Internal');
  const asked = world.a.line.ask(1, advance);
  await world.clock.advance(2000);
  world.a.one.called = 'b';
  world.b.one.leading = world.leading;
  expect(await world.clock.runUntilSettled(asked, 1000)).toEqual({ index: 4 });
});

test('what may have been carried out is not asked for again', async () => {
  const world = World.ledByB();
  await world.ask(advance);
  world.leading.answerMs = 5000;
  const asked = world.a.line.ask(1, advance);
  asked.catch(() => {});
  await world.clock.advance(100);
  world.lines.lose('b');
  await expect(world.clock.runUntilSettled(asked, 100)).rejects.toThrow('Internal');
  await world.clock.advance(20_000);
  expect(world.leading.done).toHaveLength(2);
});

test('a leader that hangs is sent nothing, and who comes after it is asked as soon as it is heard of', async () => {
  const world = World.ledByB();
  await world.ask(advance);
  world.lines.lose('b');
  const asked = world.a.line.ask(1, advance);
  await world.clock.advance(2000);
  world.lines.found('b');
  await world.clock.runUntilSettled(asked, 100);
  expect(world.leading.done).toHaveLength(2);
  world.lines.lose('b');
  const other = world.a.line.ask(1, advance);
  await world.clock.advance(2000);
  const startMs = world.clock.monotonicMs();
  world.a.one.leading = world.leading;
  world.a.one.news.tell();
  await world.clock.runUntilSettled(other, 100);
  expect(world.clock.monotonicMs() - startMs).toBeLessThan(10);
  expect(world.leading.done).toHaveLength(3);
});

test('a strong read that a leader does not answer goes on with the next one', async () => {
  const world = World.ledByB();
  world.leading.opened = new Promise(() => {});
  const asked = world.a.line.ask(1, readIndex);
  await world.clock.advance(100);
  world.lines.lose('b');
  await world.clock.advance(500);
  world.leading.opened = Promise.resolve();
  world.a.one.leading = world.leading;
  world.a.one.news.tell();
  expect(await world.clock.runUntilSettled(asked, 100)).toBe(3);
});

test('refusals come back as they are, and other errors as none of the client', async () => {
  const world = World.ledByB();
  world.refusal = validationError('a word of it');
  const refused: unknown = await world.ask(advance).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(ClientError);
  expect(refused).toMatchObject({ code: 'ValidationException', message: 'a word of it' });
  world.refusal = new Error('a fault');
  await expect(world.ask(advance)).rejects.toThrow('Internal');
  expect(world.logger.messages('error')).toEqual(['a call of a node failed']);
  expect(world.leading.done).toEqual([]);
});

test('a new leader carries nothing out before it knows the catalogue as it stood when it took over', async () => {
  const world = World.ledByB();
  world.b.zero.stands = 7;
  const asked = world.a.line.ask(1, advance);
  await world.clock.advance(500);
  expect(world.leading.done).toEqual([]);
  expect(await world.ask(readIndex)).toBe(3);
  world.through.b = 7;
  await world.clock.runUntilSettled(asked, 1000);
  world.b.zero.stands = 9;
  await world.ask(advance);
  expect(world.b.zero.refreshed).toBe(1);
  expect(world.leading.done).toHaveLength(2);
});

test('what an older catalogue would refuse is looked at again with the newest', async () => {
  const world = World.ledByB();
  await world.ask(advance);
  world.admittedFrom = 5;
  world.b.zero.stands = 5;
  const asked = world.a.line.ask(1, advance);
  await world.clock.advance(100);
  expect(world.leading.done).toHaveLength(1);
  world.through.b = 5;
  await world.clock.runUntilSettled(asked, 1000);
  expect(world.leading.done).toHaveLength(2);
});

test('a call of the seat waits until its catalogue is known to the leader', async () => {
  const world = World.ledByB();
  await world.ask(advance);
  const asked = world.a.line.ask(1, advance, { zone: 'a', term: 1, catalogueIndex: 8 });
  await world.clock.advance(500);
  expect(world.leading.done).toHaveLength(1);
  world.through.b = 8;
  await world.clock.runUntilSettled(asked, 1000);
  expect(world.leading.done).toHaveLength(2);
});

test('a seat is refused once a later one has called', async () => {
  const world = World.ledByB();
  await world.ask(advance, mark('a', 5));
  await world.ask(advance, mark('b', 6));
  await expect(world.ask(advance, mark('a', 5))).rejects.toThrow('Internal');
  expect(world.leading.done).toHaveLength(2);
});

test('a seat is refused once another node leads partition 0, as the log says where the call comes', async () => {
  const world = World.ledByB();
  const seat = mark('a', 5);
  world.b.zero.log.leader = 'a';
  world.b.zero.log.end = { index: 0, epoch: 8 };
  // An epoch that its own node has opened again, for an append that was refused.
  await world.ask(advance, seat);
  world.b.zero.log.leader = 'c';
  await expect(world.ask(advance, seat)).rejects.toThrow('Internal');
  const waits: SeatMark = { zone: 'c', term: 9, catalogueIndex: 6 };
  const asked = world.a.line.ask(1, advance, waits);
  asked.catch(() => {});
  await world.clock.advance(50);
  world.b.zero.log.leader = 'b';
  world.b.zero.log.end = { index: 0, epoch: 10 };
  world.through.b = 6;
  await expect(world.clock.runUntilSettled(asked, 1000)).rejects.toThrow('Internal');
  expect(world.leading.done).toHaveLength(1);
});

test('who is told that another leads asks there at once', async () => {
  const world = World.ledByB();
  await world.ask(advance);
  world.b.one.leading = undefined;
  world.b.one.called = 'a';
  world.a.one.soon = Promise.resolve(world.leading);
  const startMs = world.clock.monotonicMs();
  expect(await world.ask(advance)).toEqual({ index: 4 });
  expect(world.clock.monotonicMs() - startMs).toBeLessThan(5);
});

test('who is told that the hashes have moved, and waits for no split because it stops, asks again with a pause', async () => {
  const world = World.ledByB();
  world.leading.failure = new MovedError();
  world.leading.heldEnd = 50;
  world.waitsForSplits = false;
  await expect(world.ask(advance)).rejects.toThrow('Internal');
  expect(world.leading.done.length).toBeGreaterThan(50);
  expect(world.leading.done.length).toBeLessThan(200);
});

test('two that each take the other for the leader are not asked without a pause', async () => {
  const world = World.ledByB();
  world.b.one.leading = undefined;
  world.b.one.called = 'a';
  let asked = 0;
  world.a.one.soonLeading = async () => {
    asked += 1;
    return undefined;
  };
  await expect(world.ask(advance)).rejects.toThrow('Internal');
  expect(asked).toBeGreaterThan(100);
  expect(asked).toBeLessThan(200);
});

test('who waits for a leader asks it as soon as it is heard of', async () => {
  const world = new World();
  const asked = world.a.line.ask(1, advance);
  await world.clock.advance(15);
  const startMs = world.clock.monotonicMs();
  world.a.one.called = 'b';
  world.b.one.leading = world.leading;
  world.a.one.news.tell();
  expect(await world.clock.runUntilSettled(asked, 1000)).toEqual({ index: 4 });
  expect(world.clock.monotonicMs() - startMs).toBeLessThan(5);
});

test('a call that comes before the epoch is open is carried out once it is', async () => {
  const world = World.ledByB();
  world.b.one.leading = undefined;
  world.b.one.soon = world.clock.sleep(300).then(() => world.leading);
  const startMs = world.clock.monotonicMs();
  expect(await world.ask(advance)).toEqual({ index: 4 });
  expect(world.clock.monotonicMs() - startMs).toBeLessThan(305);
});

test('who goes on after a leader that gave up takes the catalogue in while its epoch is opened', async () => {
  const world = World.ledByB();
  world.b.zero.stands = 7;
  world.leading.opened = world.clock.sleep(50);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  world.b.line.succeed(world.leading as unknown as LocalPartition);
  await world.clock.advance(10);
  expect(world.b.zero.refreshed).toBe(1);
  world.through.b = 7;
  world.leading.committed = { index: 8, epoch: 2 };
  await world.clock.advance(50);
  await world.ask(advance);
  expect(world.b.zero.refreshed).toBe(1);
});

test('it takes it in again where another has led in between', async () => {
  const world = World.ledByB();
  world.leading.opened = world.clock.sleep(50);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  world.b.line.succeed(world.leading as unknown as LocalPartition);
  world.leading.committed = { index: 9, epoch: 3 };
  await world.clock.advance(100);
  expect(await world.ask(readIndex)).toBe(9);
  await world.ask(advance);
  expect(world.b.zero.refreshed).toBe(2);
});

test('what has moved is told once the layout of whoever asks says so too', async () => {
  const world = World.ledByB();
  world.leading.failure = new MovedError();
  world.leading.heldEnd = 50;
  const asked = world.a.line.ask(1, advance);
  asked.catch(() => {});
  await world.clock.advance(1500);
  expect(world.leading.done).toHaveLength(2);
  world.hashesEnd.a = 50;
  await expect(world.clock.runUntilSettled(asked, 2000)).rejects.toBeInstanceOf(MovedError);
  expect(JSON.stringify(world.logger.lines)).not.toContain('failed');
});

test('a split that comes to nothing leaves the hashes where they were', async () => {
  const world = World.ledByB();
  world.leading.failure = new MovedError();
  world.leading.heldEnd = 50;
  const asked = world.a.line.ask(1, advance);
  await world.clock.advance(500);
  world.leading.failure = undefined;
  expect(await world.clock.runUntilSettled(asked, 3000)).toEqual({ index: 4 });
});

test('a layout that never says so fails the call, which was not carried out', async () => {
  const world = World.ledByB();
  world.leading.failure = new MovedError();
  world.leading.heldEnd = 50;
  await expect(world.ask(advance)).rejects.toThrow('Internal');
});

test('splits are asked of the leader as anything else', async () => {
  const world = World.ledByB();
  expect(await world.ask({ name: 'splitPoint', request: { isForced: true } })).toEqual({
    kind: 'at',
    middle: 7,
    by: 'word',
  });
  expect(await world.ask({ name: 'split', request: { child: 4, middle: 7 } })).toEqual({
    kind: 'waits',
    words: 'for 4',
  });
});
