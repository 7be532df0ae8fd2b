import { Buffer } from 'node:buffer';

import { expect, test } from 'vitest';

import { type Bus, BusError, type BusMessage } from '../../src/bus/bus.ts';
import { decodeFrame, encodeFrame } from '../../src/bus/frame.ts';
import type { Batch } from '../../src/replication/batch.ts';
import { PeerLine } from '../../src/replication/peer-line.ts';
import {
  GATHER_MS,
  GATHERED_BYTES_MAX,
  QUIET_STEPS,
  ShipGatherer,
} from '../../src/replication/ship-gatherer.ts';
import {
  decodeBatch,
  decodeBatches,
  decodeCommits,
  encodeBatch,
  encodeStand,
  encodeStands,
  saysCommits,
  type Stand,
  type StandOutcome,
} from '../../src/replication/wire.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const at = (index: number) => ({ logId: 'x', epoch: 1, index, checksum: 1, partitionTime: 9 });

const batchOf = (log: number, imageBytes = 10, index = 5): Batch => ({
  origin: 'a',
  log,
  from: at(index),
  to: at(index + 1),
  records: [
    {
      table: 't',
      key: Buffer.from('k'),
      time: 1,
      replaced: undefined,
      image: Buffer.alloc(imageBytes, 7),
      itemBytes: imageBytes,
    },
  ],
});

const standOf = ({ to }: Batch): Stand => ({ applied: to, durable: to, waitsFor: undefined });

/** What a peer answers to one message: `alone` or several batches. */
interface Peer {
  readonly alone?: (batch: Batch) => Promise<Stand>;
  readonly together?: (batches: readonly Batch[]) => Promise<readonly StandOutcome[]>;
  /** To the commit times behind the batches. */
  readonly times?: StandOutcome;
}

function gathererTo(peer: Peer = {}) {
  const clock = new VirtualClock();
  /** The logs of each message that was sent. */
  const sent: number[][] = [];
  /** The commit times of each message that had some. */
  const timed: unknown[] = [];
  const alone = peer.alone ?? (async (batch) => standOf(batch));
  const together =
    peer.together ??
    (async (batches) => batches.map((batch) => ({ kind: 'stand', stand: standOf(batch) })));
  const request = async (_: string, { subject, payload }: BusMessage): Promise<Uint8Array> => {
    const message = decodeFrame(payload);
    if (subject.endsWith('.replication.ship')) {
      const batch = decodeBatch(message);
      sent.push([batch.log]);
      return encodeFrame(encodeStand(await alone(batch)));
    }
    expect(subject).toBe('tidemark.v1.b.replication.batches');
    const parts = decodeBatches(message);
    const last = parts.at(-1);
    const isTimed = last !== undefined && saysCommits(last);
    const batches = (isTimed ? parts.slice(0, -1) : parts).map(decodeBatch);
    sent.push(batches.map(({ log }) => log));
    if (isTimed) timed.push(decodeCommits(last, batches.length));
    const answer = isTimed ? [peer.times ?? ({ kind: 'late' } as const)] : [];
    return encodeFrame(encodeStands([...(await together(batches)), ...answer]));
  };
  const bus: Bus = { region: 'a', request, serve: () => () => {} };
  const gatherer = new ShipGatherer({ line: new PeerLine(bus, 'b'), clock });
  const ship = async (
    batch: Batch,
    {
      signal,
      timeoutMs = 1000,
    }: { readonly signal?: AbortSignal; readonly timeoutMs?: number } = {},
  ): Promise<Stand> =>
    gatherer.ship(
      { bytes: encodeBatch(batch), commits: batch.commits },
      signal === undefined ? { timeoutMs } : { timeoutMs, signal },
    );
  return { clock, sent, timed, ship };
}

test('what several logs ship at one moment goes in one message, and each is answered for itself', async () => {
  const { clock, sent, ship } = gathererTo();
  const shipped = [0, 1, 2].map(async (log) => ship(batchOf(log, 10, 100 * log)));
  await clock.advance(0);
  expect(sent).toEqual([[0, 1, 2]]);
  expect((await Promise.all(shipped)).map(({ applied }) => applied?.index)).toEqual([1, 101, 201]);
});

test('what one run of promises ships goes in one message, and waits for no turn of the event loop', async () => {
  const { sent, ship } = gathererTo();
  const shipped = [ship(batchOf(0))];
  for (const log of [1, 2, 3]) {
    for (let step = 0; step < QUIET_STEPS - 2; step += 1) await Promise.resolve();
    shipped.push(ship(batchOf(log)));
  }
  // The clock stands still: nothing that is deferred or timed comes about.
  await Promise.all(shipped);
  expect(sent).toEqual([[0, 1, 2, 3]]);
});

