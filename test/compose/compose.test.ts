import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { present } from '../../src/base/assert.ts';
import { parseCommandLine } from '../../src/cli/command-line.ts';
import { isAtLeast, JETSTREAM_VERSION_MIN } from '../../src/cli/nats-server.ts';
import { loadConfigFiles } from '../../src/daemon/config-file.ts';
import type { RegionConfig } from '../../src/daemon/config.ts';
import { configMembers } from '../../src/daemon/config.ts';
import { type ComposeService, dotEnv, readComposeFile, ROOT } from './compose-file.ts';
import { readDockerfile } from './dockerfile.ts';

const REGIONS = ['us-east-1', 'eu-west-1', 'ap-northeast-1'] as const;
const ZONES = ['a', 'b', 'c'] as const;
const DAEMON = 'tidemark:local';
/** Where one container reaches another, of NATS. */
const CLIENT_PORT = 4222;

const TOKEN = 'a token of 16 characters or more';

const { services, networks, volumes } = readComposeFile();
const image = readDockerfile();

const isDaemon = (service: ComposeService): boolean => service.image === DAEMON;
const isNats = (service: ComposeService): boolean => service.image.startsWith('nats:');
const inProfile = (profile: string): readonly ComposeService[] =>
  services.filter(({ profiles }) => profiles.includes(profile));

const namesIn = (profile: string): readonly string[] => inProfile(profile).map(({ name }) => name);

/** What a daemon reads: the file that its command names, with what image and service set in the environment. */
async function configOf(service: ComposeService): Promise<RegionConfig> {
  const invocation = parseCommandLine(service.command);
  if (invocation.kind !== 'serve') throw new Error(`${service.name} does not serve`);
  const file = join(ROOT, invocation.options.config);
  const environment = { ...image.environment, ...service.environment };
  const [config] = await loadConfigFiles([file], environment);
  return present(config, service.name);
}

/** The names by which containers on a network are reached, with the service that has each. */
const namesOn = (network: string, profile: string): ReadonlyMap<string, ComposeService> =>
  new Map(
    inProfile(profile).flatMap((service) =>
      (service.networks.get(network) ?? []).map((name) => [name, service] as const),
    ),
  );

test('there are two profiles, and the lab is the one that is started by itself', () => {
  expect(new Set(services.flatMap(({ profiles }) => profiles))).toEqual(new Set(['lab', 'ha']));
  expect(dotEnv()['COMPOSE_PROFILES']).toBe('lab');
});

test('the lab is a daemon and a NATS server for each region, and ha is three of each', () => {
  expect(namesIn('lab').toSorted()).toEqual(
    [
      ...REGIONS.flatMap((region) => [region, `nats-${region}`]),
      'prometheus',
      'grafana',
    ].toSorted(),
  );
  const nodes = REGIONS.flatMap((region) => ZONES.map((zone) => `${region}-${zone}`));
  expect(namesIn('ha').toSorted()).toEqual(
    [...nodes.flatMap((node) => [node, `nats-${node}`]), 'prometheus-ha', 'grafana'].toSorted(),
  );
});

test('every image is pinned to a release, and the NATS server is one that may keep logs', () => {
  for (const { image: tag } of services.filter((service) => !isDaemon(service)))
    expect(tag).toMatch(/^[\w./-]+:v?\d+\.\d+\.\d+(?:-alpine)?$/u);
  for (const { image: tag } of services.filter(isNats)) {
    const version = /^nats:(?<version>[\d.]+)-alpine$/u.exec(tag)?.groups?.['version'] ?? '';
    expect(isAtLeast(version, JETSTREAM_VERSION_MIN)).toBe(true);
  }
});

test('the image of the daemon is built by one service of each profile, and taken by the others', () => {
  for (const profile of ['lab', 'ha']) {
    const daemons = inProfile(profile).filter(isDaemon);
    expect(daemons.filter(({ builds }) => builds)).toEqual([daemons[0]]);
  }
  expect(services.filter(({ builds }) => builds).every(isDaemon)).toBe(true);
});

