import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const READY = path.join(import.meta.dirname, '..', '..', 'src', 'cli', 'ready.mjs');

/** Stands in for npm: fills node_modules with what the lock file asks for, and a compiler that copies. */
const NPM = `
const fs = require('node:fs');
fs.appendFileSync('calls', 'npm ' + process.argv.slice(2, 3) + '\\n');
fs.mkdirSync('node_modules/.bin', { recursive: true });
fs.copyFileSync('package-lock.json', 'node_modules/.package-lock.json');
fs.copyFileSync('fake-tsc', 'node_modules/.bin/tsc');
fs.chmodSync('node_modules/.bin/tsc', 0o755);
`;

const TSC = `#!/usr/bin/env node
const fs = require('node:fs');
const path = require('node:path');
const project = process.argv[3];
fs.appendFileSync('calls', 'tsc ' + project + '\\n');
const source = fs.readFileSync('src/cli/main.ts', 'utf8');
if (source.includes('broken')) { console.error('TS9999: broken'); process.exit(2); }
const into = project === 'tsconfig.bench.json' ? '.cache/bench' : 'dist';
for (const name of fs.readdirSync('src', { recursive: true }).filter((name) => name.endsWith('.ts'))) {
  const to = path.join(into, name.replace(/ts$/, 'js'));
  fs.mkdirSync(path.dirname(to), { recursive: true });
  fs.copyFileSync(path.join('src', name), to);
}
`;

let root = '';

const at = (name: string): string => path.join(root, name);
const write = (name: string, text: string): void => {
  fs.mkdirSync(path.dirname(at(name)), { recursive: true });
  fs.writeFileSync(at(name), text);
};
const lockOf = (version: string): string =>
  JSON.stringify({ packages: { '': {}, 'node_modules/one': { version } } });

beforeEach(() => {
  root = fs.mkdtempSync(path.join(tmpdir(), 'tidemark-ready-'));
  write('fake-npm.cjs', NPM);
  write('fake-tsc', TSC);
  write('package-lock.json', lockOf('1.0.0'));
  write('tsconfig.json', '{}');
  write('tsconfig.build.json', '{}');
  write('tsconfig.bench.json', '{}');
  write('src/cli/main.ts', 'first');
  fs.copyFileSync(READY, at('src/cli/ready.mjs'));
});

afterEach(() => {
  fs.rmSync(root, { recursive: true, force: true });
});

const environment = (): NodeJS.ProcessEnv => ({ ...process.env, npm_execpath: at('fake-npm.cjs') });

interface Outcome {
  readonly status: number | null;
  readonly said: string;
  /** The tools that were called, in order. */
  readonly calls: readonly string[];
}

function ready(...flags: string[]): Outcome {
  fs.rmSync(at('calls'), { force: true });
  const parameters = [at('src/cli/ready.mjs'), ...flags];
  const { status, stdout, stderr } = spawnSync(process.execPath, parameters, {
    cwd: tmpdir(),
    env: environment(),
    encoding: 'utf8',
  });
  return { status, said: stdout + stderr, calls: callsOf() };
}

const callsOf = (): readonly string[] =>
  fs.existsSync(at('calls')) ? fs.readFileSync(at('calls'), 'utf8').trim().split('\n') : [];

const NOTHING: Outcome = { status: 0, said: '', calls: [] };

test('a fresh clone is installed and built, and the second time nothing is done or said', () => {
  expect(ready()).toMatchObject({ status: 0, calls: ['npm ci', 'tsc tsconfig.build.json'] });
  expect(fs.statSync(at('dist/cli/main.js')).mode & 0o111).toBe(0o111);
  expect(ready()).toEqual(NOTHING);
});

test('it can only install', () => {
  expect(ready('--install-only').calls).toEqual(['npm ci']);
  expect(ready('--install-only')).toEqual(NOTHING);
  expect(fs.existsSync(at('dist'))).toBe(false);
});

test('it builds the benchmarks where they are asked for', () => {
  ready();
  expect(ready('--bench').calls).toEqual(['tsc tsconfig.bench.json']);
  expect(ready('--bench')).toEqual(NOTHING);
});

test('a changed source is built again', () => {
  ready();
  write('src/cli/main.ts', 'second, longer');
  expect(ready().calls).toEqual(['tsc tsconfig.build.json']);
  expect(fs.readFileSync(at('dist/cli/main.js'), 'utf8')).toBe('second, longer');
});

test('what was built from a source that is gone goes too', () => {
  write('src/base/gone.ts', '');
  ready();
  expect(fs.existsSync(at('dist/base/gone.js'))).toBe(true);
  fs.rmSync(at('src/base/gone.ts'));
  expect(ready().calls).toEqual(['tsc tsconfig.build.json']);
  expect(fs.existsSync(at('dist/base/gone.js'))).toBe(false);
});

test('a lock file with other packages is installed, one with only another date is not', () => {
  ready();
  const later = new Date(Date.now() + 60_000);
  fs.utimesSync(at('package-lock.json'), later, later);
  expect(ready('--install-only')).toEqual(NOTHING);
  write('package-lock.json', lockOf('1.0.1'));
  fs.utimesSync(at('package-lock.json'), later, later);
  expect(ready('--install-only').calls).toEqual(['npm ci']);
});

test('a build that fails says so, exits with the code of the compiler, and is tried again', () => {
  write('src/cli/main.ts', 'broken');
  for (let round = 0; round < 2; round++) {
    const { status, said } = ready();
    expect(status).toBe(2);
    expect(said).toContain('TS9999: broken');
    expect(said).toContain('`tsc -p tsconfig.build.json` failed (exit code 2)');
  }
});

test('an installation that fails says so, exits with the code of npm, and builds nothing', () => {
  write('fake-npm.cjs', 'process.exit(7)');
  const { status, said, calls } = ready();
  expect(status).toBe(7);
  expect(said).toContain('failed (exit code 7)');
  expect(calls).toEqual([]);
});

test('runs at the same time wait for each other, and the work is done once', async () => {
  const runs = Array.from({ length: 3 }, async () => {
    const child = spawn(process.execPath, [at('src/cli/ready.mjs')], {
      env: environment(),
      stdio: 'ignore',
    });
    return new Promise((resolve) => {
      child.on('exit', resolve);
    });
  });
  expect(await Promise.all(runs)).toEqual([0, 0, 0]);
  expect(callsOf()).toEqual(['npm ci', 'tsc tsconfig.build.json']);
});

test('the lock of a run that was killed does not hold up the next', () => {
  const dead = spawnSync(process.execPath, ['--version']).pid;
  write('.cache/ready.lock', String(dead));
  expect(ready().status).toBe(0);
  expect(fs.existsSync(at('.cache/ready.lock'))).toBe(false);
});
