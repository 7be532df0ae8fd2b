import { execFile } from 'node:child_process';
import {
  accessSync,
  constants,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The oldest nats-server that carries the bus. */
export const NATS_VERSION_MIN = '2.9.0';
/** The oldest one whose JetStream keeps a region's logs. */
export const JETSTREAM_VERSION_MIN = '2.14.5';
/** What `go install` is asked for. */
const RELEASE = 'github.com/nats-io/nats-server/v2@v2.15.2';

const EXECUTABLE = process.platform === 'win32' ? '.exe' : '';
const PROGRAM = `nats-server${EXECUTABLE}`;
const VERSION_MS_MAX = 10_000;
const INSTALL_MS_MAX = 10 * 60_000;

/** Where a checkout keeps what it fetched. */
const CACHE = fileURLToPath(new URL('../../.cache/bin', import.meta.url));

/** A nats-server on this machine. */
export interface NatsServerProgram {
  readonly path: string;
  /** Such as `2.15.2`. */
  readonly version: string;
}

export interface NatsServerSearch {
  /** The oldest version that counts. */
  readonly versionMin: string;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** The folder that `go install` fills. */
  readonly cacheFolder?: string;
  /** Takes the line that says that one is being built; undefined: none is. */
  readonly say: ((line: string) => void) | undefined;
}

/** No nats-server that suffices; the message says what was found, and how to get one. */
export class NatsServerMissingError extends Error {
  readonly code = 'nats-server-missing';

  constructor(versionMin: string, found: readonly string[]) {
    const lines = [
      `no nats-server ${versionMin} or later was found:`,
      ...found.map((line) => `  ${line}`),
      `Get one from https://github.com/nats-io/nats-server/releases, or with \`go install ${RELEASE}\`,`,
      'and put it on the PATH, or set NATS_SERVER to its path.',
    ];
    super(lines.join('\n'));
    this.name = 'NatsServerMissingError';
  }
}

/**
 * The first nats-server that is recent enough: of `NATS_SERVER`, the PATH, the cache of the checkout, or built with Go
 * into that cache. Rejects with `NatsServerMissingError`.
 */
export async function findNatsServer(search: NatsServerSearch): Promise<NatsServerProgram> {
  const { versionMin, say, environment = process.env, cacheFolder = CACHE } = search;
  const cached = join(cacheFolder, PROGRAM);
  const found: string[] = [];
  for (const { place, path } of places(environment, cached)) {
    if (path === undefined) {
      found.push(`${place}: none`);
      continue;
    }
    const result = await versionOf(path);
    const recent = 'version' in result && isAtLeast(result.version, versionMin);
    if (recent) return { path, version: result.version };
    const why = 'version' in result ? `is ${result.version}` : result.failure;
    found.push(`${place}: ${path} ${why}`);
  }
  const go = pathOf(`go${EXECUTABLE}`, environment);
  if (go === undefined || say === undefined) {
    found.push(go === undefined ? 'Go, to build one: none' : 'none was built with Go');
    throw new NatsServerMissingError(versionMin, found);
  }
  say(`Building nats-server with Go, once (${RELEASE})...`);
  const failure = await install(go, { environment, cacheFolder });
  if (failure === undefined) {
    const result = await versionOf(cached);
    if ('version' in result && isAtLeast(result.version, versionMin)) {
      return { path: cached, version: result.version };
    }
  }
  found.push(`go install: ${failure ?? 'what it built does not run'}`);
  throw new NatsServerMissingError(versionMin, found);
}

/** Whether Go is on the PATH, so that a nats-server can be built. */
export const hasGo = (environment: Readonly<Record<string, string | undefined>>): boolean =>
  pathOf(`go${EXECUTABLE}`, environment) !== undefined;

/** Of two versions such as `2.15.2`; one that is announced, such as `2.15.2-RC.1`, comes before its release. */
export function isAtLeast(version: string, versionMin: string): boolean {
  const [release = '', announced] = version.split('-', 2);
  const parts = release.split('.').map(Number);
  for (const [at, wanted] of versionMin.split('.').map(Number).entries()) {
    const part = parts[at] ?? 0;
    if (part !== wanted) return part > wanted;
  }
  return announced === undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

interface Place {
  readonly place: string;
  readonly path: string | undefined;
}

function places(environment: Environment, cached: string): readonly Place[] {
  const named = environment['NATS_SERVER'];
  return [
    { place: 'NATS_SERVER', path: named === '' ? undefined : named },
    { place: 'PATH', path: pathOf(PROGRAM, environment) },
    { place: '.cache/bin', path: isExecutable(cached) ? cached : undefined },
  ];
}

function pathOf(program: string, environment: Environment): string | undefined {
  const folders = (environment['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, program)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

type VersionResult = { readonly version: string } | { readonly failure: string };

async function versionOf(path: string): Promise<VersionResult> {
  try {
    const { stdout, stderr } = await run(path, ['--version'], { timeout: VERSION_MS_MAX });
    const version = /^nats-server: v?(\d+\.\d+\.\d+(?:-[\w.]+)?)/mu.exec(stdout + stderr)?.[1];
    return version === undefined ? { failure: 'tells no version' } : { version };
  } catch (error) {
    return { failure: `does not run (${firstLineOf(error)})` };
  }
}

/** Builds beside its place and moves there, so that nobody runs half of it. Resolves with what went wrong. */
async function install(
  go: string,
  { environment, cacheFolder }: { readonly environment: Environment; readonly cacheFolder: string },
): Promise<string | undefined> {
  let folder: string | undefined;
  try {
    mkdirSync(cacheFolder, { recursive: true });
    folder = mkdtempSync(join(cacheFolder, 'building-'));
    await run(go, ['install', RELEASE], {
      env: { ...environment, GOBIN: folder },
      timeout: INSTALL_MS_MAX,
    });
    renameSync(join(folder, PROGRAM), join(cacheFolder, PROGRAM));
    return undefined;
  } catch (error) {
    return firstLineOf(error);
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }
}

/** Of a program that failed, what it wrote; the message of Node begins with the command. */
function firstLineOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const written = 'stderr' in error && typeof error.stderr === 'string' ? error.stderr.trim() : '';
  return (written === '' ? error.message : written).split('\n')[0] ?? '';
}
