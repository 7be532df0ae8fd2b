import { expect, test } from 'vitest';

import { parseBenchOptions, UsageError } from './bench-options.ts';

test('without options all operations run in three rounds at 16 and 64 connections', () => {
  expect(parseBenchOptions([])).toEqual({
    mode: { kind: 'suite' },
    operations: [
      'GetItem',
      'PutItem',
      'streamed PutItem',
      'UpdateItem',
      'hot UpdateItem',
      'Query',
      'Scan',
      'BatchWriteItem',
      'TransactWriteItems',
    ],
    connections: [16, 64],
    rounds: 3,
    measuredMs: 3000,
    warmUpMs: 1000,
    results: { jsonFile: undefined, isKept: false, compareFile: undefined, isStrict: false },
  });
});

test('quick is one short round, and what is given besides counts', () => {
  const options = parseBenchOptions(['--quick', '--rounds', '2', '--json', 'x.json']);
  expect(options).toMatchObject({
    rounds: 2,
    measuredMs: 1000,
    results: { jsonFile: 'x.json' },
  });
});

test('results are kept, and held against others', () => {
  const options = parseBenchOptions(['--keep', '--compare', '/old.json', '--strict']);
  expect(options?.results).toEqual({
    jsonFile: undefined,
    isKept: true,
    compareFile: '/old.json',
    isStrict: true,
  });
});

test('expiry is measured at 16 connections', () => {
  expect(parseBenchOptions(['--expiry', '--rounds', '1'])).toMatchObject({
    mode: { kind: 'expiry' },
    connections: [16],
    rounds: 1,
    measuredMs: 5000,
  });
});

test('lists are read', () => {
  const options = parseBenchOptions(['--operations', 'Query,GetItem', '--connections', '1,8']);
  expect(options).toMatchObject({ operations: ['Query', 'GetItem'], connections: [1, 8] });
});

test('two regions are measured for ten seconds, and then cut off from each other for a minute', () => {
  expect(parseBenchOptions(['--nats'])).toMatchObject({
    rounds: 3,
    measuredMs: 10_000,
    mode: { kind: 'nats', cutMs: 60_000, daemon: undefined, profileFolder: undefined },
  });
  const quick = parseBenchOptions(['--nats', '--quick', '--profiles', '/tmp/profiles']);
  expect(quick).toMatchObject({
    rounds: 1,
    measuredMs: 5000,
    mode: { kind: 'nats', cutMs: 5000, profileFolder: '/tmp/profiles' },
  });
});

test('another build is compared in forty short pairs', () => {
  const options = parseBenchOptions(['--against', '/old/main.js', '--operations', 'PutItem']);
  expect(options).toMatchObject({
    mode: { kind: 'against', main: '/old/main.js' },
    operations: ['PutItem'],
    connections: [16],
    rounds: 40,
    measuredMs: 600,
    warmUpMs: 100,
  });
});

test('a profile is of one operation', () => {
  expect(parseBenchOptions(['--profile', 'PutItem'])).toMatchObject({
    mode: { kind: 'profile', operation: 'PutItem' },
    connections: [16],
    measuredMs: 5000,
  });
});

test('a table grows from size to size, and is put to for five minutes at each', () => {
  expect(parseBenchOptions(['--growth', '10000,1000000'])).toMatchObject({
    mode: { kind: 'growth', sizes: [10_000, 1_000_000], sustainedMs: 300_000 },
    connections: [16],
  });
  const quick = parseBenchOptions(['--growth', '10', '--quick']);
  expect(quick?.mode).toMatchObject({ sustainedMs: 5000 });
});

test('steps are timed in five short rounds', () => {
  expect(parseBenchOptions(['--micro'])).toMatchObject({
    mode: { kind: 'micro' },
    operations: [],
    connections: [],
    rounds: 5,
    measuredMs: 500,
  });
});

test('a start is that of a daemon with so many items', () => {
  const options = parseBenchOptions(['--start', '1000000', '--rounds', '2']);
  expect(options).toMatchObject({ mode: { kind: 'start', items: 1_000_000 }, rounds: 2 });
});

test('half of the peak is measured of single-item operations and Query', () => {
  expect(parseBenchOptions(['--latency'])).toMatchObject({
    mode: { kind: 'latency' },
    operations: ['GetItem', 'PutItem', 'UpdateItem', 'Put and DeleteItem', 'Query'],
  });
});

test('the README is written by a flag of its own', () => {
  expect(parseBenchOptions(['--readme'])?.mode).toEqual({ kind: 'readme' });
});

test('help is asked for', () => {
  expect(parseBenchOptions(['--help'])).toBeUndefined();
});

test.each([
  [['--operations', 'Skim'], 'no Skim'],
  [['--connections', '0'], 'above 0'],
  [['--connections', '1.5'], 'whole'],
  [['--rounds', 'many'], 'many'],
  [['--seconds', '-1'], '--seconds'],
  [['--fast'], '--fast'],
  [['--nats', '--connections', '4'], '--connections is not taken by --nats'],
  [['--profiles', 'x'], '--profiles is not taken by this bench'],
  [['--profile', 'Skim'], 'no Skim'],
  [['--profile', 'GetItem', '--keep'], '--keep'],
  [['--latency', '--operations', 'Scan'], 'no Scan'],
  [['--nats', '--against', 'x'], 'one of --against, --nats at a time'],
  [['--expiry', '--nats'], 'at a time'],
  [['--strict'], '--compare'],
  [['--growth', '100,10'], 'sizes rise'],
  [['--growth', 'many'], 'many'],
  [['--sustain', '5'], '--sustain'],
  [['--start', '0'], 'above 0'],
])('%j is refused', (parameters, words) => {
  expect(() => parseBenchOptions(parameters)).toThrow(UsageError);
  expect(() => parseBenchOptions(parameters)).toThrow(words);
});
