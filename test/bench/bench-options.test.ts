import { expect, test } from 'vitest';

import { parseBenchOptions, UsageError } from './bench-options.ts';

test('without options all operations run in three rounds at 16 and 64 connections', () => {
  expect(parseBenchOptions([])).toEqual({
    operations: [
      'GetItem',
      'PutItem',
      'streamed PutItem',
      'UpdateItem',
      'Query',
      'BatchWriteItem',
      'TransactWriteItems',
    ],
    connections: [16, 64],
    rounds: 3,
    measuredMs: 3000,
    warmUpMs: 1000,
    jsonFile: undefined,
    nats: undefined,
    against: undefined,
    isExpiry: false,
  });
});

test('quick is one short round, and what is given besides counts', () => {
  const options = parseBenchOptions(['--quick', '--rounds', '2', '--json', 'x.json']);
  expect(options).toMatchObject({ rounds: 2, measuredMs: 1000, jsonFile: 'x.json' });
});

test('expiry is measured at 16 connections, and beside nothing else', () => {
  expect(parseBenchOptions(['--expiry', '--rounds', '1'])).toMatchObject({
    isExpiry: true,
    connections: [16],
    rounds: 1,
    measuredMs: 5000,
  });
  expect(() => parseBenchOptions(['--expiry', '--nats'])).toThrow(UsageError);
});

test('lists are read', () => {
  const options = parseBenchOptions(['--operations', 'Query,GetItem', '--connections', '1,8']);
  expect(options).toMatchObject({ operations: ['Query', 'GetItem'], connections: [1, 8] });
});

test('two regions are measured for ten seconds, and then cut off from each other for a minute', () => {
  expect(parseBenchOptions(['--nats'])).toMatchObject({
    rounds: 3,
    measuredMs: 10_000,
    nats: { cutMs: 60_000, daemon: undefined, profileFolder: undefined },
  });
  const quick = parseBenchOptions(['--nats', '--quick', '--profile', '/tmp/profiles']);
  expect(quick).toMatchObject({
    rounds: 1,
    measuredMs: 5000,
    nats: { cutMs: 5000, profileFolder: '/tmp/profiles' },
  });
});

test('another build is compared in forty short pairs', () => {
  const options = parseBenchOptions(['--against', '/old/main.js', '--operations', 'PutItem']);
  expect(options).toEqual({
    operations: ['PutItem'],
    connections: [16],
    rounds: 40,
    measuredMs: 600,
    warmUpMs: 100,
    jsonFile: undefined,
    nats: undefined,
    isExpiry: false,
    against: '/old/main.js',
  });
});

test('help is asked for', () => {
  expect(parseBenchOptions(['--help'])).toBeUndefined();
});

test.each([
  [['--operations', 'Scan'], 'no Scan'],
  [['--connections', '0'], 'above 0'],
  [['--connections', '1.5'], 'whole'],
  [['--rounds', 'many'], 'many'],
  [['--seconds', '-1'], '--seconds'],
  [['--fast'], '--fast'],
  [['--nats', '--connections', '4'], '--connections'],
  [['--profile', 'x'], '--nats'],
  [['--nats', '--against', 'x'], '--against'],
])('%j is refused', (parameters, words) => {
  expect(() => parseBenchOptions(parameters)).toThrow(UsageError);
  expect(() => parseBenchOptions(parameters)).toThrow(words);
});
