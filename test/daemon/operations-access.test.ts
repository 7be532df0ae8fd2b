import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

import { expect, test } from 'vitest';

import { refusalOf } from '../../src/daemon/operations-access.ts';

const TOKEN = 'a token of sixteen';

// oxlint-disable typescript/no-unsafe-type-assertion -- all that is read of a request
const from = (remoteAddress: string, headers: IncomingHttpHeaders = {}): IncomingMessage =>
  ({
    headers: { 'content-type': 'application/json', host: 'localhost:9001', ...headers },
    socket: { remoteAddress },
  }) as IncomingMessage;

const statusFor = (request: IncomingMessage, token?: string): number | undefined =>
  refusalOf(request, token)?.status;

test.each(['127.0.0.1', '127.8.0.3', '::1', '::ffff:127.0.0.1'])(
  'from %s nobody needs a token',
  (address) => {
    expect(statusFor(from(address))).toBeUndefined();
    expect(statusFor(from(address), TOKEN)).toBeUndefined();
  },
);

test.each(['10.0.0.7', '::ffff:10.0.0.7', 'fe80::1', '::2'])(
  'from %s a change needs the token, and there must be one',
  (address) => {
    expect(statusFor(from(address))).toBe(403);
    expect(statusFor(from(address, { authorization: `Bearer ${TOKEN}` }))).toBe(403);
    expect(statusFor(from(address), TOKEN)).toBe(401);
    expect(statusFor(from(address, { authorization: 'Bearer wrong' }), TOKEN)).toBe(401);
    expect(statusFor(from(address, { authorization: `Basic ${TOKEN}` }), TOKEN)).toBe(401);
    expect(statusFor(from(address, { authorization: `Bearer ${TOKEN}` }), TOKEN)).toBeUndefined();
  },
);

test('a wrong token is refused from this machine too', () => {
  expect(statusFor(from('127.0.0.1', { authorization: 'Bearer wrong' }), TOKEN)).toBe(401);
});

test('the token does not stand in for the content type', () => {
  const headers = { 'content-type': 'text/plain', authorization: `Bearer ${TOKEN}` };
  expect(statusFor(from('10.0.0.7', headers), TOKEN)).toBe(415);
});

test.each([
  [{ host: '[::1]:9001', origin: 'http://localhost:3000' }, undefined],
  [{ host: '127.0.0.1.evil.example:9001' }, 403],
  [{ host: 'evil.example' }, 403],
  [{ origin: 'null' }, 403],
  [{ origin: 'http://localhost.evil.example' }, 403],
])('from this machine %o gets %s', (headers, status) => {
  expect(statusFor(from('127.0.0.1', headers))).toBe(status);
});
