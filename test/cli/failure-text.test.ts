import { expect, test } from 'vitest';

import { exitCodeFor, failureText } from '../../src/cli/failure-text.ts';
import { UsageError } from '../../src/cli/usage-error.ts';
import { ConfigError } from '../../src/daemon/config-error.ts';

const problem = { source: 'a.yaml', line: 3, path: 'region', message: 'it is missing' };

test('all problems of the configuration are told, and nothing of the code', () => {
  const error = new ConfigError([problem, { ...problem, line: undefined, path: '' }]);
  expect(failureText(error)).toBe(
    'The configuration has 2 problems; nothing was started.\na.yaml:3: region: it is missing\na.yaml: it is missing',
  );
  expect(exitCodeFor(error)).toBe(2);
});

test('wrong usage names the help that says more', () => {
  expect(failureText(new UsageError('what?', 'lab'))).toBe(
    'tidemark: what?\nSee `tidemark lab --help`.',
  );
  expect(exitCodeFor(new UsageError('what?'))).toBe(2);
});

test("an operator's error is told in words, with its causes once", () => {
  const cause = Object.assign(new Error('disk is full'), { code: 'ENOSPC' });
  expect(failureText(new Error('cannot open', { cause }))).toBe(
    'tidemark: cannot open\n  because: disk is full',
  );
  expect(failureText(new Error('cannot open: disk is full', { cause }))).toBe(
    'tidemark: cannot open: disk is full',
  );
  expect(exitCodeFor(cause)).toBe(1);
});

test("one of the code's own comes with its stack", () => {
  expect(failureText(new TypeError('oops'))).toMatch(/^tidemark: TypeError: oops\n +at /u);
  expect(failureText('thrown')).toBe('tidemark: thrown');
});
