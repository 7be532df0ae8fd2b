import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';

import { runDemo } from '../../src/cli/demo.ts';

const PROGRAM = join(import.meta.dirname, '../../dist/cli/main.js');

/** Where the demo makes its folders: what it leaves behind shows. */
let folder = '';

beforeEach(() => {
  const made = mkdtempSync(join(tmpdir(), 'tidemark-test-'));
  folder = made;
  vi.stubEnv('TMPDIR', made);
  onTestFinished(() => {
    vi.unstubAllEnvs();
    rmSync(made, { recursive: true, force: true });
  });
});

const never = new Promise<void>(() => {});

test('the demo finds everything in all three regions, and leaves nothing behind', async () => {
  let text = '';
  const write = (more: string): unknown => (text += more);
  const code = await runDemo(
    { cities: 2000 },
    { shutdown: { requested: never }, program: PROGRAM, output: { write } },
  );
  expect(text).toContain('All held');
  expect(text.match(/2,003 items, digest [0-9a-f]{32} {2}equal/g)).toHaveLength(3);
  expect(text).toContain('zone b of us-east-1 is stopped');
  expect(text).toMatch(/p50 \d+\.\d ms, p99 \d+\.\d ms/);
  expect(code).toBe(0);
  expect(readdirSync(folder)).toEqual([]);
});

test('interrupted in the middle of the load, the demo ends its lab and leaves nothing behind', async () => {
  let text = '';
  const interrupted = new AbortController();
  const requested = once(interrupted.signal, 'abort').then(() => undefined);
  const write = (more: string): unknown => {
    text += more;
    if (more.includes('2,000 of')) interrupted.abort();
    return true;
  };
  const code = await runDemo(
    { cities: 20_000 },
    { shutdown: { requested }, program: PROGRAM, output: { write } },
  );
  expect(code).toBe(130);
  expect(text).not.toContain('All held');
  expect(readdirSync(folder)).toEqual([]);
  const [endpoint = ''] = /http:\S+/.exec(text) ?? [];
  expect(endpoint).not.toBe('');
  await expect(fetch(endpoint)).rejects.toThrow('fetch failed');
});

test('a lab that does not start is a failure with what it wrote', async () => {
  const program = join(folder, 'missing.js');
  const demo = runDemo(
    { cities: 1 },
    { shutdown: { requested: never }, program, output: { write: () => true } },
  );
  await expect(demo).rejects.toThrow(/did not start; it wrote:[^]*missing\.js/);
  expect(readdirSync(folder)).toEqual([]);
});
