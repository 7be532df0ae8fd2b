import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { BENCH_REGION } from './raw-request.ts';
import type { ServerProcess } from './server-process.ts';
import { freePort, packageFolder, startServer } from './server-process.ts';

const require = createRequire(import.meta.url);

export type TargetName = 'bare' | 'dynalite' | 'tidemark';

/** What is measured, as a server over a temporary folder. */
export interface Target extends ServerProcess {
  readonly name: TargetName;
  readonly port: number;
  readonly operationsPort: number;
}

/**
 * Starts a target on a free port; `main` is what it runs instead of what is built here. Rejects, with what it wrote, when
 * it is not ready in time.
 */
export async function startTarget(name: TargetName, main?: string): Promise<Target> {
  const ports = { port: await freePort(), operationsPort: await freePort() };
  const server = await startServer(name, (folder) => {
    const { file, parameters, readyUrl } = COMMANDS[name](folder, ports);
    return { program: process.execPath, parameters: [main ?? file, ...parameters], readyUrl };
  });
  return { ...server, name, ...ports };
}

interface Ports {
  readonly port: number;
  readonly operationsPort: number;
}

interface Command {
  readonly file: string;
  readonly parameters: readonly string[];
  /** Answers 200 once the target serves. */
  readonly readyUrl: string;
}

const COMMANDS: Readonly<Record<TargetName, (folder: string, ports: Ports) => Command>> = {
  bare: (_folder, { port }) => ({
    file: fileURLToPath(new URL(`./bare-server${extname(import.meta.url)}`, import.meta.url)),
    parameters: [String(port)],
    readyUrl: `http://127.0.0.1:${port}/`,
  }),
  dynalite: (folder, { port }) => ({
    file: require.resolve('dynalite/cli.js'),
    parameters: [
      '--host=127.0.0.1',
      `--port=${port}`,
      `--path=${join(folder, 'data')}`,
      '--createTableMs=0',
    ],
    readyUrl: `http://127.0.0.1:${port}/`,
  }),
  tidemark: (folder, { port, operationsPort }) => {
    const config = join(folder, 'region.yaml');
    writeFileSync(config, regionConfig({ port, operationsPort }));
    return {
      file: join(packageFolder(), 'dist', 'cli', 'main.js'),
      parameters: ['serve', '--config', config, '--data', join(folder, 'data')],
      readyUrl: `http://127.0.0.1:${operationsPort}/readyz`,
    };
  },
};

/** YAML, of which JSON is a part. */
function regionConfig({ port, operationsPort }: Ports): string {
  return JSON.stringify({
    region: BENCH_REGION,
    endpoint: { hosts: ['127.0.0.1'], port },
    operations: { hosts: ['127.0.0.1'], port: operationsPort },
    peers: {},
    log: { level: 'warn' },
  });
}
