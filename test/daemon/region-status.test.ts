import { expect, test } from 'vitest';

import { peerView, regionStatus } from '../../src/daemon/region-status.ts';
import type { OutboxState } from '../../src/replication/outbox.ts';
import type { PeerStatus, TableLag } from '../../src/replication/replicator.ts';

const peerOf = (
  states: readonly OutboxState[],
  pending: readonly TableLag['pending'][],
): PeerStatus => ({
  peer: 'eu-west-1',
  clock: undefined,
  outboxes: states.map((state, log) => ({ log, state, committed: 9, acknowledged: 9 })),
  inbox: { watermark: undefined, logs: [] },
  tables: pending.map((each, number) => ({ table: `table ${number}`, number, pending: each })),
});

const streaming = { kind: 'streaming' } as const;

test('a stopped region has a status too: its node and its zones, all stopped', () => {
  const node = {
    zone: 'here',
    state: 'stopped',
    isThisNode: true,
    endpoint: 'http://127.0.0.1:8001',
    operations: undefined,
  } as const;
  const head = { region: 'us-east-1', release: '0.1.0', problems: ['it is stopped'], node };
  expect(regionStatus(head, undefined)).toEqual({
    region: 'us-east-1',
    release: '0.1.0',
    problems: ['it is stopped'],
    nodes: [node],
    zones: ['a', 'b', 'c'].map((zone) => ({ zone, state: 'stopped' })),
    partitions: [],
    replication: [],
    clock: { alarm: undefined, offsets: [] },
  });
});

test('of tables the one that lags most counts, and what is pending adds up', () => {
  const pending = [
    { ageMs: 1500, records: 3, bytes: 30 },
    { ageMs: 20, records: 4, bytes: 40 },
  ];
  expect(peerView(peerOf([streaming], pending))).toEqual({
    peer: 'eu-west-1',
    shipping: 'streaming',
    lagSeconds: 1.5,
    pendingRecords: 7,
    pendingBytes: 70,
  });
});

test('lag is not known while it is not known of some table, or none is shared', () => {
  const unknown = { lagSeconds: undefined, pendingRecords: undefined, pendingBytes: undefined };
  const known = { ageMs: 0, records: 0, bytes: 0 };
  expect(peerView(peerOf([streaming], [known, undefined]))).toMatchObject(unknown);
  expect(peerView(peerOf([streaming], []))).toMatchObject(unknown);
});

test.each<[string, readonly OutboxState[]]>([
  ['streaming', [streaming, streaming]],
  ['connecting', [streaming, { kind: 'connecting' }]],
  ['waiting', [{ kind: 'connecting' }, { kind: 'waiting', table: 'things' }]],
  ['connecting', []],
])('shipping is %s where that is the furthest from streaming', (shipping, states) => {
  expect(peerView(peerOf(states, []))).toMatchObject({ shipping });
});
