import { readFile } from 'node:fs/promises';

import { expect, test } from 'vitest';

import type { Environment } from '../../src/daemon/config-environment.ts';
import { configMembers, readConfig } from '../../src/daemon/config.ts';
import { ConfigError } from '../../src/daemon/config-error.ts';
import { loadConfigFolder, sourceOf } from '../../src/daemon/config-file.ts';
import { configHelp, configMarkdown } from '../../src/daemon/config-text.ts';

const SMALLEST = 'region: us-east-1\nendpoint: { port: 8001 }\noperations: { port: 9001 }\n';

const read = (text: string, environment: Environment = {}) =>
  readConfig(sourceOf('test.yaml', text), environment);

/** The lines of everything that is wrong with a text. */
function wrongIn(text: string, environment: Environment = {}): readonly string[] {
  try {
    read(text, environment);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n');
    throw error;
  }
}

const valueAt = (value: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>(
    (at, name) => new Map<string, unknown>(Object.entries(at ?? {})).get(name),
    value,
  );

test('what is not set has its default', () => {
  expect(read(SMALLEST)).toEqual({
    region: 'us-east-1',
    accountId: '000000000000',
    endpoint: { hosts: ['127.0.0.1', '::1'], port: 8001 },
    operations: { hosts: ['127.0.0.1', '::1'], port: 9001 },
    partitions: 4,
    zones: {
      a: { directory: 'zone-a' },
      b: { directory: 'zone-b' },
      c: { directory: 'zone-c' },
    },
    durability: 'synced',
    statusMs: 50,
    credentials: [],
    checkRegionScope: true,
    retention: { hours: 24, bytes: 2_147_483_648 },
    streams: { hours: 24, shardHours: 4 },
    split: { bytes: 10_737_418_240, recordsPerSecond: 5000, partitions: 64 },
    globalTables: { sourceRegionRule24h: false, requireAutoScaling: false },
    timeToLive: { delayMs: 0, itemsPerSecond: 1500, changePauseMinutes: 0 },
    clock: { offsetMs: 0 },
    log: { level: 'info' },
  });
});

test('what was read is frozen to the bottom', () => {
  const config = read(SMALLEST);
  expect(Object.isFrozen(config)).toBe(true);
  expect(Object.isFrozen(config.endpoint.hosts)).toBe(true);
  expect(Object.isFrozen(config.zones.a)).toBe(true);
});

test('everything that is wrong is reported at once, with line, path, and what was expected', () => {
  const text = [
    'region: US',
    'accountId: 000000000000',
    'endpoint:',
    '  port: 99999',
    'operations: { port: 9001, hosts: [] }',
    'zones: { d: {} }',
    'durability: maybe',
    'retention:',
    '  hours: 0',
  ].join('\n');
  expect(wrongIn(text)).toEqual([
    expect.stringMatching(/^test.yaml:1: region: expected a name such as us-east-1.*found "US"$/u),
    'test.yaml:2: accountId: expected 12 digits, in quotes; found 0',
    expect.stringMatching(/^test.yaml:4: endpoint.port: expected a whole number.*found 99999$/u),
    expect.stringMatching(/^test.yaml:5: operations.hosts: expected a list.*found \[\]$/u),
    'test.yaml:6: zones.d: is no setting; known are a, b, c',
    'test.yaml:7: durability: expected synced or relaxed; found "maybe"',
    expect.stringMatching(/^test.yaml:9: retention.hours: expected a number above 0.*found 0$/u),
  ]);
});

test('a setting that must be there is missed', () => {
  expect(wrongIn('region: us-east-1\nendpoint: {}\n')).toEqual([
    expect.stringMatching(/^test.yaml:2: endpoint.port: expected a whole .*; it is missing$/u),
    'test.yaml: operations: expected an object with settings by name; it is missing',
  ]);
});

test.each([
  ['partition: 4', 'partition: is no setting; is it partitions?'],
  ['globaltables: {}', 'globaltables: is no setting; is it globalTables?'],
  ['clock: { offset: 1 }', 'clock.offset: is no setting; is it offsetMs?'],
  ['log: { color: 1 }', 'log.color: is no setting; known are level'],
  ['peers: { eu-west-1: { delay: 1 } }', 'peers.eu-west-1.delay: is not known there; expected'],
  ['credentials: [{ accessKeyId: x }]', 'credentials.0.secretAccessKey: expected a list of'],
])('%s is refused with help', (line, words) => {
  const wrong = wrongIn(`${SMALLEST}${line}\n`);
  expect(wrong).toEqual([expect.stringContaining(`test.yaml:4: ${words}`)]);
});

test.each(['', '- a list', 'just words', '7'])('a file of %o is refused as a whole', (text) => {
  expect(wrongIn(text)).toEqual([
    expect.stringMatching(/^test.yaml: expected settings by name; found /u),
  ]);
});

test('what is no YAML is refused with its line', () => {
  expect(wrongIn('region: us-east-1\nzones: [a\nlog: }\n')[0]).toMatch(
    /^test.yaml:\d: expected YAML; /u,
  );
});

test('secrets are not repeated in errors', () => {
  const text = 'region: a1\nendpoint: { port: 1 }\noperations: { port: 2, token: hunter2 }\n';
  expect(wrongIn(text)).toEqual([
    'test.yaml:3: operations.token: expected 16 characters at least; found something else',
  ]);
});

test('the environment overrides the file', () => {
  const config = read(SMALLEST, {
    TIDEMARK_ENDPOINT_PORT: '8101',
    TIDEMARK_ENDPOINT_HOSTS: '0.0.0.0, ::',
    TIDEMARK_ACCOUNT_ID: '123456789012',
    TIDEMARK_CHECK_REGION_SCOPE: 'false',
    TIDEMARK_ZONES_B_DIRECTORY: '/mnt/b',
    TIDEMARK_GLOBAL_TABLES_SOURCE_REGION_RULE24H: 'true',
    TIDEMARK_CREDENTIALS: '[{"accessKeyId":"k","secretAccessKey":"s"}]',
    TIDEMARK_LOG_LEVEL: '',
    HOME: '/root',
  });
  expect(config.endpoint).toEqual({ hosts: ['0.0.0.0', '::'], port: 8101 });
  expect(config.accountId).toBe('123456789012');
  expect(config.checkRegionScope).toBe(false);
  expect(config.zones.b.directory).toBe('/mnt/b');
  expect(config.zones.a.directory).toBe('zone-a');
  expect(config.globalTables.sourceRegionRule24h).toBe(true);
  expect(config.credentials).toEqual([{ accessKeyId: 'k', secretAccessKey: 's' }]);
  expect(config.log.level).toBe('info');
});

test('an error in the environment names the variable', () => {
  expect(wrongIn(SMALLEST, { TIDEMARK_PARTITIONS: 'many' })).toEqual([
    'environment variable TIDEMARK_PARTITIONS: partitions: expected a whole number from 1 to 256; found "many"',
  ]);
});

const NATS = 'nats: { servers: [nats://127.0.0.1:4001] }\n';

test("a region's NATS, its node and its peers' NATS are read", () => {
  const seed = `SU${'A'.repeat(56)}`;
  const config = read(
    `${SMALLEST}${NATS}node: { zone: b }\npeers:\n  eu-west-1: { nats: { servers: [tls://nats.eu:4222], nkeySeed: ${seed}, tls: {} } }\n  ap-northeast-1: {}\n`,
  );
  expect(config.nats).toEqual({ servers: ['nats://127.0.0.1:4001'] });
  expect(config.node).toEqual({ zone: 'b' });
  expect(config.peers).toEqual({
    'eu-west-1': { nats: { servers: ['tls://nats.eu:4222'], nkeySeed: seed, tls: {} } },
    'ap-northeast-1': {},
  });
});

test('all of NATS can be set by the environment', () => {
  const config = read(SMALLEST, {
    TIDEMARK_NATS_SERVERS: 'nats://127.0.0.1:4001, nats://[::1]:4011',
    TIDEMARK_NATS_MONITOR: 'http://127.0.0.1:5001, http://127.0.0.1:5011',
    TIDEMARK_NATS_USER: 'us',
    TIDEMARK_NATS_PASSWORD: 'pass',
    TIDEMARK_NATS_TLS_CA: 'ca.pem',
    TIDEMARK_NODE_ZONE: 'c',
    TIDEMARK_PEERS: '{"eu-west-1":{"nats":{"servers":["nats://eu:4002"]}}}',
  });
  expect(config.nats).toEqual({
    servers: ['nats://127.0.0.1:4001', 'nats://[::1]:4011'],
    monitor: ['http://127.0.0.1:5001', 'http://127.0.0.1:5011'],
    user: 'us',
    password: 'pass',
    tls: { ca: 'ca.pem' },
  });
  expect(config.node?.zone).toBe('c');
  expect(config.peers?.['eu-west-1']?.nats?.servers).toEqual(['nats://eu:4002']);
});

test.each([
  ['node: { zone: a }', '4: node: node needs nats.servers; it is missing'],
  [
    'peers: { eu-west-1: { nats: { servers: [nats://eu:1] } } }',
    "4: peers.eu-west-1.nats: it needs this region's own nats.servers; it is missing",
  ],
  ['nats: { user: u }', '4: nats.servers: expected a list of addresses such as nats://'],
  [`${NATS}node: { zone: d }`, '5: node.zone: expected a, b or c; found "d"'],
  [
    'nats: { servers: [nats://127.0.0.1:4001], password: p }',
    '4: nats.password: it needs a user; none is set',
  ],
  [
    'nats: { servers: [nats://127.0.0.1:4001], tls: { cert: c } }',
    '4: nats.tls: cert and key need each other; one is missing',
  ],
  [
    `${NATS}peers: { eu-west-1: { nats: { servers: [nats://eu:1], password: p } } }`,
    '5: peers.eu-west-1.nats.password: it needs a user; none is set',
  ],
  ['nats: { servers: [http://127.0.0.1] }', '4: nats.servers.0: expected a list of addresses'],
  ['nats: { server: [] }', '4: nats.server: is no setting; is it servers?'],
])('%s is refused in words', (line, words) => {
  expect(wrongIn(`${SMALLEST}${line}\n`)).toContainEqual(
    expect.stringContaining(`test.yaml:${words}`),
  );
});

test.each([
  'nats: { servers: ["nats://user:hunter2@127.0.0.1:4001"] }',
  'nats: { servers: [nats://127.0.0.1:4001], nkeySeed: hunter2 }',
  `${NATS}peers: { eu-west-1: { nats: { servers: [nats://eu:1], nkeySeed: hunter2 } } }`,
  `${NATS}peers: { eu-west-1: { nats: { servers: ["nats://a:hunter2@eu:1"] } } }`,
  `${NATS}peers: hunter2`,
])('an error in %s repeats no secret', (line) => {
  const wrong = wrongIn(`${SMALLEST}${line}\n`);
  expect(wrong).toHaveLength(1);
  expect(wrong[0]).not.toContain('hunter2');
});

test.each(['us-east-1', 'eu-west-1', 'ap-northeast-1'])(
  'regions/%s.yaml holds every setting, and each with its default',
  async (region) => {
    const text = await readFile(`regions/${region}.yaml`, 'utf8');
    const complete = text.replaceAll(/^(\s*)#(?=\w)/gmu, '$1');
    const { value } = sourceOf('complete', complete);
    read(complete);
    const config = read(text);
    const missing = configMembers.filter((member) => valueAt(value, member.path) === undefined);
    expect(missing).toEqual([]);
    for (const member of configMembers.filter(({ required }) => !required)) {
      const set = { path: member.path, defaultValue: valueAt(config, member.path) };
      expect(member).toMatchObject(set);
    }
    expect(config.region).toBe(region);
  },
);

test('the regions of the lab load together, on the ports that the README names', async () => {
  const regions = await loadConfigFolder('regions', {});
  const ports = regions.map(({ region, endpoint, operations }) => [
    region,
    endpoint.port,
    operations.port,
  ]);
  expect(ports).toEqual([
    ['ap-northeast-1', 8003, 9003],
    ['eu-west-1', 8002, 9002],
    ['us-east-1', 8001, 9001],
  ]);
});

test('the help names every setting, its variable, and what it takes', () => {
  const help = configHelp();
  for (const member of configMembers) {
    expect(help).toContain(`${member.path.join('.')} (${member.variable})`);
  }
  const words = help.replaceAll(/\s+/gu, ' ');
  for (const { description, expected } of configMembers) {
    expect(words).toContain(`${description} Takes ${expected}.`);
  }
  for (const line of help.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
});

test('docs/configuration.md is what the schema says; vitest -u writes it', async () => {
  await expect(configMarkdown()).toMatchFileSnapshot('../../docs/configuration.md');
});
