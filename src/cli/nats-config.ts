const HOST = '127.0.0.1';

/** Who may connect to a nats-server, with what it may neither publish to nor listen to. */
export interface NatsUser {
  readonly user: string;
  readonly password: string;
  readonly denied?: readonly string[];
}

/** One nats-server on loopback. */
export interface NatsServerConfig {
  /** Unique in its cluster. */
  readonly name: string;
  readonly port: number;
  readonly monitorPort: number;
  /** Empty for anybody. */
  readonly users: readonly (NatsUser | { readonly nkey: string })[];
  readonly payloadBytesMax?: number;
  readonly jetStream?: {
    readonly storeFolder: string;
    /** Whether each write is synced before it is acknowledged. */
    readonly syncAlways: boolean;
  };
  readonly cluster?: {
    readonly name: string;
    readonly port: number;
    /** Of all servers of the cluster. */
    readonly ports: readonly number[];
    readonly password: string;
  };
}

const ROUTE_USER = 'route';

/** A configuration file of nats-server, which takes JSON. It has passwords in it. */
export function natsConfigText(config: NatsServerConfig): string {
  const { name, port, monitorPort, users, payloadBytesMax, jetStream, cluster } = config;
  const value = {
    server_name: name,
    listen: `${HOST}:${port}`,
    http: `${HOST}:${monitorPort}`,
    // A client that hangs is dropped soon: requests go to another one that serves the same.
    ping_interval: '2s',
    ping_max: 2,
    ...(payloadBytesMax === undefined ? {} : { max_payload: payloadBytesMax }),
    ...(users.length === 0 ? {} : { authorization: { users: users.map(userOf) } }),
    ...(jetStream === undefined
      ? {}
      : {
          jetstream: {
            store_dir: jetStream.storeFolder,
            ...(jetStream.syncAlways ? { sync_interval: 'always' } : {}),
          },
        }),
    ...(cluster === undefined ? {} : { cluster: clusterOf(cluster) }),
  };
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

function userOf(user: NatsUser | { readonly nkey: string }): object {
  if ('nkey' in user) return user;
  const { user: name, password, denied = [] } = user;
  const permissions = { publish: { deny: denied }, subscribe: { deny: denied } };
  return { user: name, password, ...(denied.length === 0 ? {} : { permissions }) };
}

function clusterOf({ name, port, ports, password }: NonNullable<NatsServerConfig['cluster']>) {
  return {
    name,
    listen: `${HOST}:${port}`,
    authorization: { user: ROUTE_USER, password },
    routes: ports
      .filter((other) => other !== port)
      .map((other) => `nats://${ROUTE_USER}:${password}@${HOST}:${other}`),
  };
}
