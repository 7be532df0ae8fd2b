import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { DiskError } from '../../src/base/disk.ts';
import { NodeDisk } from '../../src/daemon/node-disk.ts';
import { diskSuite } from '../suites/disk-suite.ts';

diskSuite('NodeDisk', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-disk-'));
  const inside = join(folder, 'made', 'here');
  return {
    disk: await NodeDisk.open(inside),
    reopen: async () => NodeDisk.open(inside),
    remove: async () => rm(folder, { recursive: true, force: true }),
  };
});

test('a folder that cannot be made is an io error', async () => {
  await expect(NodeDisk.open('/dev/null/folder')).rejects.toBeInstanceOf(DiskError);
});

test('a name that is no flat file name is refused', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-disk-'));
  const disk = await NodeDisk.open(folder);
  await expect(disk.open('../outside')).rejects.toThrow('a file name');
  await rm(folder, { recursive: true, force: true });
});
