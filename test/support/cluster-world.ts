import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { present } from '../../src/base/assert.ts';
import { freePorts } from '../../src/cli/free-ports.ts';
import { ClusterNode, type ZoneName } from './cluster-node.ts';
import {
  guardOfTests,
  startNatsCluster,
  startNatsServer,
  type TestNatsServer,
} from './nats-servers.ts';
import { PROJECT_ROOT } from './project-root.ts';
import { type LinkConditions, TcpProxy } from './tcp-proxy.ts';

const ZONES: readonly ZoneName[] = ['a', 'b', 'c'];
/** What the logs of a region of three nodes need. */
const PAYLOAD_BYTES_MAX = 8 * 1024 ** 2;

/** A region of a world. */
export interface RegionShape {
  readonly name: string;
  readonly nodes: 1 | 3;
  /** What its file says besides where things are. */
  readonly choices?: Readonly<Record<string, unknown>>;
  /** By how much each node's clock is ahead. */
  readonly offsetsMs?: readonly number[];
}

export interface WorldOptions {
  readonly regions: readonly RegionShape[];
  /** What the daemons write goes there; undefined for nowhere. */
  readonly logFolder?: string | undefined;
  /** The `main.js` of the daemons; that of this checkout's build when it is not given. */
  readonly program?: string | undefined;
}

/** One region's daemons and nats-servers. */
export interface ClusterRegion {
  readonly name: string;
  readonly nodes: readonly ClusterNode[];
  readonly servers: readonly TestNatsServer[];
}

/** What one region's daemons send to another's NATS, and what that answers, through proxies. */
export interface ClusterLink {
  readonly from: string;
  readonly to: string;
  set(change: Partial<LinkConditions>): void;
  /** Ends its connections. */
  reset(): void;
}

/**
 * Regions as processes on loopback, each with a NATS of its own, every connection to a peer's NATS through a proxy. All
 * of it goes with `close`, and with this process, however that ends.
 */
export class ClusterWorld {
  readonly regions: readonly ClusterRegion[];
  readonly #links: readonly (ClusterLink & { readonly proxies: readonly TcpProxy[] })[];
  readonly #folder: string;

  private constructor({ regions, links, folder }: Parts) {
    this.regions = regions;
    this.#links = links;
    this.#folder = folder;
  }

  /** Resolves once every node answers clients; rejects when one does not, and leaves nothing. */
  static async start(options: WorldOptions): Promise<ClusterWorld> {
    const folder = mkdtempSync(join(tmpdir(), 'tidemark-cluster-'));
    guardOfTests().removeAtEnd(folder);
    const parts: Parts = { regions: [], links: [], folder };
    const world = new ClusterWorld(parts);
    try {
      await build(parts, options);
      const nodes = world.regions.flatMap((region) => region.nodes);
      await Promise.all(nodes.map(async (node) => node.start()));
      return world;
    } catch (error) {
      await world.close();
      throw error;
    }
  }

  region(name: string): ClusterRegion {
    return present(
      this.regions.find((region) => region.name === name),
      `region ${name}`,
    );
  }

  link(from: string, to: string): ClusterLink {
    return present(
      this.#links.find((link) => link.from === from && link.to === to),
      `a link from ${from} to ${to}`,
    );
  }

  /** Every process, at once and as `kill -9`. */
  async kill(): Promise<void> {
    await Promise.all(
      this.regions.flatMap(({ nodes, servers }) =>
        [...nodes, ...servers].map(async (each) => each.kill()),
      ),
    );
  }

  async close(): Promise<void> {
    await Promise.all(this.regions.flatMap(({ nodes }) => nodes.map(async (node) => node.close())));
    await Promise.all(
      this.regions.flatMap(({ servers }) => servers.map(async (server) => server.remove())),
    );
    const proxies = this.#links.flatMap((link) => link.proxies);
    await Promise.all(proxies.map(async (proxy) => proxy.close()));
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

interface Parts {
  readonly regions: ClusterRegion[];
  readonly links: (ClusterLink & { readonly proxies: readonly TcpProxy[] })[];
  readonly folder: string;
}

/** Starts servers and proxies, and makes the nodes, into `parts`. */
async function build(parts: Parts, options: WorldOptions): Promise<void> {
  const { regions, logFolder } = options;
  const { folder } = parts;
  if (logFolder !== undefined) await mkdir(logFolder, { recursive: true });
  const systems = await Promise.all(regions.map(async ({ nodes }) => startNats(nodes)));
  const program = options.program ?? join(PROJECT_ROOT, 'dist', 'cli', 'main.js');
  // Known before anything else can fail, so that they are removed.
  const nodes: ClusterNode[][] = regions.map(() => []);
  for (const [at, { name }] of regions.entries())
    parts.regions.push({ name, nodes: nodes[at] ?? [], servers: systems[at] ?? [] });
  for (const [at, shape] of regions.entries()) {
    const servers = systems[at] ?? [];
    const peers = await peersOf(parts, shape.name);
    const ports = await freePorts(2 * shape.nodes);
    for (let place = 0; place < shape.nodes; place++) {
      const offsetMs = shape.offsetsMs?.[place];
      const node = new ClusterNode({
        region: shape.name,
        zone: shape.nodes === 1 ? undefined : ZONES[place],
        port: ports[place * 2] ?? 0,
        operationsPort: ports[place * 2 + 1] ?? 0,
        config: {
          ...shape.choices,
          ...(offsetMs === undefined ? {} : { clock: { offsetMs } }),
          nats: natsOf(servers, shape.nodes),
          peers,
        },
        folder,
        logFolder,
        program,
      });
      nodes[at]?.push(node);
    }
  }
}

async function startNats(nodes: 1 | 3): Promise<readonly TestNatsServer[]> {
  if (nodes === 1) return [await startNatsServer()];
  const options = { jetStream: true, syncAlways: true, maxPayload: PAYLOAD_BYTES_MAX };
  return (await startNatsCluster(nodes, options)).servers;
}

const natsOf = (servers: readonly TestNatsServer[], nodes: 1 | 3): object => ({
  servers: servers.map(({ url }) => url),
  ...(nodes === 1 ? {} : { monitor: servers.map(({ monitorUrl }) => monitorUrl) }),
});

/** Every other region, each server behind a proxy of its own. */
async function peersOf({ regions, links }: Parts, region: string): Promise<object> {
  const peers: Record<string, object> = {};
  for (const { name: to, servers } of regions) {
    if (to === region) continue;
    const proxies: TcpProxy[] = [];
    for (const { port } of servers) proxies.push(await TcpProxy.start(port));
    links.push({
      from: region,
      to,
      proxies,
      set: (change) => {
        for (const proxy of proxies) proxy.set(change);
      },
      reset: () => {
        for (const proxy of proxies) proxy.reset();
      },
    });
    peers[to] = { nats: { servers: proxies.map(({ port }) => `nats://127.0.0.1:${port}`) } };
  }
  return peers;
}
