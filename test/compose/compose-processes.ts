import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { onTestFinished } from 'vitest';

import { present } from '../../src/base/assert.ts';
import { freePorts } from '../../src/cli/free-ports.ts';
import { ChildService } from '../../src/cli/process-child.ts';
import { guardOfTests } from '../support/nats-servers.ts';
import { createClient } from '../support/test-lab.ts';
import { type ComposeService, projectText, readComposeFile, ROOT } from './compose-file.ts';
import { readDockerfile } from './dockerfile.ts';

const HOST = '127.0.0.1';
const READY_MS_MAX = 60_000;
const STOP_MS_MAX = 10_000;
/** Of a NATS server: for clients, for health, and for the other servers of its cluster. */
const CLIENT_PORT = 4222;
const NATS_PORTS = [CLIENT_PORT, 8222, 6222] as const;

/** A daemon of the file, as a process of this machine. */
export interface ComposeDaemon {
  readonly name: string;
  readonly region: string;
  readonly client: DynamoDBClient;
  readonly operationsEndpoint: string;
  readonly process: ChildService;
}

/** One container's ports on this machine, by the port inside it. */
type Ports = ReadonlyMap<number, number>;

interface Place {
  readonly services: readonly ComposeService[];
  readonly ports: ReadonlyMap<string, Ports>;
  readonly folder: string;
  readonly natsServer: string;
}

/** A NATS server of the file, as a process of this machine. */
export interface ComposeNats {
  readonly name: string;
  /** `nats://127.0.0.1:4222`. */
  readonly url: string;
  readonly process: ChildService;
}

export interface ComposeSelection {
  readonly profile: string;
  readonly regions: readonly string[];
  /** The path of the program. */
  readonly natsServer: string;
}

/**
 * Starts what `compose.yaml` describes as processes of this machine: the services' own commands, environments and
 * configuration files, with names of containers and their ports mapped to free ports of loopback, and volumes to
 * folders. A name leads only where both are on one network. Everything goes when the test has finished.
 */
export async function startComposeProcesses(
  selection: ComposeSelection,
): Promise<readonly ComposeDaemon[]> {
  build();
  const place = await placeOf(selection);
  await startServers(place);
  const daemons = place.services
    .filter(({ image }) => image === 'tidemark:local')
    .map((service) => daemonOf(service, place));
  onTestFinished(async () => {
    for (const { client } of daemons) client.destroy();
    await Promise.all(daemons.map(async ({ process }) => process.stop(STOP_MS_MAX)));
  });
  for (const { process } of daemons) process.start();
  await Promise.all(
    daemons.map(async ({ process, operationsEndpoint }) =>
      process.untilReady(async () => isOk(`${operationsEndpoint}/readyz`), READY_MS_MAX),
    ),
  );
  return daemons;
}

/** The NATS servers alone. */
export async function startComposeNats(
  selection: ComposeSelection,
): Promise<readonly ComposeNats[]> {
  return startServers(await placeOf(selection));
}

