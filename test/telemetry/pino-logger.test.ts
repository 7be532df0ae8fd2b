import { expect, test } from 'vitest';

import type { LogLevel } from '../../src/telemetry/logger.ts';
import { createPinoLogger } from '../../src/telemetry/pino-logger.ts';
import { MemoryLogger } from '../support/memory-logger.ts';

function makeLogger(level: LogLevel, pretty: boolean) {
  const texts: string[] = [];
  const output = { write: (text: string) => texts.push(text) };
  return { logger: createPinoLogger({ level, pretty, output }), texts };
}

test('a line is one JSON object with level, time, fields and message', () => {
  const { logger, texts } = makeLogger('info', false);
  logger.child({ region: 'us-east-1' }).warn({ zone: 'b' }, 'zone stopped');
  expect(texts).toHaveLength(1);
  expect(JSON.parse(texts[0] ?? '')).toEqual({
    level: 'warn',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/u),
    region: 'us-east-1',
    zone: 'b',
    msg: 'zone stopped',
  });
});

test('an error is written with its message, its code and its causes', () => {
  const { logger, texts } = makeLogger('info', false);
  const error = Object.assign(new Error('outer', { cause: new Error('inner') }), { code: 'io' });
  logger.error({ error }, 'zone failed');
  expect(JSON.parse(texts[0] ?? '')).toMatchObject({
    error: { message: 'outer', code: 'io', cause: { message: 'inner' } },
  });
});

test('lines below the level are not written, and silent writes none', () => {
  const warn = makeLogger('warn', false);
  warn.logger.debug({}, 'no');
  warn.logger.info({}, 'no');
  warn.logger.warn({}, 'yes');
  expect(warn.texts).toHaveLength(1);
  const silent = makeLogger('silent', false);
  silent.logger.error({}, 'no');
  expect(silent.texts).toEqual([]);
});

test('for people a line is text, written before the call returns', () => {
  const { logger, texts } = makeLogger('info', true);
  logger.info({ zone: 'b' }, 'zone stopped');
  expect(texts.join('')).toContain('zone stopped');
  expect(texts.join('')).not.toContain('{"level"');
});

test('the logger of tests keeps levels, fields and messages, those of children included', () => {
  const logger = new MemoryLogger();
  logger.info({ zone: 'a' }, 'first');
  logger.child({ region: 'x' }).error({ zone: 'b' }, 'second');
  expect(logger.lines).toEqual([
    { level: 'info', fields: { zone: 'a' }, message: 'first' },
    { level: 'error', fields: { region: 'x', zone: 'b' }, message: 'second' },
  ]);
  expect(logger.messages('error')).toEqual(['second']);
});
