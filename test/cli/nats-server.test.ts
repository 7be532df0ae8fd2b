import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { findNatsServer, hasGo, isAtLeast } from '../../src/cli/nats-server.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A program that does nothing but run these lines of shell. */
function program(name: string, lines: string): string {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, `#!/bin/sh\n${lines}\n`);
  chmodSync(path, 0o755);
  return path;
}

const natsServer = (place: string, version: string): string =>
  program(join(place, 'nats-server'), `echo "nats-server: v${version}"`);

const said: string[] = [];
beforeEach(() => {
  said.length = 0;
});

const find = async (environment: Record<string, string>) =>
  findNatsServer({
    versionMin: '2.14.5',
    environment: { PATH: join(folder, 'path'), ...environment },
    cacheFolder: join(folder, 'cache'),
    say: (line) => said.push(line),
  });

test('versions are compared by their numbers', () => {
  expect(isAtLeast('2.14.5', '2.14.5')).toBe(true);
  expect(isAtLeast('2.15.0', '2.14.5')).toBe(true);
  expect(isAtLeast('3.0.0', '2.14.5')).toBe(true);
  expect(isAtLeast('2.14.10', '2.14.5')).toBe(true);
  expect(isAtLeast('2.14.4', '2.14.5')).toBe(false);
  expect(isAtLeast('2.9.25', '2.14.5')).toBe(false);
  expect(isAtLeast('2.14.5-RC.1', '2.14.5')).toBe(false);
  expect(isAtLeast('2.15.0-RC.1', '2.14.5')).toBe(true);
});

test('the environment comes before the PATH, and the PATH before the cache', async () => {
  const named = natsServer('named', '2.15.2');
  const onPath = natsServer('path', '2.15.1');
  const cached = natsServer('cache', '2.15.0');
  expect(await find({ NATS_SERVER: named })).toEqual({ path: named, version: '2.15.2' });
  expect(await find({})).toEqual({ path: onPath, version: '2.15.1' });
  rmSync(onPath);
  expect(await find({ NATS_SERVER: '' })).toEqual({ path: cached, version: '2.15.0' });
});

test('one that is too old does not end the search', async () => {
  const named = natsServer('named', '2.9.0');
  natsServer('path', '2.14.4');
  const cached = natsServer('cache', '2.14.5');
  expect(await find({ NATS_SERVER: named })).toEqual({ path: cached, version: '2.14.5' });
});

test('where none counts, the message tells each one and why', async () => {
  const named = join(folder, 'absent');
  const old = natsServer('path', '2.14.4');
  const error = find({ NATS_SERVER: named });
  await expect(error).rejects.toThrow(/^no nats-server 2\.14\.5 or later was found:/u);
  await expect(error).rejects.toThrow(`NATS_SERVER: ${named} does not run`);
  await expect(error).rejects.toThrow(`PATH: ${old} is 2.14.4`);
  await expect(error).rejects.toThrow('.cache/bin: none');
  await expect(error).rejects.toThrow('Go, to build one: none');
  await expect(error).rejects.toThrow('NATS_SERVER to its path');
  expect(said).toEqual([]);
});

test('Go builds one, says so, and it is kept', async () => {
  program(
    'path/go',
    `/bin/cat > "$GOBIN/nats-server" <<END
#!/bin/sh
echo "nats-server: v2.15.2"
END
/bin/chmod +x "$GOBIN/nats-server"`,
  );
  const cached = join(folder, 'cache', 'nats-server');
  expect(hasGo({ PATH: join(folder, 'path') })).toBe(true);
  expect(await find({})).toEqual({ path: cached, version: '2.15.2' });
  expect(await find({})).toEqual({ path: cached, version: '2.15.2' });
  expect(said).toEqual([expect.stringContaining('@v2.15.2')]);
  expect(readdirSync(join(folder, 'cache'))).toEqual(['nats-server']);
});

test('what Go says when it fails is told, and nothing is left', async () => {
  program('path/go', 'echo "no network" >&2; exit 1');
  await expect(find({})).rejects.toThrow('go install: no network');
  expect(readdirSync(join(folder, 'cache'))).toEqual([]);
});

test('nothing is built for who does not want it', async () => {
  program('path/go', 'exit 1');
  const search = findNatsServer({
    versionMin: '2.14.5',
    environment: { PATH: join(folder, 'path') },
    cacheFolder: join(folder, 'cache'),
    say: undefined,
  });
  await expect(search).rejects.toThrow('none was built with Go');
  expect(existsSync(join(folder, 'cache'))).toBe(false);
});
