import { EventEmitter, once } from 'node:events';
import fs, { constants } from 'node:fs';
import { mkdtemp, open, readdir, readFile, readlink, rm } from 'node:fs/promises';
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

/** What a call on any file does instead, until it is restored. */
function instead(
  prototype: object,
  name: 'datasync' | 'truncate' | 'write' | 'sync',
  make: (original: Method) => Method,
): () => void {
  const original: unknown = Reflect.get(prototype, name);
  if (!isMethod(original)) throw new Error(`no method ${name}`);
  Reflect.set(prototype, name, make(original));
  return () => {
    Reflect.set(prototype, name, original);
  };
}

type Method = (this: object, ...given: unknown[]) => unknown;

const isMethod = (value: unknown): value is Method => typeof value === 'function';

async function handlePrototype(folder: string): Promise<object> {
  const handle = await open(folder, 'r');
  await handle.close();
  return Reflect.getPrototypeOf(handle) ?? handle;
}

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-disk-'));
  try {
    await run(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test('a sync carries what was appended while the one before was under way', async () => {
  await inFolder(async (folder) => {
    const prototype = await handlePrototype(folder);
    const file = await (await NodeDisk.open(folder)).open('log');
    await file.append([Buffer.from('one')]);
    const held = new EventEmitter();
    let syncs = 0;
    const restore = instead(
      prototype,
      'datasync',
      (original) =>
        async function datasync(this: object): Promise<unknown> {
          syncs += 1;
          if (syncs === 1) await once(held, 'released');
          return original.call(this);
        },
    );
    try {
      const first = file.sync();
      await file.append([Buffer.from(' two')]);
      held.emit('released');
      await first;
      await file.sync();
      expect(syncs).toBe(2);
      await file.sync();
      expect(syncs).toBe(2);
    } finally {
      restore();
      await file.close();
    }
  });
});

const ENOSPC = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });

/** What `take` gives; undefined where it throws, which `done` is told. */
function orTold(done: unknown, take: () => number): number | undefined {
  try {
    return take();
  } catch (error) {
    if (typeof done === 'function') Reflect.apply(done, undefined, [error, 0]);
    return undefined;
  }
}

/** A file system with space for `capacity` bytes in all files together: what was written anywhere takes its place. */
function withCapacity(prototype: object, capacity: number): () => void {
  const taken = new Set<number>();
  const take = (from: number, length: number): number => {
    let took = 0;
    while (took < length && (taken.has(from + took) || taken.size < capacity)) {
      taken.add(from + took);
      took += 1;
    }
    if (took === 0 && length > 0) throw ENOSPC;
    return took;
  };
  const restores = [
    instead(
      prototype,
      'write',
      (original) =>
        async function write(this: object, ...given: unknown[]): Promise<unknown> {
          const [bytes, from, length, position] = given;
          const took = take(Number(position), Number(length));
          return original.call(this, bytes, from, took, position);
        },
    ),
    instead(
      fs,
      'write',
      (original) =>
        function write(this: object, ...given: unknown[]): unknown {
          const [fd, bytes, from, length, position, done] = given;
          const took = orTold(done, () => take(Number(position), Number(length)));
          if (took === undefined) return undefined;
          return original.call(this, fd, bytes, from, took, position, done);
        },
    ),
    instead(
      prototype,
      'truncate',
      (original) =>
        async function truncate(this: object, ...given: unknown[]): Promise<unknown> {
          for (const at of taken) if (at >= Number(given[0])) taken.delete(at);
          return original.apply(this, given);
        },
    ),
  ];
  return () => {
    for (const restore of restores) restore();
  };
}

test('on a nearly full disk what is filled ahead takes no place that content could have', async () => {
  await inFolder(async (folder) => {
    const prototype = await handlePrototype(folder);
    const disk = await NodeDisk.open(folder, { aheadBytes: 4096 });
    const restore = withCapacity(prototype, 5000);
    try {
      const file = await disk.open('log');
      for (let at = 0; at < 25; at += 1) await file.append([Buffer.alloc(200, 1)]);
      expect(file.sizeBytes).toBe(5000);
      await expect(file.append([Buffer.alloc(200, 1)])).rejects.toMatchObject({ code: 'full' });
      await file.truncate(4800);
      await file.append([Buffer.alloc(200, 2)]);
      await file.close();
      expect((await readFile(join(folder, 'log'))).every((byte) => byte > 0)).toBe(true);
    } finally {
      restore();
    }
  });
});