test('every port is published on the loopback of this machine, and none twice in a profile', () => {
  for (const profile of ['lab', 'ha']) {
    const ports = inProfile(profile).flatMap((service) => service.ports);
    expect(new Set(ports.map(({ host }) => host))).toEqual(new Set(['127.0.0.1']));
    expect(new Set(ports.map(({ published }) => published)).size).toBe(ports.length);
  }
  expect(services.filter(isNats).flatMap(({ ports }) => ports)).toEqual([]);
});

test('endpoints and operations are published on the ports of the lab, ten apart for each node', () => {
  for (const [at, region] of REGIONS.entries()) {
    const published = (name: string): readonly number[] | undefined =>
      services.find((service) => service.name === name)?.ports.map((port) => port.published);
    expect(published(region)).toEqual([8001 + at, 9001 + at]);
    for (const [k, zone] of ZONES.entries())
      expect(published(`${region}-${zone}`)).toEqual([8001 + at + 10 * k, 9001 + at + 10 * k]);
  }
});

test('what is mounted from the project is there, and can only be read', () => {
  const paths = services.flatMap(({ mounts }) => mounts.filter(({ kind }) => kind === 'path'));
  expect(paths.filter(({ source }) => !existsSync(join(ROOT, source)))).toEqual([]);
  expect(paths.filter(({ readOnly }) => !readOnly)).toEqual([]);
  // Containers run as users that own nothing here.
  const closed = paths.filter(({ source }) => (statSync(join(ROOT, source)).mode & 0o004) === 0);
  expect(closed).toEqual([]);
});

test('every volume is declared and mounted, by services that never run together', () => {
  const used = services.flatMap(({ mounts }) =>
    mounts.filter(({ kind }) => kind === 'volume').map(({ source }) => source),
  );
  expect(used.toSorted()).toEqual(volumes.toSorted());
});

test('everything waits for something of its profile whose health is known', () => {
  for (const { name, profiles, dependsOn } of services) {
    for (const other of dependsOn) {
      const service = services.find((each) => each.name === other);
      expect({ name, other, profiles: service?.profiles }).toEqual({ name, other, profiles });
      expect(service?.healthcheck).toBeDefined();
    }
  }
});

test('every service has a health check, on a port that it listens on', () => {
  for (const service of services.filter((each) => !isDaemon(each))) {
    const [program, quiet, spider, url = ''] = service.healthcheck ?? [];
    // The official images are made of busybox, which has no curl.
    expect([program, quiet, spider]).toEqual(['wget', '--quiet', '--spider']);
    const port = Number(new URL(url).port);
    const listened = isNats(service) ? 8222 : service.ports[0]?.target;
    expect([service.name, port]).toEqual([service.name, listened]);
  }
  for (const service of services.filter(isDaemon)) expect(service.healthcheck).toBeUndefined();
  expect(image.healthcheck).toBeDefined();
});

