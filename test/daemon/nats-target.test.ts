import { jetstreamManager } from '@nats-io/jetstream';
import { expect, onTestFinished, test } from 'vitest';

import { connectNats, natsHeaders, type NatsConnection } from '../../src/bus/nats-connection.ts';
import { NATS_VERSION_MIN } from '../../src/cli/nats-server.ts';
import { NatsDeadLetters, NatsTarget, TriggerNats } from '../../src/daemon/nats-target.ts';
import { SystemClock } from '../../src/daemon/system-clock.ts';
import type { InvocationOutcome } from '../../src/triggers/trigger-target.ts';
import { startNatsServer, type TestNatsOptions } from '../support/nats-servers.ts';
import { natsSuite } from '../support/nats-suite.ts';
import { until } from '../support/until.ts';

interface World {
  readonly nats: TriggerNats;
  readonly consumer: NatsConnection;
  readonly stopServer: () => Promise<void>;
}

async function world(options: TestNatsOptions = {}): Promise<World> {
  const server = await startNatsServer(options);
  const access = { servers: [`nats://127.0.0.1:${server.port}`] };
  const consumer = await connectNats(access, { name: 'consumer' });
  const nats = new TriggerNats({ access, name: 'triggers', clock: new SystemClock() });
  onTestFinished(async () => {
    await nats.stop();
    await consumer.close();
    await server.stop();
  });
  return { nats, consumer, stopServer: async () => server.stop() };
}

async function invoke(
  nats: TriggerNats,
  { timeoutMs = 10_000, signal = new AbortController().signal } = {},
): Promise<InvocationOutcome> {
  const target = new NatsTarget(nats, 'orders.changed');
  return target.invoke({ requestId: 'request-1', event: '{"Records":[]}', timeoutMs, signal });
}

await natsSuite('triggers over NATS', NATS_VERSION_MIN, () => {
  test('a batch is a request, and what the consumer answers is as a function answers', async () => {
    const { nats, consumer } = await world();
    expect(await invoke(nats)).toEqual({
      kind: 'unreachable',
      words: 'nobody listens to orders.changed',
    });
    const answers = [
      { said: '', outcome: { kind: 'answered', payload: undefined } },
      { said: 'taken', outcome: { kind: 'answered', payload: undefined } },
      {
        said: '{"batchItemFailures":[]}',
        outcome: { kind: 'answered', payload: { batchItemFailures: [] } },
      },
      { said: '{"errorMessage":"no"}', outcome: { kind: 'failed', words: 'no' } },
      { said: '{"error":{"code":503}}', outcome: { kind: 'failed', words: '{"code":503}' } },
    ];
    const seen: unknown[] = [];
    let answer = answers[0];
    consumer.subscribe('orders.changed', {
      callback: (_error, message) => {
        seen.push([message.string(), message.headers?.get('Tidemark-Request-Id')]);
        message.respond(answer?.said ?? '');
      },
    });
    await consumer.flush();
    for (answer of answers) expect(await invoke(nats)).toMatchObject(answer.outcome);
    expect(seen[0]).toEqual(['{"Records":[]}', 'request-1']);
  });

  test('an error of a NATS service is failure', async () => {
    const { nats, consumer } = await world();
    const headers = natsHeaders({ 'Nats-Service-Error-Code': '500', 'Nats-Service-Error': 'no' });
    consumer.subscribe('orders.changed', {
      callback: (_error, message) => {
        message.respond('', { headers });
      },
    });
    await consumer.flush();
    expect(await invoke(nats)).toMatchObject({ kind: 'failed', words: '500 no' });
  });

  test('a consumer that does not answer in time has failed, and a stop cuts it off', async () => {
    const { nats, consumer } = await world();
    consumer.subscribe('orders.changed', { callback: () => {} });
    await consumer.flush();
    expect(await invoke(nats, { timeoutMs: 100 })).toMatchObject({ kind: 'failed' });
    const cut = new AbortController();
    const runs = invoke(nats, { timeoutMs: 600_000, signal: cut.signal });
    cut.abort();
    expect(await runs).toMatchObject({ kind: 'failed', words: 'the daemon stops' });
  });

  test('a stream of JetStream takes batches and letters, and says so', async () => {
    const { nats, consumer } = await world({ jetStream: true });
    const manager = await jetstreamManager(consumer);
    await manager.streams.add({ name: 'ALL', subjects: ['orders.>', 'letters'] });
    expect(await invoke(nats)).toMatchObject({
      kind: 'answered',
      payload: { stream: 'ALL', seq: 1 },
    });
    await new NatsDeadLetters(nats, 'letters').put('{"payload":"x"}');
    const kept = await until('the letter to be kept', async () => {
      const { state } = await manager.streams.info('ALL');
      return state.messages === 2 ? state : undefined;
    });
    expect(kept.last_seq).toBe(2);
  });

  test('a letter that is too long for a message goes without its event', async () => {
    const { nats, consumer } = await world({ maxPayload: 4096 });
    const letters: unknown[] = [];
    consumer.subscribe('letters', {
      callback: (_error, message) => {
        letters.push(message.json());
      },
    });
    await consumer.flush();
    const dead = new NatsDeadLetters(nats, 'letters');
    await dead.put(JSON.stringify({ version: '1.0', payload: 'x'.repeat(5000) }));
    await until('the letter', () => letters.length > 0);
    expect(letters).toEqual([{ version: '1.0' }]);
    expect(new NatsTarget(nats, 'orders.changed').eventBytesMax).toBe(4096 - 1024);
  });

  test('a server that is away is out of reach for batches, and letters are refused', async () => {
    const { nats, stopServer } = await world();
    await nats.connection();
    await stopServer();
    await until('the loss to be seen', async () => {
      const outcome = await invoke(nats, { timeoutMs: 500 });
      return outcome.kind === 'unreachable';
    });
    await expect(new NatsDeadLetters(nats, 'letters').put('{}')).rejects.toThrow(
      'no NATS server can be reached',
    );
  });
});