test('a disk that was found full is left alone until the content has come further', async () => {
  await inFolder(async (folder) => {
    const prototype = await handlePrototype(folder);
    const file = await (await NodeDisk.open(folder, { aheadBytes: 1000 })).open('log');
    await file.append([Buffer.alloc(100, 1)]);
    const sizes: number[] = [];
    const full = async (): Promise<never> => {
      sizes.push(file.sizeBytes);
      throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
    };
    const restore = instead(prototype, 'write', () => full);
    const fillsUpTo = async (sizeBytes: number): Promise<readonly number[]> => {
      while (file.sizeBytes < sizeBytes) {
        await file.append([Buffer.alloc(50, 2)]);
        // What runs beside the append is over.
        await file.read(0, 1);
      }
      return sizes;
    };
    try {
      // Beside the appends when half is used up, then when all is, then once for as much again.
      expect(await fillsUpTo(1100)).toEqual([650]);
      expect(await fillsUpTo(3500)).toEqual([650, 1150, 2150, 3150]);
      await file.truncate(200);
      expect(await fillsUpTo(300)).toEqual([650, 1150, 2150, 3150, 250]);
    } finally {
      restore();
    }
    // There is space again: the content stands where it should, with zeros behind it.
    await fillsUpTo(1300);
    expect((await readFile(join(folder, 'log'))).length).toBe(2250);
    await file.close();
    const whole = await readFile(join(folder, 'log'));
    expect(whole.length).toBe(1300);
    expect(whole.every((byte) => byte > 0)).toBe(true);
  });
});

test('a file is closed even when what was filled ahead cannot be cut off', async () => {
  await inFolder(async (folder) => {
    const prototype = await handlePrototype(folder);
    const file = await (await NodeDisk.open(folder, { aheadBytes: 100 })).open('log');
    await file.append([Buffer.from('content')]);
    const restore = instead(
      prototype,
      'truncate',
      () => async () => Promise.reject(new Error('cannot be cut')),
    );
    try {
      await expect(file.close()).rejects.toMatchObject({ code: 'io' });
    } finally {
      restore();
    }
    await expect(file.read(0, 10)).rejects.toMatchObject({ code: 'io' });
  });
});

test('each folder that is made on the way is synced into the one above it', async () => {
  await inFolder(async (folder) => {
    const prototype = await handlePrototype(folder);
    let syncs = 0;
    const restore = instead(
      prototype,
      'sync',
      (original) =>
        async function sync(this: object): Promise<unknown> {
          syncs += 1;
          return original.call(this);
        },
    );
    try {
      await NodeDisk.open(join(folder, 'one', 'two', 'three'));
      // The three above the new ones, and the one above the last again, as always.
      expect(syncs).toBe(4);
    } finally {
      restore();
    }
  });
});

/** The flags with which the file at `path` is open in this process. */
async function openFlags(path: string): Promise<readonly number[]> {
  const flags: number[] = [];
  for (const fd of await readdir('/proc/self/fd')) {
    const target = await readlink(`/proc/self/fd/${fd}`).catch(() => undefined);
    if (target !== path) continue;
    const info = await readFile(`/proc/self/fdinfo/${fd}`, 'utf8');
    flags.push(Number.parseInt(/flags:\s+(\d+)/.exec(info)?.[1] ?? '', 8));
  }
  return flags;
}

test.runIf(process.platform === 'linux')(
  'a file is opened for writing through when that is asked for, and only then',
  async () => {
    await inFolder(async (folder) => {
      for (const writeThrough of [true, false]) {
        const disk = await NodeDisk.open(folder, { writeThrough });
        const file = await disk.open('log');
        const [flags = 0] = await openFlags(join(folder, 'log'));
        expect((flags & constants.O_DSYNC) !== 0).toBe(writeThrough);
        await file.close();
      }
    });
  },
);

