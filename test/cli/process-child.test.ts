import { afterEach, expect, test } from 'vitest';

import { present } from '../../src/base/assert.ts';
import { type ChildEnd, ChildService } from '../../src/cli/process-child.ts';
import { guardOfTests } from '../support/nats-servers.ts';
import { until } from '../support/until.ts';

const children: ChildService[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill();
    await child.ended();
  }
});

const ends: ChildEnd[] = [];
const lines: string[] = [];
afterEach(() => {
  ends.length = 0;
  lines.length = 0;
});

function shell(script: string, program = '/bin/sh'): ChildService {
  const child = new ChildService({
    name: 'the script',
    program,
    parameters: ['-c', script],
    environment: process.env,
    guard: guardOfTests(),
    onLine: (line, stream) => lines.push(`${stream}: ${line}`),
    onEnd: (end) => ends.push(end),
  });
  children.push(child);
  return child;
}

const never = async (): Promise<boolean> => false;
const heard = (line: string) => async (): Promise<boolean> => lines.includes(line);

test('it runs until it is stopped, and that is no end by itself', async () => {
  const child = shell('echo ready; exec sleep 60');
  expect(child.pid).toBeUndefined();
  child.start();
  await child.untilReady(heard('output: ready'), 10_000);
  const pid = present(child.pid, 'its number');
  await child.stop(10_000);
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  expect(child.isAlive).toBe(false);
  expect(child.end).toMatchObject({ signal: 'SIGTERM' });
  expect(ends).toEqual([]);
});

test('what does not stop when it is asked is ended', async () => {
  const child = shell("trap '' TERM; echo ready; while :; do sleep 0.1; done");
  child.start();
  await child.untilReady(heard('output: ready'), 10_000);
  await child.stop(1);
  expect(child.end?.signal).toBe('SIGKILL');
});

test('an end by itself is told, with the exit code and the last lines', async () => {
  const child = shell('echo working; echo "no disk" >&2; exit 7');
  child.start();
  await child.ended();
  expect(ends).toEqual([{ exitCode: 7, signal: undefined, lastLines: ['no disk'] }]);
  expect(lines.toSorted()).toEqual(['errors: no disk', 'output: working']);
});

test('what ends before it is ready is an error with its words', async () => {
  const child = shell('echo "port in use" >&2; exit 1');
  child.start();
  const waiting = child.untilReady(never, 10_000);
  await expect(waiting).rejects.toThrow(
    'the script ended with exit code 1; it wrote last:\n  port in use',
  );
});

test('what is not ready in time is an error', async () => {
  const child = shell('echo hello; exec sleep 60');
  child.start();
  await until('a line', heard('output: hello'));
  await expect(child.untilReady(never, 1)).rejects.toThrow('was not ready within 0.001 s');
});

test('what cannot be started is an error', async () => {
  const child = shell('', '/nowhere/program');
  child.start();
  await expect(child.untilReady(never, 10_000)).rejects.toThrow('could not be started');
  expect(ends).toHaveLength(1);
});

test('it can be started again after its end', async () => {
  const child = shell('echo once; exit 3');
  child.start();
  await child.ended();
  child.start();
  await child.ended();
  expect(lines).toEqual(['output: once', 'output: once']);
});
