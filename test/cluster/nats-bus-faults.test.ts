import { expect, onTestFinished, test } from 'vitest';

import { type Bus, BusError, type BusErrorCode, PAYLOAD_BYTES_MAX } from '../../src/bus/bus.ts';
import { connectNats } from '../../src/bus/nats-connection.ts';
import { WINDOW_BYTES_MAX, WINDOW_MESSAGES_MAX } from '../../src/bus/nats-requests.ts';
import { helloSubjectOf, subjectOf } from '../../src/bus/subjects.ts';
import { freePorts } from '../../src/cli/free-ports.ts';
import { NATS_VERSION_MIN } from '../../src/cli/nats-server.ts';
import { busErrorOf } from '../suites/bus-suite.ts';
import { natsBus, startTwoRegions, type TestBus, type TwoRegions } from '../support/nats-buses.ts';
import { startNatsServer, type TestNatsOptions } from '../support/nats-servers.ts';
import { natsSuite } from '../support/nats-suite.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';

const SUBJECT = subjectOf('west', 'clock.read');
const options = { timeoutMs: 1000 };
const message = (...payload: number[]) => ({ subject: SUBJECT, payload: Uint8Array.from(payload) });

async function twoRegions(servers: TestNatsOptions = {}): Promise<TwoRegions> {
  const world = await startTwoRegions(servers);
  onTestFinished(async () => world.close());
  return world;
}

/** Two regions in which west gives back what it is asked. */
async function echoing(servers: TestNatsOptions = {}): Promise<TwoRegions> {
  const world = await twoRegions(servers);
  world.west.bus.serve(SUBJECT, async (payload) => payload);
  await world.ready();
  return world;
}

/** One bus that has started and goes with the test. */
async function started(made: TestBus): Promise<TestBus> {
  onTestFinished(async () => made.bus.stop());
  await made.bus.start();
  return made;
}

/** A process that is told to stop may answer for some moments yet, so an answer is an outcome too. */
const outcomeOf = async (asked: Promise<Uint8Array>): Promise<'answered' | BusErrorCode> => {
  try {
    await asked;
    return 'answered';
  } catch (error) {
    if (error instanceof BusError) return error.code;
    throw error;
  }
};

const outcomeAt = async (bus: Bus, { timeoutMs } = options): Promise<'answered' | BusErrorCode> =>
  outcomeOf(bus.request('west', message(1), { timeoutMs }));

const answers = async (bus: Bus): Promise<boolean> => (await outcomeAt(bus)) === 'answered';

const isLost = async (bus: Bus, given = options): Promise<boolean> =>
  (await outcomeAt(bus, given)) === 'unreachable';

/** Two regions with a proxy between east and the NATS of west. */
async function behindProxy(): Promise<{ east: TestBus; west: TestBus; proxy: TcpProxy }> {
  const [eastServer, westServer] = await Promise.all([startNatsServer(), startNatsServer()]);
  onTestFinished(async () => {
    await Promise.all([eastServer.remove(), westServer.remove()]);
  });
  const proxy = await TcpProxy.start(westServer.port);
  onTestFinished(async () => proxy.close());
  const peers = { west: { servers: [`nats://127.0.0.1:${proxy.port}`] } };
  const west = await started(natsBus('west', { servers: [westServer.url] }));
  west.bus.serve(SUBJECT, async (payload) => payload);
  await west.bus.flush();
  const east = await started(natsBus('east', { servers: [eastServer.url] }, { peers }));
  return { east, west, proxy };
}

/** No two bytes that are a part's length apart are the same for long. */
const noise = (length: number, seed: number): Uint8Array => {
  const bytes = new Uint8Array(length);
  for (let at = 0, word = seed; at < length; at++) {
    word = Math.imul(word, 1_103_515_245) + 12_345;
    bytes[at] = word >>> 16;
  }
  return bytes;
};

