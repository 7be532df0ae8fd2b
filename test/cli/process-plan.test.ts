import { expect, test } from 'vitest';

import { planProcesses, type RegionPlan } from '../../src/cli/process-plan.ts';
import { readConfig, type RegionConfig } from '../../src/daemon/config.ts';

const config = (region: string, port: number, choices: object = {}): RegionConfig =>
  readConfig(
    {
      name: region,
      value: { region, endpoint: { port }, operations: { port: port + 1000 }, ...choices },
      lineOf: () => undefined,
    },
    {},
  );

const EAST = config('us-east-1', 8001);
const WEST = config('eu-west-1', 8002);

function plan(configs: readonly RegionConfig[], nodes: 1 | 3): readonly RegionPlan[] {
  let made = 0;
  const newPassword = (): string => `password-${++made}`;
  return planProcesses(configs, { nodes, dataFolder: '/data', newPassword });
}

/** As the daemon reads its file; settings that this release does not know are taken out before. */
function asRead(value: object): RegionConfig {
  return readConfig(
    { name: 'planned', value: structuredClone(value), lineOf: () => undefined },
    {},
  );
}

test('a region is a daemon and a nats-server, beside the ports of the plain lab', () => {
  const [east] = plan([EAST, WEST], 1);
  expect(east?.nodes).toHaveLength(1);
  expect(east?.nodes[0]).toMatchObject({
    name: 'us-east-1',
    endpoint: 'http://127.0.0.1:8001',
    operationsEndpoint: 'http://127.0.0.1:9001',
    natsUrl: 'nats://127.0.0.1:4001',
    daemon: { dataFolder: '/data', configFile: '/data/nats/us-east-1.yaml' },
    nats: {
      configFile: '/data/nats/us-east-1.conf',
      monitorEndpoint: 'http://127.0.0.1:5001',
      config: { name: 'us-east-1', port: 4001, monitorPort: 5001 },
    },
  });
  expect(east?.nodes[0]?.nats.config).not.toHaveProperty('jetStream');
  expect(east?.nodes[0]?.nats.config).not.toHaveProperty('cluster');
});

test("a daemon's file is a valid configuration, with its own NATS and its peers'", () => {
  const read = plan([EAST, WEST], 1).map(({ nodes }) => asRead(nodes[0]?.daemon.config ?? {}));
  const [east, west] = read;
  expect(east?.nats).toMatchObject({ servers: ['nats://127.0.0.1:4001'], user: 'us-east-1' });
  expect(east?.peers?.['eu-west-1']?.nats).toMatchObject({
    servers: ['nats://127.0.0.1:4002'],
    user: 'us-east-1',
  });
  expect(Object.keys(west?.peers ?? {})).toEqual(['us-east-1']);
  expect(east).not.toHaveProperty('node');
});

test("each region's NATS gives each region a password of its own, and its streams to itself", () => {
  const plans = plan([EAST, WEST], 1);
  const users = plans.flatMap(({ nodes }) => nodes.flatMap(({ nats }) => nats.config.users));
  const denied = [
    '$JS.>',
    '$SYS.>',
    'tidemark-log.>',
    'tidemark-log-stored.>',
    'tidemark.*.*.node.>',
  ];
  expect(users).toEqual([
    { user: 'us-east-1', password: 'password-1' },
    { user: 'eu-west-1', password: 'password-2', denied },
    { user: 'us-east-1', password: 'password-4', denied },
    { user: 'eu-west-1', password: 'password-5' },
  ]);
  const [east] = plans;
  const read = asRead(east?.nodes[0]?.daemon.config ?? {});
  expect(read.nats?.password).toBe('password-1');
  expect(read.peers?.['eu-west-1']?.nats?.password).toBe('password-4');
});

test('peers are those that the file names; one that is not of this lab has no NATS', () => {
  const south = config('south', 8003, { peers: { 'us-east-1': {}, nowhere: {} } });
  const { nodes } = plan([EAST, WEST, south], 1)[2] ?? { nodes: [] };
  const { peers } = asRead(nodes[0]?.daemon.config ?? {});
  expect(Object.keys(peers ?? {})).toEqual(['us-east-1', 'nowhere']);
  expect(peers?.['nowhere']).toEqual({});
});

test('three nodes have ports of their own, a zone each, and one JetStream cluster', () => {
  const [east, west] = plan([EAST, WEST], 3);
  const shown = east?.nodes.map(({ name, zone, endpoint, operationsEndpoint, natsUrl, daemon }) =>
    [name, zone, endpoint, operationsEndpoint, natsUrl, daemon.dataFolder].join(' '),
  );
  expect(shown).toEqual([
    'us-east-1 a a http://127.0.0.1:8001 http://127.0.0.1:9001 nats://127.0.0.1:4001 /data/nodes/a',
    'us-east-1 b b http://127.0.0.1:8011 http://127.0.0.1:9011 nats://127.0.0.1:4011 /data/nodes/b',
    'us-east-1 c c http://127.0.0.1:8021 http://127.0.0.1:9021 nats://127.0.0.1:4021 /data/nodes/c',
  ]);
  expect(east?.nodes[1]?.nats.config).toMatchObject({
    name: 'us-east-1-b',
    port: 4011,
    monitorPort: 5011,
    payloadBytesMax: 8 * 1024 * 1024,
    jetStream: { storeFolder: '/data/nats/us-east-1-b', syncAlways: true },
    cluster: { name: 'us-east-1', port: 6011, ports: [6001, 6011, 6021] },
  });
  expect(west?.nodes[2]?.daemon.config).toMatchObject({
    node: { zone: 'c' },
    nats: {
      servers: ['nats://127.0.0.1:4002', 'nats://127.0.0.1:4012', 'nats://127.0.0.1:4022'],
      monitor: ['http://127.0.0.1:5002', 'http://127.0.0.1:5012', 'http://127.0.0.1:5022'],
    },
    peers: {
      'us-east-1': {
        nats: {
          servers: ['nats://127.0.0.1:4001', 'nats://127.0.0.1:4011', 'nats://127.0.0.1:4021'],
        },
      },
    },
  });
});

test.each<readonly [RegionConfig[], 1 | 3, string]>([
  [[config('low', 3000)], 1, 'port -1000 (nats of low) is none'],
  [
    [config('high', 64_000, { operations: { port: 65_530 } })],
    3,
    'port 65540 (operations of high b)',
  ],
  [[config('free', 0)], 1, 'port 0 (endpoint of free)'],
  [[EAST, config('twin', 8011)], 3, 'endpoint of twin a and endpoint of us-east-1 b would share'],
  [[config('north', 9001), config('south', 5001)], 1, 'would share port 5001'],
])('ports that cannot be are refused', (configs, nodes, words) => {
  expect(() => plan(configs, nodes)).toThrow(words);
});
