import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';

import { expect, test } from 'vitest';
import { z } from 'zod';

import { parseCommandLine } from '../../src/cli/command-line.ts';
import { isAtLeast } from '../../src/cli/nats-server.ts';
import { NODE_FLAGS } from '../../src/cli/node-flags.ts';
import { configMembers } from '../../src/daemon/config.ts';
import { projectText, ROOT } from './compose-file.ts';
import { readDockerfile } from './dockerfile.ts';

const image = readDockerfile();
const manifest = z
  .object({
    bin: z.object({ tidemark: z.string() }),
    engines: z.object({ node: z.string() }),
    scripts: z.record(z.string(), z.string()),
  })
  .parse(JSON.parse(projectText('package.json')));

/** What is sent to the engine: what `.dockerignore` lets through. */
const sent = projectText('.dockerignore')
  .split('\n')
  .filter((line) => line.startsWith('!'))
  .map((line) => line.slice(1));

/** The paths that the image is made of: those of the project, and those of another stage. */
const copies = image.stages.flatMap(({ name, instructions }) =>
  instructions
    .filter((instruction) => instruction.name === 'COPY')
    .map(({ rest }) => {
      const words = rest.split(' ');
      const from = words[0]?.startsWith('--from=') === true ? words.shift()?.slice(7) : undefined;
      return { stage: name, from, sources: words.slice(0, -1) };
    }),
);

test('the image is of one pinned release of Node, which is new enough', () => {
  const bases = new Set(image.stages.map(({ from }) => from).filter((from) => from !== 'packages'));
  expect(bases.size).toBe(1);
  const [base = ''] = bases;
  const version = /^node:(?<version>\d+\.\d+\.\d+)-bookworm-slim$/u.exec(base)?.groups?.['version'];
  expect(isAtLeast(version ?? '', manifest.engines.node.replace('>=', ''))).toBe(true);
});

test('what is copied from the project is there, is sent to the engine, and nothing else is', () => {
  const paths = copies.filter(({ from }) => from === undefined).flatMap(({ sources }) => sources);
  expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  expect(new Set(paths.map((path) => path.replace(/^\.\//u, '')))).toEqual(new Set(sent));
  expect(projectText('.dockerignore').split('\n')).toContain('*');
});

/** The instructions of a stage, as text. */
const stage = (name: string | undefined): string =>
  image.stages
    .find((each) => each.name === name)
    ?.instructions.map(({ name: word, rest }) => `${word} ${rest}`)
    .join('\n') ?? '';

test('what is copied from another stage was made there, and no package of development is among it', () => {
  const taken = copies.filter(({ from }) => from !== undefined);
  expect(taken.map(({ from, sources }) => [from, ...sources])).toEqual([
    ['production', '/app/node_modules'],
    ['build', '/app/dist'],
  ]);
  expect(stage('production')).toContain('npm ci --omit=dev');
  expect(stage('build')).toContain('RUN npm run build');
});

test('the commands of the build are scripts of the package', () => {
  const runs = image.stages.flatMap(({ instructions }) =>
    instructions.filter(({ name }) => name === 'RUN').map(({ rest }) => rest),
  );
  const scripts = runs.flatMap(
    (run) => /^npm run (?<script>[\w:]+)$/u.exec(run)?.groups?.['script'] ?? [],
  );
  expect(scripts).toEqual(['build']);
  for (const script of scripts) expect(manifest.scripts).toHaveProperty([script]);
});

test('the process is the command of the package, without a shell before it', () => {
  expect(image.entrypoint).toEqual(['node', ...NODE_FLAGS, manifest.bin.tidemark]);
  const invocation = parseCommandLine(image.command);
  expect(invocation).toMatchObject({ kind: 'serve', options: { data: image.volumes[0] } });
  const config = invocation.kind === 'serve' ? invocation.options.config : '';
  expect(existsSync(join(ROOT, config))).toBe(true);
});

test('it runs as a user without rights, who owns its data', () => {
  expect(image.user).toBe('node');
  const last = image.stages.at(-1)?.instructions ?? [];
  const runs = last.filter(({ name }) => name === 'RUN').map(({ rest }) => rest);
  expect(runs).toEqual([`install --directory --owner=node --group=node ${image.volumes[0]}`]);
});

test('what it sets in the environment are settings', () => {
  const known = new Set(configMembers.map(({ variable }) => variable));
  const unknown = Object.keys(image.environment).filter((name) => !known.has(name));
  expect(unknown).toEqual(['NODE_ENV']);
});

test.each([
  [200, 0],
  [503, 1],
])('an answer of %i to the health check is an exit with %i', async (status, exitCode) => {
  const asked: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url);
    response.writeHead(status, { connection: 'close' }).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  expect(await healthCheck(port)).toBe(exitCode);
  expect(asked).toEqual(['/readyz']);
  server.close();
  await once(server, 'close');
  expect(await healthCheck(port)).toBe(1);
});

/** Runs the image's health check against a port of this machine; resolves with its exit code. */
async function healthCheck(port: number | undefined): Promise<number | null> {
  const [program, ...parameters] = image.healthcheck ?? [];
  expect(program).toBe('node');
  const child = execFile(process.execPath, parameters, {
    env: { TIDEMARK_OPERATIONS_PORT: String(port) },
  });
  await once(child, 'close');
  return child.exitCode;
}