await natsSuite('the bus over NATS, when something is amiss', NATS_VERSION_MIN, () => {
  test('the nodes of a region share a subject, and each long message goes to one of them', async () => {
    const world = await twoRegions({ maxPayload: 64 * 1024 });
    const access = { servers: [world.westServer.url] };
    const second = await started(natsBus('west', access));
    const calls = [0, 0];
    for (const [at, bus] of [world.west.bus, second.bus].entries()) {
      bus.serve(SUBJECT, async (payload) => {
        calls[at] = (calls[at] ?? 0) + 1;
        return payload;
      });
      await bus.flush();
    }
    const sent = Array.from({ length: 30 }, (_, at) => noise(300_000 + at * 1000, at));
    const came = await Promise.all(
      sent.map(async (payload) =>
        world.east.bus.request('west', { subject: SUBJECT, payload }, { timeoutMs: 20_000 }),
      ),
    );
    expect(
      came.map((payload, at) => Buffer.compare(payload, sent[at] ?? new Uint8Array(0))),
    ).toEqual(sent.map(() => 0));
    expect(Math.min(...calls)).toBeGreaterThan(0);
    expect(calls).toEqual([calls[0], 30 - (calls[0] ?? 0)]);
  });

  test('a node is asked by the others of its region, and asks itself', async () => {
    const world = await echoing();
    const second = await started(natsBus('west', { servers: [world.westServer.url] }));
    for (const { bus } of [world.west, second])
      expect([...(await bus.request('west', message(7), options))]).toEqual([7]);
  });

  test('a server that is killed is unreachable, and asked again once it is back', async () => {
    const { east, westServer } = await echoing();
    expect(await answers(east.bus)).toBe(true);
    await westServer.kill();
    await until('the loss to be known', async () => isLost(east.bus));
    await westServer.restart();
    await until('an answer', async () => answers(east.bus));
    expect(east.metrics.totals.get('tidemark_nats_reconnects_total')).toBeGreaterThan(0);
  });

  test('what was asked when the connection broke is a timeout, at once', async () => {
    const world = await twoRegions();
    let arrived = false;
    world.west.bus.serve(SUBJECT, async () => {
      arrived = true;
      return new Promise(() => {});
    });
    await world.ready();
    const error = busErrorOf(world.east.bus.request('west', message(1), { timeoutMs: 600_000 }));
    await until('the request to arrive', () => arrived);
    await world.westServer.kill();
    expect((await error).code).toBe('timeout');
  });

  test('a server that hangs is left after a few seconds, and used again when it goes on', async () => {
    const { east, westServer } = await echoing();
    expect(await answers(east.bus)).toBe(true);
    westServer.pause();
    onTestFinished(() => westServer.resume());
    await until('the loss to be known', async () => isLost(east.bus, { timeoutMs: 200 }));
    westServer.resume();
    await until('an answer', async () => answers(east.bus));
  });

  test('a server that hangs takes no more than a bounded part of what is asked of it', async () => {
    const { east, westServer } = await echoing();
    expect(await answers(east.bus)).toBe(true);
    westServer.pause();
    onTestFinished(() => westServer.resume());
    const large = { subject: SUBJECT, payload: new Uint8Array(400_000) };
    let takenBytes = 0;
    for (let at = 0; at < 1000; at++) {
      const outcome = await outcomeOf(east.bus.request('west', large, { timeoutMs: 1 }));
      if (outcome === 'unreachable') break;
      takenBytes += large.payload.length;
    }
    expect(takenBytes).toBeLessThan(40 * 1024 * 1024);
    westServer.resume();
    await until('an answer', async () => answers(east.bus));
  });

  test('a link that is slow is borne: what is long takes its time, and the connection is not given up', async () => {
    const { east, proxy } = await behindProxy();
    proxy.set({ bytesPerSecond: 500 * 1024, delayMs: 40 });
    const sent = [noise(1_200_000, 1), noise(1_200_000, 2)];
    const came = await Promise.all(
      sent.map(async (payload) =>
        east.bus.request('west', { subject: SUBJECT, payload }, { timeoutMs: 50_000 }),
      ),
    );
    for (const [at, payload] of came.entries())
      expect(Buffer.compare(payload, sent[at] ?? new Uint8Array(0))).toBe(0);
    expect(east.metrics.totals.get('tidemark_nats_reconnects_total')).toBeUndefined();
    expect(east.logger.messages('warn')).toEqual([]);
  });

  test('a link that carries nothing one way is noticed, and used again when it does', async () => {
    const { east, proxy } = await behindProxy();
    expect(await answers(east.bus)).toBe(true);
    for (const cut of ['toTarget', 'fromTarget'] as const) {
      proxy.set({ [cut]: false });
      await until('the loss to be known', async () => isLost(east.bus, { timeoutMs: 200 }));
      proxy.set({ [cut]: true });
      await until('an answer', async () => answers(east.bus));
    }
  });

  test('a peer that is not there at the start is no failure, and is found when it comes', async () => {
    const [port = 0] = await freePorts(1);
    const server = await startNatsServer();
    onTestFinished(async () => server.remove());
    const peers = { west: { servers: [`nats://127.0.0.1:${port}`] } };
    const east = await started(natsBus('east', { servers: [server.url] }, { peers }));
    const error = await busErrorOf(east.bus.request('west', message(1), options));
    expect(error.code).toBe('unreachable');
    const late = await startNatsServer({ port });
    onTestFinished(async () => late.remove());
    const west = await started(natsBus('west', { servers: [late.url] }));
    west.bus.serve(SUBJECT, async (payload) => payload);
    await until('an answer', async () => answers(east.bus));
    expect(east.logger.messages('warn')).toEqual(['NATS cannot be used']);
  });

  test('a request that is given up soon does not wait for one before it that is given up later', async () => {
    const world = await twoRegions();
    world.west.bus.serve(SUBJECT, async () => new Promise(() => {}));
    await world.ready();
    const ending = new AbortController();
    const ended: string[] = [];
    const ask = async (name: string, timeoutMs: number): Promise<void> => {
      const { signal } = ending;
      const asked = world.east.bus.request('west', message(1), { timeoutMs, signal });
      const { code } = await busErrorOf(asked);
      ended.push(`${name}: ${code}`);
    };
    const late = ask('late', 60_000);
    await Promise.all([ask('soon', 100), ask('sooner', 50)]);
    expect(ended.toSorted()).toEqual(['soon: timeout', 'sooner: timeout']);
    await ask('again', 50);
    ending.abort();
    await late;
    expect(ended.slice(2)).toEqual(['again: timeout', 'late: stopped']);
  });

  test('more than the window holds is refused at once, and taken when there is room again', async () => {
    const world = await twoRegions();
    world.west.bus.serve(SUBJECT, async () => new Promise(() => {}));
    await world.ready();
    const ask = async (bytes: number, signal: AbortSignal) => {
      const payload = new Uint8Array(bytes);
      return busErrorOf(
        world.east.bus.request(
          'west',
          { subject: SUBJECT, payload },
          { timeoutMs: 60_000, signal },
        ),
      );
    };
    for (const [bytes, count] of [
      [PAYLOAD_BYTES_MAX, WINDOW_BYTES_MAX / PAYLOAD_BYTES_MAX],
      [1, WINDOW_MESSAGES_MAX],
    ] as const) {
      const ending = new AbortController();
      const asked = Array.from({ length: count }, async () => ask(bytes, ending.signal));
      const error = await ask(bytes, ending.signal);
      expect(error.code).toBe('unreachable');
      expect(error.message).toContain('window');
      ending.abort();
      const codes = new Set((await Promise.all(asked)).map(({ code }) => code));
      expect(codes).toEqual(new Set(['stopped']));
    }
    world.west.bus.serve(subjectOf('west', 'control.table'), async (payload) => payload);
    await world.ready();
    const again = { subject: subjectOf('west', 'control.table'), payload: Uint8Array.of(1) };
    expect([...(await world.east.bus.request('west', again, options))]).toEqual([1]);
  });

  test('a link that is cut carries nothing, one that is slow takes its time, each in its direction', async () => {
    const { east, west } = await echoing();
    east.bus.links.set('west', { up: false });
    const cut = await busErrorOf(east.bus.request('west', message(1), options));
    expect(cut.code).toBe('unreachable');
    east.bus.links.set('west', { up: true });
    west.bus.links.set('east', { up: false });
    const lost = await busErrorOf(east.bus.request('west', message(1), { timeoutMs: 100 }));
    expect(lost.code).toBe('timeout');
    west.bus.links.set('east', { up: true, delayMs: 60 });
    east.bus.links.set('west', { delayMs: 60 });
    const sinceMs = performance.now();
    expect([...(await east.bus.request('west', message(1), options))]).toEqual([1]);
    // Each of the two timers may fire a millisecond early.
    expect(performance.now() - sinceMs).toBeGreaterThanOrEqual(118);
    expect(east.bus.links.get('west')).toEqual({ up: true, delayMs: 60 });
    expect(() => east.bus.links.set('west', { delayMs: -1 })).toThrow(RangeError);
  });

  test('a bus that stops rejects what it asked, serves nothing, and keeps its links when it starts again', async () => {
    const world = await twoRegions();
    world.west.bus.serve(SUBJECT, async () => new Promise(() => {}));
    await world.ready();
    world.east.bus.links.set('west', { delayMs: 7 });
    const asked = busErrorOf(world.east.bus.request('west', message(1), { timeoutMs: 60_000 }));
    await world.east.bus.stop();
    expect((await asked).code).toBe('stopped');
    await world.west.bus.stop();
    await Promise.all([world.east.bus.start(), world.west.bus.start()]);
    const unserved = await busErrorOf(world.east.bus.request('west', message(1), options));
    expect(unserved.code).toBe('unreachable');
    expect(world.east.bus.links.get('west')).toEqual({ up: true, delayMs: 7 });
    world.west.bus.serve(SUBJECT, async (payload) => payload);
    await world.ready();
    expect(await answers(world.east.bus)).toBe(true);
  });

  test('a peer that speaks another version is refused in words that name both, until it speaks ours', async () => {
    const world = await twoRegions();
    await world.west.bus.stop();
    expect(await answers(world.east.bus)).toBe(false);
    const other = await connectNats({ servers: [world.westServer.url] }, { name: 'test' });
    onTestFinished(async () => other.close());
    const hello = other.subscribe(helloSubjectOf('west'), {
      callback: (_, { reply = '' }) =>
        other.publish(reply, JSON.stringify({ release: '9.0.0', wireVersions: [8, 9] })),
    });
    other.subscribe(SUBJECT, { callback: (_, { reply = '' }) => other.publish(reply, 'guessed') });
    await other.flush();
    await until('the other to be heard', async () => {
      const error = await busErrorOf(world.east.bus.request('west', message(1), options));
      return error.message.includes('release 9.0.0');
    });
    for (let times = 0; times < 3; times++) {
      const error = await busErrorOf(world.east.bus.request('west', message(1), options));
      expect(error.code).toBe('unreachable');
      expect(error.message).toContain('release 9.0.0, which speaks version 8, 9 of the wire');
      expect(error.message).toContain('release 0.1.0, which speaks version 1');
    }
    expect(world.east.logger.messages('error')).toEqual(['the peer is refused']);
    hello.unsubscribe();
    await world.west.bus.start();
    await world.ready();
    await until('the peer to be asked', async () => {
      const asked = world.east.bus.request('west', message(1), options);
      return asked.then(
        (answer) => Buffer.from(answer).toString() === 'guessed',
        () => false,
      );
    });
  });

  test('what comes from no daemon is answered with an error, and nothing is disturbed', async () => {
    const { east, westServer } = await echoing();
    const stranger = await connectNats({ servers: [westServer.url] }, { name: 'stranger' });
    onTestFinished(async () => stranger.close());
    stranger.publish(SUBJECT, 'no reply wanted');
    const answer = await stranger.request(SUBJECT, 'who am I', { timeout: 1000 });
    expect(answer.string()).toContain('nobody that says who it is');
    expect(await answers(east.bus)).toBe(true);
  });
});
