import { expect, test } from 'vitest';

import { isDaemonEntry, relayDaemonLine, relayServerLine } from '../../src/cli/process-log.ts';
import { MemoryLogger } from '../support/memory-logger.ts';

const relayed = (relay: typeof relayDaemonLine, line: string): unknown => {
  const logger = new MemoryLogger();
  relay(line, logger);
  return logger.lines.map(({ level, message, fields }) => ({ level, message, ...fields }));
};

test.each<readonly [string, object[]]>([
  [
    '{"level":"error","time":"now","region":"us-east-1","zone":"a","msg":"zone failed"}',
    [{ level: 'error', message: 'zone failed', zone: 'a' }],
  ],
  ['{"level":"odd","msg":"hello"}', [{ level: 'info', message: 'hello' }]],
  ['Error: no memory', [{ level: 'warn', message: 'daemon wrote', line: 'Error: no memory' }]],
  ['[7]', [{ level: 'warn', message: 'daemon wrote', line: '[7]' }]],
  ['', []],
])('of a daemon, %j is told', (line, lines) => {
  expect(relayed(relayDaemonLine, line)).toEqual(
    lines.map((each) => expect.objectContaining(each)),
  );
});

test('what a daemon logged need not be told again when it ends, and the rest must', () => {
  expect(isDaemonEntry('{"level":"info","msg":"hello"}')).toBe(true);
  for (const line of ['Error: no memory', '[7]', '{"level":"info"}', ''])
    expect(isDaemonEntry(line)).toBe(false);
});

test.each<readonly [string, object]>([
  [
    '[7] 2026/01/31 12:00:00.000001 [WRN] slow consumer',
    { level: 'warn', message: 'nats-server warning', line: 'slow consumer' },
  ],
  [
    '[7] 2026/01/31 12:00:00.000001 [FTL] no disk',
    { level: 'error', message: 'nats-server error', line: 'no disk' },
  ],
  ['[7] 2026/01/31 12:00:00.000001 [INF] Server is ready', { level: 'debug' }],
  [
    '[7] 2026/01/31 12:00:00.000001 [WRN] Plaintext passwords detected, use nkeys or bcrypt',
    { level: 'debug' },
  ],
  [
    '[7] 2026/01/31 12:00:00.000001 [ERR] Error trying to connect to route (attempt 1): refused',
    { level: 'debug' },
  ],
  ['goroutine 1', { level: 'debug', line: 'goroutine 1' }],
])('of a nats-server, %j is told', (line, expected) => {
  expect(relayed(relayServerLine, line)).toEqual([expect.objectContaining(expected)]);
});
