import { expect, test } from 'vitest';

import { startFailureText } from '../../src/cli/start-failure.ts';
import { DataDirectoryError } from '../../src/daemon/data-directory-error.ts';
import { PortInUseError } from '../../src/daemon/listeners.ts';
import { NatsUnfitError } from '../../src/daemon/streams-line.ts';

const words = (error: unknown): string => startFailureText(error, 'east', 'data/east');

test('a port in use names the region once, and the port', () => {
  const place = { region: 'east', what: 'DynamoDB', host: '127.0.0.1', port: 8001 };
  expect(words(new PortInUseError(place))).toMatch(
    /^tidemark: east: port 8001 for DynamoDB is in use on 127\.0\.0\.1; stop what uses it/u,
  );
});

test('a data directory in use says so, however deep the lock is', () => {
  const lock = Object.assign(new Error('LOCK: already held'), { code: 'locked' });
  expect(words(new Error('zone a', { cause: lock }))).toMatch(
    /^tidemark: east: the data directory data\/east is in use by another process/u,
  );
});

test('a data directory that does not fit is told without a stack', () => {
  expect(words(new DataDirectoryError('data/east has data of format 9'))).toBe(
    'tidemark: east: data/east has data of format 9',
  );
});

test('what the NATS lacks is told line by line, and what to set', () => {
  const unfit = new NatsUnfitError(['set `sync_interval: always`', 'set `max_payload: 8MB`']);
  expect(words(unfit)).toBe(
    "tidemark: east: the region's NATS cannot keep logs:\n  set `sync_interval: always`\n  set `max_payload: 8MB`",
  );
});

test('any other error keeps its stack', () => {
  expect(words(new TypeError('oops'))).toMatch(/^tidemark: east: TypeError: oops\n +at /u);
});
