import { expect, test } from 'vitest';

import type { CommandName } from '../../src/cli/command-table.ts';
import { COMMAND_NAMES, COMMANDS, helpText, isCommandName } from '../../src/cli/command-table.ts';

test('the overview names every command and the exit codes', () => {
  const text = helpText(undefined);
  for (const name of COMMAND_NAMES) expect(text).toContain(`\n  ${name} `);
  for (const code of ['0', '1', '2', '130']) expect(text).toContain(`\n  ${code} `);
});

test.each(COMMAND_NAMES.filter(isCommandName))(
  'the help of %s names each of its options, within 100 columns',
  (name: CommandName) => {
    const text = helpText(name);
    for (const option of Object.keys(COMMANDS[name].options)) expect(text).toContain(`--${option}`);
    const long = text.split('\n').filter((line) => line.length > 100);
    expect(long).toEqual([]);
  },
);

test('what every object has is no command', () => {
  expect(isCommandName('toString')).toBe(false);
});
