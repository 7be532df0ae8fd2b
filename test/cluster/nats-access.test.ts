import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { nkeys } from '@nats-io/transport-node';
import { expect, onTestFinished, test } from 'vitest';

import { present } from '../../src/base/assert.ts';
import {
  connectNats,
  connectNatsPatiently,
  type NatsAccess,
  NatsConnectError,
  type NatsStatus,
} from '../../src/bus/nats-connection.ts';
import { freePorts } from '../../src/cli/free-ports.ts';
import { NATS_VERSION_MIN } from '../../src/cli/nats-server.ts';
import { SystemClock } from '../../src/daemon/system-clock.ts';
import { SystemRandom } from '../../src/daemon/system-random.ts';
import { natsBus } from '../support/nats-buses.ts';
import {
  natsServer,
  startNatsServer,
  type TestNatsOptions,
  type TestNatsServer,
} from '../support/nats-servers.ts';
import { natsSuite } from '../support/nats-suite.ts';
import { until } from '../support/until.ts';

const PASSWORD = 'correct horse battery';

/** Where it is not installed, what needs it is skipped. */
const OPENSSL = 'openssl';

async function server(options: TestNatsOptions): Promise<TestNatsServer> {
  const started = await startNatsServer(options);
  onTestFinished(async () => started.remove());
  return started;
}

async function errorOf(access: NatsAccess): Promise<NatsConnectError> {
  try {
    const connection = await connectNats(access, { name: 'test' });
    await connection.close();
  } catch (error) {
    if (error instanceof NatsConnectError) return error;
    throw error;
  }
  throw new Error('expected a NatsConnectError');
}

async function connects(access: NatsAccess): Promise<void> {
  const connection = await connectNats(access, { name: 'test' });
  await connection.flush();
  await connection.close();
}

/** A certificate of its own for `localhost`; undefined where there is no openssl. */
function certificate(): { readonly cert: string; readonly key: string } | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-tls-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const parameters = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2'];
  parameters.push('-keyout', key, '-out', cert, '-subj', '/CN=localhost');
  parameters.push('-addext', 'subjectAltName=DNS:localhost');
  try {
    execFileSync(OPENSSL, parameters, { stdio: 'ignore' });
    return { cert, key };
  } catch {
    return undefined;
  }
}

await natsSuite('access to NATS', NATS_VERSION_MIN, () => {
  test('a user comes in with the password, and is refused with another one, in words without it', async () => {
    const { url } = await server({ auth: [{ user: 'tidemark', password: PASSWORD }] });
    await connects({ servers: [url], user: 'tidemark', password: PASSWORD });
    const wrong = await errorOf({ servers: [url], user: 'tidemark', password: `${PASSWORD}!` });
    expect(wrong.code).toBe('credentials');
    expect(wrong.message).toMatch(/^the NATS server at 127\.0\.0\.1:\d+ refuses the credentials$/u);
    expect((await errorOf({ servers: [url] })).code).toBe('credentials');
  });

  test('a daemon that is refused goes on trying, and says so once, without the password', async () => {
    const { url } = await server({ auth: [{ user: 'tidemark', password: PASSWORD }] });
    const access = { servers: [url], user: 'tidemark', password: 'secret and wrong' };
    const { bus, logger } = natsBus('east', access);
    onTestFinished(async () => bus.stop());
    await bus.start();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(logger.messages('warn')).toEqual(['NATS cannot be used']);
    expect(JSON.stringify(logger.lines)).toContain('refuses the credentials');
    expect(JSON.stringify(logger.lines)).not.toContain('secret and wrong');
  });

  test('an nkey comes in by its seed, and no other one does', async () => {
    const [ours, another] = [nkeys.createUser(), nkeys.createUser()];
    const seedOf = (pair: typeof ours): string => new TextDecoder().decode(pair.getSeed());
    const { url } = await server({ auth: [{ nkey: ours.getPublicKey() }] });
    await connects({ servers: [url], nkeySeed: seedOf(ours) });
    const wrong = await errorOf({ servers: [url], nkeySeed: seedOf(another) });
    expect(wrong.code).toBe('credentials');
  });

  test('where nobody listens nothing can be reached, and a patient one waits until told to stop', async () => {
    const [port = 0] = await freePorts(1);
    const access = { servers: [`nats://127.0.0.1:${port}`] };
    const error = await errorOf(access);
    expect(error.code).toBe('unreachable');
    expect(error.message).toContain(`127.0.0.1:${port}: connection refused`);
    const giveUp = new AbortController();
    let failures = 0;
    const patience = {
      clock: new SystemClock(),
      random: new SystemRandom(),
      signal: giveUp.signal,
    };
    const connected = connectNatsPatiently(
      access,
      { name: 'test' },
      {
        ...patience,
        onFailure: () => {
          failures += 1;
          if (failures === 2) giveUp.abort();
        },
      },
    );
    expect(await connected).toBeUndefined();
    expect(failures).toBe(2);
  });

  test('one server of several is enough, and the others are used when it goes', async () => {
    const [one, other] = [await server({}), await server({})];
    const [port = 0] = await freePorts(1);
    const servers = [`nats://127.0.0.1:${port}`, one.url, other.url];
    const seen: NatsStatus['kind'][] = [];
    const connection = await connectNats(
      { servers },
      { name: 'test', clock: new SystemClock(), onStatus: ({ kind }) => seen.push(kind) },
    );
    onTestFinished(async () => connection.close());
    const first = connection.getServer();
    const left = one.url.endsWith(first) ? one : other;
    const right = left === one ? other : one;
    await left.kill();
    await until('the other server', () => right.url.endsWith(connection.getServer()));
    await until('the connection', () => seen.includes('connected'));
    expect(seen[0]).toBe('disconnected');
  });

  test('TLS: the certificate is checked by what the access names, and nothing else will do', async ({
    skip,
  }) => {
    const made = certificate();
    skip(made === undefined, 'no openssl on this machine');
    if (made === undefined) return;
    const program = present(await natsServer(), 'a nats-server');
    const [port = 0] = await freePorts(1);
    const parameters = ['-a', '127.0.0.1', '-p', String(port), '--tls'];
    const { cert, key } = made;
    const child = spawn(program, [...parameters, '--tlscert', cert, '--tlskey', key], {
      stdio: 'ignore',
    });
    onTestFinished(async () => {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    });
    const servers = [`tls://localhost:${port}`];
    await until('a connection by TLS', async () =>
      connects({ servers, tls: { ca: cert } }).then(
        () => true,
        () => false,
      ),
    );
    const unknown = await errorOf({ servers });
    expect(unknown.code).toBe('unreachable');
    expect(unknown.message).toContain('self-signed certificate');
    const plain = await server({});
    const refused = await errorOf({ servers: [plain.url], tls: {} });
    expect(refused.message).toContain("does not support 'tls'");
  });
});
