import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { DiskError } from '../../src/base/disk.ts';
import { NodeDisk } from '../../src/daemon/node-disk.ts';
import { diskSuite } from '../suites/disk-suite.ts';

for (const options of [{}, { aheadBytes: 4096 }, { aheadBytes: 4096, writeThrough: true }]) {
  diskSuite(`NodeDisk with ${JSON.stringify(options)}`, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tidemark-disk-'));
    const inside = join(folder, 'made', 'here');
    return {
      disk: await NodeDisk.open(inside, options),
      reopen: async () => NodeDisk.open(inside, options),
      remove: async () => rm(folder, { recursive: true, force: true }),
    };
  });
}

test('what is filled ahead is zeros behind the content, and gone once the file is closed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-disk-'));
  const disk = await NodeDisk.open(folder, { aheadBytes: 4096 });
  const file = await disk.open('log');
  await file.append([Buffer.from('content')]);
  await file.sync();
  const content = Buffer.from('content');
  expect(file.sizeBytes).toBe(content.length);
  const whole = await readFile(join(folder, 'log'));
  expect(whole.subarray(0, content.length)).toEqual(content);
  expect(whole.length).toBe(content.length + 4096);
  expect(whole.subarray(content.length).every((byte) => byte === 0)).toBe(true);
  await file.close();
  expect(await readFile(join(folder, 'log'))).toEqual(content);
  await rm(folder, { recursive: true, force: true });
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
