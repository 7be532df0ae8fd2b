import { expect, test } from 'vitest';

import { present } from '../../src/base/assert.ts';
import type { InboxHandler } from '../../src/bus/nats-line.ts';
import {
  GATHERED_BYTES_MAX,
  HELD_BYTES_MAX,
  PartExchange,
  type PartLine,
  PARTS_MS_MAX,
} from '../../src/bus/part-exchange.ts';
import { type Cut, cutOf, partOf } from '../../src/bus/parts.ts';
import { messageOf } from '../support/nats-messages.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const MEGABYTE = 1024 * 1024;

/** Lines that carry to each other's inboxes at once, but for what they are told to lose. */
class Lines {
  readonly clock = new VirtualClock();
  readonly #inboxes = new Map<string, Map<string, InboxHandler>>();
  readonly #lost = new Map<string, () => void>();
  loses: (subject: string) => boolean = () => false;
  sent = 0;
  expectedBytes = 0;

  exchange(name: string): PartExchange {
    const inbox = `_INBOX.${name}`;
    const handlers = new Map<string, InboxHandler>();
    this.#inboxes.set(inbox, handlers);
    const line: PartLine = {
      inbox,
      onInbox: (kind, handle) => void handlers.set(kind, handle),
      watch: ({ lost }) => {
        if (lost !== undefined) this.#lost.set(name, lost);
      },
      expect: (bytes) => {
        this.expectedBytes += bytes;
      },
      publish: (subject, payload, { reply }) => {
        this.sent += 1;
        if (!this.loses(subject)) this.clock.defer(() => this.#deliver(subject, payload, reply));
        return true;
      },
    };
    return new PartExchange(line, this.clock);
  }

  lose(name: string): void {
    this.#lost.get(name)?.();
  }

  #deliver(subject: string, data: Uint8Array, reply: string | undefined): void {
    const [root = '', name = '', kind = '', ...tokens] = subject.split('.');
    const handle = this.#inboxes.get(`${root}.${name}`)?.get(kind);
    handle?.(messageOf(subject, data, reply), tokens);
  }
}

const message = (bytes: number): Uint8Array =>
  Uint8Array.from({ length: bytes }, (_, at) => (at * 31) >>> 3);

const cut = (payload: Uint8Array, partBytes: number): Cut =>
  present(cutOf(payload, partBytes), 'cut');

/** Fetches a message; resolves with what `done` was told. */
async function fetched(
  exchange: PartExchange,
  first: Parameters<PartExchange['gather']>[0],
): Promise<Uint8Array | undefined> {
  return new Promise((resolve) => {
    expect(exchange.gather(first, resolve)).toBeDefined();
  });
}

test('a message is fetched part by part from who lends it, and from who holds it', async () => {
  const lines = new Lines();
  const [east, west] = [lines.exchange('east'), lines.exchange('west')];
  const payload = message(50_000);
  const how = cut(payload, 700);
  const part = partOf(payload, 700, 0);
  const lent = present(east.lend(payload, how), 'room');
  const held = east.hold(payload, 700);
  for (const pull of [lent, held.pull, held.pull]) {
    const whole = await lines.clock.runUntilSettled(fetched(west, { cut: how, part, pull }));
    expect(Buffer.compare(present(whole, 'whole'), payload)).toBe(0);
  }
  expect(lines.expectedBytes).toBe(0);
});

test('what is lent was given once, and what is held until it is released', async () => {
  const lines = new Lines();
  const [east, west] = [lines.exchange('east'), lines.exchange('west')];
  const payload = message(3000);
  const how = cut(payload, 700);
  const part = partOf(payload, 700, 0);
  const lent = present(east.lend(payload, how), 'room');
  const held = east.hold(payload, 700);
  const ask = async (pull: string) =>
    lines.clock.runUntilSettled(fetched(west, { cut: how, part, pull }));
  expect(await ask(lent)).toBeDefined();
  expect(await ask(lent)).toBeUndefined();
  held.release();
  expect(await ask(held.pull)).toBeUndefined();
  expect(lines.clock.monotonicMs()).toBeLessThan(PARTS_MS_MAX);
});