test('a batch of a quiet region waits for no other, those right behind it a moment', async () => {
  const { clock, sent, ship } = gathererTo();
  const first = ship(batchOf(0));
  await clock.advance(0);
  expect(sent).toEqual([[0]]);
  const later = [ship(batchOf(1)), ship(batchOf(2))];
  await clock.advance(GATHER_MS / 2);
  later.push(ship(batchOf(0)));
  expect(sent).toEqual([[0]]);
  await clock.advance(GATHER_MS / 2);
  expect(sent).toEqual([[0], [1, 2, 0]]);
  await Promise.all([first, ...later]);
});

test('a large batch goes at once, behind those that wait, and no message grows without bound', async () => {
  const { clock, sent, ship } = gathererTo();
  const first = ship(batchOf(0));
  await clock.advance(0);
  const rest = [ship(batchOf(1)), ship(batchOf(2, GATHERED_BYTES_MAX)), ship(batchOf(1))];
  await clock.advance(0);
  expect(sent).toEqual([[0], [1], [2]]);
  for (let log = 10; log < 30; log += 1) rest.push(ship(batchOf(log, 10_000)));
  await clock.advance(GATHER_MS);
  expect(sent.slice(3).map(({ length }) => length)).toEqual([7, 6, 6, 2]);
  await Promise.all([first, ...rest]);
});

test('what the peer does not know yet is asked for alone, and holds up no other', async () => {
  let settle: (() => void) | undefined;
  const { clock, sent, ship } = gathererTo({
    together: async ([first]) => [
      { kind: 'stand', stand: standOf(first ?? batchOf(0)) },
      { kind: 'late' },
    ],
    alone: async (batch) => {
      await new Promise<void>((resolve) => {
        settle = resolve;
      });
      return standOf(batch);
    },
  });
  const [soon, late] = [ship(batchOf(0)), ship(batchOf(1))];
  await clock.advance(0);
  expect((await soon).applied?.index).toBe(6);
  expect(sent).toEqual([[0, 1], [1]]);
  settle?.();
  expect((await late).applied?.index).toBe(6);
});

test('a peer of an earlier release gets each batch alone, and is not asked again for a while', async () => {
  const { clock, sent, ship } = gathererTo({
    together: async () => Promise.reject(new BusError('unreachable', 'b serves no such thing')),
  });
  for (let round = 0; round < 2; round += 1) {
    const both = [ship(batchOf(0)), ship(batchOf(1))];
    await clock.advance(GATHER_MS);
    for (const { applied } of await Promise.all(both)) expect(applied?.index).toBe(6);
  }
  expect(sent).toEqual([[0, 1], [0], [1], [0], [1]]);
  await clock.advance(60_000);
  const both = [ship(batchOf(0)), ship(batchOf(1))];
  await clock.advance(0);
  await Promise.all(both);
  expect(sent.at(5)).toEqual([0, 1]);
});

test('a peer that was only out of reach gets gathered messages again at once', async () => {
  let isCut = true;
  const cut = new BusError('unreachable', 'b is not in reach');
  const { clock, sent, ship } = gathererTo({
    alone: async (batch) => (isCut ? Promise.reject(cut) : standOf(batch)),
    together: async (batches) =>
      isCut
        ? Promise.reject(cut)
        : batches.map((batch) => ({ kind: 'stand', stand: standOf(batch) })),
  });
  const lost = Promise.allSettled([ship(batchOf(0)), ship(batchOf(1))]);
  await clock.advance(0);
  expect(await lost).toMatchObject([{ reason: cut }, { reason: cut }]);
  isCut = false;
  const both = [ship(batchOf(0)), ship(batchOf(1))];
  await clock.advance(GATHER_MS);
  await Promise.all(both);
  expect(sent).toEqual([[0, 1], [0], [1], [0, 1]]);
});

test('each batch waits for no longer than its own stream does, and then is not sent again', async () => {
  let answer: ((outcomes: readonly StandOutcome[]) => void) | undefined;
  const { clock, sent, ship } = gathererTo({
    together: async () =>
      new Promise((resolve) => {
        answer = resolve;
      }),
  });
  const ended: number[] = [];
  const timeouts = [200_000, 3000, 4000, 3000];
  const outcomes = Promise.allSettled(
    timeouts.map(async (timeoutMs, log) => {
      try {
        return await ship(batchOf(log), { timeoutMs });
      } finally {
        ended.push(log);
      }
    }),
  );
  await clock.advance(2999);
  expect(ended).toEqual([]);
  await clock.advance(1);
  expect(ended).toEqual([1, 3]);
  await clock.advance(1000);
  expect(ended).toEqual([1, 3, 2]);
  const late = { kind: 'late' } as const;
  answer?.([{ kind: 'stand', stand: standOf(batchOf(0)) }, late, late, late]);
  expect(await outcomes).toMatchObject([
    { status: 'fulfilled' },
    { reason: { code: 'timeout', message: 'no answer to replication.batches within 3000 ms' } },
    { reason: { code: 'timeout' } },
    { reason: { code: 'timeout' } },
  ]);
  expect(sent).toEqual([[0, 1, 2, 3]]);
});

