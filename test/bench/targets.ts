import { existsSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { freePorts } from '../../src/cli/free-ports.ts';
import { NODE_FLAGS } from '../../src/cli/node-flags.ts';
import { BENCH_REGION } from './raw-request.ts';
import type { ServerCommand, ServerProcess } from './server-process.ts';
import { packageFolder, startServer } from './server-process.ts';

const require = createRequire(import.meta.url);

/** Servers with DynamoDB's interface, or less, and what they are held against. */
type ServerName = 'bare' | 'dynalite' | 'dynamodb-local' | 'dynoxide' | 'tidemark' | 'relaxed';

/** `level` is no server: a store that is read in a process of its own. */
export type TargetName = ServerName | 'level';

/** What is measured, as a server over a temporary folder. */
export interface Target extends ServerProcess {
  readonly name: ServerName;
  readonly port: number;
  readonly operationsPort: number;
}

interface StartOptions {
  /** What Tidemark runs instead of what is built here. */
  readonly main?: string;
  /** Whether the daemon is to be looked into while it runs. */
  readonly isProbed?: boolean;
}

/** Starts a target on a free port. Rejects, with what it wrote, when it is not ready in time. */
export async function startTarget(name: ServerName, options: StartOptions = {}): Promise<Target> {
  const [port = 0, operationsPort = 0] = await freePorts(2);
  const server = await startServer(name, (folder) => {
    const command = COMMANDS[name]({ folder, port, operationsPort, ...options });
    return { ...command, isProbed: options.isProbed ?? false };
  });
  return { ...server, name, port, operationsPort };
}

/** The peers that are not installed with the benchmark, by the variable of the environment that tells where they are. */
const OPTIONAL_PEERS = [
  { name: 'dynamodb-local', variable: 'DYNAMODB_LOCAL_JAR' },
  { name: 'dynoxide', variable: 'DYNOXIDE' },
] as const satisfies readonly { name: ServerName; variable: string }[];

type Environment = Readonly<Record<string, string | undefined>>;

/** Those that the environment names. Throws for one that is not where it says. */
export function optionalPeers(environment: Environment): readonly ServerName[] {
  return OPTIONAL_PEERS.flatMap(({ name, variable }) => {
    const path = environment[variable];
    if (path === undefined || path === '') return [];
    if (!existsSync(path)) throw new RangeError(`${variable}: there is no ${path}`);
    return [name];
  });
}

interface Placed extends StartOptions {
  readonly folder: string;
  readonly port: number;
  readonly operationsPort: number;
}

const node = (file: string, parameters: readonly string[], readyUrl: string): ServerCommand => ({
  program: process.execPath,
  parameters: [file, ...parameters],
  readyUrl,
});

const COMMANDS: Readonly<Record<ServerName, (placed: Placed) => ServerCommand>> = {
  bare: ({ port }) =>
    node(
      fileURLToPath(new URL(`./bare-server${extname(import.meta.url)}`, import.meta.url)),
      [String(port)],
      `http://127.0.0.1:${port}/`,
    ),
  dynalite: ({ folder, port }) =>
    node(
      require.resolve('dynalite/cli.js'),
      ['--host=127.0.0.1', `--port=${port}`, `--path=${join(folder, 'data')}`, '--createTableMs=0'],
      `http://127.0.0.1:${port}/`,
    ),
  'dynamodb-local': ({ folder, port }) => {
    const jar = process.env['DYNAMODB_LOCAL_JAR'] ?? '';
    // Its libraries are beside it, or in the folder that its archive has for them.
    const places = [dirname(jar), join(dirname(jar), 'DynamoDBLocal_lib')];
    return {
      program: 'java',
      parameters: [
        `-Djava.library.path=${places.join(':')}`,
        '-cp',
        [jar, ...places.map((place) => join(place, '*'))].join(':'),
        // Of version 3; it was elsewhere before.
        'software.amazon.dynamodb.services.local.main.ServerRunner',
        '-port',
        String(port),
        '-sharedDb',
        '-dbPath',
        folder,
        '-disableTelemetry',
      ],
      readyUrl: `http://127.0.0.1:${port}/`,
      isReadyWhenRefusing: true,
    };
  },
  dynoxide: ({ folder, port }) => ({
    program: process.env['DYNOXIDE'] ?? '',
    parameters: ['--db-path', join(folder, 'data.db'), '--port', String(port)],
    readyUrl: `http://127.0.0.1:${port}/`,
    isReadyWhenRefusing: true,
  }),
  tidemark: (placed) => daemonCommand(placed),
  relaxed: (placed) => daemonCommand(placed, 'relaxed'),
};

/** Writes the daemon's configuration into the folder. */
export function daemonCommand(
  { folder, main, port, operationsPort }: Placed,
  durability: 'synced' | 'relaxed' = 'synced',
): ServerCommand {
  const config = join(folder, 'region.yaml');
  // YAML, of which JSON is a part.
  writeFileSync(
    config,
    JSON.stringify({
      region: BENCH_REGION,
      endpoint: { hosts: ['127.0.0.1'], port },
      operations: { hosts: ['127.0.0.1'], port: operationsPort },
      durability,
      peers: {},
      log: { level: 'warn' },
    }),
  );
  const command = node(
    main ?? join(packageFolder(), 'dist', 'cli', 'main.js'),
    ['serve', '--config', config, '--data', join(folder, 'data')],
    `http://127.0.0.1:${operationsPort}/readyz`,
  );
  return { ...command, parameters: [...NODE_FLAGS, ...command.parameters] };
}
