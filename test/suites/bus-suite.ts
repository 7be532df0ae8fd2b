import { describe, expect, test } from 'vitest';

import type { Bus, RequestHandler } from '../../src/bus/bus.ts';
import { BusError, PAYLOAD_BYTES_MAX } from '../../src/bus/bus.ts';

/** Two regions that can reach each other, made anew for every test. */
export interface BusWorld {
  readonly east: Bus;
  readonly west: Bus;
  /** Lets time pass until the promise is settled. */
  settle<T>(promise: Promise<T>): Promise<T>;
  /** Where it takes a moment: resolves when each region can be asked for what the other serves, and for nothing else. */
  ready?(): Promise<void>;
  /** How long an answer may take, where that is real time and the machine may be busy. */
  readonly answerMs?: number;
  close(): Promise<void>;
}

const SUBJECT = 'tidemark.v1.west.clock.read';
const TIMEOUT_MS = 1000;
const ATTEMPTS_MAX = 200;

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (payload: Uint8Array): string => new TextDecoder().decode(payload);

/** The error of a promise that must reject with a `BusError`. */
export async function busErrorOf(promise: Promise<unknown>): Promise<BusError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof BusError) return error;
    throw error;
  }
  throw new Error('expected a BusError');
}

/** Asks again after a timeout: the one thing that every bus lets its users rely on. */
export async function persistently(ask: () => Promise<Uint8Array>): Promise<Uint8Array> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      const again = error instanceof BusError && error.code === 'timeout';
      if (!again || attempt === ATTEMPTS_MAX) throw error;
    }
  }
}

const ask = async (world: BusWorld, payload: Uint8Array, subject = SUBJECT) => {
  await world.ready?.();
  const timeoutMs = world.answerMs ?? TIMEOUT_MS;
  return world.settle(
    persistently(async () => world.east.request('west', { subject, payload }, { timeoutMs })),
  );
};

const echo: RequestHandler = async (payload, from) => bytes(`${from}: ${textOf(payload)}`);

/** What every `Bus` promises, also one that loses, repeats and reorders. */
export function registerBusSuite(name: string, makeWorld: () => Promise<BusWorld>): void {
  const inWorld = (story: (world: BusWorld) => Promise<void>) => async () => {
    const world = await makeWorld();
    try {
      await story(world);
    } finally {
      await world.close();
    }
  };

  describe(`bus: ${name}`, () => {
    test(
      'an answer reaches the asker, and the handler knows who asks',
      inWorld(async (world) => {
        world.west.serve(SUBJECT, echo);
        expect(textOf(await ask(world, bytes('hello')))).toBe('east: hello');
      }),
    );

    test(
      'payloads arrive whole, the empty one and the longest included',
      inWorld(async (world) => {
        world.west.serve(SUBJECT, async (payload) => payload);
        for (const length of [0, 1, 4096, PAYLOAD_BYTES_MAX]) {
          const payload = new Uint8Array(length).fill(length % 251);
          const answer = await ask(world, payload);
          expect(Buffer.compare(answer, payload)).toBe(0);
        }
      }),
    );

    test(
      'many requests at once get their own answers',
      inWorld(async (world) => {
        world.west.serve(SUBJECT, echo);
        await world.ready?.();
        const words = Array.from({ length: 100 }, (_, at) => `word ${at}`);
        const answers = await world.settle(
          Promise.all(
            words.map(async (word) =>
              persistently(async () =>
                world.east.request(
                  'west',
                  { subject: SUBJECT, payload: bytes(word) },
                  { timeoutMs: TIMEOUT_MS },
                ),
              ),
            ),
          ),
        );
        expect(answers.map(textOf)).toEqual(words.map((word) => `east: ${word}`));
      }),
    );

    test(
      "a handler's error reaches the asker with its code and its words",
      inWorld(async (world) => {
        world.west.serve(SUBJECT, async () => {
          throw Object.assign(new Error('no such log'), { code: 'unknown-log' });
        });
        const error = await busErrorOf(ask(world, bytes('')));
        expect(error).toMatchObject({ code: 'remote', remoteCode: 'unknown-log' });
        expect(error.message).toContain('no such log');
      }),
    );

    test(
      'an error without a code is remote without one',
      inWorld(async (world) => {
        world.west.serve(SUBJECT, async () => {
          throw new RangeError('odd');
        });
        const error = await busErrorOf(ask(world, bytes('')));
        expect(error).toMatchObject({ code: 'remote', remoteCode: undefined });
      }),
    );

    test(
      'a payload above the limit is refused before it is sent',
      inWorld(async (world) => {
        let calls = 0;
        world.west.serve(SUBJECT, async (payload) => {
          calls++;
          return payload;
        });
        const error = await busErrorOf(ask(world, new Uint8Array(PAYLOAD_BYTES_MAX + 1)));
        expect(error.code).toBe('too-large');
        expect(calls).toBe(0);
      }),
    );

    test(
      'an answer above the limit is a remote failure',
      inWorld(async (world) => {
        world.west.serve(SUBJECT, async () => new Uint8Array(PAYLOAD_BYTES_MAX + 1));
        const error = await busErrorOf(ask(world, bytes('')));
        expect(error).toMatchObject({ code: 'remote', remoteCode: 'too-large' });
      }),
    );

    test(
      'a subject that nobody serves is unreachable, as is one that is served no longer',
      inWorld(async (world) => {
        expect((await busErrorOf(ask(world, bytes('')))).code).toBe('unreachable');
        const stopServing = world.west.serve(SUBJECT, echo);
        expect(textOf(await ask(world, bytes('x')))).toBe('east: x');
        stopServing();
        expect((await busErrorOf(ask(world, bytes('')))).code).toBe('unreachable');
      }),
    );

    test(
      'a region that is not there is unreachable',
      inWorld(async (world) => {
        const asked = world.east.request(
          'nowhere',
          { subject: SUBJECT, payload: bytes('') },
          { timeoutMs: TIMEOUT_MS },
        );
        expect(['unreachable', 'timeout']).toContain((await world.settle(busErrorOf(asked))).code);
      }),
    );

    test(
      'a handler that does not answer is a timeout',
      inWorld(async (world) => {
        world.west.serve(SUBJECT, async () => new Promise(() => {}));
        await world.ready?.();
        const asked = world.east.request(
          'west',
          { subject: SUBJECT, payload: bytes('') },
          { timeoutMs: TIMEOUT_MS },
        );
        expect((await world.settle(busErrorOf(asked))).code).toBe('timeout');
      }),
    );

    test(
      'who aborts a request learns that it stopped, before and while it runs',
      inWorld(async (world) => {
        world.west.serve(SUBJECT, async () => new Promise(() => {}));
        await world.ready?.();
        const message = { subject: SUBJECT, payload: bytes('') };
        const early = world.east.request('west', message, {
          timeoutMs: TIMEOUT_MS,
          signal: AbortSignal.abort(),
        });
        expect((await world.settle(busErrorOf(early))).code).toBe('stopped');
        const controller = new AbortController();
        const late = busErrorOf(
          world.east.request('west', message, {
            timeoutMs: TIMEOUT_MS,
            signal: controller.signal,
          }),
        );
        controller.abort();
        expect((await world.settle(late)).code).toBe('stopped');
      }),
    );
  });
}
