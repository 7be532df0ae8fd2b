import { spawnSync } from 'node:child_process';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { onTestFinished } from 'vitest';

const CHUNK_BYTES = 1024 * 1024;
const BALLAST = 'ballast';

/** A file system in memory with a size of its own, which can be filled up. */
export class SmallDisk {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Resolves with the reason, in words, where this machine does not let the test mount one. Gone when the test has finished. */
  static async mount(megabytes: number): Promise<SmallDisk | string> {
    const path = await mkdtemp(join(tmpdir(), 'tidemark-small-disk-'));
    const mounted = spawnSync('/bin/mount', [
      '-t',
      'tmpfs',
      '-o',
      `size=${megabytes}m`,
      'tmpfs',
      path,
    ]);
    if (mounted.status !== 0) {
      await rm(path, { recursive: true });
      const { error, stderr } = mounted;
      return error === undefined ? stderr.toString('utf8').trim() : error.message;
    }
    onTestFinished(async () => {
      spawnSync('/bin/umount', ['-l', path]);
      await rm(path, { recursive: true, force: true });
    });
    return new SmallDisk(path);
  }

  /** Takes all the space that is left. */
  async fill(): Promise<void> {
    const file = await open(join(this.path, BALLAST), 'a');
    try {
      for (let bytes = CHUNK_BYTES; bytes > 0;) {
        const written = await file
          .write(Buffer.alloc(bytes))
          .then(({ bytesWritten }) => bytesWritten)
          .catch(() => 0);
        if (written === 0) bytes = Math.floor(bytes / 2);
      }
    } finally {
      await file.close();
    }
  }

  /** Gives back what `fill` took. */
  async free(): Promise<void> {
    await rm(join(this.path, BALLAST), { force: true });
  }
}