describe.each(services.filter(isDaemon).map((service) => ({ name: service.name, service })))(
  'the daemon $name',
  ({ name, service }) => {
    const [profile = ''] = service.profiles;
    const region = present(
      REGIONS.find((each) => name.startsWith(each)),
      'a region',
    );

    test('sets only what is a setting', () => {
      const known = new Set(configMembers.map(({ variable }) => variable));
      expect(Object.keys(service.environment).filter((variable) => !known.has(variable))).toEqual(
        [],
      );
    });

    test('has a configuration that is valid, with the zone that it is named after', async () => {
      const config = await configOf(service);
      expect(config.region).toBe(region);
      const zone = profile === 'ha' ? name.slice(region.length + 1) : undefined;
      expect(config.node?.zone).toBe(zone);
      expect(Object.keys(config.peers ?? {}).toSorted()).toEqual(
        REGIONS.filter((each) => each !== region).toSorted(),
      );
    });

    test('keeps its data in its volume, and writes nowhere else', () => {
      const invocation = parseCommandLine(service.command);
      const data = invocation.kind === 'serve' ? invocation.options.data : undefined;
      expect(service.mounts).toEqual([
        { source: name, target: data, readOnly: false, kind: 'volume' },
      ]);
      expect(image.volumes).toContain(data);
      expect(service.tmpfs).toEqual(['/tmp']);
    });

    test('listens where its ports lead', async () => {
      const { endpoint, operations } = await configOf(service);
      expect(service.ports.map(({ target }) => target)).toEqual([endpoint.port, operations.port]);
      expect([endpoint.hosts, operations.hosts]).toEqual([['0.0.0.0'], ['0.0.0.0']]);
      expect(image.exposed).toEqual([endpoint.port, operations.port]);
    });

    test("reaches its own region's NATS inside it, and its peers' over the links alone", async () => {
      const config = await configOf(service);
      expect([...service.networks.keys()]).toEqual([region, 'links', 'operations']);
      const size = profile === 'ha' ? 3 : 1;
      const reached = (
        servers: readonly string[] | undefined,
        network: string,
      ): readonly (string | undefined)[] => {
        const names = namesOn(network, profile);
        return (servers ?? []).map((address) => {
          const url = new URL(address);
          expect([url.protocol, Number(url.port)]).toEqual(['nats:', CLIENT_PORT]);
          const server = names.get(url.hostname);
          expect(server === undefined || isNats(server)).toBe(true);
          return server?.name;
        });
      };
      const serversOf = (other: string): readonly string[] =>
        inProfile(profile)
          .filter(isNats)
          .map((each) => each.name)
          .filter((each) => each.startsWith(`nats-${other}`));
      const own = reached(config.nats?.servers, region);
      expect(new Set(own)).toEqual(new Set(serversOf(region)));
      expect(own).toHaveLength(size);
      for (const [peer, { nats }] of Object.entries(config.peers ?? {}))
        expect(reached(nats?.servers, 'links')).toEqual(serversOf(peer));
    });

    test('takes its secrets from the environment of Compose', async () => {
      const variables = {
        TIDEMARK_OPERATIONS_TOKEN: TOKEN,
        NATS_PASSWORD: 'region-secret',
        NATS_PEER_PASSWORD: 'peer-secret',
      };
      const again = readComposeFile(variables).services.find((each) => each.name === name);
      const config = await configOf(present(again, name));
      expect(config.operations.token).toBe(TOKEN);
      expect(config.nats).toMatchObject({ user: 'region', password: 'region-secret' });
      for (const { nats } of Object.values(config.peers ?? {}))
        expect(nats).toMatchObject({ user: 'peer', password: 'peer-secret' });
    });

    test('without a token, changes from outside the container are refused', async () => {
      expect((await configOf(service)).operations.token).toBeUndefined();
    });
  },
);

test('only what goes to another region crosses the links, which lead nowhere else', () => {
  expect([...networks.keys()].toSorted()).toEqual([...REGIONS, 'links', 'operations'].toSorted());
  expect(networks.get('links')).toBe(true);
  for (const region of REGIONS) {
    expect(networks.get(region)).toBe(false);
    for (const { name, networks: on } of services.filter((each) => each.networks.has(region))) {
      expect(name.replace(/^nats-/u, '').startsWith(region)).toBe(true);
      expect(on.has('links')).toBe(true);
    }
  }
});

test('names on a network are those of one service each', () => {
  for (const profile of ['lab', 'ha']) {
    for (const network of networks.keys()) {
      const names = inProfile(profile).flatMap((service) => service.networks.get(network) ?? []);
      expect(names).toEqual([...new Set(names)]);
    }
  }
});

test('README and docs name the commands that there are', () => {
  const docs = readFileSync(join(ROOT, 'docs', 'compose.md'), 'utf8');
  for (const command of ['docker compose up', 'docker compose --profile ha up'])
    expect(docs).toContain(command);
  const commands = docs.matchAll(
    /docker network (?:dis)?connect tidemark_(?<network>[\w-]+) tidemark-(?<service>[\w-]+)-1/gu,
  );
  let count = 0;
  for (const { groups } of commands) {
    count++;
    const service = services.find(({ name }) => name === groups?.['service']);
    expect(service?.networks.has(groups?.['network'] ?? '')).toBe(true);
  }
  expect(count).toBeGreaterThan(0);
});
