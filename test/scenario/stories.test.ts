import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { play } from './story.ts';

const FOLDER = import.meta.dirname;
const STORIES = readdirSync(FOLDER).filter((name) => name.endsWith('.txt'));

test('there are stories', () => {
  expect(STORIES.length).toBeGreaterThan(0);
});

// `vitest -u` writes the answers down anew.
test.each(STORIES)('%s goes as it is told', async (name) => {
  const path = join(FOLDER, name);
  await expect(await play(readFileSync(path, 'utf8'))).toMatchFileSnapshot(path);
});

test('a story with an unknown command fails', async () => {
  await expect(play('    jump over the fence')).rejects.toThrow('no command jump');
});
