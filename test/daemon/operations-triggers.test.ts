import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

import { expect, test } from 'vitest';

import {
  changeTriggers,
  readTriggers,
  TriggerRequestError,
} from '../../src/daemon/operations-triggers.ts';
import { ordersWorld } from '../support/trigger-world.ts';

// oxlint-disable typescript/no-unsafe-type-assertion -- all that is read of a request
const from = (remoteAddress: string, headers: IncomingHttpHeaders = {}): IncomingMessage =>
  ({
    headers: { host: 'localhost:9001', ...headers },
    socket: { remoteAddress },
  }) as IncomingMessage;

const LEAST = { name: 't', table: 'orders', to: 'https://example.com/' };

async function started() {
  const { world } = await ordersWorld();
  const post = async (
    words: readonly string[],
    body: unknown = {},
    request = from('127.0.0.1'),
  ): Promise<unknown> => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const asked = changeTriggers(world.triggers, words, { request, body: text });
    return world.clock.runUntilSettled(asked);
  };
  const refusal = async (...asked: Parameters<typeof post>): Promise<unknown> => {
    try {
      return await post(...asked);
    } catch (error) {
      if (!(error instanceof TriggerRequestError)) throw error;
      return [error.status, error.message];
    }
  };
  return { world, post, refusal };
}

test('a trigger is made, shown, paused, resumed and deleted', async () => {
  const { world, post, refusal } = await started();
  expect(await post([], { ...LEAST, batchSize: 5 })).toMatchObject({
    ...LEAST,
    batchSize: 5,
    state: 'running',
    streamArn: expect.stringContaining('table/orders/stream/'),
    created: expect.stringMatching(/^2026-01-01T/u),
  });
  expect(await refusal([], LEAST)).toEqual([409, 'there is a trigger t already']);
  await world.clock.advance(1000);
  expect(await readTriggers(world.triggers, undefined)).toMatchObject({
    triggers: [{ name: 't', state: 'running', lagMs: 0, pendingRecords: 0 }],
  });
  expect(await post(['t', 'pause'])).toMatchObject({ state: 'paused' });
  expect(await readTriggers(world.triggers, 't')).not.toHaveProperty('lagMs');
  expect(await post(['t', 'resume'])).toMatchObject({ name: 't' });
  expect(await post(['t', 'delete'])).toEqual({ deleted: 't' });
  await expect(readTriggers(world.triggers, 't')).rejects.toMatchObject({
    status: 404,
    message: 'there is no trigger t',
  });
  await world.stop();
});

test('a trigger is changed in what is said, and shown so', async () => {
  const { world, post, refusal } = await started();
  await post([], { ...LEAST, batchSize: 5, onFailure: 'nats:letters' });
  expect(await post(['t', 'update'], { batchSize: 7, bisectOnError: true })).toMatchObject({
    ...LEAST,
    batchSize: 7,
    bisectOnError: true,
    onFailure: 'nats:letters',
    state: 'waiting',
  });
  expect(await post(['t', 'update'], { onFailure: null, paused: true })).toMatchObject({
    batchSize: 7,
    state: 'paused',
  });
  expect(await readTriggers(world.triggers, 't')).not.toHaveProperty('onFailure');
  expect(await post(['t', 'update'], { paused: false, batchSize: null })).toMatchObject({
    batchSize: 100,
    state: 'waiting',
  });
  const wrong: readonly (readonly [unknown, unknown])[] = [
    [{ batchSize: 0 }, [400, expect.stringContaining('"batchSize": expected a whole number')]],
    [{ table: 'other' }, [400, '"table" stays as it is: make another trigger']],
    [{ startingPosition: 'TRIM_HORIZON' }, [400, expect.stringContaining('"startingPosition"')]],
    [{ to: null }, [400, '"to": expected text']],
    [{ enabled: true }, [400, 'unknown members: enabled']],
    [{ paused: 'no' }, [400, '"paused": expected true or false']],
    ['[]', [400, 'expected a JSON object']],
  ];
  for (const [body, expected] of wrong)
    expect(await refusal(['t', 'update'], body)).toEqual(expected);
  expect(await refusal(['u', 'update'], { batchSize: 1 })).toEqual([404, 'there is no trigger u']);
  const token = from('10.0.0.7', { authorization: 'Bearer a token of sixteen' });
  for (const files of [{ to: 'module:/srv/h.mjs' }, { onFailure: 'file:/etc/passwd' }])
    expect(await refusal(['t', 'update'], files, token)).toEqual([
      403,
      expect.stringContaining('only from there may they be given'),
    ]);
  expect(await post(['t', 'update'], { batchSize: 3 }, token)).toMatchObject({ batchSize: 3 });
  await world.stop();
});

test('a trigger may be made that rests', async () => {
  const { world, post } = await started();
  expect(await post([], { ...LEAST, paused: true })).toMatchObject({ state: 'paused' });
  await world.stop();
});

test.each([
  ['{', [400, 'no JSON']],
  ['[]', [400, 'expected a JSON object']],
  [{ ...LEAST, paused: 1 }, [400, '"paused": expected true or false']],
  [
    { ...LEAST, to: 'x', batchSize: 0 },
    [400, expect.stringMatching(/"to": x is none of .*; "batchSize": expected/u)],
  ],
  [{ ...LEAST, table: 'none' }, [409, expect.stringContaining('no table none with a stream')]],
])('%j is refused', async (body, expected) => {
  const { world, refusal } = await started();
  expect(await refusal([], body)).toEqual(expected);
  await world.stop();
});

test.each([
  [
    ['t', 'pause'],
    [404, 'there is no trigger t'],
  ],
  [
    ['t', 'drop'],
    [404, 'a trigger can be told: update, pause, resume or delete'],
  ],
])('%j of nothing is refused', async (words, expected) => {
  const { world, refusal } = await started();
  expect(await refusal(words)).toEqual(expected);
  await world.stop();
});

test('files of the machine are named from the machine alone, with a token too', async () => {
  const { world, post, refusal } = await started();
  const token = { authorization: 'Bearer a token of sixteen' };
  const elsewhere = [
    from('10.0.0.7', token),
    from('127.0.0.1', { ...token, host: 'evil.example' }),
    from('127.0.0.1', { ...token, origin: 'https://evil.example' }),
  ];
  for (const request of elsewhere) {
    for (const files of [{ to: 'module:/srv/h.mjs' }, { onFailure: 'file:/etc/passwd' }])
      expect(await refusal([], { ...LEAST, ...files }, request)).toEqual([
        403,
        expect.stringContaining('only from there may they be given'),
      ]);
  }
  expect(await post([], LEAST, from('10.0.0.7', token))).toMatchObject({ name: 't' });
  expect(await post([], { ...LEAST, name: 'm', to: 'module:/srv/h.mjs' })).toMatchObject({
    to: 'module:/srv/h.mjs',
  });
  await world.stop();
});
