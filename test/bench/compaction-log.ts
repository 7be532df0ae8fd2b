import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What LevelDB writes into a file of this name whenever it has merged files into others. */
const LOG_FILE = 'LOG';
const MERGED = /Compacted \d+@\d+/g;

/** How many times the stores below a folder have merged files. A file that goes meanwhile counts as none. */
export function compactionsIn(folder: string): number {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name === LOG_FILE || name.endsWith(`/${LOG_FILE}`))
    .reduce((sum, name) => sum + compactionsOf(join(folder, name)), 0);
}

function compactionsOf(file: string): number {
  try {
    return readFileSync(file, 'utf8').match(MERGED)?.length ?? 0;
  } catch {
    return 0;
  }
}
