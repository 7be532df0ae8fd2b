import { expect, test } from 'vitest';

import { parseCommandLine } from '../../src/cli/command-line.ts';
import { UsageError } from '../../src/cli/usage-error.ts';

const NOTHING = {
  data: undefined,
  ephemeral: false,
  delays: [],
  regions: undefined,
  configFolder: undefined,
  portBase: undefined,
  nats: false,
  nodes: undefined,
};

test.each([
  ['lab', NOTHING],
  ['lab --data here', { ...NOTHING, data: 'here' }],
  ['lab --data=-odd', { ...NOTHING, data: '-odd' }],
  ['lab --ephemeral', { ...NOTHING, ephemeral: true }],
  ['lab --regions east,west', { ...NOTHING, regions: ['east', 'west'] }],
  ['lab --config-dir there --port-base 0', { ...NOTHING, configFolder: 'there', portBase: 0 }],
  ['lab --nats', { ...NOTHING, nats: true }],
  ['lab --nats --nodes 1', { ...NOTHING, nats: true, nodes: 1 }],
  ['lab --nodes=3 --nats', { ...NOTHING, nats: true, nodes: 3 }],
  [
    'lab --delay east:west=80ms --delay west->east=1.5s',
    {
      ...NOTHING,
      delays: [
        { from: 'east', to: 'west', bothWays: true, delayMs: 80 },
        { from: 'west', to: 'east', bothWays: false, delayMs: 1500 },
      ],
    },
  ],
])('%s is a lab', (line, options) => {
  expect(parseCommandLine(line.split(' '))).toEqual({ kind: 'lab', options });
});

test.each([
  ['--help', { kind: 'help', command: undefined }],
  ['-h', { kind: 'help', command: undefined }],
  ['help', { kind: 'help', command: undefined }],
  ['help serve', { kind: 'help', command: 'serve' }],
  ['lab --help', { kind: 'help', command: 'lab' }],
  ['lab --data x -h', { kind: 'help', command: 'lab' }],
  ['--version', { kind: 'version' }],
  ['demo', { kind: 'demo', options: { cities: undefined } }],
  ['serve --config a.yaml --data x', { kind: 'serve', options: { config: 'a.yaml', data: 'x' } }],
  ['serve --config=a.yaml', { kind: 'serve', options: { config: 'a.yaml', data: undefined } }],
])('%s is understood', (line, invocation) => {
  expect(parseCommandLine(line.split(' '))).toEqual(invocation);
});

test.each([
  ['', 'no command; there are lab, serve, demo'],
  ['lap', 'lap is no command; is it lab?'],
  ['replicate', 'replicate is no command; there are lab, serve, demo'],
  ['--lab', '--lab is no command; is it lab?'],
  ['--hepl', '--hepl is no command; is it --help?'],
  ['help lap', 'lap is no command; is it lab?'],
  ['lab --epemeral', '--epemeral is no option of lab; is it --ephemeral?'],
  ['lab -x', '-x is no option of lab; there are --data,'],
  ['lab east', 'lab takes no "east", only options'],
  ['lab -- east', 'lab takes no "east", only options'],
  ['lab --data', '--data needs a value: --data DIR'],
  ['lab --data=', '--data needs a value: --data DIR'],
  ['lab --data --ephemeral', '--data needs a value: --data DIR'],
  ['lab --data a --data b', '--data is given twice'],
  ['lab --ephemeral=yes', '--ephemeral takes no value'],
  ['lab --port-base high', '--port-base high: expected a whole number'],
  ['lab --port-base -1', '--port-base needs a value'],
  ['lab --nats --nodes 2', '--nodes 2: a region has 1 node or 3'],
  ['lab --nodes 3', '--nodes needs --nats'],
  ['lab --nats=yes', '--nats takes no value'],
  ['lab --regions a,,b', '--regions a,,b: expected names with commas between them'],
  ['serve', 'serve needs --config FILE'],
  ['serve --ephemeral', '--ephemeral is no option of serve; there are --config, --data, --help'],
])('"%s" is refused: %s', (line, words) => {
  const parse = (): unknown => parseCommandLine(line === '' ? [] : line.split(' '));
  expect(parse).toThrow(UsageError);
  expect(parse).toThrow(words);
});
