import { join } from 'node:path';

import type { RegionConfig } from '../daemon/config.ts';
import type { ZoneName } from '../daemon/operations-target.ts';
import { ZONE_NAMES } from '../daemon/operations-target.ts';
import type { NatsServerConfig } from './nats-config.ts';
import { UsageError } from './usage-error.ts';

const PORT_MAX = 65_535;
const HOST = '127.0.0.1';
/** From a node's ports to those of the region's next node. */
export const NODE_OFFSET = 10;
/** From the port of a node's endpoint to those of the nats-server beside it. */
const NATS_OFFSET = -4000;
const MONITOR_OFFSET = -3000;
const ROUTES_OFFSET = -2000;
/** What the logs of a region of three nodes need. */
const PAYLOAD_BYTES_MAX = 8 * 1024 ** 2;
/** What is a region's own on its NATS: its streams and their subjects, the servers themselves, and what its nodes say to each other. */
const DENIED_TO_PEERS = [
  '$JS.>',
  '$SYS.>',
  'tidemark-log.>',
  'tidemark-log-stored.>',
  'tidemark.*.*.node.>',
];

export interface ProcessPlanOptions {
  /** Of a region: one that holds all zones, or one for each of the three. */
  readonly nodes: 1 | 3;
  readonly dataFolder: string;
  /** A new password each time. */
  readonly newPassword: () => string;
}

/** The processes of one region. */
export interface RegionPlan {
  readonly region: string;
  readonly config: RegionConfig;
  readonly nodes: readonly NodePlan[];
}

/** A daemon, and the nats-server beside it. */
export interface NodePlan {
  /** `us-east-1`, or `us-east-1 a`. */
  readonly name: string;
  /** Undefined where it holds all of them. */
  readonly zone: ZoneName | undefined;
  readonly endpoint: string;
  readonly operationsEndpoint: string;
  readonly natsUrl: string;
  readonly daemon: {
    /** The region's folder is in it. */
    readonly dataFolder: string;
    readonly configFile: string;
    /** What the file says. It has passwords in it. */
    readonly config: object;
  };
  readonly nats: {
    readonly configFile: string;
    readonly config: NatsServerConfig;
    readonly monitorEndpoint: string;
  };
}

/**
 * Which processes are a lab of these regions, and what each is told: every region's NATS is a system of its own that
 * knows the others as users. Throws `UsageError` for ports that there are not, or that two processes would share.
 */
export function planProcesses(
  configs: readonly RegionConfig[],
  options: ProcessPlanOptions,
): readonly RegionPlan[] {
  const names = configs.map(({ region }) => region);
  const drafts = configs.map((config) => draftOf(config, options, names));
  requirePorts(drafts.flatMap(({ places }) => places));
  return drafts.map((draft) => regionPlan(draft, { drafts, options }));
}

/** The ports of one node. */
interface Place {
  readonly name: string;
  readonly zone: ZoneName | undefined;
  readonly endpoint: number;
  readonly operations: number;
  readonly nats: number;
  readonly monitor: number;
  /** Undefined for a server that is no cluster's. */
  readonly routes: number | undefined;
}

interface Draft {
  readonly config: RegionConfig;
  readonly places: readonly Place[];
  /** Of each region, for this one's NATS. */
  readonly passwords: ReadonlyMap<string, string>;
  readonly routesPassword: string;
}

function draftOf(
  config: RegionConfig,
  { nodes, newPassword }: ProcessPlanOptions,
  names: readonly string[],
): Draft {
  const zones = nodes === 1 ? [undefined] : ZONE_NAMES;
  const places = zones.map((zone, at): Place => {
    const endpoint = config.endpoint.port + at * NODE_OFFSET;
    return {
      name: zone === undefined ? config.region : `${config.region} ${zone}`,
      zone,
      endpoint,
      operations: config.operations.port + at * NODE_OFFSET,
      nats: endpoint + NATS_OFFSET,
      monitor: endpoint + MONITOR_OFFSET,
      routes: zone === undefined ? undefined : endpoint + ROUTES_OFFSET,
    };
  });
  const passwords = new Map(names.map((name) => [name, newPassword()]));
  return { config, places, passwords, routesPassword: newPassword() };
}