test('no timer is left of a message that is answered in time', async () => {
  const { clock, ship } = gathererTo();
  const both = [ship(batchOf(0), { timeoutMs: 3000 }), ship(batchOf(1), { timeoutMs: 4000 })];
  await clock.advance(0);
  await Promise.all(both);
  await clock.runUntilIdle();
  expect(clock.monotonicMs()).toBe(0);
});

test('a batch fails alone where the peer says so, and all of a message that is lost', async () => {
  const failed = { kind: 'failed', code: 'damaged', words: 'it is damaged' } as const;
  const first = gathererTo({
    together: async ([batch]) => [{ kind: 'stand', stand: standOf(batch ?? batchOf(0)) }, failed],
  });
  const both = Promise.allSettled([first.ship(batchOf(0)), first.ship(batchOf(1))]);
  await first.clock.advance(0);
  expect(await both).toMatchObject([
    { status: 'fulfilled' },
    { reason: { code: 'remote', remoteCode: 'damaged', message: 'it is damaged' } },
  ]);

  const second = gathererTo({
    together: async () => Promise.reject(new BusError('timeout', 'no answer')),
  });
  const lost = Promise.allSettled([second.ship(batchOf(0)), second.ship(batchOf(1))]);
  await second.clock.advance(0);
  expect(await lost).toMatchObject([
    { reason: { code: 'timeout' } },
    { reason: { code: 'timeout' } },
  ]);
  expect(second.sent).toEqual([[0, 1]]);
});

test('a stream that ends waits no longer, before and after its batch is sent', async () => {
  let answer: ((outcomes: readonly StandOutcome[]) => void) | undefined;
  const { clock, sent, ship } = gathererTo({
    together: async () =>
      new Promise((resolve) => {
        answer = resolve;
      }),
  });
  const ended = new AbortController();
  const outcomes = Promise.allSettled([
    ship(batchOf(0), ended),
    ship(batchOf(1)),
    ship(batchOf(2)),
  ]);
  await clock.advance(0);
  const unsent = ship(batchOf(0), ended);
  ended.abort();
  const [[refused]] = await Promise.all([Promise.allSettled([unsent]), clock.advance(GATHER_MS)]);
  expect(refused).toMatchObject({ reason: { code: 'stopped' } });
  expect(sent).toEqual([[0, 1, 2]]);
  const stand = { kind: 'stand', stand: standOf(batchOf(1)) } as const;
  answer?.([{ kind: 'late' }, stand, stand]);
  expect(await outcomes).toMatchObject([
    { reason: { code: 'stopped' } },
    { status: 'fulfilled' },
    { status: 'fulfilled' },
  ]);
  expect(sent).toEqual([[0, 1, 2]]);
});

const committedAt = (batch: Batch, committedMs: number | undefined): Batch => ({
  ...batch,
  commits: [{ records: 1, committedMs }],
});

test('commit times go behind the batches, also of one alone, and not where none is known', async () => {
  const { clock, sent, timed, ship } = gathererTo();
  const first = [
    ship(committedAt(batchOf(0), 7.5)),
    ship(committedAt(batchOf(1), undefined)),
    ship(batchOf(2)),
  ];
  await clock.advance(0);
  for (const { applied } of await Promise.all(first)) expect(applied?.index).toBe(6);
  const lone = ship(committedAt(batchOf(0), 8.5));
  await clock.advance(GATHER_MS);
  await lone;
  const unknown = ship(committedAt(batchOf(0), undefined));
  await clock.advance(GATHER_MS);
  await unknown;
  expect(sent).toEqual([[0, 1, 2], [0], [0]]);
  expect(timed).toEqual([
    [[{ records: 1, committedMs: 7.5 }], [{ records: 1, committedMs: undefined }], []],
    [[{ records: 1, committedMs: 8.5 }]],
  ]);
});

test('a peer of an earlier release takes the batches all the same, and gets no commit times for a while', async () => {
  const times = { kind: 'failed', code: 'damaged', words: 'it is no ship' } as const;
  const { clock, sent, timed, ship } = gathererTo({ times });
  for (let round = 0; round < 3; round += 1) {
    const shipped = ship(committedAt(batchOf(round), 7));
    await clock.advance(GATHER_MS);
    expect((await shipped).applied?.index).toBe(6);
  }
  expect(sent).toEqual([[0], [1], [2]]);
  expect(timed).toHaveLength(1);
  await clock.advance(60_000);
  const shipped = ship(committedAt(batchOf(3), 7));
  await clock.advance(0);
  await shipped;
  expect(timed).toHaveLength(2);
});
