import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { present } from '../../src/base/assert.ts';
import { freePorts } from '../../src/cli/free-ports.ts';
import { natsConfigText, type NatsServerConfig } from '../../src/cli/nats-config.ts';
import {
  findNatsServer,
  NATS_VERSION_MIN,
  NatsServerMissingError,
} from '../../src/cli/nats-server.ts';
import { ChildFailedError, ChildService } from '../../src/cli/process-child.ts';
import { ProcessGuard } from '../../src/cli/process-guard.ts';

const HOST = '127.0.0.1';
const READY_MS_MAX = 30_000;
const STOP_MS_MAX = 5000;
const START_TRIES_MAX = 4;

const found = new Map<string, Promise<string | undefined>>();

/** The path of a nats-server that is recent enough; undefined when there is none. Builds none. */
export async function natsServer(versionMin = NATS_VERSION_MIN): Promise<string | undefined> {
  const known = found.get(versionMin);
  if (known !== undefined) return known;
  const finding = findNatsServer({ versionMin, say: undefined }).then(
    ({ path }) => path,
    (error: unknown) => {
      if (error instanceof NatsServerMissingError) return undefined;
      throw error;
    },
  );
  found.set(versionMin, finding);
  return finding;
}

export interface TestNatsOptions {
  readonly jetStream?: boolean;
  /** Of JetStream; a temporary folder when it is not given. */
  readonly storeDir?: string;
  /** In bytes. */
  readonly maxPayload?: number;
  /** Each write is synced before it is acknowledged. */
  readonly syncAlways?: boolean;
  /** Who may connect; anybody when it is not given. `nkey` is the public one. */
  readonly auth?: readonly (
    | { readonly user: string; readonly password: string }
    | { readonly nkey: string }
  )[];
  /** A free one when it is not given. */
  readonly port?: number;
  /** A server of a cluster: its ports are those of all of its servers. */
  readonly cluster?: {
    readonly name: string;
    readonly port: number;
    readonly ports: readonly number[];
  };
  readonly name?: string;
}

/** A nats-server on loopback. It goes with this process, however that ends. */
export class TestNatsServer {
  readonly port: number;
  readonly monitorPort: number;
  readonly storeDir: string;
  readonly #folder: string;
  readonly #child: ChildService;

  constructor(
    config: NatsServerConfig,
    place: { readonly folder: string; readonly program: string },
  ) {
    this.port = config.port;
    this.monitorPort = config.monitorPort;
    this.storeDir = config.jetStream?.storeFolder ?? '';
    this.#folder = place.folder;
    const file = join(place.folder, `${config.name}.conf`);
    writeFileSync(file, natsConfigText(config), { mode: 0o600 });
    this.#child = new ChildService({
      name: `nats-server ${config.name}`,
      program: place.program,
      parameters: ['--config', file],
      environment: process.env,
      guard: guardOfTests(),
      onLine: () => {},
      onEnd: () => {},
    });
  }

  /** `nats://127.0.0.1:4222`, without credentials. */
  get url(): string {
    return `nats://${HOST}:${this.port}`;
  }

  get monitorUrl(): string {
    return `http://${HOST}:${this.monitorPort}`;
  }

  get pid(): number {
    return present(this.#child.pid, 'a running nats-server');
  }

  /** Starts without waiting: servers of a cluster wait for each other. */
  begin(): void {
    this.#child.start();
  }

  /** Waits until it serves; with JetStream in a cluster, until that has a leader. */
  async untilReady(): Promise<void> {
    await this.#child.untilReady(async () => isOk(`${this.monitorUrl}/healthz`), READY_MS_MAX);
  }

  /** In order; the store stays for `restart`. */
  async stop(): Promise<void> {
    await this.#child.stop(STOP_MS_MAX);
  }

  /** As `kill -9`. */
  async kill(): Promise<void> {
    this.#child.kill();
    await this.#child.ended();
  }

  /** As SIGSTOP: connections stay, and nothing is answered. */
  pause(): void {
    this.#child.signal('SIGSTOP');
  }

  resume(): void {
    this.#child.signal('SIGCONT');
  }

  /** Starts again what was stopped or killed, or stops it in order before; same port, same store. */
  async restart(): Promise<void> {
    await this.stop();
    this.begin();
    await this.untilReady();
  }

  /** Ends it at once and removes what it had on disk. */
  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 3 });
    folders.delete(this.#folder);
    if (folders.size === 0) process.off('exit', removeFolders);
  }
}

