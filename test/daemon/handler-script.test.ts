import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { HANDLER_SCRIPT } from '../../src/daemon/handler-script.ts';
import { until } from '../support/until.ts';

/** Starts a handler as the daemon does, and prints its number once it has been invoked. */
const PARENT = `
  const child = require('node:child_process').spawn(
    process.execPath,
    ['--input-type=module', '--eval', process.env.SCRIPT, process.env.FILE, 't', 'arn', '64', '1000'],
    { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] },
  );
  child.on('message', () => {
    child.send({ requestId: '1', event: '{}', timeoutMs: 1e6 }, () => console.log(child.pid));
  });
`;

const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

test.each([
  ['waits', 'new Promise(() => {})'],
  ['never gives way', '{ for (;;); }'],
])('a handler that %s ends with the daemon, however that ends', async (_what, body) => {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-handler-'));
  onTestFinished(async () => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'handler.mjs');
  await writeFile(file, `export const handler = () => ${body};`);
  const parent = spawn(process.execPath, ['--eval', PARENT], {
    env: { ...process.env, SCRIPT: HANDLER_SCRIPT, FILE: file },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [said]: unknown[] = await once(parent.stdout, 'data');
  const pid = Number(String(said));
  expect(isRunning(pid)).toBe(true);
  parent.kill('SIGKILL');
  await until('the handler to end', () => !isRunning(pid));
});
