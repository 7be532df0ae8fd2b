import { expect, test } from 'vitest';

import type { NodeStatus, RegionStatus } from '../../src/cli/status-regions.ts';
import { statusTables } from '../../src/cli/status-tables.ts';
import type { PeerView } from '../../src/daemon/operations-target.ts';

const peerOf = (peer: string, choices: Partial<PeerView> = {}): PeerView => ({
  peer,
  shipping: 'streaming',
  lagSeconds: 0,
  pendingRecords: 0,
  pendingBytes: 0,
  ...choices,
});

const nodeOf = (choices: Partial<NodeStatus>): NodeStatus => ({
  node: 'here',
  state: 'running',
  release: '0.1.0',
  leads: [0],
  endpoint: 'http://127.0.0.1:8001',
  operations: 'http://127.0.0.1:9001',
  clock: { alarm: undefined, offsets: [] },
  ...choices,
});

const EAST: RegionStatus = {
  region: 'us-east-1',
  nodes: [
    nodeOf({
      leads: [0, 1, 2, 5],
      clock: { alarm: undefined, offsets: [{ peer: 'eu-west-1', offsetMs: -0.26, errorMs: 1 }] },
    }),
  ],
  zones: new Map([
    ['a', 'live'],
    ['b', 'rebuilding'],
  ]),
  partitions: [
    {
      number: 0,
      leader: 'here',
      epoch: 3,
      first: 1,
      committed: 120,
      copies: new Map([
        ['a', { zone: 'a', applied: 120, state: 'serving' }],
        ['b', { zone: 'b', applied: undefined, state: 'rebuilding' }],
      ]),
    },
  ],
  replication: new Map([
    ['eu-west-1', peerOf('eu-west-1', { lagSeconds: 1.25, pendingRecords: 12 })],
    ['ap-south-1', peerOf('ap-south-1', { shipping: 'connecting', lagSeconds: undefined })],
  ]),
  alarms: ['the wall clock is not believed: jumped by 5000 ms'],
};

const SILENT: RegionStatus = {
  region: 'eu-west-1',
  nodes: [
    nodeOf({
      node: '-',
      state: 'does not answer: ECONNREFUSED',
      release: undefined,
      leads: [],
      endpoint: undefined,
      operations: 'http://127.0.0.1:9002',
      clock: undefined,
    }),
  ],
  zones: new Map(),
  partitions: [],
  replication: new Map(),
  alarms: [],
};

test('regions are shown as tables; one that does not answer is a row that says so', () => {
  expect(statusTables([EAST, SILENT]).join('\n')).toBe(
    `
REGION     NODE  RELEASE  LEADS   DYNAMODB               OPERATIONS             STATE
us-east-1  here  0.1.0    0-2, 5  http://127.0.0.1:8001  http://127.0.0.1:9001  running
eu-west-1  -     -        -       -                      http://127.0.0.1:9002  does not answer: ECONNREFUSED

REGION     ZONE a  ZONE b
us-east-1  live    rebuilding

REGION     PARTITION  LEADER  EPOCH  FIRST  COMMITTED  APPLIED IN a  APPLIED IN b
us-east-1  0          here    3      1      120        120           - rebuilding

LAG FROM   TO eu-west-1        TO ap-south-1
us-east-1  1.2 s (12 pending)  - connecting

CLOCK      OF eu-west-1
us-east-1  -0.3 ±1.0 ms

ALARMS
us-east-1  the wall clock is not believed: jumped by 5000 ms
`.trim(),
  );
});

test('a region without peers or alarms has no tables for them', () => {
  const lines = statusTables([
    {
      ...EAST,
      nodes: [nodeOf({})],
      replication: new Map(),
      alarms: [],
    },
  ]);
  expect(lines.filter((line) => /^(?:LAG|CLOCK|ALARMS)/u.test(line))).toEqual([]);
  expect(lines.at(-1)).toBe('No alarms.');
});

test('where nobody answers there is nothing but the rows that say so', () => {
  expect(statusTables([SILENT])).toHaveLength(2);
});
