import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import {
  findNatsServer,
  hasGo,
  JETSTREAM_VERSION_MIN,
  NATS_VERSION_MIN,
  NatsServerMissingError,
} from '../../src/cli/nats-server.ts';

const ROOT = join(import.meta.dirname, '..');

/** Projects share this process, and the first of them tells. */
const TOLD = 'tidemark.nats-server.told';

const say = (line: string): void => void process.stderr.write(`${line}\n`);

/**
 * Before any test: looks for a nats-server, builds one where Go is, and prints its version. After all: one line that
 * names what did not run for want of one. With `CI=true` and Go, which builds one, that is a failure.
 */
export async function setup(): Promise<(() => void) | undefined> {
  if (Object.hasOwn(globalThis, TOLD)) return undefined;
  Object.defineProperty(globalThis, TOLD, { value: true });
  const server =
    (await find(JETSTREAM_VERSION_MIN, say)) ?? (await find(NATS_VERSION_MIN, undefined));
  if (server !== undefined) say(`nats-server ${server.version} (${server.path})`);
  const missing = server?.isRecent === true ? [] : filesThatNeed(server === undefined);
  if (missing.length === 0) return undefined;
  const wanted = server === undefined ? NATS_VERSION_MIN : JETSTREAM_VERSION_MIN;
  const line = `Did not run, for want of nats-server ${wanted} or later (\`npm run lab -- --nats\` says how to get one): ${missing.join(', ')}`;
  if (process.env['CI'] === 'true' && hasGo(process.env)) throw new Error(line);
  return () => say(line);
}

async function find(versionMin: string, tell: ((line: string) => void) | undefined) {
  try {
    const program = await findNatsServer({ versionMin, say: tell });
    return { ...program, isRecent: versionMin === JETSTREAM_VERSION_MIN };
  } catch (error) {
    if (error instanceof NatsServerMissingError) return undefined;
    throw error;
  }
}

/** The test files with suites that need any nats-server, or one with JetStream. */
const filesThatNeed = (any: boolean): readonly string[] =>
  readdirSync(ROOT, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.ts'))
    .filter((path) => {
      const text = readFileSync(join(ROOT, path), 'utf8');
      return text.includes('natsSuite(') && (any || text.includes('JETSTREAM_VERSION_MIN'));
    })
    .map((path) => join('test', path))
    .toSorted();
