import { expect, test } from 'vitest';

import { ClientError } from '../../src/model/errors.ts';
import { SeatLine, type Seat, type SeatRegion } from '../../src/region/seat-line.ts';
import { MemoryLogger } from '../support/memory-logger.ts';
import { MemoryRegion } from '../support/memory-region.ts';
import { NodeLines } from '../support/node-lines.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** Two nodes; a test says which of them has the seat. */
class World {
  readonly clock = new VirtualClock();
  readonly lines = new NodeLines(this.clock);
  readonly logger = new MemoryLogger();
  readonly region = new MemoryRegion();
  has: string | undefined = 'a';
  said: string | undefined = 'a';
  isSlow = false;
  orders = 0;
  readonly a = this.#node('a');
  readonly b = this.#node('b');

  #node(zone: string) {
    const { calls, bus } = this.lines.of(zone);
    const { clock, logger } = this;
    const line = new SeatLine({
      zone,
      calls,
      clock,
      logger,
      seat: () => (this.has === zone ? this.#seat() : undefined),
      seatZone: () => this.said,
    });
    line.start();
    return { line, calls, bus };
  }

  #seat(): Seat {
    this.orders += 1;
    const { region, clock } = this;
    const deleteTable: SeatRegion['deleteTable'] = async (name) => {
      if (this.isSlow) await clock.sleep(60_000);
      return region.deleteTable(name);
    };
    const seat: SeatRegion = {
      createTable: async (name, definition, settings) =>
        region.createTable(name, definition, settings),
      updateTable: async (name, change) => region.updateTable(name, change),
      deleteTable,
      changeTags: async (name, change) => region.changeTags(name, change),
      changeReplica: async (name, change) => region.changeReplica(name, change),
    };
    return { region: seat, catalogueIndex: () => 42 };
  }
}

const definition = {
  keySchema: { partition: { name: 'id', type: 'S' }, sort: undefined },
  attributeDefinitions: [{ name: 'id', type: 'S' }],
  billingMode: 'PAY_PER_REQUEST',
  provisionedThroughput: { read: 0, write: 0 },
} as const;

const create = { kind: 'create', name: 'Orders', definition, settings: undefined } as const;

test('an order is carried out by the node that has the seat, and answered with the table', async () => {
  const world = new World();
  const { table, catalogueIndex } = await world.clock.runUntilSettled(world.b.line.order(create));
  expect([table?.name, catalogueIndex]).toEqual(['Orders', 42]);
  expect(table).toEqual(
    JSON.parse(JSON.stringify({ ...world.region.findTable('Orders'), status: 'CREATING' })),
  );
  const tags = [{ key: 'k', value: 'v' }];
  const order = { kind: 'tag', name: 'Orders', change: { kind: 'put', tags } } as const;
  await world.clock.runUntilSettled(world.a.line.order(order));
  expect(world.region.findTable('Orders')?.tags).toEqual(tags);
});

test('a refusal comes back in the words of the seat', async () => {
  const world = new World();
  const order = { kind: 'delete', name: 'Missing' } as const;
  const failed = await world.clock
    .runUntilSettled(world.b.line.order(order))
    .catch((error: unknown) => error);
  expect(failed).toBeInstanceOf(ClientError);
  expect(failed).toMatchObject({ code: 'ResourceNotFoundException', status: 400 });
});

test('while the seat moves it is looked for, and the order is carried out once', async () => {
  const world = new World();
  world.has = undefined;
  const ordered = world.b.line.order(create);
  await world.clock.advance(1000);
  world.said = 'b';
  await world.clock.advance(1000);
  world.has = 'b';
  await world.clock.runUntilSettled(ordered);
  expect(world.region.tableNames()).toEqual(['Orders']);
});

test('who finds no seat is told so after a while', async () => {
  const world = new World();
  world.has = undefined;
  const ordered = world.b.line.order(create);
  await expect(world.clock.runUntilSettled(ordered, 7000)).rejects.toThrow('Internal');
});

test('an order that may have been carried out is not sent again', async () => {
  const world = new World();
  await world.clock.runUntilSettled(world.b.line.order(create));
  const before = world.orders;
  world.isSlow = true;
  const ordered = world.b.line.order({ kind: 'delete', name: 'Orders' });
  ordered.catch(() => {});
  await world.clock.advance(100);
  world.lines.lose('a');
  await expect(world.clock.runUntilSettled(ordered, 100)).rejects.toThrow('Internal');
  await world.clock.advance(20_000);
  // `seat` is asked for twice to carry one order out: whether it is here, and for what it does.
  expect(world.orders - before).toBe(1);
});

test('nobody waits for an order once its node stops', async () => {
  const world = new World();
  world.has = undefined;
  const ordered = world.b.line.order(create);
  ordered.catch(() => {});
  await world.clock.advance(100);
  world.b.calls.stop();
  await expect(world.clock.runUntilSettled(ordered, 100)).rejects.toThrow('Internal');
});
