import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, expect, test, vi } from 'vitest';
import { z } from 'zod';

import { projectText, ROOT } from './compose-file.ts';
import { readDockerfile } from './dockerfile.ts';

vi.setConfig({ testTimeout: 180_000 });

const folder = mkdtempSync(join(tmpdir(), 'tidemark-image-'));

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Copies what a stage copies from the project, which is all that the engine is sent of it. */
function copyStage(name: string): void {
  const { stages } = readDockerfile();
  const stage = stages.find((each) => each.name === name);
  if (stage === undefined) return;
  copyStage(stage.from);
  for (const { name: word, rest } of stage.instructions) {
    const sources = rest.split(' ').slice(0, -1);
    if (word !== 'COPY' || rest.startsWith('--from=')) continue;
    for (const source of sources)
      cpSync(join(ROOT, source), join(folder, source), { recursive: true });
  }
}

/** What a built file takes from a package, by the package's name. */
const packagesIn = (text: string): readonly string[] =>
  [...text.matchAll(/^(?:import|export|\}).* from '(?<name>[^'.][^']*)';/gmu)].flatMap(
    ({ groups }) => {
      const name = groups?.['name'] ?? '';
      if (name.startsWith('node:')) return [];
      return [
        name
          .split('/')
          .slice(0, name.startsWith('@') ? 2 : 1)
          .join('/'),
      ];
    },
  );

test('what the image is sent is built by its commands, and needs only packages that it has', () => {
  copyStage('build');
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const options = { cwd: folder, encoding: 'utf8' } as const;
  const built = spawnSync('npm', ['run', 'build'], options);
  expect([built.status, built.stderr]).toEqual([0, expect.any(String)]);
  const told = spawnSync(process.execPath, ['dist/cli/main.js', '--version'], options);
  const manifest = z
    .object({ version: z.string(), dependencies: z.record(z.string(), z.string()) })
    .parse(JSON.parse(projectText('package.json')));
  expect(told.stdout.trim()).toBe(manifest.version);
  // The demo's clients are those of a checkout.
  const files = readdirSync(join(folder, 'dist'), { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.js') && file !== join('cli', 'demo-clients.js'),
  );
  const used = new Set(
    files.flatMap((file) => packagesIn(readFileSync(join(folder, 'dist', file), 'utf8'))),
  );
  expect([...used].filter((name) => manifest.dependencies[name] === undefined)).toEqual([]);
  expect(used.size).toBeGreaterThan(3);
});
