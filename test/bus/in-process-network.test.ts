import { afterEach, expect, test } from 'vitest';

import { PAYLOAD_BYTES_MAX } from '../../src/bus/bus.ts';
import type { InProcessEndpoint } from '../../src/bus/in-process-network.ts';
import { InProcessNetwork } from '../../src/bus/in-process-network.ts';
import { LINK_BYTES_MAX, LINK_DELAY_MS_MAX } from '../../src/bus/link.ts';
import { busErrorOf, registerBusSuite } from '../suites/bus-suite.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const SUBJECT = 'tidemark.v1.west.control.status';
const options = { timeoutMs: 1000 };
const message = (...payload: number[]) => ({ subject: SUBJECT, payload: Uint8Array.from(payload) });

const networks: InProcessNetwork[] = [];
afterEach(async () => {
  await Promise.all(networks.splice(0).map(async (network) => network.close()));
});

async function makeWorld(): Promise<{
  clock: VirtualClock;
  network: InProcessNetwork;
  east: InProcessEndpoint;
  west: InProcessEndpoint;
  arrived: number[];
}> {
  const clock = new VirtualClock();
  const network = new InProcessNetwork(clock);
  networks.push(network);
  const [east, west] = [network.endpoint('east'), network.endpoint('west')];
  await Promise.all([east.start(), west.start()]);
  const arrived: number[] = [];
  west.serve(SUBJECT, async (payload) => {
    arrived.push(payload[0] ?? -1);
    return payload;
  });
  return { clock, network, east, west, arrived };
}

registerBusSuite('the in-process bus', async () => {
  const clock = new VirtualClock();
  const network = new InProcessNetwork(clock);
  const [east, west] = [network.endpoint('east'), network.endpoint('west')];
  await Promise.all([east.start(), west.start()]);
  return {
    east,
    west,
    settle: async (promise) => clock.runUntilSettled(promise),
    close: async () => network.close(),
  };
});

registerBusSuite('the in-process bus with slow links', async () => {
  const clock = new VirtualClock();
  const network = new InProcessNetwork(clock);
  const [east, west] = [network.endpoint('east'), network.endpoint('west')];
  await Promise.all([east.start(), west.start()]);
  east.links.set('west', { delayMs: 80 });
  west.links.set('east', { delayMs: 30 });
  return {
    east,
    west,
    settle: async (promise) => clock.runUntilSettled(promise),
    close: async () => network.close(),
  };
});

test('a request takes the delay of its own direction, and its answer that of the other', async () => {
  const { clock, east, west, arrived } = await makeWorld();
  east.links.set('west', { delayMs: 80 });
  west.links.set('east', { delayMs: 30 });
  let isAnswered = false;
  const wait = async (): Promise<void> => {
    await east.request('west', message(1), options);
    isAnswered = true;
  };
  const asked = wait();
  await clock.advance(79);
  expect(arrived).toEqual([]);
  await clock.advance(1);
  expect(arrived).toEqual([1]);
  await clock.advance(29);
  expect(isAnswered).toBe(false);
  await clock.advance(1);
  await asked;
  expect(isAnswered).toBe(true);
});

test('over a cut link nothing is sent, and the asker knows at once', async () => {
  const { clock, east, arrived } = await makeWorld();
  east.links.set('west', { up: false });
  const error = await busErrorOf(east.request('west', message(1), options));
  expect(error.code).toBe('unreachable');
  await clock.runUntilIdle();
  expect(arrived).toEqual([]);
  expect(clock.monotonicMs()).toBe(0);
});

test('a cut of the way back loses the answer alone: the request is carried out and times out', async () => {
  const { clock, east, west, arrived } = await makeWorld();
  west.links.set('east', { up: false });
  const error = await clock.runUntilSettled(busErrorOf(east.request('west', message(1), options)));
  expect(error.code).toBe('timeout');
  expect(clock.monotonicMs()).toBe(options.timeoutMs);
  expect(arrived).toEqual([1]);
});

test('a cut one way leaves the requests of the other side without answers only', async () => {
  const { clock, east, west } = await makeWorld();
  east.serve(SUBJECT, async (payload) => payload);
  east.links.set('west', { up: false });
  expect((await busErrorOf(east.request('west', message(1), options))).code).toBe('unreachable');
  const back = busErrorOf(west.request('east', message(2), options));
  expect((await clock.runUntilSettled(back)).code).toBe('timeout');
  east.links.set('west', { up: true });
  expect(await clock.runUntilSettled(east.request('west', message(3), options))).toEqual(
    Uint8Array.of(3),
  );
});