/** Several servers as one NATS system. */
export interface TestNatsCluster {
  readonly servers: readonly TestNatsServer[];
  readonly urls: readonly string[];
  readonly monitorUrls: readonly string[];
  remove(): Promise<void>;
}

/** Starts one and waits until it serves. Rejects when there is no nats-server, or it does not start. */
export async function startNatsServer(options: TestNatsOptions = {}): Promise<TestNatsServer> {
  return retried(async () => {
    const [port = 0, monitorPort = 0] = await freePorts(2);
    const server = await createServerOf({ port, ...options }, monitorPort);
    await startedOr([server]);
    return server;
  });
}

/** Starts servers that form one cluster, with JetStream where asked, and waits until all serve. */
export async function startNatsCluster(
  size: number,
  options: Omit<TestNatsOptions, 'port' | 'cluster' | 'name' | 'storeDir'> = {},
): Promise<TestNatsCluster> {
  return retried(async () => {
    const numbers = await freePorts(size * 3);
    const ports = numbers.slice(0, size);
    const servers = await Promise.all(
      ports.map(async (port, at) => {
        const cluster = { name: 'test', port, ports };
        const place = { cluster, name: `test-${at}`, port: numbers[size + at] ?? 0 };
        return createServerOf({ ...options, ...place }, numbers[2 * size + at] ?? 0);
      }),
    );
    await startedOr(servers);
    return {
      servers,
      urls: servers.map(({ url }) => url),
      monitorUrls: servers.map(({ monitorUrl }) => monitorUrl),
      remove: async () => {
        await Promise.all(servers.map(async (server) => server.remove()));
      },
    };
  });
}

/** Folders that are still there when this process exits. */
const folders = new Set<string>();

function removedAtExit(folder: string): void {
  if (folders.size === 0) process.once('exit', removeFolders);
  folders.add(folder);
}

const removeFolders = (): void => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
};

/** One for all of this process. */
let guard: ProcessGuard | undefined;
export const guardOfTests = (): ProcessGuard => (guard ??= new ProcessGuard());

async function createServerOf(
  options: TestNatsOptions & { readonly port: number },
  monitorPort: number,
): Promise<TestNatsServer> {
  const program = present(await natsServer(), 'a nats-server on this machine');
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-nats-'));
  guardOfTests().removeAtEnd(folder);
  removedAtExit(folder);
  const { name = 'test', auth = [], cluster, maxPayload, port } = options;
  const { jetStream = false, syncAlways = false, storeDir = join(folder, 'store') } = options;
  const config: NatsServerConfig = {
    name,
    port,
    monitorPort,
    users: auth,
    ...(maxPayload === undefined ? {} : { payloadBytesMax: maxPayload }),
    ...(jetStream ? { jetStream: { storeFolder: storeDir, syncAlways } } : {}),
    ...(cluster === undefined ? {} : { cluster: { ...cluster, password: 'route' } }),
  };
  return new TestNatsServer(config, { folder, program });
}

async function startedOr(servers: readonly TestNatsServer[]): Promise<void> {
  for (const server of servers) server.begin();
  try {
    await Promise.all(servers.map(async (server) => server.untilReady()));
  } catch (error) {
    await Promise.all(servers.map(async (server) => server.remove()));
    throw error;
  }
}

/** A port that was free may be taken before it is used. */
async function retried<T>(start: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await start();
    } catch (error) {
      const taken = error instanceof ChildFailedError && error.message.includes('in use');
      if (!taken || tries === START_TRIES_MAX) throw error;
    }
  }
}

async function isOk(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(1000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
