import { expect, test } from 'vitest';

import { NatsRequests, type RequestLine, type RequestParts } from '../../src/bus/nats-requests.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** A connection on which nothing is answered, and which holds each payload of more than 10 bytes. */
function requestsWith(release: () => void) {
  const clock = new VirtualClock();
  const line: RequestLine = {
    owner: 'b',
    inbox: '_INBOX.a',
    partBytes: 10,
    isConnected: true,
    publish: () => true,
    onInbox: () => {},
    watch: () => {},
  };
  const parts: RequestParts = {
    hold: () => ({ pull: '_INBOX.a.pull.0', release }),
    gather: () => () => {},
    decline: () => {},
  };
  const requests = new NatsRequests({ region: 'a', line, parts, clock });
  const ended: number[] = [];
  const ask = async (timeoutMs: number, bytes: number): Promise<unknown> => {
    try {
      const message = { subject: 'tidemark.v1.b.ask', payload: new Uint8Array(bytes) };
      return await requests.ask(message, { timeoutMs }, {});
    } finally {
      ended.push(timeoutMs);
    }
  };
  return { clock, ended, ask };
}

test('requests time out each at its time, whatever order they were asked in', async () => {
  const { clock, ended, ask } = requestsWith(() => {});
  const outcomes = Promise.allSettled([300, 100, 200, 100].map(async (ms) => ask(ms, 5)));
  for (const [untilMs, expected] of [
    [99, []],
    [100, [100, 100]],
    [200, [100, 100, 200]],
    [300, [100, 100, 200, 300]],
  ] as const) {
    await clock.advance(untilMs - clock.monotonicMs());
    expect(ended).toEqual(expected);
  }
  for (const outcome of await outcomes)
    expect(outcome).toMatchObject({ reason: { code: 'timeout' } });
});

test('a request that breaks when it is given up takes no other with it', async () => {
  const { clock, ended, ask } = requestsWith(() => {
    throw new Error('cannot be let go');
  });
  const outcomes = Promise.allSettled([ask(100, 50), ask(100, 5), ask(200, 5)]);
  await clock.advance(100);
  expect(ended).toEqual([100, 100]);
  await clock.advance(100);
  expect(ended).toEqual([100, 100, 200]);
  expect(await outcomes).toMatchObject([
    {
      reason: { code: 'timeout', message: expect.stringContaining('cannot be let go') as unknown },
    },
    { reason: { code: 'timeout', message: 'no answer to tidemark.v1.b.ask within 100 ms' } },
    { reason: { code: 'timeout' } },
  ]);
});
