import { headers } from '@nats-io/transport-node';
import { expect, test } from 'vitest';

import { present } from '../../src/base/assert.ts';
import { Link } from '../../src/bus/link.ts';
import type { MsgHdrs } from '../../src/bus/nats-connection.ts';
import type { InboxHandler } from '../../src/bus/nats-line.ts';
import { NatsPeer, type PeerLine } from '../../src/bus/nats-peer.ts';
import { helloSubjectOf } from '../../src/bus/subjects.ts';
import { helloOf } from '../../src/bus/wire-hello.ts';
import { MemoryLogger } from '../support/memory-logger.ts';
import { messageOf } from '../support/nats-messages.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const HELLO = helloSubjectOf('b');
const ASK = 'tidemark.v1.b.ask';
const ANSWER = Uint8Array.of(7);
const options = { timeoutMs: 1000 };
const message = { subject: ASK, payload: Uint8Array.of(1) };

/** A peer of which the test gives the answers, in the order in which `asked` names the subjects. */
function peerAlone() {
  const clock = new VirtualClock();
  const handlers = new Map<string, InboxHandler>();
  const replies: string[] = [];
  const asked: string[] = [];
  const onConnected: (() => void)[] = [];
  const line: PeerLine = {
    owner: 'b',
    inbox: '_INBOX.a',
    partBytes: 1000,
    isConnected: true,
    publish: (subject, _payload, { reply = '' }) => {
      asked.push(subject);
      replies.push(reply);
      return true;
    },
    expect: () => {},
    onInbox: (kind, handle) => void handlers.set(kind, handle),
    watch: ({ connected }) => {
      if (connected !== undefined) onConnected.push(connected);
    },
    start: async () => {},
    stop: async () => {},
  };
  const logger = new MemoryLogger();
  const peer = new NatsPeer({ region: 'a', release: '0.1.0', line, clock, logger });
  const link = new Link(clock, new AbortController().signal);
  const answer = (data: Uint8Array, said?: MsgHdrs): void => {
    const id = present(replies.shift(), 'something was asked').split('.').at(-1) ?? '';
    const answered = messageOf('', data, undefined);
    present(handlers.get('answer'), 'answers are taken')(
      said === undefined ? answered : { ...answered, headers: said },
      [id],
    );
  };
  return {
    clock,
    asked,
    connect: () => {
      for (const tell of onConnected) tell();
    },
    request: async () => peer.request(message, options, link),
    answer,
    /** As the server says that nobody serves what was asked. */
    refuse: () => answer(new Uint8Array(0), headers(503, 'No Responders')),
    turn: async () => clock.advance(0),
  };
}

test('a hello that nobody took before a request was made is said again for it', async () => {
  const { asked, connect, request, refuse, answer, turn } = peerAlone();
  connect();
  await turn();
  const both = [request(), request()];
  await turn();
  expect(asked).toEqual([HELLO]);
  refuse();
  await turn();
  expect(asked).toEqual([HELLO, HELLO]);
  answer(helloOf('0.1.0'));
  await turn();
  expect(asked).toEqual([HELLO, HELLO, ASK, ASK]);
  answer(ANSWER);
  answer(ANSWER);
  expect(await Promise.all(both)).toEqual([ANSWER, ANSWER]);
});

test('a request for which nobody took the hello is unreachable, and no third one is said', async () => {
  const { asked, connect, request, refuse, turn } = peerAlone();
  connect();
  await turn();
  const outcome = request().catch((error: unknown) => error);
  await turn();
  refuse();
  await turn();
  refuse();
  expect(await outcome).toMatchObject({ code: 'unreachable' });
  expect(asked).toEqual([HELLO, HELLO]);
});

test('a hello that was not answered in time is not said again for those who waited for it', async () => {
  const { clock, asked, connect, request, turn } = peerAlone();
  connect();
  await clock.advance(1500);
  const outcome = request().catch((error: unknown) => error);
  await turn();
  await clock.advance(500);
  expect(await outcome).toMatchObject({ code: 'unreachable' });
  expect(asked).toEqual([HELLO]);
});
