import { expect, test } from 'vitest';

import { lookAtNats, type RequirementsOptions } from '../../../src/log/jetstream/requirements.ts';

interface Answers {
  readonly version?: string;
  readonly payload?: number;
  readonly jetStream?: object | undefined;
  readonly clusterSize?: number;
  readonly id?: string;
}

const SYNCED = { store_dir: '/data', sync_interval: 120_000_000_000, sync_always: true };

/** Servers by address; one without answers is down. */
async function look(
  servers: Readonly<Record<string, Answers | undefined>>,
  options: Partial<RequirementsOptions> = {},
): ReturnType<typeof lookAtNats> {
  const readMonitor: RequirementsOptions['readMonitor'] = async (address, path) => {
    const server = servers[address];
    if (server === undefined) throw new Error('connect ECONNREFUSED');
    const {
      version = '2.15.2',
      payload = 8 * 1024 * 1024,
      jetStream = SYNCED,
      id = address,
    } = server;
    if (path === '/varz')
      return { server_id: id, server_name: `n-${address}`, version, max_payload: payload };
    const { clusterSize } = server;
    return {
      config: jetStream,
      ...(clusterSize === undefined ? {} : { meta_cluster: { cluster_size: clusterSize } }),
    };
  };
  return lookAtNats({
    monitors: Object.keys(servers),
    readMonitor,
    connectedTo: undefined,
    ...options,
  });
}

test('one server, and three of a cluster, that have what is needed are taken', async () => {
  expect(await look({ a: {} }, { connectedTo: 'a' })).toEqual({
    problems: [],
    unseen: [],
    replicas: 1,
  });
  const three = { a: { clusterSize: 3 }, b: { clusterSize: 3 }, c: { clusterSize: 3 } };
  expect(await look(three, { connectedTo: 'c' })).toEqual({
    problems: [],
    unseen: [],
    replicas: 3,
  });
});

test.each([
  ['an old server', { version: '2.14.4' }, 'nats-server 2.14.4; 2.14.5 or later is needed'],
  ['what is before a release', { version: '2.14.5-RC.1' }, '2.14.5 or later is needed'],
  ['a server without JetStream', { jetStream: {} }, 'has no JetStream: set `jetstream {'],
  [
    'a server that acknowledges before it syncs',
    { jetStream: { store_dir: '/data', sync_interval: 1_000_000 } },
    'set `sync_interval: always` in `jetstream { }`',
  ],
  ['a small max_payload', { payload: 1024 * 1024 }, 'set `max_payload: 8MB`'],
])('%s is refused, with words that say what to set', async (_, server, words) => {
  const { problems } = await look({ a: server });
  expect(problems).toHaveLength(1);
  expect(problems[0]).toContain(words);
});

test('newer servers are taken', async () => {
  for (const version of ['2.14.5', '2.15.0', '3.0.0', '2.16.0-dev'])
    expect((await look({ a: { version } })).problems).toEqual([]);
});

test('without the monitoring of every server nothing is believed', async () => {
  const none = await look({}, { monitors: [] });
  expect(none.problems[0]).toContain('nats.monitor is not set');
  const few = await look({ a: { clusterSize: 3 } });
  expect(few.problems.join('\n')).toContain('has 3 servers and nats.monitor names 1');
  const down = await look({ a: undefined });
  expect(down.problems.join('\n')).toContain('cannot be read at a (nats.monitor): connect');
  const twice = await look({
    a: { clusterSize: 3 },
    b: { clusterSize: 3 },
    c: { clusterSize: 3, id: 'a' },
  });
  expect(twice.problems.join('\n')).toContain('names a server twice');
  const two = await look({ a: { clusterSize: 2 }, b: { clusterSize: 2 } });
  expect(two.problems.join('\n')).toContain('one or three are needed');
  const apart = await look({ a: {}, b: {} });
  expect(apart.problems.join('\n')).toContain('not of one cluster');
  const other = await look({ a: {} }, { connectedTo: 'z' });
  expect(other.problems.join('\n')).toContain('those have other ids');
});

test('one of three that is down is told of, and the others suffice; two are too many', async () => {
  const one = await look({ a: { clusterSize: 3 }, b: { clusterSize: 3 }, c: undefined });
  expect(one.problems).toEqual([]);
  expect(one.unseen).toHaveLength(1);
  expect(one.replicas).toBe(3);
  const two = await look({ a: { clusterSize: 3 }, b: undefined, c: undefined });
  expect(two.problems).toHaveLength(2);
});
