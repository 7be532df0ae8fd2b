import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export const PROGRAM = join(import.meta.dirname, '..', '..', 'dist', 'cli', 'main.js');

export interface Ended {
  /** Null for a process that a signal ended. */
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

/** Runs the built program to its end. */
export async function tidemark(...words: readonly string[]): Promise<Ended> {
  const child = spawn(process.execPath, [PROGRAM, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [output, errors] = ['', ''];
  child.stdout.on('data', (text: unknown) => (output += String(text)));
  child.stderr.on('data', (text: unknown) => (errors += String(text)));
  await once(child, 'close');
  return { code: child.exitCode, output, errors };
}

/** The rows of a table that `tidemark status` printed, below the head that begins so, split into cells. */
export function rowsOf(output: string, head: string): readonly (readonly string[])[] {
  const lines = output.split('\n');
  const at = lines.findIndex((line) => line.startsWith(head));
  if (at < 0) return [];
  const end = lines.indexOf('', at);
  return lines.slice(at + 1, end).map((line) => line.split(/ {2,}/u));
}
