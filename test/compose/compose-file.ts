import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';

import { parse } from 'yaml';
import { z } from 'zod';

export const ROOT = join(import.meta.dirname, '..', '..');

const NETWORK = z.strictObject({ aliases: z.array(z.string()).default([]) }).nullable();

/** What services of `compose.yaml` may say: every member that is used is one that something here checks. */
const SERVICE = z.strictObject({
  image: z.string(),
  build: z.literal('.').optional(),
  pull_policy: z.enum(['build', 'never']).optional(),
  profiles: z.array(z.string()).min(1),
  user: z.string().optional(),
  command: z.array(z.string()).default([]),
  environment: z.record(z.string(), z.string()).default({}),
  healthcheck: z
    .strictObject({
      test: z.tuple([z.literal('CMD')], z.string()),
      interval: z.string(),
      timeout: z.string(),
      start_period: z.string(),
      retries: z.int(),
    })
    .optional(),
  depends_on: z
    .record(z.string(), z.strictObject({ condition: z.literal('service_healthy') }))
    .default({}),
  networks: z.union([z.array(z.string()), z.record(z.string(), NETWORK)]),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  tmpfs: z.array(z.string()).default([]),
  restart: z.literal('unless-stopped'),
  read_only: z.literal(true),
  cap_drop: z.tuple([z.literal('ALL')]),
  security_opt: z.tuple([z.literal('no-new-privileges:true')]),
  stop_grace_period: z.string(),
  logging: z.unknown(),
});

const FILE = z.looseObject({
  name: z.string(),
  services: z.record(z.string(), SERVICE),
  networks: z.record(
    z.string(),
    z.strictObject({ internal: z.boolean().default(false) }).nullable(),
  ),
  volumes: z.record(z.string(), z.null()),
});

/** A port of this machine that leads to one of the container. */
export interface PublishedPort {
  readonly host: string;
  readonly published: number;
  readonly target: number;
}

/** A path of the project, or a named volume, and where it is in the container. */
export interface Mount {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
  readonly kind: 'path' | 'volume';
}

/** One service, with its variables filled in. */
export interface ComposeService {
  readonly name: string;
  readonly image: string;
  readonly builds: boolean;
  readonly profiles: readonly string[];
  readonly user: string | undefined;
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** The words of its health check, without `CMD`; undefined where the image has its own. */
  readonly healthcheck: readonly string[] | undefined;
  readonly dependsOn: readonly string[];
  /** By network, the names that it has there. */
  readonly networks: ReadonlyMap<string, readonly string[]>;
  readonly ports: readonly PublishedPort[];
  readonly mounts: readonly Mount[];
  readonly tmpfs: readonly string[];
}

export interface ComposeFile {
  /** As it was read, for the schema: anchors and merges are followed, variables are not filled in. */
  readonly raw: unknown;
  readonly services: readonly ComposeService[];
  /** By name, whether it leads nowhere else. */
  readonly networks: ReadonlyMap<string, boolean>;
  readonly volumes: readonly string[];
}

type Variables = Readonly<Record<string, string | undefined>>;

/** `compose.yaml` as Compose reads it with these variables. Throws when it has something that is not expected. */
export function readComposeFile(variables: Variables = {}): ComposeFile {
  const raw: unknown = parse(projectText('compose.yaml'), { merge: true, maxAliasCount: -1 });
  const file = FILE.parse(interpolated(raw, variables));
  return {
    raw,
    services: Object.entries(file.services).map(([name, service]) => serviceOf(name, service)),
    networks: new Map(
      Object.entries(file.networks).map(([name, network]) => [name, network?.internal ?? false]),
    ),
    volumes: Object.keys(file.volumes),
  };
}

/** The text of a file of the project. */
export const projectText = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** The variables that `.env` sets. */
export const dotEnv = (): Variables => parseEnv(projectText('.env'));

function serviceOf(name: string, service: z.infer<typeof SERVICE>): ComposeService {
  const networks = Array.isArray(service.networks)
    ? service.networks.map((network) => [network, []] as const)
    : Object.entries(service.networks).map(
        ([network, place]) => [network, place?.aliases ?? []] as const,
      );
  return {
    name,
    image: service.image,
    builds: service.build !== undefined,
    profiles: service.profiles,
    user: service.user,
    command: service.command,
    environment: service.environment,
    healthcheck: service.healthcheck?.test.slice(1),
    dependsOn: Object.keys(service.depends_on),
    networks: new Map(networks.map(([network, aliases]) => [network, [name, ...aliases]])),
    ports: service.ports.map(portOf),
    mounts: service.volumes.map(mountOf),
    tmpfs: service.tmpfs,
  };
}

function portOf(text: string): PublishedPort {
  const [host = '', published, target] = text.split(':');
  return { host, published: Number(published), target: Number(target) };
}

function mountOf(text: string): Mount {
  const [source = '', target = '', mode] = text.split(':');
  const kind = source.startsWith('./') ? 'path' : 'volume';
  return { source, target, readOnly: mode === 'ro', kind };
}

const VARIABLE = /\$\{(?<name>[A-Z_]+):-(?<fallback>[^}]*)\}/gu;

/** Fills in `${NAME:-default}`, the only form that is used, in every text. */
function interpolated(value: unknown, variables: Variables): unknown {
  if (typeof value === 'string') return filledIn(value, variables);
  if (Array.isArray(value)) return value.map((element) => interpolated(element, variables));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, interpolated(member, variables)]),
  );
}

function filledIn(text: string, variables: Variables): string {
  if (/\$/u.test(text.replaceAll(VARIABLE, '')))
    throw new Error(`a variable of another form: ${text}`);
  return text.replaceAll(VARIABLE, (_match, name: string, fallback: string) => {
    const value = variables[name];
    return value === undefined || value === '' ? fallback : value;
  });
}
