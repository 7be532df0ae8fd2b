import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { ConfigError } from '../../src/daemon/config-error.ts';
import { loadConfigFiles, loadConfigFolder } from '../../src/daemon/config-file.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidemark-config-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const region = (name: string, ports: readonly [number, number]): string =>
  `region: ${name}\nendpoint: { port: ${ports[0]} }\noperations:\n  port: ${ports[1]}\n`;

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
}

/** Everything that is wrong, without the folder. */
async function wrong(load: Promise<unknown>): Promise<readonly string[]> {
  try {
    await load;
  } catch (error) {
    if (error instanceof ConfigError) return error.message.replaceAll(`${folder}/`, '').split('\n');
    throw error;
  }
  return [];
}

test('every .yaml file of a folder is a region, and other files are none', async () => {
  await write({ 'b.yaml': region('west', [3, 4]), 'a.yaml': region('east', [1, 2]), 'c.txt': '?' });
  const regions = await loadConfigFolder(folder, {});
  expect(regions.map((config) => config.region)).toEqual(['east', 'west']);
});

test('what is wrong in several files is reported together', async () => {
  await write({ 'a.yaml': 'region: East\n', 'b.yaml': region('west', [0, -1]) });
  const lines = await wrong(loadConfigFolder(folder, {}));
  expect(lines.filter((line) => line.startsWith('a.yaml'))).toHaveLength(3);
  expect(lines.filter((line) => line.startsWith('b.yaml:4: operations.port'))).toHaveLength(1);
});

test('regions that claim one name or one port are refused', async () => {
  await write({ 'a.yaml': region('east', [1, 2]), 'b.yaml': region('east', [2, 3]) });
  expect(await wrong(loadConfigFolder(folder, {}))).toEqual([
    'b.yaml:1: region: expected a value of its own; the name east is taken by region of a.yaml',
    'b.yaml:2: endpoint.port: expected a value of its own; port 2 is taken by operations.port of a.yaml',
  ]);
});

test('free ports may be asked for by several', async () => {
  await write({ 'a.yaml': region('east', [0, 0]), 'b.yaml': region('west', [0, 0]) });
  expect(await loadConfigFolder(folder, {})).toHaveLength(2);
});

test('a folder without regions, a folder and a file that are not there are refused', async () => {
  expect(await wrong(loadConfigFolder(folder, {}))).toEqual([
    `${folder}: expected a file such as us-east-1.yaml; there is none`,
  ]);
  expect((await wrong(loadConfigFolder(join(folder, 'no'), {})))[0]).toContain(
    'no: cannot be read',
  );
  expect((await wrong(loadConfigFiles([join(folder, 'no.yaml')], {})))[0]).toContain(
    'no.yaml: cannot be read',
  );
});
