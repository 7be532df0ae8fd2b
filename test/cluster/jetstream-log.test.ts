import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { present } from '../../src/base/assert.ts';
import { connectNats } from '../../src/bus/nats-connection.ts';
import { JETSTREAM_VERSION_MIN } from '../../src/cli/nats-server.ts';
import { SystemClock } from '../../src/daemon/system-clock.ts';
import { continues, EMPTY_END, endOf } from '../../src/log/chain.ts';
import type { Entry } from '../../src/log/entry.ts';
import { type JetStreamConnection, NatsStreams } from '../../src/log/jetstream/nats-streams.ts';
import { StreamLog, type StreamLogOptions } from '../../src/log/jetstream/stream-log.ts';
import { type LogStream, streamNameOf } from '../../src/log/jetstream/stream-names.ts';
import type { AppendOutcome } from '../../src/log/replicated-log.ts';
import { replicatedLogSuite } from '../suites/replicated-log-suite.ts';
import { LogWriter, readAll, textOf } from '../support/log-region.ts';
import {
  startNatsCluster,
  startNatsServer,
  type TestNatsCluster,
  type TestNatsServer,
} from '../support/nats-servers.ts';
import { natsSuite } from '../support/nats-suite.ts';

const clock = new SystemClock();
const REGION = 'us-east-1';
const LEASE_MS = 300;
const MAX_PAYLOAD = 8 * 1024 * 1024;
const MINUTE = 60_000;

/** Servers, and the streams and logs that a test makes there. */
class Region {
  readonly cluster: TestNatsCluster;
  readonly #replicas: 1 | 3;
  readonly #connections: JetStreamConnection[] = [];
  readonly #logs: StreamLog[] = [];
  #partitions = 0;

  constructor(cluster: TestNatsCluster, replicas: 1 | 3) {
    this.cluster = cluster;
    this.#replicas = replicas;
  }

  static async start(size: 1 | 3): Promise<Region> {
    const options = { jetStream: true, syncAlways: true, maxPayload: MAX_PAYLOAD };
    if (size === 3) return new Region(await startNatsCluster(size, options), size);
    const server = await startNatsServer(options);
    const { url, monitorUrl } = server;
    const remove = async (): Promise<void> => server.remove();
    return new Region({ servers: [server], urls: [url], monitorUrls: [monitorUrl], remove }, size);
  }