function requirePorts(places: readonly Place[]): void {
  const takenBy = new Map<number, string>();
  for (const { name, endpoint, operations, nats, monitor, routes } of places) {
    const ports = Object.entries({ endpoint, operations, nats, monitor, routes });
    for (const [what, port] of ports) {
      if (port === undefined) continue;
      const whose = `${what} of ${name}`;
      if (port < 1 || port > PORT_MAX) {
        throw new UsageError(
          `--nats: port ${port} (${whose}) is none; an endpoint's port less 4000, 3000 and 2000 are those of its NATS`,
          'lab',
        );
      }
      const other = takenBy.get(port);
      if (other !== undefined) {
        throw new UsageError(`--nats: ${whose} and ${other} would share port ${port}`, 'lab');
      }
      takenBy.set(port, whose);
    }
  }
}

interface Context {
  readonly drafts: readonly Draft[];
  readonly options: ProcessPlanOptions;
}

function regionPlan(draft: Draft, context: Context): RegionPlan {
  const { config, places } = draft;
  const nodes = places.map((place) => nodePlan(place, draft, context));
  return { region: config.region, config, nodes };
}

function nodePlan(place: Place, draft: Draft, context: Context): NodePlan {
  const { region, endpoint } = draft.config;
  const { dataFolder } = context.options;
  const { zone } = place;
  const file = zone === undefined ? region : `${region}-${zone}`;
  const host = hostOf(endpoint.hosts);
  return {
    name: place.name,
    zone,
    endpoint: `http://${host}:${place.endpoint}`,
    operationsEndpoint: `http://${hostOf(draft.config.operations.hosts)}:${place.operations}`,
    natsUrl: natsUrl(place),
    daemon: {
      dataFolder: zone === undefined ? dataFolder : join(dataFolder, 'nodes', zone),
      configFile: join(dataFolder, 'nats', `${file}.yaml`),
      config: daemonConfig(place, draft, context),
    },
    nats: {
      configFile: join(dataFolder, 'nats', `${file}.conf`),
      config: serverConfig(place, draft, join(dataFolder, 'nats', file)),
      monitorEndpoint: monitorUrl(place),
    },
  };
}

function daemonConfig(place: Place, draft: Draft, { drafts }: Context): object {
  const { config, places } = draft;
  const { region } = config;
  const monitor = place.zone === undefined ? {} : { monitor: places.map(monitorUrl) };
  return {
    ...config,
    endpoint: { ...config.endpoint, port: place.endpoint },
    operations: { ...config.operations, port: place.operations },
    nats: { ...accessTo(draft, region), ...monitor },
    ...(place.zone === undefined ? {} : { node: { zone: place.zone } }),
    peers: peersOf(config, drafts),
  };
}

/** Those that the file names, or every other region of the lab; one that is not of this lab cannot be reached. */
function peersOf(config: RegionConfig, drafts: readonly Draft[]): object {
  const { region } = config;
  const names = Object.keys(config.peers ?? {});
  const others = drafts.map((draft) => draft.config.region).filter((name) => name !== region);
  return Object.fromEntries(
    (config.peers === undefined ? others : names).map((name) => {
      const draft = drafts.find((each) => each.config.region === name);
      return [name, draft === undefined ? {} : { nats: accessTo(draft, region) }];
    }),
  );
}

/** A region's NATS, for `user`. */
const accessTo = ({ places, passwords }: Draft, user: string): object => ({
  servers: places.map(natsUrl),
  user,
  password: passwords.get(user),
});

function serverConfig(place: Place, draft: Draft, storeFolder: string): NatsServerConfig {
  const { places, passwords, routesPassword, config } = draft;
  const server: NatsServerConfig = {
    name: place.name.replace(' ', '-'),
    port: place.nats,
    monitorPort: place.monitor,
    users: [...passwords].map(([user, password]) => ({
      user,
      password,
      ...(user === config.region ? {} : { denied: DENIED_TO_PEERS }),
    })),
  };
  if (place.routes === undefined) return server;
  return {
    ...server,
    payloadBytesMax: PAYLOAD_BYTES_MAX,
    jetStream: { storeFolder, syncAlways: true },
    cluster: {
      name: config.region,
      port: place.routes,
      ports: places.flatMap(({ routes = [] }) => routes),
      password: routesPassword,
    },
  };
}

const natsUrl = ({ nats }: Place): string => `nats://${HOST}:${nats}`;

const monitorUrl = ({ monitor }: Place): string => `http://${HOST}:${monitor}`;

/** Where this machine reaches what listens on these. */
export function hostOf(hosts: readonly string[]): string {
  const [first = HOST] = hosts;
  if ([HOST, '0.0.0.0', '::', 'localhost'].some((host) => hosts.includes(host))) return HOST;
  return first.includes(':') ? `[${first}]` : first;
}
