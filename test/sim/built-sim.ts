import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..', '..');

/** Builds the simulation, where it is not built yet, and answers with the folder that has it: built code runs several worlds at a time. */
export function builtSim(): string {
  const { status, stderr } = spawnSync(
    process.execPath,
    [join(ROOT, 'src', 'cli', 'ready.mjs'), '--sim'],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(stderr);
  return join(ROOT, '.cache', 'sim');
}
