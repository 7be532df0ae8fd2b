import { once } from 'node:events';
import { createServer } from 'node:net';

import { expect, onTestFinished, test } from 'vitest';

import { freePorts } from '../../src/cli/free-ports.ts';

test('ports are different, also from those given before', async () => {
  const ports = [...(await freePorts(5)), ...(await freePorts(5))];
  expect(new Set(ports).size).toBe(10);
});

test('none is a port that connections that go out are given', async () => {
  for (const port of await freePorts(20)) {
    expect(port).toBeGreaterThan(1023);
    expect(port).toBeLessThan(32_768);
  }
});

test('a port that somebody listens on is passed over', async () => {
  const [last = 0] = await freePorts(1);
  const server = createServer();
  onTestFinished(() => void server.close());
  server.listen(last + 1, '127.0.0.1');
  // Where another process listens on it, it is taken just as well.
  await Promise.race([once(server, 'listening'), once(server, 'error')]).catch(() => {});
  expect(await freePorts(3)).not.toContain(last + 1);
});
