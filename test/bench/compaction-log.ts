import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What LevelDB writes into a file of this name whenever it has made a file of its memory, or merged files into others. */
const LOG_FILE = 'LOG';
const COMPACTED = /Compacted \d+@\d+|Level-0 table #\d+: \d+ bytes/g;

/** How many times the stores below a folder have compacted, in either way. A file that goes meanwhile counts as none. */
export function compactionsIn(folder: string): number {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name === LOG_FILE || name.endsWith(`/${LOG_FILE}`))
    .reduce((sum, name) => sum + compactionsOf(join(folder, name)), 0);
}

function compactionsOf(file: string): number {
  try {
    return readFileSync(file, 'utf8').match(COMPACTED)?.length ?? 0;
  } catch {
    return 0;
  }
}
