import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The folder of the checkout, also for what is compiled to another place in it. */
export const PROJECT_ROOT = rootAbove(import.meta.dirname);

function rootAbove(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder;
  const above = dirname(folder);
  if (above === folder) throw new Error('no package.json above this file');
  return rootAbove(above);
}
