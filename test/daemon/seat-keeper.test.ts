import { expect, test } from 'vitest';

import type { RegionSeat } from '../../src/daemon/region-seat.ts';
import { SeatKeeper } from '../../src/daemon/seat-keeper.ts';
import type { LocalPartition } from '../../src/partition/local-partition.ts';
import { MemoryLogger } from '../support/memory-logger.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** Leaders and seats by name: the keeper looks into neither. */
class World {
  readonly clock = new VirtualClock();
  readonly events: string[] = [];
  leaveMs = 0;
  takeMs = 0;
  failures = 0;
  isGone = false;
  readonly keeper = new SeatKeeper({
    clock: this.clock,
    logger: new MemoryLogger(),
    take: async (leading, signal) => this.#take(nameOf(leading), signal),
  });

  led(name: string | undefined): void {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    this.keeper.led(name === undefined ? undefined : ({ name } as unknown as LocalPartition));
  }

  get seat(): string | undefined {
    return this.keeper.seat === undefined ? undefined : nameOf(this.keeper.seat);
  }

  async #take(name: string, signal: AbortSignal): Promise<RegionSeat | undefined> {
    this.events.push(`take ${name}`);
    await this.clock.sleep(this.takeMs);
    if (this.failures > 0) {
      this.failures -= 1;
      throw new Error('not now');
    }
    if (signal.aborted && this.isGone) return undefined;
    this.events.push(`has ${name}`);
    const leave = async (): Promise<void> => {
      await this.clock.sleep(this.leaveMs);
      this.events.push(`left ${name}`);
    };
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return { name, term: 1, leave } as unknown as RegionSeat;
  }
}

const nameOf = (named: unknown): string =>
  typeof named === 'object' && named !== null && 'name' in named ? String(named.name) : '';

test('a seat is had from when it is taken until the node leads no more', async () => {
  const world = new World();
  world.led('one');
  expect(world.seat).toBeUndefined();
  await world.clock.settle();
  expect(world.seat).toBe('one');
  world.led(undefined);
  expect(world.seat).toBeUndefined();
  await world.clock.settle();
  expect(world.events).toEqual(['take one', 'has one', 'left one']);
});

test('the seat before is left before the next is taken, and is not shown as the next', async () => {
  const world = new World();
  world.led('one');
  await world.clock.settle();
  world.leaveMs = 1000;
  world.led(undefined);
  world.led('two');
  expect(world.seat).toBeUndefined();
  await world.clock.advance(500);
  expect(world.seat).toBeUndefined();
  await world.clock.advance(1000);
  expect(world.seat).toBe('two');
  expect(world.events).toEqual(['take one', 'has one', 'left one', 'take two', 'has two']);
});

test('a seat that was taken too late is left again', async () => {
  const world = new World();
  world.takeMs = 1000;
  world.led('one');
  await world.clock.advance(500);
  world.led(undefined);
  await world.clock.advance(5000);
  expect(world.seat).toBeUndefined();
  expect(world.events).toEqual(['take one', 'has one', 'left one']);
});

test('a seat that cannot be taken is tried again while the node leads', async () => {
  const world = new World();
  world.failures = 2;
  world.led('one');
  await world.clock.advance(3000);
  expect(world.seat).toBe('one');
  world.led(undefined);
  await world.clock.settle();
  world.failures = 100;
  world.led('two');
  await world.clock.advance(2000);
  await world.clock.runUntilSettled(world.keeper.stop(), 1000);
  const { length } = world.events;
  await world.clock.advance(5000);
  expect(world.events).toHaveLength(length);
});
