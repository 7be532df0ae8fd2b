import type { Server } from 'node:http';

/** A port that another process, or another region of this one, has taken. */
export class PortInUseError extends Error {
  readonly code = 'port-in-use';
  readonly region: string;
  readonly host: string;
  readonly port: number;

  constructor(place: ListenPlace & { readonly host: string }, options?: ErrorOptions) {
    const { region, what, host, port } = place;
    super(`${region}: port ${port} for ${what} is in use on ${host}`, options);
    this.name = 'PortInUseError';
    this.region = region;
    this.host = host;
    this.port = port;
  }
}

export interface ListenPlace {
  readonly region: string;
  /** What the port is for, in words. */
  readonly what: string;
  /** 0 takes a free port, the same on every host. */
  readonly port: number;
}

/** How often a free port of one host is looked for again because it is taken on another. */
const FREE_PORT_ATTEMPTS = 20;

/**
 * One listening server for each host, all on one port. A host that this machine does not have is left out, as
 * long as one remains. Rejects with `PortInUseError`, or with the system's error; then nothing listens.
 */
export async function listen(
  place: ListenPlace & { readonly hosts: readonly string[] },
  createServer: () => Server,
): Promise<{ readonly port: number; readonly servers: readonly Server[] }> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await listenOnce(place, createServer);
    } catch (error) {
      const again = place.port === 0 && error instanceof PortInUseError;
      if (!again || attempt === FREE_PORT_ATTEMPTS) throw error;
    }
  }
}

async function listenOnce(
  place: ListenPlace & { readonly hosts: readonly string[] },
  createServer: () => Server,
): Promise<{ readonly port: number; readonly servers: readonly Server[] }> {
  const servers: Server[] = [];
  let port = place.port;
  let missing: unknown = new Error(`${place.region}: no host for ${place.what}`);
  try {
    for (const host of place.hosts) {
      const server = createServer();
      const error = await attemptToListen(server, { host, port });
      if (error === undefined) {
        servers.push(server);
        port = portOf(server);
      } else if (codeOf(error) === 'EADDRINUSE') {
        throw new PortInUseError({ ...place, port, host }, { cause: error });
      } else if (isHostMissing(error)) {
        missing = error;
      } else {
        throw error;
      }
    }
    if (servers.length === 0) throw missing;
  } catch (error) {
    for (const server of servers) server.close();
    throw error;
  }
  return { port, servers };
}

async function attemptToListen(
  server: Server,
  at: { readonly host: string; readonly port: number },
): Promise<Error | undefined> {
  return new Promise((resolve) => {
    const onError = (error: Error): void => resolve(error);
    server.once('error', onError);
    server.listen({ ...at, ipv6Only: at.host.includes(':') }, () => {
      server.off('error', onError);
      resolve(undefined);
    });
  });
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('not a TCP server');
  return address.port;
}

const codeOf = (error: Error): unknown => ('code' in error ? error.code : undefined);

const isHostMissing = (error: Error): boolean =>
  codeOf(error) === 'EADDRNOTAVAIL' || codeOf(error) === 'EAFNOSUPPORT';