test('what was under way when a link was cut still arrives', async () => {
  const { clock, east, arrived } = await makeWorld();
  east.links.set('west', { delayMs: 50 });
  const asked = east.request('west', message(1), options);
  east.links.set('west', { up: false });
  await clock.runUntilSettled(asked);
  expect(arrived).toEqual([1]);
});

test('messages keep their order when the delay gets shorter between them', async () => {
  const { clock, east, arrived } = await makeWorld();
  const asked: Promise<unknown>[] = [];
  for (const [at, delayMs] of [100, 20, 0, 60, 0].entries()) {
    east.links.set('west', { delayMs });
    asked.push(east.request('west', message(at), options));
  }
  await clock.runUntilSettled(Promise.all(asked));
  expect(arrived).toEqual([0, 1, 2, 3, 4]);
});

test('a stopped region is unreachable, and asks nobody', async () => {
  const { east, west } = await makeWorld();
  await west.stop();
  expect((await busErrorOf(east.request('west', message(1), options))).code).toBe('unreachable');
  expect((await busErrorOf(west.request('east', message(1), options))).code).toBe('stopped');
});

test('a region that stops while a request is on its way does not receive it', async () => {
  const { clock, east, west, arrived } = await makeWorld();
  east.links.set('west', { delayMs: 10 });
  const asked = busErrorOf(east.request('west', message(1), options));
  await west.stop();
  expect((await clock.runUntilSettled(asked)).code).toBe('unreachable');
  expect(arrived).toEqual([]);
});

test('a region that stops learns that its own requests have stopped', async () => {
  const { clock, east } = await makeWorld();
  east.links.set('west', { delayMs: 10 });
  const asked = busErrorOf(east.request('west', message(1), options));
  await east.stop();
  expect((await clock.runUntilSettled(asked)).code).toBe('stopped');
});

test('a region that is started again has no handlers, keeps its links, and owes no old answers', async () => {
  const { clock, east, west } = await makeWorld();
  west.links.set('east', { delayMs: 7 });
  const reached = { answer: (): void => {} };
  const handling = new Promise<void>((resolve) => {
    reached.answer = resolve;
  });
  const slow = 'tidemark.v1.west.control.table';
  west.serve(slow, async (payload) => {
    await handling;
    return payload;
  });
  const asked = busErrorOf(
    east.request('west', { subject: slow, payload: Uint8Array.of(1) }, options),
  );
  await clock.settle();
  await west.stop();
  await west.start();
  reached.answer();
  expect((await clock.runUntilSettled(asked)).code).toBe('timeout');
  const unserved = busErrorOf(east.request('west', message(1), options));
  expect((await clock.runUntilSettled(unserved)).code).toBe('unreachable');
  expect(west.links.get('east')).toEqual({ up: true, delayMs: 7 });
});

test('a link that carries too much counts as down until something has arrived', async () => {
  const { clock, east } = await makeWorld();
  east.links.set('west', { delayMs: 100 });
  const large = { subject: SUBJECT, payload: new Uint8Array(PAYLOAD_BYTES_MAX) };
  const fitting = LINK_BYTES_MAX / PAYLOAD_BYTES_MAX;
  const asked = Array.from({ length: fitting }, async () => east.request('west', large, options));
  expect((await busErrorOf(east.request('west', large, options))).code).toBe('unreachable');
  await clock.runUntilSettled(Promise.all(asked));
  await clock.runUntilSettled(east.request('west', message(1), options));
});

test('a subject has one handler', async () => {
  const { west } = await makeWorld();
  expect(() => west.serve(SUBJECT, async (payload) => payload)).toThrow('served already');
});

test.each([-1, Number.NaN, LINK_DELAY_MS_MAX + 1])(
  'a delay of %s ms is refused',
  async (delayMs) => {
    const { east } = await makeWorld();
    expect(() => east.links.set('west', { delayMs })).toThrow(RangeError);
    expect(east.links.get('west')).toEqual({ up: true, delayMs: 0 });
  },
);