async function placeOf({ profile, regions, natsServer }: ComposeSelection): Promise<Place> {
  const services = readComposeFile().services.filter(
    ({ name, profiles }) =>
      profiles.includes(profile) &&
      regions.some((region) => name.replace(/^nats-/u, '').startsWith(region)),
  );
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-compose-'));
  guardOfTests().removeAtEnd(folder);
  onTestFinished(async () => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  return { services, ports: await portsOf(services), folder, natsServer };
}

async function startServers(place: Place): Promise<readonly ComposeNats[]> {
  const servers = await Promise.all(
    place.services
      .filter(({ image }) => image.startsWith('nats:'))
      .map(async (service) => natsOf(service, place)),
  );
  onTestFinished(async () => {
    await Promise.all(servers.map(async ({ process }) => process.stop(STOP_MS_MAX)));
  });
  for (const { process } of servers) process.start();
  await Promise.all(
    servers.map(async ({ process, health }) =>
      process.untilReady(async () => isOk(health), READY_MS_MAX),
    ),
  );
  return servers;
}

/** Free ports for all that a container of each service listens on. */
async function portsOf(services: readonly ComposeService[]): Promise<ReadonlyMap<string, Ports>> {
  const { exposed } = readDockerfile();
  const inside = services.map((service) => ({
    service,
    listened: service.image.startsWith('nats:') ? NATS_PORTS : exposed,
  }));
  const free = [
    ...(await freePorts(inside.reduce((sum, { listened }) => sum + listened.length, 0))),
  ];
  return new Map(
    inside.map(({ service, listened }) => [
      service.name,
      new Map(listened.map((port) => [port, present(free.pop(), 'a free port')])),
    ]),
  );
}

const portOf = (service: ComposeService, inside: number, { ports }: Place): number =>
  present(ports.get(service.name)?.get(inside), `port ${inside} of ${service.name}`);

/** `host:port` on this machine for a name and a port that a container knows. */
function addressOf(
  from: ComposeService,
  host: string,
  { place, port }: { place: Place; port: number },
): string {
  const to = place.services.find(({ networks }) =>
    [...networks].some(([network, names]) => from.networks.has(network) && names.includes(host)),
  );
  // A region that was not asked for: nobody is there.
  return `${HOST}:${to === undefined ? 1 : portOf(to, port, place)}`;
}

const withAddresses = (text: string, from: ComposeService, place: Place): string =>
  text.replaceAll(
    /(?<scheme>nats|http):\/\/(?<host>[\w-]+):(?<port>\d+)/gu,
    (_match, scheme: string, host: string, port: string) => {
      return `${scheme}://${addressOf(from, host, { place, port: Number(port) })}`;
    },
  );

async function natsOf(
  service: ComposeService,
  place: Place,
): Promise<ComposeNats & { readonly health: string }> {
  const [, , path = ''] = service.command;
  const source = service.mounts.find(({ target }) => target === path)?.source ?? '';
  const data = join(place.folder, service.name);
  await mkdir(data);
  const listening = projectText(source).replaceAll(
    /"(?:0\.0\.0\.0|127\.0\.0\.1):(?<port>\d+)"/gu,
    (_match, port: string) => `"${HOST}:${portOf(service, Number(port), place)}"`,
  );
  const text = withAddresses(listening, service, place).replaceAll('"/data"', JSON.stringify(data));
  const file = join(place.folder, `${service.name}.conf`);
  await writeFile(file, text);
  const health = new URL(service.healthcheck?.at(-1) ?? '');
  health.port = String(portOf(service, Number(health.port), place));
  return {
    name: service.name,
    url: `nats://${HOST}:${portOf(service, CLIENT_PORT, place)}`,
    process: processOf(service, {
      program: place.natsServer,
      parameters: service.command.slice(1).map((word) => (word === path ? file : word)),
      environment: service.environment,
    }),
    health: health.href,
  };
}

function daemonOf(service: ComposeService, place: Place): ComposeDaemon {
  const image = readDockerfile();
  const [program, ...flags] = image.entrypoint.slice(0, -1);
  const main = image.entrypoint.at(-1) ?? '';
  if (program !== 'node') throw new Error(`the image starts ${program}`);
  const listening = Object.entries({ ...image.environment, ...service.environment }).map(
    ([name, value]) => {
      if (name.endsWith('_HOSTS')) return [name, HOST] as const;
      if (name.endsWith('_PORT'))
        return [name, String(portOf(service, Number(value), place))] as const;
      return [name, withAddresses(value, service, place)] as const;
    },
  );
  const data = service.mounts.find(({ kind }) => kind === 'volume');
  const parameters = service.command.map((word) => {
    if (word === data?.target) return join(place.folder, service.name);
    return word.startsWith('regions/') ? join(ROOT, word) : word;
  });
  const region =
    /regions\/(?<name>[\w-]+)\.yaml/u.exec(service.command.join(' '))?.groups?.['name'] ?? '';
  const [port = 0, operationsPort = 0] = service.ports.map(({ target }) =>
    portOf(service, target, place),
  );
  return {
    name: service.name,
    region,
    client: createClient(`http://${HOST}:${port}`, region),
    operationsEndpoint: `http://${HOST}:${operationsPort}`,
    process: processOf(service, {
      program: process.execPath,
      parameters: [...flags, join(ROOT, main), ...parameters],
      environment: Object.fromEntries(listening),
    }),
  };
}

const processOf = (
  { name }: ComposeService,
  options: Pick<
    ConstructorParameters<typeof ChildService>[0],
    'program' | 'parameters' | 'environment'
  >,
): ChildService =>
  new ChildService({ ...options, name, guard: guardOfTests(), onLine: () => {}, onEnd: () => {} });

async function isOk(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(1000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

/** As `npm run build`: no work when the build is of these sources. */
function build(): void {
  const { status, stderr } = spawnSync(process.execPath, [join(ROOT, 'src', 'cli', 'ready.mjs')]);
  if (status !== 0) throw new Error(`it does not build:\n${stderr.toString('utf8')}`);
}
