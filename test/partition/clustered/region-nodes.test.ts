import { expect, test } from 'vitest';

import { nodeSubjectOf } from '../../../src/bus/subjects.ts';
import { type NodeReport, RegionNodes } from '../../../src/partition/clustered/region-nodes.ts';
import { type NodeBus, NodeNetwork } from '../../support/node-network.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const REGION = 'us-east-1';

const reportOf = (zone: string, leads: boolean): NodeReport => ({
  zone,
  release: '1.0.0',
  endpoint: undefined,
  operations: undefined,
  state: 'live',
  isDraining: false,
  isBlank: false,
  trouble: undefined,
  wallMs: 0,
  partitions: [{ leads, epoch: 1, applied: 1, synced: 1, isRebuilding: false }],
  seat: undefined,
});

class World {
  readonly clock = new VirtualClock();
  readonly network = new NodeNetwork(REGION, this.clock);
  leads = true;
  readonly measured = new Set<string>();

  node(zone: string, other: string): { readonly nodes: RegionNodes; readonly bus: NodeBus } {
    const bus = this.network.bus();
    const nodes = new RegionNodes({
      region: REGION,
      zone,
      others: [other],
      bus,
      clock: this.clock,
      report: () => reportOf(zone, this.leads),
      onOffset: (of) => this.measured.add(`${zone} of ${of}`),
    });
    return { nodes, bus };
  }
}

test('a node knows what the others say of themselves, as long as they do', async () => {
  const world = new World();
  const [a, b] = [world.node('a', 'b'), world.node('b', 'a')];
  await a.nodes.start();
  await b.nodes.start();
  await world.clock.advance(400);
  expect(a.nodes.leaderOf(0)).toBe('b');
  expect(a.nodes.leaderOf(1)).toBeUndefined();
  world.leads = false;
  await world.clock.advance(400);
  expect(a.nodes.leaderOf(0)).toBeUndefined();
  expect(a.nodes.report('b')).toEqual(JSON.parse(JSON.stringify(reportOf('b', false))));
  b.bus.isCut = true;
  let lost = 0;
  const unlisten = a.nodes.onLost('b', () => (lost += 1));
  await world.clock.advance(800);
  expect(a.nodes.report('b')).toBeDefined();
  expect(a.nodes.isSilent('b')).toBe(false);
  await world.clock.advance(500);
  expect(a.nodes.report('b')).toBeUndefined();
  expect(a.nodes.isSilent('b')).toBe(true);
  await world.clock.advance(300);
  expect(lost).toBeGreaterThan(0);
  unlisten();
  b.bus.isCut = false;
  await world.clock.advance(1000);
  expect(a.nodes.isSilent('b')).toBe(false);
  expect([...world.measured].toSorted()).toEqual(['a of b', 'b of a']);
  await Promise.all([a.nodes.stop(), b.nodes.stop()]);
});

test('a node that nobody serves is out of reach at once, and who waits for it is told', async () => {
  const world = new World();
  const [a, b] = [world.node('a', 'b'), world.node('b', 'a')];
  await a.nodes.start();
  await b.nodes.start();
  await world.clock.advance(400);
  let lost = 0;
  const unlisten = a.nodes.onLost('b', () => (lost += 1));
  expect(lost).toBe(0);
  await b.bus.stop();
  await world.clock.advance(400);
  expect(a.nodes.leaderOf(0)).toBeUndefined();
  // What is sent there is known at once not to arrive.
  expect(a.nodes.isSilent('b')).toBe(false);
  expect(lost).toBeGreaterThan(0);
  unlisten();
  const told = lost;
  await world.clock.advance(2000);
  expect(lost).toBe(told);
  await Promise.all([a.nodes.stop(), b.nodes.stop()]);
});

test('an answer that cannot be understood is none, and the node is asked again', async () => {
  const world = new World();
  const a = world.node('a', 'b');
  const strange = world.network.bus();
  const subject = nodeSubjectOf(REGION, 'b', 'node.report');
  const unserve = strange.serve(subject, async () => Buffer.from('of another release'));
  await a.nodes.start();
  await world.clock.advance(2000);
  expect(a.nodes.report('b')).toBeUndefined();
  unserve();
  const b = world.node('b', 'a');
  await b.nodes.start();
  await world.clock.advance(400);
  expect(a.nodes.leaderOf(0)).toBe('b');
  await Promise.all([a.nodes.stop(), b.nodes.stop()]);
});
