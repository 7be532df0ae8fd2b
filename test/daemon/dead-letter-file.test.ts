import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { DeadLetterFile } from '../../src/daemon/dead-letter-file.ts';

test('letters are lines, added to what is there', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-letters-'));
  onTestFinished(async () => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'letters.jsonl');
  const first = new DeadLetterFile(file);
  await Promise.all([first.put('{"n":1}'), first.put('{"n":2}')]);
  await first.stop();
  await new DeadLetterFile(file).put('{"n":3}');
  expect(await readFile(file, 'utf8')).toBe('{"n":1}\n{"n":2}\n{"n":3}\n');
});

test('a letter that was torn by a full disk or a crash spoils no other', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-letters-'));
  onTestFinished(async () => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'letters.jsonl');
  await writeFile(file, '{"n":1}\n{"n":');
  const letters = new DeadLetterFile(file);
  await letters.put('{"n":2}');
  await letters.put('{"n":3}');
  expect(await readFile(file, 'utf8')).toBe('{"n":1}\n{"n":\n{"n":2}\n{"n":3}\n');
});

test('a letter that cannot be written rejects, and the next one is tried', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-letters-'));
  const letters = new DeadLetterFile(join(folder, 'letters.jsonl'));
  await rm(folder, { recursive: true });
  await expect(letters.put('{}')).rejects.toThrow('ENOENT');
  await expect(letters.put('{}')).rejects.toThrow('ENOENT');
});
