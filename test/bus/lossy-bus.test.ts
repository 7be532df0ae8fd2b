import { expect, test } from 'vitest';

import { BusError } from '../../src/bus/bus.ts';
import { InProcessNetwork } from '../../src/bus/in-process-network.ts';
import { persistently, registerBusSuite } from '../suites/bus-suite.ts';
import { LossyBus, NO_FAULTS } from '../support/lossy-bus.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const SUBJECT = 'tidemark.v1.west.replication.ship';
const FAULTS = { dropRequest: 0.2, dropAnswer: 0.2, duplicate: 0.3, delayMsMax: 50 };

async function makeWorld(seed: number) {
  const clock = new VirtualClock();
  const network = new InProcessNetwork(clock);
  const [east, west] = [network.endpoint('east'), network.endpoint('west')];
  await Promise.all([east.start(), west.start()]);
  const lossy = new LossyBus(east, { clock, random: new SeededRandom(seed), faults: FAULTS });
  return { clock, network, lossy, west };
}

for (const seed of [1, 2, 3]) {
  registerBusSuite(`the lossy bus, seed ${seed}`, async () => {
    const { clock, network, lossy, west } = await makeWorld(seed);
    return {
      east: lossy,
      west,
      settle: async (promise) => clock.runUntilSettled(promise),
      close: async () => network.close(),
    };
  });
}

/** What arrived of fifty messages that were sent at once, and how each request ended. */
async function story(seed: number): Promise<{ arrived: number[]; outcomes: string[] }> {
  const { clock, network, lossy, west } = await makeWorld(seed);
  const arrived: number[] = [];
  west.serve(SUBJECT, async (payload) => {
    arrived.push(payload[0] ?? -1);
    return payload;
  });
  const asked = Array.from({ length: 50 }, async (_, at) =>
    lossy
      .request('west', { subject: SUBJECT, payload: Uint8Array.of(at) }, { timeoutMs: 200 })
      .then(
        () => 'answered',
        (error: unknown) => (error instanceof BusError ? error.code : 'other'),
      ),
  );
  const outcomes = await clock.runUntilSettled(Promise.all(asked));
  await clock.runUntilIdle();
  await network.close();
  return { arrived, outcomes };
}

test('the lossy bus loses, repeats and reorders, and one seed tells one story', async () => {
  const first = await story(7);
  expect(await story(7)).toEqual(first);
  expect(await story(8)).not.toEqual(first);
  const distinct = new Set(first.arrived);
  expect(distinct.size).toBeLessThan(50);
  expect(first.arrived.length).toBeGreaterThan(distinct.size);
  expect(first.arrived).not.toEqual(first.arrived.toSorted((left, right) => left - right));
  expect(new Set(first.outcomes)).toEqual(new Set(['answered', 'timeout']));
});

test('after healing every request is answered, by its own answer, at the first attempt', async () => {
  const { clock, network, lossy, west } = await makeWorld(11);
  let calls = 0;
  west.serve(SUBJECT, async (payload) => {
    calls++;
    return payload;
  });
  const ask = async (at: number) =>
    lossy.request('west', { subject: SUBJECT, payload: Uint8Array.of(at) }, { timeoutMs: 200 });
  for (let at = 0; at < 50; at++) {
    const answer = await clock.runUntilSettled(persistently(async () => ask(at)));
    expect(answer).toEqual(Uint8Array.of(at));
  }
  lossy.set(NO_FAULTS);
  await clock.runUntilIdle();
  calls = 0;
  for (let at = 0; at < 50; at++) {
    expect(await clock.runUntilSettled(ask(at))).toEqual(Uint8Array.of(at));
  }
  expect(calls).toBe(50);
  await network.close();
});
