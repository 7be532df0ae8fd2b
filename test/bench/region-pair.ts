import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { freePorts } from '../../src/cli/free-ports.ts';
import { natsConfigText } from '../../src/cli/nats-config.ts';
import { NODE_FLAGS } from '../../src/cli/node-flags.ts';
import { askOperations, exchangeOperations } from '../../src/cli/operations-http.ts';
import { parsePrometheusText, type Sample } from '../../src/cli/prometheus-text.ts';
import { BENCH_REGION } from './raw-request.ts';
import type { ServerProcess } from './server-process.ts';
import { packageFolder, startServer } from './server-process.ts';

/** Where records are written, and where they go. */
const SOURCE = BENCH_REGION;
export const TARGET = 'eu-west-1';

const HOST = '127.0.0.1';
/** A region that catches up, or that is written to, may be busy. */
const OPERATIONS_MS_MAX = 30_000;

export interface BenchNats extends ServerProcess {
  readonly url: string;
}

/** A nats-server as a region of the lab has it, for anybody. */
export async function startNats(program: string, name: string): Promise<BenchNats> {
  const [port = 0, monitorPort = 0] = await freePorts(2);
  const server = await startServer(`nats-${name}`, (folder) => {
    const file = join(folder, 'nats.conf');
    writeFileSync(file, natsConfigText({ name, port, monitorPort, users: [] }));
    const readyUrl = `http://${HOST}:${monitorPort}/healthz`;
    return { program, parameters: ['--config', file], readyUrl };
  });
  return { ...server, url: `nats://${HOST}:${port}` };
}

export interface RegionPairOptions {
  /** The path of a nats-server. */
  readonly natsServer: string;
  /** The `main.js` that the daemons run; undefined for the one that is built. */
  readonly daemon: string | undefined;
  /** Where the daemons leave CPU profiles when they end; undefined for none. */
  readonly profileFolder: string | undefined;
  /** Whether the daemon that is written to is to be looked into. */
  readonly isProbed?: boolean;
}

/** Two regions as the lab runs them over NATS: a daemon and a nats-server for each, as processes, on free ports. */
export class RegionPair {
  readonly source: BenchRegion;
  readonly target: BenchRegion;

  constructor(source: BenchRegion, target: BenchRegion) {
    this.source = source;
    this.target = target;
  }

  static async start(options: RegionPairOptions): Promise<RegionPair> {
    const started: ServerProcess[] = [];
    try {
      const servers = new Map<string, BenchNats>();
      for (const name of [SOURCE, TARGET]) {
        const nats = await startNats(options.natsServer, name);
        started.push(nats);
        servers.set(name, nats);
      }
      const start = async (name: string): Promise<BenchRegion> => {
        const region = await startRegion(name, servers, options);
        started.push(region);
        return region;
      };
      return new RegionPair(await start(SOURCE), await start(TARGET));
    } catch (error) {
      await stopAll(started);
      throw error;
    }
  }

  /** Both ways. What is not on its way yet waits in the logs. */
  async setLink(up: boolean): Promise<void> {
    await Promise.all([
      change(this.source, `/links/${TARGET}`, { up }),
      change(this.target, `/links/${SOURCE}`, { up }),
    ]);
  }

  async stop(): Promise<void> {
    await stopAll([this.source.nats, this.target.nats, this.source, this.target]);
  }
}

export interface BenchRegion extends ServerProcess {
  readonly name: string;
  readonly port: number;
  /** Its operations port. */
  readonly endpoint: string;
  readonly nats: BenchNats;
}

/** What a region counts, now. */
export async function samplesOf({ endpoint }: BenchRegion): Promise<readonly Sample[]> {
  const request = { endpoint, path: '/metrics', limitMs: OPERATIONS_MS_MAX };
  return parsePrometheusText((await exchangeOperations(request)).text);
}

async function change({ endpoint }: BenchRegion, path: string, to: object): Promise<void> {
  await askOperations({ endpoint, path, change: to, limitMs: OPERATIONS_MS_MAX });
}

/** Daemons first: the last in is the first out. */
async function stopAll(servers: readonly ServerProcess[]): Promise<void> {
  for (const server of servers.toReversed()) await server.stop();
}

async function startRegion(
  name: string,
  servers: ReadonlyMap<string, BenchNats>,
  { daemon, profileFolder, isProbed = false }: RegionPairOptions,
): Promise<BenchRegion> {
  const [port = 0, operationsPort = 0] = await freePorts(2);
  const nats = servers.get(name);
  if (nats === undefined) throw new RangeError(`no NATS of ${name}`);
  const others = [...servers].filter(([other]) => other !== name);
  const config = {
    region: name,
    endpoint: { hosts: [HOST], port },
    operations: { hosts: [HOST], port: operationsPort },
    nats: { servers: [nats.url] },
    peers: Object.fromEntries(
      others.map(([other, { url }]) => [other, { nats: { servers: [url] } }]),
    ),
    log: { level: 'warn' },
  };
  const server = await startServer(name, (folder) => {
    const file = join(folder, 'region.yaml');
    // JSON is YAML too.
    writeFileSync(file, JSON.stringify(config));
    const main = daemon ?? join(packageFolder(), 'dist', 'cli', 'main.js');
    const flags =
      profileFolder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`];
    const parameters = [
      ...NODE_FLAGS,
      ...flags,
      main,
      'serve',
      '--config',
      file,
      '--data',
      join(folder, 'data'),
    ];
    const readyUrl = `http://${HOST}:${operationsPort}/readyz`;
    return {
      program: process.execPath,
      parameters,
      readyUrl,
      isProbed: isProbed && name === SOURCE,
    };
  });
  return { ...server, name, port, endpoint: `http://${HOST}:${operationsPort}`, nats };
}
