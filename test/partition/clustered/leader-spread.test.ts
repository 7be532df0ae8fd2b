import { expect, test } from 'vitest';

import { LeaderSpread } from '../../../src/partition/clustered/leader-spread.ts';
import type { NodePartition } from '../../../src/partition/clustered/node-partition.ts';
import type { NodeReport } from '../../../src/partition/clustered/region-nodes.ts';
import { MemoryLogger } from '../../support/memory-logger.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const SETTLED_MS = 8000;

const copy = { leads: false, epoch: 1, applied: 5, synced: 5, isRebuilding: false };

const reportOf = (zone: string): NodeReport => ({
  zone,
  release: '1.0.0',
  endpoint: undefined,
  operations: undefined,
  state: 'live',
  isDraining: false,
  isBlank: false,
  trouble: undefined,
  wallMs: 0,
  partitions: [copy],
  seat: undefined,
});

/** Node b leads partition 0, which a should lead. */
class World {
  readonly clock = new VirtualClock();
  readonly resigned: (string | undefined)[] = [];
  readonly spread: LeaderSpread;

  constructor(wasWished: boolean) {
    const partition = {
      number: 0,
      leading: {},
      wasWished,
      log: { end: { index: 5 } },
      resign: async (to: string | undefined) => this.resigned.push(to),
    };
    this.spread = new LeaderSpread({
      zone: 'b',
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      partitions: () => [partition as unknown as NodePartition],
      nodes: { others: ['a', 'c'], report: reportOf },
      precedence: (zone) => zone.charCodeAt(0) - 97,
      clock: this.clock,
      logger: new MemoryLogger(),
    });
  }
}

test('a partition goes to the node that should lead it, once that has been in reach for a while', async () => {
  const world = new World(false);
  await world.spread.look();
  expect(world.resigned).toEqual([]);
  await world.clock.advance(SETTLED_MS);
  await world.spread.look();
  expect(world.resigned).toEqual(['a']);
});

test('what an operator has asked this node to lead stays', async () => {
  const world = new World(true);
  await world.spread.look();
  await world.clock.advance(SETTLED_MS);
  await world.spread.look();
  expect(world.resigned).toEqual([]);
});
