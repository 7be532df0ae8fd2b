import { expect, test } from 'vitest';

import {
  definitionJson,
  readTriggerDefinition,
  RECORD_AGE_SECONDS_MIN,
  TRIGGER_FILTERS_MAX,
  TRIGGER_NAME_LENGTH_MAX,
  TRIGGER_NUMBERS,
} from '../../src/triggers/trigger-definition.ts';

const LEAST = { name: 't', table: 'orders', to: 'nats:orders.changed' };

function problemsOf(settings: object): string {
  const reading = readTriggerDefinition({ ...LEAST, ...settings });
  return reading.kind === 'wrong' ? reading.problems.join('\n') : '';
}

test('what is not said is as Lambda has it', () => {
  expect(readTriggerDefinition(LEAST)).toEqual({
    kind: 'read',
    definition: {
      name: 't',
      table: 'orders',
      to: { kind: 'nats', subject: 'orders.changed' },
      filters: [],
      startingPosition: { kind: 'LATEST' },
      bisectOnError: false,
      reportBatchItemFailures: false,
      metadata: false,
      onFailure: undefined,
      batchSize: 100,
      batchingWindowSeconds: 0,
      parallelizationFactor: 1,
      maximumRetryAttempts: -1,
      maximumRecordAgeSeconds: -1,
      timeoutSeconds: 30,
      memoryMb: 256,
      processes: 4,
    },
  });
});

test('a definition is read again as it was written', () => {
  const reading = readTriggerDefinition({
    ...LEAST,
    to: 'module:/srv/handler.mjs',
    filters: ['{"eventName":["INSERT"]}'],
    startingPosition: 'AT_TIMESTAMP',
    startingPositionTimestamp: 1_700_000_000,
    onFailure: 'file:/var/letters.jsonl',
    batchSize: 7,
    bisectOnError: true,
  });
  if (reading.kind === 'wrong') throw new Error(reading.problems.join());
  const { definition } = reading;
  expect(definition.startingPosition).toEqual({ kind: 'AT_TIMESTAMP', timeMs: 1_700_000_000_000 });
  const json: unknown = JSON.parse(JSON.stringify(definitionJson(definition)));
  expect(readTriggerDefinition(json)).toEqual({ kind: 'read', definition });
});

test.each(Object.entries(TRIGGER_NUMBERS))('%s has its bounds', (name, { min, max }) => {
  const words = `"${name}": expected a whole number from ${min} to ${max}`;
  for (const good of [min, max]) expect(problemsOf({ [name]: good })).toBe('');
  for (const bad of [min - 1, max + 1, min + 0.5, String(min), Number.NaN])
    expect(problemsOf({ [name]: bad })).toContain(words);
});

test('a record is never too old before a minute', () => {
  expect(problemsOf({ maximumRecordAgeSeconds: RECORD_AGE_SECONDS_MIN })).toBe('');
  expect(problemsOf({ maximumRecordAgeSeconds: RECORD_AGE_SECONDS_MIN - 1 })).toContain(
    'expected -1, or at least 60',
  );
});

test.each([
  ['http://127.0.0.1:8080/hook', { kind: 'url', url: 'http://127.0.0.1:8080/hook' }],
  ['https://example.com', { kind: 'url', url: 'https://example.com' }],
  ['nats:a.b-c.d_e', { kind: 'nats', subject: 'a.b-c.d_e' }],
  ['module:/srv/a b/handler.mjs', { kind: 'module', file: '/srv/a b/handler.mjs' }],
  ['module:C:\\srv\\handler.mjs', { kind: 'module', file: 'C:\\srv\\handler.mjs' }],
])('%s is a target', (to, address) => {
  expect(readTriggerDefinition({ ...LEAST, to })).toMatchObject({ definition: { to: address } });
});

test.each([
  '',
  'ftp://x',
  'nats:',
  'nats:a.*',
  'nats:a.>',
  'nats:$SYS.x',
  'nats:a..b',
  'nats:a b',
  'module:handler.mjs',
  'module:',
  'file:/x',
  `https://x/${'y'.repeat(2048)}`,
])('%.30s is no target', (to) => {
  expect(problemsOf({ to })).toMatch(/"to": /u);
});

test.each(['', 'module:/x', 'file:x', 'https://example.com', 'nats:>'])(
  '%s is no place for letters',
  (onFailure) => {
    expect(problemsOf({ onFailure })).toMatch(/"onFailure": /u);
  },
);

test('all problems are told at once', () => {
  const long = 'x'.repeat(TRIGGER_NAME_LENGTH_MAX + 1);
  const problems = problemsOf({
    name: long,
    table: 'a/b',
    filters: ['{', ...Array.from({ length: TRIGGER_FILTERS_MAX }, () => '{"a":[1]}')],
    startingPosition: 'NEVER',
    bisectOnError: 'yes',
    tumblingWindowSeconds: 5,
  });
  expect(problems.split('\n')).toEqual([
    'unknown members: tumblingWindowSeconds',
    expect.stringContaining('"name": expected letters'),
    '"table": expected the name of a table',
    '"filters": there are 10 at most',
    '"filters": no JSON: {',
    '"startingPosition": expected TRIM_HORIZON, LATEST or AT_TIMESTAMP',
    '"bisectOnError": expected true or false',
  ]);
  for (const value of [undefined, null, 'x', []])
    expect(readTriggerDefinition(value)).toEqual({
      kind: 'wrong',
      problems: ['expected a JSON object'],
    });
});

test('a time comes with AT_TIMESTAMP, and only with it', () => {
  expect(problemsOf({ startingPosition: 'AT_TIMESTAMP' })).toContain('expected a time');
  expect(
    problemsOf({ startingPosition: 'AT_TIMESTAMP', startingPositionTimestamp: 'soon' }),
  ).toContain('expected a time');
  expect(problemsOf({ startingPositionTimestamp: 5 })).toContain('is for AT_TIMESTAMP');
});
