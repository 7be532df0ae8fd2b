import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { NODE_FLAGS } from '../../src/cli/node-flags.ts';

test('Node knows them', () => {
  const told = execFileSync(process.execPath, [...NODE_FLAGS, '--print', '6 * 7']);
  expect(told.toString('utf8').trim()).toBe('42');
});

test('the script that runs a lab gives them', () => {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  expect(manifest).toContain(`&& node ${NODE_FLAGS.join(' ')} dist/cli/main.js lab"`);
});
