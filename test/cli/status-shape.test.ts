import { expect, test } from 'vitest';

import { statusShape } from '../../src/cli/status-shape.ts';

const SAID = {
  region: 'us-east-1',
  release: '0.1.0',
  problems: [],
  nodes: [{ zone: 'a', state: 'running', isThisNode: true, mood: 'fine' }],
  zones: [{ zone: 'a', state: 'live', logBytes: 8 }],
  partitions: [
    {
      number: 0,
      epoch: 2,
      committed: 9,
      first: 1,
      copies: [{ zone: 'a', applied: 9, state: 'serving' }],
    },
  ],
  replication: [{ peer: 'eu-west-1', shipping: 'streaming' }],
  clock: { offsets: [{ peer: 'eu-west-1', offsetMs: 1.5, errorMs: 0.5 }] },
};

test('a status is read; what this release does not know is left out', () => {
  const status = statusShape(SAID, 'status');
  expect(status.nodes[0]).toEqual({
    zone: 'a',
    state: 'running',
    isThisNode: true,
    endpoint: undefined,
    operations: undefined,
  });
  expect(status.zones).toEqual([{ zone: 'a', state: 'live' }]);
  expect(status.partitions[0]?.leader).toBeUndefined();
  expect(status.clock.offsets).toEqual(SAID.clock.offsets);
});

test.each([
  ['no status', { region: 'us-east-1' }],
  ['a zone that there is not', { ...SAID, zones: [{ zone: 'z', state: 'live' }] }],
  [
    'a lag that is no number',
    { ...SAID, replication: [{ ...SAID.replication[0], lagSeconds: '1' }] },
  ],
])('%s is refused, with its place', (_, said) => {
  expect(() => statusShape(said, 'port')).toThrow(/^port\.\S+: expected /u);
});