  /** As one process sees them. */
  async streams(): Promise<NatsStreams> {
    const connection = await connectNats({ servers: this.cluster.urls }, { name: 'test' });
    this.#connections.push(connection);
    const streams = new NatsStreams({ region: REGION, clock, replicas: this.#replicas });
    await streams.use(connection);
    return streams;
  }

  async newStream(streams: NatsStreams): Promise<LogStream> {
    const stream = { partition: this.#partitions, generation: 1 };
    this.#partitions += 1;
    await streams.create(stream);
    return stream;
  }

  async open(
    streams: NatsStreams,
    stream: LogStream,
    options: Partial<StreamLogOptions> = {},
  ): Promise<StreamLog> {
    const broker = streams.broker(stream);
    const { partition } = stream;
    const log = await StreamLog.open({ broker, partition, clock, leaseMs: LEASE_MS, ...options });
    this.#logs.push(log);
    return log;
  }

  /** The server that leads a stream. */
  async leaderOf(stream: LogStream): Promise<TestNatsServer> {
    const [alone] = this.cluster.servers;
    if (alone !== undefined && this.#replicas === 1) return alone;
    const name = streamNameOf(REGION, stream);
    for (const { monitorUrl } of this.cluster.servers) {
      const response = await fetch(`${monitorUrl}/jsz?streams=true&accounts=true`);
      const text = await response.text();
      const [, leader] =
        new RegExp(`"name": "${name}"[^]*?"leader": "([^"]*)"`, 'u').exec(text) ?? [];
      const at = Number(leader?.split('-')[1]);
      const server = this.cluster.servers[at];
      if (leader !== undefined && server !== undefined) return server;
    }
    throw new Error(`${name} has no leader`);
  }

  async closeLogs(): Promise<void> {
    for (const log of this.#logs.splice(0)) log.close();
    for (const connection of this.#connections.splice(0)) await connection.close();
  }
}

/** Waits until an epoch may be opened, and opens it. */
async function lead(log: StreamLog, logId?: string): Promise<LogWriter> {
  for (;;) {
    await clock.sleep(log.challengeInMs);
    if (!(await log.refresh())) continue;
    const writer = new LogWriter(log, logId ?? 'log-1');
    if (log.mayChallenge && (await writer.open()) === 'durable') return writer;
    await clock.sleep(20);
  }
}

/** As a leader's pipeline does: a barrier until one is durable; then what stands in front of it is known. */
async function recover(log: StreamLog): Promise<LogWriter> {
  for (;;) {
    const writer = new LogWriter(log);
    if ((await writer.open()) === 'durable') return writer;
    await clock.sleep(50);
    await log.refresh();
  }
}

const payloadOf = (entries: readonly Entry[]): readonly string[] =>
  entries.filter(({ kind }) => kind === 'records').map(textOf);

function expectChain(entries: readonly Entry[]): void {
  let end = EMPTY_END;
  for (const entry of entries) {
    expect(continues(end, entry)).toBe(true);
    end = endOf(entry);
  }
}

for (const size of [1, 3] as const)
  await natsSuite(`a log in JetStream, ${size} of ${size}`, JETSTREAM_VERSION_MIN, () => {
    let region: Region;

    beforeAll(async () => {
      region = await Region.start(size);
    }, MINUTE);

    afterEach(async () => region.closeLogs());

    afterAll(async () => region.cluster.remove());

    replicatedLogSuite(`a stream of ${size}`, async () => {
      const streams = await region.streams();
      const stream = await region.newStream(streams);
      return {
        log: await region.open(streams, stream),
        reopen: async () => {
          const again = await region.open(await region.streams(), stream);
          await clock.sleep(again.challengeInMs);
          return again;
        },
        remove: async () => region.closeLogs(),
      };
    });

    describe('streams', () => {
      test('are made once, listed and removed', async () => {
        const streams = await region.streams();
        const stream = await region.newStream(streams);
        await streams.create(stream);
        const next = { ...stream, generation: 2 };
        await streams.create(next);
        const listed = await streams.list();
        expect(listed).toContainEqual(stream);
        expect(listed).toContainEqual(next);
        expect(await streams.delete(stream)).toBe(true);
        expect(await streams.delete(stream)).toBe(false);
        expect(await streams.list()).not.toContainEqual(stream);
      });

      test('a broker tells a wrong last number from everything else, and purges to an entry at most', async () => {
        const streams = await region.streams();
        const broker = streams.broker(await region.newStream(streams));
        expect(await broker.bounds()).toEqual({ first: 1, last: 0, bytes: 0 });
        expect(await broker.publish(Buffer.from('one'), 0)).toEqual({
          kind: 'stored',
          sequence: 1,
        });
        expect(await broker.publish(Buffer.from('late'), 0)).toEqual({ kind: 'refused' });
        expect(await broker.publish(Buffer.from('two'), 1)).toEqual({
          kind: 'stored',
          sequence: 2,
        });
        expect((await broker.read(1, 1)).length).toBeGreaterThanOrEqual(1);
        const all = await broker.read(1, 1000);
        expect(all.map(({ payload }) => Buffer.from(payload).toString())).toEqual(['one', 'two']);
        await expect(broker.read(3, 1000)).rejects.toMatchObject({ code: 'not found' });
        await broker.purge(99);
        const { bytes, ...bounds } = await broker.bounds();
        expect(bounds).toEqual({ first: 2, last: 2 });
        expect(bytes).toBeGreaterThan(3);
        await expect(broker.read(1, 1000)).rejects.toMatchObject({ code: 'not found' });
        const gone = streams.broker({ partition: 999, generation: 1 });
        await expect(gone.bounds()).rejects.toMatchObject({ code: 'not found' });
        expect(await gone.publish(Buffer.from('x'), 0)).toEqual({ kind: 'unknown' });
      });
    });

    test('two writers fight for a log, and the chain holds', async () => {
      const streams = await Promise.all([region.streams(), region.streams()]);
      const stream = await region.newStream(streams[0]);
      const logs = await Promise.all(
        streams.map(async (each) => region.open(each, stream, { leaseMs: 0 })),
      );
      const durable: string[] = [];
      await Promise.all(
        logs.map(async (log, at) => {
          for (let round = 0; round < 8; round += 1) {
            const writer = await recover(log);
            const texts = Array.from({ length: 10 }, (_, count) => `${at}/${round}/${count}`);
            const outcomes = await Promise.all(texts.map(async (text) => writer.append(text)));
            for (const [place, outcome] of outcomes.entries())
              if (outcome === 'durable') durable.push(texts[place] ?? '');
          }
        }),
      );
      for (const log of logs) {
        expect(await log.refresh()).toBe(true);
        const entries = await readAll(log, 100_000);
        expectChain(entries);
        const found = new Set(payloadOf(entries));
        expect(durable.filter((text) => !found.has(text))).toEqual([]);
      }
      expect(logs[0]?.end).toEqual(logs[1]?.end);
    });

    test('a follower hears soon of what a leader appends, and leads when the leader falls silent or resigns', async () => {
      const [first, second] = await Promise.all([region.streams(), region.streams()]);
      const stream = await region.newStream(first);
      const leading = await region.open(first, stream);
      const following = await region.open(second, stream);
      const writer = await lead(leading);
      const heard = new Promise<void>((resolve) => {
        following.onMoved(() => {
          if (following.end.index === 2) resolve();
        });
      });
      await writer.append('one');
      await heard;
      expect(following.end).toEqual(leading.end);
      expect(leading.holdsLease).toBe(true);
      expect(following.mayChallenge).toBe(false);
      expect(await new LogWriter(following).open()).toBe('refused');
      const next = await lead(following);
      expect(leading.holdsLease).toBe(false);
      await expect(leading.confirm()).rejects.toMatchObject({ code: 'unavailable' });
      expect(await next.resign()).toBe('durable');
      await expect(following.confirm()).rejects.toMatchObject({ code: 'unavailable' });
      expect(await next.append('behind it')).toBe('refused');
      await leading.refresh();
      expect(leading.mayChallenge).toBe(true);
      expect(await new LogWriter(leading).open()).toBe('durable');
      await expect(leading.confirm()).resolves.toBeUndefined();
    });

    test('the largest entries are cut into parts and put together again, for whoever reads them', async () => {
      const streams = await region.streams();
      const stream = await region.newStream(streams);
      const log = await region.open(streams, stream, { recentBytes: 0 });
      const writer = await lead(log);
      const large = Buffer.alloc(20 * 1024 * 1024, 'large ');
      expect(await writer.append('before')).toBe('durable');
      expect(await Promise.all([writer.append(large), writer.append('behind')])).toEqual([
        'durable',
        'durable',
      ]);
      const other = await region.open(await region.streams(), stream, { recentBytes: 0 });
      expect(other.end).toEqual(log.end);
      const entries = await readAll(other);
      expectChain(entries);
      expect(Buffer.compare(present(entries[2], 'the large one').payload, large)).toBe(0);
    });

    test('a stream that is removed is lost', async () => {
      const streams = await region.streams();
      const stream = await region.newStream(streams);
      const log = await region.open(streams, stream, { missesMax: 3 });
      const writer = await lead(log);
      await writer.append('one');
      await streams.delete(stream);
      expect(await writer.append('two')).not.toBe('durable');
      while (log.available) {
        await clock.sleep(100);
        await log.refresh();
      }
      expect(log.lostBecause).toContain('not found');
      await expect(log.confirm()).rejects.toMatchObject({ code: 'unavailable' });
    });

    test('a stream that was removed and made anew, with less in it or others, is lost', async () => {
      const streams = await region.streams();
      const stream = await region.newStream(streams);
      const log = await region.open(streams, stream, { missesMax: 3 });
      const writer = await lead(log);
      for (let at = 0; at < 5; at += 1) await writer.append(`value ${at}`);
      await streams.delete(stream);
      await streams.create(stream);
      const fresh = await lead(await region.open(await region.streams(), stream), 'another');
      expect(await fresh.append('another')).toBe('durable');
      while (log.available) {
        await clock.sleep(100);
        await log.refresh();
      }
      expect(log.lostBecause).toContain('it ends at');
      const shorter = await region.open(streams, stream, { missesMax: 3 });
      for (let at = 0; at < 10; at += 1) await fresh.append(`value ${at}`);
      await shorter.refresh();
      expect(shorter.available).toBe(true);
      expect(shorter.end).toEqual(fresh.end);
    });

    test(
      'the kill of the server that leads a stream loses nothing durable, and what was unknown is known behind a barrier',
      async () => {
        const streams = await region.streams();
        const stream = await region.newStream(streams);
        const log = await region.open(streams, stream);
        let writer = await lead(log);
        const outcomes = new Map<string, AppendOutcome>();
        let count = 0;
        const appendSome = async (): Promise<void> => {
          const two = [`value ${count}`, `value ${count + 1}`];
          count += 2;
          const results = await Promise.all(two.map(async (text) => writer.append(text)));
          for (const [at, outcome] of results.entries()) outcomes.set(two[at] ?? '', outcome);
          if (!results.every((outcome) => outcome === 'durable')) writer = await recover(log);
        };
        for (let round = 0; round < 2; round += 1) {
          for (let at = 0; at < 20; at += 1) await appendSome();
          const server = await region.leaderOf(stream);
          const appends = (async (): Promise<void> => {
            for (let at = 0; at < 100; at += 1) await appendSome();
          })();
          await clock.sleep(50);
          await server.kill();
          if (size === 1) await server.restart();
          await appends;
          if (size === 3) await server.restart();
        }
        expect(await log.refresh()).toBe(true);
        const entries = await readAll(log, 100_000);
        expectChain(entries);
        const found = new Set(payloadOf(entries));
        const lost = [...outcomes].filter(([text, how]) => how === 'durable' && !found.has(text));
        const risen = [...outcomes].filter(([text, how]) => how === 'refused' && found.has(text));
        expect(lost).toEqual([]);
        expect(risen).toEqual([]);
        const again = await region.open(await region.streams(), stream);
        expect(again.end).toEqual(log.end);
      },
      2 * MINUTE,
    );
  });
