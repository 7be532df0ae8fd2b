import { expect, test } from 'vitest';

import { parseCommandLine } from '../../src/cli/command-line.ts';
import { triggerCreateOptionsOf } from '../../src/cli/trigger-options.ts';

const PORT = 'http://127.0.0.1:9001';

const create = (...words: readonly string[]): unknown =>
  parseCommandLine(['trigger', 'create', '--table', 'orders', ...words]);

const update = (line: string): unknown => parseCommandLine(`trigger update ${line}`.split(' '));

test('what is given becomes settings, and nothing else is said', () => {
  expect(create('--to', 'nats:orders')).toEqual({
    kind: 'trigger create',
    options: {
      operations: PORT,
      settings: {
        name: 'orders',
        table: 'orders',
        to: 'nats:orders',
        filters: [],
        bisectOnError: false,
        reportBatchItemFailures: false,
        metadata: false,
        paused: false,
      },
    },
  });
  const filter = '{"eventName":["INSERT"]}';
  expect(
    create(
      '--to',
      'https://example.com/',
      '--name',
      'n',
      '--operations',
      'http://h:9',
      '--filter',
      filter,
      '--filter',
      JSON.stringify({ Pattern: filter }),
      '--starting-position',
      'AT_TIMESTAMP',
      '--timestamp',
      '2026-01-31T12:00:00Z',
      '--batch-size',
      '5',
      '--batching-window',
      '10',
      '--parallelization-factor',
      '2',
      '--maximum-retry-attempts=-1',
      '--maximum-record-age',
      '60',
      '--timeout',
      '3',
      '--memory',
      '512',
      '--processes',
      '2',
      '--on-failure',
      'nats:letters',
      '--bisect-on-error',
      '--report-batch-item-failures',
      '--metadata',
      '--paused',
    ),
  ).toEqual({
    kind: 'trigger create',
    options: {
      operations: 'http://h:9',
      settings: {
        name: 'n',
        table: 'orders',
        to: 'https://example.com/',
        filters: [filter, filter],
        startingPosition: 'AT_TIMESTAMP',
        startingPositionTimestamp: '2026-01-31T12:00:00Z',
        batchSize: 5,
        batchingWindowSeconds: 10,
        parallelizationFactor: 2,
        maximumRetryAttempts: -1,
        maximumRecordAgeSeconds: 60,
        timeoutSeconds: 3,
        memoryMb: 512,
        processes: 2,
        onFailure: 'nats:letters',
        bisectOnError: true,
        reportBatchItemFailures: true,
        metadata: true,
        paused: true,
      },
    },
  });
});

test('paths begin in the folder that the command is given in', () => {
  const given = new Map([
    ['table', ['orders']],
    ['to', ['module:handlers/a.mjs']],
    ['on-failure', ['file:../letters.jsonl']],
  ]);
  expect(triggerCreateOptionsOf(given, '/srv/app').settings).toMatchObject({
    to: 'module:/srv/app/handlers/a.mjs',
    onFailure: 'file:/srv/letters.jsonl',
  });
});

test('an update says what is given, and nothing else', () => {
  expect(update('--name n --batch-size 7 --maximum-retry-attempts=-1')).toEqual({
    kind: 'trigger update',
    options: {
      operations: PORT,
      name: 'n',
      settings: { batchSize: 7, maximumRetryAttempts: -1 },
    },
  });
  expect(
    update('--name n --no-filter --no-on-failure --no-bisect-on-error --metadata --no-enabled'),
  ).toMatchObject({
    options: {
      settings: {
        filters: [],
        onFailure: null,
        bisectOnError: false,
        metadata: true,
        paused: true,
      },
    },
  });
  expect(
    update('--name n --to nats:x --filter {"a":[1]} --enabled --on-failure nats:y'),
  ).toMatchObject({
    options: {
      settings: { to: 'nats:x', filters: ['{"a":[1]}'], paused: false, onFailure: 'nats:y' },
    },
  });
  expect(() => update('--name n')).toThrow('changes nothing');
  expect(() => update('--batch-size 7')).toThrow('trigger update needs --name NAME');
  expect(() => update('--name n --metadata --no-metadata')).toThrow('exclude each other');
  expect(() => update('--name n --table t')).toThrow('--table');
});

test('triggers are listed', () => {
  expect(parseCommandLine(['trigger', 'list'])).toEqual({
    kind: 'trigger list',
    options: { operations: PORT, json: false },
  });
  expect(parseCommandLine('trigger list --json --operations http://h:9'.split(' '))).toEqual({
    kind: 'trigger list',
    options: { operations: 'http://h:9', json: true },
  });
});

test.each(['describe', 'pause', 'resume', 'delete'])('%s takes a name', (verb) => {
  expect(parseCommandLine(['trigger', verb, '--name', 'n'])).toEqual({
    kind: `trigger ${verb}`,
    options: { operations: PORT, name: 'n' },
  });
});

test.each([
  ['trigger', 'trigger is half a command'],
  ['trigger make', 'trigger is half a command; is it trigger create or'],
  ['trigger create --to nats:x', 'trigger create needs --table TABLE'],
  ['trigger create --table t', 'trigger create needs --to TARGET'],
  [
    'trigger create --table t --to nats:x --batch-size many',
    '--batch-size many: expected a whole number',
  ],
  ['trigger create --table t --to nats:x --filter {', '--filter {: expected JSON'],
  ['trigger create --table t --to nats:x --starting-position TRIM', 'expected one of TRIM_HORIZON'],
  ['trigger create --table t --to nats:x --starting-position trim_horizon', 'is it TRIM_HORIZON?'],
  ['trigger create --table t --to nats:x --timestamp 5', 'come together'],
  ['trigger create --table t --to nats:x --starting-position AT_TIMESTAMP', 'come together'],
  [
    'trigger create --table t --to nats:x --operations 9001',
    '--operations 9001: expected an address',
  ],
  ['trigger pause', 'trigger pause needs --name NAME'],
  ['trigger create --table t --to nats:x --batchsize 5', 'is it --batch-size?'],
])('%s is refused', (line, words) => {
  expect(() => parseCommandLine(line.split(' '))).toThrow(words);
});
