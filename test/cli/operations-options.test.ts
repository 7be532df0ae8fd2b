import { expect, test } from 'vitest';

import { parseCommandLine } from '../../src/cli/command-line.ts';

const PORT = 'http://127.0.0.1:9001';
const NOTHING = { configFolder: undefined, operations: [], json: false };

test.each([
  ['status', { kind: 'status', options: NOTHING }],
  [
    'status --json --config-dir here',
    {
      kind: 'status',
      options: { ...NOTHING, json: true, configFolder: 'here' },
    },
  ],
  [
    `status --operations ${PORT}/ --operations ${PORT} --operations http://h:2`,
    {
      kind: 'status',
      options: { ...NOTHING, operations: [PORT, 'http://h:2'] },
    },
  ],
  [
    `leader move --partition 3 --to b --operations ${PORT}`,
    {
      kind: 'leader move',
      options: { partition: 3, to: 'b', operations: PORT },
    },
  ],
  [
    `partition split --partition 3 --operations ${PORT}`,
    { kind: 'partition split', options: { partition: 3, operations: PORT } },
  ],
  [
    `node drain --operations ${PORT}`,
    {
      kind: 'node drain',
      options: { undo: false, operations: PORT },
    },
  ],
  [
    `node drain --undo --operations ${PORT}`,
    {
      kind: 'node drain',
      options: { undo: true, operations: PORT },
    },
  ],
  ['help leader move', { kind: 'help', command: 'leader move' }],
  ['node drain --help', { kind: 'help', command: 'node drain' }],
])('%s is understood', (line, invocation) => {
  expect(parseCommandLine(line.split(' '))).toEqual(invocation);
});

test.each([
  ['leader', 'leader is half a command; is it leader move?'],
  ['node --help', 'node is half a command; is it node drain?'],
  ['help node', 'node is half a command; is it node drain?'],
  [`partition split --operations ${PORT}`, 'partition split needs --partition N'],
  ['partition split --partition 1', 'partition split needs --operations URL'],
  [
    `partition split --partition x --operations ${PORT}`,
    '--partition x: expected a whole number such as 3',
  ],
  [`leader move --to b --operations ${PORT}`, 'leader move needs --partition N'],
  [`leader move --partition 1 --operations ${PORT}`, 'leader move needs --to ZONE'],
  ['leader move --partition 1 --to b', 'leader move needs --operations URL'],
  [
    `leader move --partition -1 --to b --operations ${PORT}`,
    '--partition needs a value: --partition N',
  ],
  [
    `leader move --partition 1.5 --to b --operations ${PORT}`,
    '--partition 1.5: expected a whole number such as 3',
  ],
  [
    `leader move --partition 1 --to zone-d --operations ${PORT}`,
    '--to zone-d: expected one of a, b, c',
  ],
  ['node drain', 'node drain needs --operations URL'],
  [
    'node drain --operations 127.0.0.1:9001',
    '--operations 127.0.0.1:9001: expected an address such as http://127.0.0.1:9001',
  ],
  [
    `node drain --operations ${PORT}/node`,
    `--operations ${PORT}/node: expected an address such as http://127.0.0.1:9001`,
  ],
  [
    `status --config-dir here --operations ${PORT}`,
    '--config-dir and --operations exclude each other',
  ],
  [`node drain --operations ${PORT} --operations ${PORT}`, '--operations is given twice'],
])('%s is refused: %s', (line, message) => {
  expect(() => parseCommandLine(line.split(' '))).toThrow(
    expect.objectContaining({ name: 'UsageError', message }),
  );
});
