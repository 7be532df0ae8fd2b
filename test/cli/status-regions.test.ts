import { expect, test } from 'vitest';

import { hasAnswered, type StatusAnswer, statusRegions } from '../../src/cli/status-regions.ts';
import type {
  NodeName,
  PeerView,
  StatusView,
  ZoneName,
} from '../../src/daemon/operations-target.ts';

const ZONES = ['a', 'b', 'c'] as const;

/** What a node of a region of three says, which knows its own copies best. */
function statusOf(
  own: ZoneName,
  choices: {
    readonly leader?: NodeName | undefined;
    readonly epoch?: number;
    readonly committed?: number;
    readonly peer?: Partial<PeerView>;
    readonly alarm?: string;
  } = {},
): StatusView {
  const { epoch = 3, committed = 10, alarm } = choices;
  const leader = 'leader' in choices ? choices.leader : 'a';
  return {
    region: 'us-east-1',
    release: '0.1.0',
    problems: [],
    nodes: ZONES.map((zone) => ({
      zone,
      state: zone === own ? 'running' : `seen by ${own}`,
      isThisNode: zone === own,
      endpoint: `http://127.0.0.1/${zone}`,
      operations: undefined,
    })),
    zones: ZONES.map((zone) => ({ zone, state: zone === own ? 'live' : `seen by ${own}` })),
    partitions: [
      {
        number: 0,
        leader,
        epoch,
        committed,
        first: 4,
        copies: ZONES.map((zone) => ({
          zone,
          applied: zone === own ? committed : undefined,
          state: zone === own ? 'serving' : 'elsewhere',
        })),
      },
    ],
    replication: [
      {
        peer: 'eu-west-1',
        shipping: 'streaming',
        lagSeconds: undefined,
        pendingRecords: undefined,
        pendingBytes: undefined,
        ...choices.peer,
      },
    ],
    clock: { alarm, offsets: [] },
  };
}

const answered = (status: StatusView): StatusAnswer => ({
  kind: 'answered',
  operations: `http://127.0.0.1:9001/${status.nodes.find(({ isThisNode }) => isThisNode)?.zone}`,
  status,
  said: status,
});

const only = (...answers: readonly StatusAnswer[]) => {
  const [first, ...others] = statusRegions(answers);
  expect(others).toEqual([]);
  if (first === undefined) throw new Error('no region');
  return first;
};

test('a node is believed on itself before others are', () => {
  const { nodes, zones, partitions } = only(
    answered(statusOf('a', { committed: 12 })),
    answered(statusOf('b', { committed: 11 })),
  );
  expect(nodes.map(hasAnswered)).toEqual([true, true, false]);
  expect(nodes.map(({ node, state, leads }) => [node, state, leads])).toEqual([
    ['a', 'running', [0]],
    ['b', 'running', []],
    ['c', 'seen by a', []],
  ]);
  expect([...zones]).toEqual([
    ['a', 'live'],
    ['b', 'live'],
    ['c', 'seen by a'],
  ]);
  const [partition] = partitions;
  expect(partition).toMatchObject({ number: 0, leader: 'a', committed: 12, first: 4 });
  expect([...(partition?.copies ?? [])].map(([zone, { applied }]) => [zone, applied])).toEqual([
    ['a', 12],
    ['b', 11],
    ['c', undefined],
  ]);
});

test('who leads is known by the latest epoch, by whoever knows it', () => {
  const behind = statusOf('a', { leader: 'a', epoch: 3 });
  const ahead = statusOf('b', { leader: 'c', epoch: 4 });
  const ignorant = statusOf('c', { leader: undefined, epoch: 4 });
  for (const said of [
    [behind, ignorant, ahead],
    [ahead, ignorant, behind],
  ]) {
    expect(only(...said.map(answered)).partitions[0]).toMatchObject({ leader: 'c', epoch: 4 });
  }
});

test('a node that says that it leads itself is called by its zone', () => {
  expect(only(answered(statusOf('b', { leader: 'here' }))).partitions[0]?.leader).toBe('b');
});

test('of lags the longest counts, and what is pending adds up', () => {
  const { replication } = only(
    answered(statusOf('a', { peer: { lagSeconds: 1, pendingRecords: 5, pendingBytes: 50 } })),
    answered(
      statusOf('b', {
        peer: { lagSeconds: 2, pendingRecords: 6, pendingBytes: 60, shipping: 'RESYNC' },
      }),
    ),
    answered(statusOf('c')),
  );
  expect(replication.get('eu-west-1')).toEqual({
    peer: 'eu-west-1',
    shipping: 'RESYNC',
    lagSeconds: 2,
    pendingRecords: 11,
    pendingBytes: 110,
  });
});

test('a node that does not answer is a row that says so, in the place of what others say of it', () => {
  const { nodes } = only(answered(statusOf('a', { leader: 'b' })), {
    kind: 'silent',
    operations: 'http://127.0.0.1:9011',
    region: 'us-east-1',
    node: 'b',
    failure: 'does not answer: ECONNREFUSED',
  });
  expect(nodes.map(({ node, state, release, leads }) => [node, state, release, leads])).toEqual([
    ['a', 'running', '0.1.0', []],
    ['b', 'does not answer: ECONNREFUSED', undefined, [0]],
    ['c', 'seen by a', undefined, []],
  ]);
});

test('regions stand in the order in which they were asked; a port of nobody is one of its own', () => {
  const silent = { kind: 'silent', node: undefined, failure: 'no answer' } as const;
  const regions = statusRegions([
    { ...silent, operations: 'http://x:1', region: 'eu-west-1' },
    { ...silent, operations: 'http://x:2', region: undefined },
    answered(statusOf('a')),
  ]);
  expect(regions.map(({ region, nodes }) => [region, nodes.length])).toEqual([
    ['eu-west-1', 1],
    ['?', 1],
    ['us-east-1', 3],
  ]);
});

test('alarms say of which node they are where there are several', () => {
  const alarm = 'jumped by 5000 ms';
  const words = 'the wall clock is not believed: jumped by 5000 ms';
  expect(only(answered(statusOf('a', { alarm }))).alarms).toEqual([words]);
  expect(only(answered(statusOf('a', { alarm })), answered(statusOf('b'))).alarms).toEqual([
    `node a: ${words}`,
  ]);
});
