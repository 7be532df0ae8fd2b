import { rmSync } from 'node:fs';
import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const DEFAULT = '.tidemark';

/** Where a region keeps its data; `data` is undefined where it was not given. */
export const regionFolder = (data: string | undefined, region: string): string =>
  join(data ?? DEFAULT, region);

/**
 * A new folder, in `parent` or where the system keeps temporary files, that is removed with everything in it when the
 * process exits, also after an error or a second Ctrl-C. Rejects with the system's error.
 */
export async function createEphemeralFolder(parent: string | undefined): Promise<string> {
  if (parent !== undefined) await mkdir(parent, { recursive: true });
  const folder = await mkdtemp(join(parent ?? tmpdir(), 'tidemark-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}
