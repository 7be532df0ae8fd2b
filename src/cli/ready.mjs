/**
 * Makes a checkout ready to run, on a machine with only Node and npm: installs the packages when they are
 * missing or not those of the lock file, and builds when a source is not the one that was built. Says nothing and
 * takes no time when all is ready. Plain JavaScript, because it runs before there is a compiler.
 *
 * `--install-only` does not build; `--bench` builds the benchmarks too, `--cluster` the faults of real processes,
 * `--sim` the simulated world alone. Exits with the code of the tool that failed.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const NODE_NEEDED = [20, 19];
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CACHE = path.join(ROOT, '.cache');
const LOCK = path.join(CACHE, 'ready.lock');
const LOCK_POLL_MS = 100;

/** What is compiled from where to where. `stamp` tells from which sources. */
const BUILDS = {
  product: { project: 'tsconfig.build.json', inputs: ['src'], output: path.join(ROOT, 'dist') },
  bench: {
    project: 'tsconfig.bench.json',
    inputs: ['src', 'test/bench', 'test/support'],
    output: path.join(CACHE, 'bench'),
  },
  sim: {
    project: 'tsconfig.sim.json',
    inputs: ['src', 'test/sim', 'test/support'],
    output: path.join(CACHE, 'sim'),
  },
  cluster: {
    project: 'tsconfig.cluster.json',
    inputs: ['src', 'test/cluster/faults', 'test/support'],
    output: path.join(CACHE, 'cluster'),
  },
};

class Failure extends Error {
  /** @param {string} message @param {number} exitCode */
  constructor(message, exitCode) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** @param {string} line */
const say = (line) => process.stderr.write(`${line}\n`);

/** @param {string} file */
const modifiedMs = (file) => fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs;

function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [majorNeeded = 0, minorNeeded = 0] = NODE_NEEDED;
  if (major > majorNeeded || (major === majorNeeded && minor >= minorNeeded)) return;
  const needed = NODE_NEEDED.join('.');
  throw new Failure(
    `Tidemark needs Node ${needed} or later; this is Node ${process.versions.node}.`,
    1,
  );
}

/**
 * Runs a tool to its end; throws `Failure` when it fails.
 * @param {string} file @param {readonly string[]} parameters
 */
function run(file, parameters) {
  const { status, signal, error } = spawnSync(file, parameters, {
    cwd: ROOT,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  const command = [path.basename(file), ...parameters].join(' ');
  if (error !== undefined)
    throw new Failure(`\`${command}\` could not be run: ${error.message}`, 1);
  if (status === 0) return;
  throw new Failure(
    `\`${command}\` failed (${signal ?? `exit code ${status}`}): see above.`,
    status ?? 1,
  );
}

const HIDDEN_LOCK = path.join(ROOT, 'node_modules', '.package-lock.json');

/** Whether what npm noted in node_modules is what the lock file asks for. */
function isInstalled() {
  const installedMs = modifiedMs(HIDDEN_LOCK);
  if (installedMs === undefined) return false;
  const lockFile = path.join(ROOT, 'package-lock.json');
  if (installedMs >= (modifiedMs(lockFile) ?? 0)) return true;
  const wanted = JSON.parse(fs.readFileSync(lockFile, 'utf8')).packages;
  const installed = JSON.parse(fs.readFileSync(HIDDEN_LOCK, 'utf8')).packages;
  const same = Object.keys({ ...wanted, ...installed }).every((name) => {
    if (name === '') return true;
    if (installed[name] === undefined) return wanted[name].optional === true;
    return wanted[name]?.version === installed[name].version;
  });
  // Only the lock file's date was new, as after a checkout: the next run need not compare again.
  if (same) fs.utimesSync(HIDDEN_LOCK, new Date(), new Date());
  return same;
}

function install() {
  say('Installing packages (once)...');
  const parameters = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  const npm = process.env['npm_execpath'];
  if (npm?.endsWith('js') === true) run(process.execPath, [npm, ...parameters]);
  else run('npm', parameters);
}

/**
 * The state of all that a build is made of: names, sizes and dates.
 * @param {typeof BUILDS.product} build
 */
function fingerprint(build) {
  const files = build.inputs.flatMap((folder) => {
    const at = path.join(ROOT, folder);
    if (!fs.existsSync(at)) return [];
    return fs
      .readdirSync(at, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => path.join(folder, name));
  });
  const hash = createHash('sha256');
  for (const name of [...files, 'package-lock.json', 'tsconfig.json', build.project].toSorted()) {
    const { mtimeMs, size } = fs.statSync(path.join(ROOT, name));
    hash.update(`${name} ${size} ${mtimeMs}\n`);
  }
  return hash.digest('hex');
}

/** @param {typeof BUILDS.product} build */
const stampOf = (build) => path.join(build.output, '.built-from');

/** @param {typeof BUILDS.product} build */
function isBuilt(build) {
  const stamp = stampOf(build);
  return fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === fingerprint(build);
}

/** @param {typeof BUILDS.product} build */
function compile(build) {
  say(`Building (${build.project})...`);
  const from = fingerprint(build);
  fs.rmSync(build.output, { recursive: true, force: true });
  run(path.join(ROOT, 'node_modules', '.bin', 'tsc'), ['-p', build.project]);
  const bin = path.join(build.output, 'cli', 'main.js');
  if (fs.existsSync(bin)) fs.chmodSync(bin, 0o755);
  fs.mkdirSync(build.output, { recursive: true });
  fs.writeFileSync(stampOf(build), from);
}

/** @param {unknown} error */
const codeOf = (error) => (error instanceof Error && 'code' in error ? error.code : undefined);

/** Whether this process has the lock now; else another one has it, and lives. */
function tryLock() {
  try {
    fs.writeFileSync(LOCK, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
  try {
    const holder = Number(fs.readFileSync(LOCK, 'utf8'));
    // An empty lock is just being written: signal 0 to process 0 always succeeds.
    process.kill(holder, 0);
  } catch (error) {
    if (codeOf(error) === 'ESRCH') fs.rmSync(LOCK, { force: true });
  }
  return false;
}

/**
 * Runs `work` while no other run of this program works in the same checkout.
 * @param {() => void} work
 */
function alone(work) {
  fs.mkdirSync(CACHE, { recursive: true });
  let told = false;
  while (!tryLock()) {
    if (!told)
      say(`Waiting for another installation or build here (see ${path.relative(ROOT, LOCK)})...`);
    told = true;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOCK_POLL_MS);
  }
  try {
    work();
  } finally {
    fs.rmSync(LOCK, { force: true });
  }
}

/** @param {readonly string[]} flags */
function main(flags) {
  requireNode();
  const builds =
    flags.includes('--install-only') || flags.includes('--sim') ? [] : [BUILDS.product];
  if (flags.includes('--bench')) builds.push(BUILDS.bench);
  if (flags.includes('--sim')) builds.push(BUILDS.sim);
  if (flags.includes('--cluster')) builds.push(BUILDS.cluster);
  if (isInstalled() && builds.every(isBuilt)) return;
  alone(() => {
    if (!isInstalled()) install();
    for (const build of builds) if (!isBuilt(build)) compile(build);
  });
}

try {
  main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  say(error.message);
  process.exitCode = error.exitCode;
}