test('who gives up what was lent to it, or declines it, makes room at the lender', async () => {
  const lines = new Lines();
  const [east, west] = [lines.exchange('east'), lines.exchange('west')];
  const payload = message(8 * MEGABYTE);
  const how = cut(payload, 512 * 1024);
  const part = partOf(payload, 512 * 1024, 0);
  for (let times = 0; times < 20; times++) {
    const pull = present(east.lend(payload, how), 'room');
    if (times % 2 === 0) west.decline(pull);
    else west.gather({ cut: how, part, pull }, () => {})?.();
    await lines.clock.settle();
  }
  expect(lines.clock.monotonicMs()).toBe(0);
  expect(east.lend(payload, how)).toBeDefined();
});

test('a message of which a part is lost is given up after a while, and so is one nobody fetches', async () => {
  const lines = new Lines();
  const [east, west] = [lines.exchange('east'), lines.exchange('west')];
  const payload = message(8 * MEGABYTE);
  const how = cut(payload, 512 * 1024);
  const part = partOf(payload, 512 * 1024, 0);
  lines.loses = (subject) => subject.includes('.part.') && subject.endsWith('.7');
  const lost = fetched(west, { cut: how, part, pull: present(east.lend(payload, how), 'room') });
  expect(await lines.clock.runUntilSettled(lost)).toBeUndefined();
  expect(lines.clock.monotonicMs()).toBeGreaterThanOrEqual(PARTS_MS_MAX);
  await lines.clock.runUntilIdle();
  for (let bytes = 0; bytes < HELD_BYTES_MAX; bytes += payload.length)
    expect(east.lend(payload, how)).toBeDefined();
  expect(east.lend(payload, how)).toBeUndefined();
  await lines.clock.runUntilIdle();
  expect(east.lend(payload, how)).toBeDefined();
});

test('no more is put together at once than the limit, and given up makes room', async () => {
  const lines = new Lines();
  const west = lines.exchange('west');
  lines.loses = () => true;
  const payload = message(8 * MEGABYTE);
  const how = cut(payload, 512 * 1024);
  const first = { cut: how, part: partOf(payload, 512 * 1024, 0), pull: '_INBOX.east.pull.1' };
  let ended = 0;
  const gather = () => west.gather(first, () => ended++);
  const cancels = Array.from({ length: GATHERED_BYTES_MAX / payload.length }, gather);
  expect(cancels).not.toContain(undefined);
  expect(gather()).toBeUndefined();
  cancels[0]?.();
  cancels[0]?.();
  expect(gather()).toBeDefined();
  expect(gather()).toBeUndefined();
  expect(ended).toBe(0);
  lines.lose('west');
  expect(ended).toBe(cancels.length);
  expect(gather()).toBeDefined();
});

test('only a few parts of a long message are asked for before the first has come', () => {
  const lines = new Lines();
  const west = lines.exchange('west');
  const payload = message(8 * MEGABYTE);
  const how = cut(payload, 512 * 1024);
  const part = partOf(payload, 512 * 1024, 0);
  const cancel = west.gather({ cut: how, part, pull: '_INBOX.east.pull.1' }, () => {});
  expect(lines.sent).toBe(4);
  expect(lines.expectedBytes).toBe(2 * MEGABYTE);
  west.gather({ cut: how, part, pull: '_INBOX.east.pull.2' }, () => {});
  expect(lines.sent).toBe(5);
  cancel?.();
  expect(lines.expectedBytes).toBe(512 * 1024);
});

test('nothing but an inbox is asked for parts, and a first part of a wrong length is no beginning', () => {
  const lines = new Lines();
  const west = lines.exchange('west');
  const payload = message(3000);
  const how = cut(payload, 700);
  const part = partOf(payload, 700, 0);
  for (const pull of ['', 'orders.delete', '_INBOX.a b', '_INBOX.>'])
    expect(west.gather({ cut: how, part, pull }, () => {})).toBeUndefined();
  const short = part.subarray(1);
  expect(
    west.gather({ cut: how, part: short, pull: '_INBOX.east.pull.1' }, () => {}),
  ).toBeUndefined();
  expect(lines.sent).toBe(0);
});
