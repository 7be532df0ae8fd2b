import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { JETSTREAM_VERSION_MIN } from '../../src/cli/nats-server.ts';
import { natsServer } from '../support/nats-servers.ts';
import { natsSuite } from '../support/nats-suite.ts';
import { type ComposeService, projectText, readComposeFile, ROOT } from './compose-file.ts';

const servers = readComposeFile().services.filter(({ image }) => image.startsWith('nats:'));

/** The file of the project that a server is started with. */
function fileOf({ command, mounts }: ComposeService): string {
  const [program, option, path] = command;
  expect([program, option]).toEqual(['nats-server', '--config']);
  return mounts.find(({ target }) => target === path)?.source ?? '';
}

const filesOf = (profile: string): ReadonlySet<string> =>
  new Set(servers.filter(({ profiles }) => profiles.includes(profile)).map(fileOf));

const textOf = (server: ComposeService): string =>
  projectText(fileOf(server)).replaceAll(/^\s*#.*$/gmu, '');

test('servers of one node and of three are configured apart', () => {
  expect(filesOf('lab')).toEqual(new Set(['./ops/nats/region.conf']));
  expect(filesOf('ha')).toEqual(new Set(['./ops/nats/node.conf']));
});

test('the variables that a configuration reads are those that its servers set', () => {
  for (const server of servers) {
    const read = [...textOf(server).matchAll(/: \$(?<name>\w+)/gu)].map(
      ({ groups }) => groups?.['name'],
    );
    expect(new Set(Object.keys(server.environment))).toEqual(new Set(read));
  }
});

test('names of servers are unique, and each cluster is a region', () => {
  const names = servers.map(({ profiles, environment }) =>
    [...profiles, environment['NATS_SERVER_NAME']].join(' '),
  );
  expect(new Set(names).size).toBe(servers.length);
  for (const { name, environment } of servers.filter(({ profiles }) => profiles.includes('ha'))) {
    const cluster = environment['NATS_CLUSTER'] ?? '';
    expect(name).toMatch(new RegExp(`^nats-${cluster}-[abc]$`, 'u'));
  }
});

test('the routes of a server lead to the three of its region, inside it', () => {
  for (const server of servers.filter(({ profiles }) => profiles.includes('ha'))) {
    const region = server.environment['NATS_CLUSTER'] ?? '';
    const routes = [...textOf(server).matchAll(/"nats:\/\/(?<host>[\w-]+):6222"/gu)];
    const reached = routes.map(
      ({ groups }) =>
        servers.find(
          ({ profiles, networks }) =>
            profiles.includes('ha') &&
            networks.get(region)?.includes(groups?.['host'] ?? '') === true,
        )?.name,
    );
    expect(reached).toEqual(['a', 'b', 'c'].map((zone) => `nats-${region}-${zone}`));
    // On the network that leads to other regions the name means nobody.
    expect(server.networks.get('links')).toEqual([server.name]);
  }
});

test('what a log needs is set: every write is synced, and kept in a volume', () => {
  for (const server of servers) {
    expect(textOf(server)).toContain('max_payload: 8MB');
    const hasStreams = server.profiles.includes('ha');
    expect(textOf(server).includes('sync_interval: always')).toBe(hasStreams);
    const store = /store_dir: "(?<path>[^"]+)"/u.exec(textOf(server))?.groups?.['path'];
    const volume = server.mounts.find(({ kind }) => kind === 'volume');
    expect([volume?.source, volume?.target]).toEqual(
      hasStreams ? [server.name, store] : [undefined, undefined],
    );
    // A server that keeps something is the root user of its volume, without capabilities.
    expect(server.user === undefined).toBe(hasStreams);
  }
});

await natsSuite('the configurations of nats-server', JETSTREAM_VERSION_MIN, () => {
  test('are valid, with passwords that look like something else too', async () => {
    const program = (await natsServer(JETSTREAM_VERSION_MIN)) ?? '';
    const passwords = { NATS_PASSWORD: '1234', NATS_PEER_PASSWORD: '{a: b} # $c' };
    const again = readComposeFile(passwords).services;
    const one = (name: string) => again.filter((service) => service.name === name);
    for (const server of [...one('nats-us-east-1'), ...one('nats-us-east-1-a')]) {
      const output = execFileSync(program, ['-t', '-c', join(ROOT, fileOf(server))], {
        env: server.environment,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      expect(output).not.toContain('error');
    }
  });
});
