import { expect, test } from 'vitest';

import { connectionOptionsOf, newInbox } from '../../src/bus/nats-connection.ts';

const servers = ['nats://127.0.0.1:4001', 'tls://nats.example:4222'];
const options = { name: 'tidemark us-east-1' };

test('without credentials and TLS none are presented nor asked for', () => {
  const made = connectionOptionsOf({ servers: servers.slice(0, 1) }, options);
  expect(made).toMatchObject({ servers: ['127.0.0.1:4001'], name: 'tidemark us-east-1' });
  for (const name of ['user', 'pass', 'authenticator', 'tls'])
    expect(made).not.toHaveProperty(name);
});

test('a server that is named with tls:// is spoken to by TLS alone', () => {
  expect(connectionOptionsOf({ servers }, options).tls).toEqual({});
});

test('files of TLS, a user and an nkey are passed on', () => {
  const tls = { ca: 'ca.pem', cert: 'cert.pem', key: 'key.pem' };
  const access = { servers, user: 'u', password: 'p', nkeySeed: 'SU', tls };
  const made = connectionOptionsOf(access, options);
  expect(made.tls).toEqual({ caFile: 'ca.pem', certFile: 'cert.pem', keyFile: 'key.pem' });
  expect(made).toMatchObject({ user: 'u', pass: 'p' });
  expect(typeof made.authenticator).toBe('function');
});

test('no client gives up, and none goes where the configuration does not send it', () => {
  const made = connectionOptionsOf({ servers }, options);
  expect(made).toMatchObject({ maxReconnectAttempts: -1, ignoreClusterUpdates: true });
  expect(made).toMatchObject({ ignoreAuthErrorAbort: true, reconnect: true });
  expect(connectionOptionsOf({ servers }, { ...options, reconnect: false }).reconnect).toBe(false);
});

test('no two inboxes are one', () => {
  const inboxes = new Set(Array.from({ length: 100 }, newInbox));
  expect(inboxes.size).toBe(100);
  for (const inbox of inboxes) expect(inbox).toMatch(/^_INBOX\.\w+$/u);
});
