import { deflateSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  answerCoding,
  decodeBody,
  encodeBody,
  preferredCoding,
} from '../../src/api/content-coding.ts';
import { REQUEST_BODY_BYTES_MAX } from '../../src/model/limits.ts';

describe('a request’s body', () => {
  test.each([
    ['gzip', gzipSync('{}')],
    ['GZIP', gzipSync('{}')],
    ['gzip', Buffer.concat([gzipSync('{'), gzipSync('}')])],
    ['deflate', deflateSync('{}')],
    ['identity', Buffer.from('{}')],
  ])('in %s is decoded', async (coding, body) => {
    expect(String(await decodeBody(body, coding))).toBe('{}');
  });

  test.each([
    ['an unknown coding', 'br', Buffer.from('{}')],
    ['no body', 'gzip', Buffer.alloc(0)],
    ['no body', 'deflate', Buffer.alloc(0)],
    ['text', 'gzip', Buffer.from('{}')],
    ['text', 'deflate', Buffer.from('{}')],
    ['a body cut short', 'gzip', gzipSync('{}').subarray(0, -1)],
  ])('that is %s for %s is an internal error', async (_, coding, body) => {
    await expect(decodeBody(body, coding)).rejects.toMatchObject({
      code: 'InternalServerError',
      status: 500,
    });
  });

  test('may not grow past what a body may be', async () => {
    const body = gzipSync(Buffer.alloc(REQUEST_BODY_BYTES_MAX + 1));
    expect(await decodeBody(body, 'gzip')).toBeUndefined();
  });
});

describe('an answer', () => {
  test('is coded when it is long and the client accepts it', () => {
    expect(answerCoding('gzip', 4095)).toBeUndefined();
    expect(answerCoding('gzip', 4096)).toBe('gzip');
    expect(answerCoding(undefined, 10_000)).toBeUndefined();
  });

  test('is what the client decodes', async () => {
    const text = 'grüße '.repeat(1000);
    expect(String(gunzipSync(await encodeBody(text, 'gzip')))).toBe(text);
    expect(String(inflateSync(await encodeBody(text, 'deflate')))).toBe(text);
  });
});

test.each([
  ['', undefined],
  ['identity', undefined],
  ['br, zstd', undefined],
  ['gzip, deflate', 'gzip'],
  ['br, identity, deflate, gzip', 'deflate'],
  ['GZIP, identity', 'gzip'],
  ['dog, gzip ,, cat', 'gzip'],
  ['gzip;q=0.5, deflate;q=0.8', 'deflate'],
  ['gzip;q=0, deflate', 'deflate'],
  ['gzip ;q=0', undefined],
  ['gzip;q= 0;q=1', undefined],
  ['gzip;q =0;q=1', 'gzip'],
  ['gzip;q=0., deflate;q=0.1', 'deflate'],
  ['gzip;q=0.x, deflate;q=0.5', 'gzip'],
  ['deflate;q=-0.5,gzip;q=0.2', 'gzip'],
  ['gzip;q=31,deflate;q=51', 'gzip'],
  ['gzip;q=0, gzip;q=1', 'gzip'],
  ['*', 'gzip'],
  ['*;q=0', undefined],
  ['*, deflate', 'deflate'],
  ['*, deflate;q=0.5', 'gzip'],
  ['*, gzip;q=0.5', 'deflate'],
  ['*;q=0.5, identity', 'gzip'],
  ['"gzip"', undefined],
  ['gzip br', undefined],
])('who accepts %j gets %s', (accepted, coding) => {
  expect(preferredCoding(accepted)).toBe(coding);
});

test('no header is too odd to be read', () => {
  const part = fc.constantFrom('gzip', 'deflate', '*', ';', ',', 'q', '=', '0', '.', '1', ' ', '-');
  fc.assert(
    fc.property(fc.array(part), (parts) => {
      expect(['gzip', 'deflate', undefined]).toContain(preferredCoding(parts.join('')));
    }),
  );
});
