import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

import { ProcessGuard } from '../../src/cli/process-guard.ts';
import { until } from '../support/until.ts';

function sleeper(): { readonly pid: number; readonly exit: Promise<unknown> } {
  const child = spawn('sleep', ['60'], { stdio: 'ignore', detached: true });
  onTestFinished(() => void child.kill('SIGKILL'));
  return { pid: child.pid ?? 0, exit: once(child, 'exit') };
}

test('when its input ends, what is watched ends, and what is forgotten does not', async () => {
  const guard = new ProcessGuard();
  const folder = mkdtempSync(join(tmpdir(), 'tidemark test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const [watched, forgotten, other] = [sleeper(), sleeper(), sleeper()];
  for (const { pid } of [watched, forgotten, other]) guard.watch(pid);
  guard.forget(forgotten.pid);
  guard.removeAtEnd(folder);
  guard.close();
  await Promise.all([watched.exit, other.exit]);
  expect(process.kill(forgotten.pid, 0)).toBe(true);
  await until('the folder to be gone', () => !existsSync(folder));
});

test('one that takes a while to end may, while others have ended', async () => {
  const guard = new ProcessGuard();
  const script = "trap 'sleep 0.5; exit 7' TERM; echo ready; while :; do sleep 0.05; done";
  const slow = spawn('/bin/sh', ['-c', script], { detached: true });
  onTestFinished(() => void slow.kill('SIGKILL'));
  await once(slow.stdout, 'data');
  const quick = sleeper();
  guard.watch(quick.pid);
  guard.watch(slow.pid ?? 0);
  guard.close();
  expect(await once(slow, 'exit')).toEqual([7, null]);
  await quick.exit;
});

test('one that is stopped by a signal ends too', async () => {
  const guard = new ProcessGuard();
  const { pid, exit } = sleeper();
  process.kill(pid, 'SIGSTOP');
  guard.watch(pid);
  guard.close();
  await exit;
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
});