test('more is filled beside the appends when half of it is used up, and never over content', async () => {
  await inFolder(async (folder) => {
    const prototype = await handlePrototype(folder);
    const disk = await NodeDisk.open(folder, { aheadBytes: 1000, writeThrough: true });
    const file = await disk.open('log');
    await file.append([Buffer.alloc(100, 1)]);
    const held = new EventEmitter();
    const fills: unknown[] = [];
    const restore = instead(
      prototype,
      'write',
      (original) =>
        async function write(this: object, ...given: unknown[]): Promise<unknown> {
          fills.push(given[3]);
          if (fills.length === 1) await once(held, 'released');
          return original.call(this, ...given);
        },
    );
    try {
      await file.append([Buffer.alloc(600, 2)]);
      expect(fills).toEqual([1100]);
      // It ends within what is filled, so it does not wait for more.
      await file.append([Buffer.alloc(400, 3)]);
      let isThere = false;
      const append = async (): Promise<void> => {
        await file.append([Buffer.alloc(50, 4)]);
        isThere = true;
      };
      const beyond = append();
      await file.read(0, 1);
      expect(isThere).toBe(false);
      held.emit('released');
      await beyond;
    } finally {
      restore();
    }
    expect(file.sizeBytes).toBe(1150);
    const whole = await readFile(join(folder, 'log'));
    expect(whole.length).toBeGreaterThanOrEqual(1600);
    const content = [Buffer.alloc(100, 1), Buffer.alloc(600, 2), Buffer.alloc(400, 3)];
    expect(whole.subarray(0, 1150)).toEqual(Buffer.concat([...content, Buffer.alloc(50, 4)]));
    expect(whole.subarray(1150).every((byte) => byte === 0)).toBe(true);
    await file.close();
    expect((await readFile(join(folder, 'log'))).length).toBe(1150);
  });
});

test('a file that is closed while it is appended to is closed behind what is being written, and takes no more', async () => {
  await inFolder(async (folder) => {
    const file = await (await NodeDisk.open(folder)).open('log');
    const held = new EventEmitter();
    const order: string[] = [];
    const restore = instead(
      fs,
      'write',
      (original) =>
        function write(this: object, ...given: unknown[]): unknown {
          held.once('released', () => {
            order.push('written');
            original.apply(this, given);
          });
          return undefined;
        },
    );
    try {
      const appended = file.append([Buffer.from('content')]);
      const closed = file.close().then(() => order.push('closed'));
      await expect(file.append([Buffer.from('more')])).rejects.toMatchObject({ code: 'io' });
      held.emit('released');
      await appended;
      await closed;
    } finally {
      restore();
    }
    expect(order).toEqual(['written', 'closed']);
    expect(await readFile(join(folder, 'log'), 'utf8')).toBe('content');
  });
});

test('appends at once to several files keep their bytes apart', async () => {
  await inFolder(async (folder) => {
    const disk = await NodeDisk.open(folder);
    const files = await Promise.all(['a', 'b', 'c', 'd', 'e'].map(async (name) => disk.open(name)));
    for (let round = 1; round <= 5; round += 1)
      await Promise.all(
        files.map(async (file, place) =>
          file.append([Buffer.alloc(1000 * round, place), Buffer.alloc(3, round)]),
        ),
      );
    for (const [place, file] of files.entries()) {
      await file.close();
      const content = await readFile(join(folder, file.name));
      const rounds = [1, 2, 3, 4, 5].flatMap((round) => [
        Buffer.alloc(1000 * round, place),
        Buffer.alloc(3, round),
      ]);
      expect(content).toEqual(Buffer.concat(rounds));
    }
  });
});

test('what breaks while more is filled beside the appends fails the next of them', async () => {
  await inFolder(async (folder) => {
    const prototype = await handlePrototype(folder);
    const file = await (await NodeDisk.open(folder, { aheadBytes: 1000 })).open('log');
    await file.append([Buffer.alloc(100, 1)]);
    const restore = instead(
      prototype,
      'write',
      () => async () => Promise.reject(new Error('the drive is gone')),
    );
    try {
      await file.append([Buffer.alloc(600, 2)]);
      await file.read(0, 1);
      await expect(file.append([Buffer.alloc(10, 3)])).rejects.toMatchObject({ code: 'io' });
    } finally {
      restore();
    }
    await file.close();
  });
});
