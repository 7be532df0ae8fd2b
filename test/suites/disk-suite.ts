import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { Disk } from '../../src/base/disk.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);
const text = (from: Uint8Array | undefined): string | undefined =>
  from === undefined ? undefined : Buffer.from(from).toString();

export interface DiskUnderTest {
  readonly disk: Disk;
  /** Another `Disk` on the same files, as a new process would have it. */
  readonly reopen: () => Promise<Disk>;
  /** Takes away what was not synced, where the adapter can. */
  readonly powerCut?: () => void;
  readonly remove: () => Promise<void>;
}

/** What every `Disk` does while nothing goes wrong. */
export function diskSuite(name: string, make: () => Promise<DiskUnderTest>): void {
  describe(`${name} is a disk`, () => {
    let made: DiskUnderTest;
    let disk: Disk;

    beforeEach(async () => {
      made = await make();
      ({ disk } = made);
    });

    afterEach(async () => made.remove());

    test('a new file is empty, grows by what is appended, and is read in parts', async () => {
      const file = await disk.open('log-1.seg');
      expect(file.name).toBe('log-1.seg');
      expect(file.sizeBytes).toBe(0);
      await file.append([bytes('one '), bytes(''), bytes('two ')]);
      await file.append([bytes('three')]);
      expect(file.sizeBytes).toBe(13);
      expect(text(await file.read(0, 100))).toBe('one two three');
      expect(text(await file.read(4, 3))).toBe('two');
      expect(text(await file.read(13, 3))).toBe('');
      expect(text(await file.read(20, 3))).toBe('');
      await file.close();
    });

    test('a large append of many chunks keeps their order', async () => {
      const file = await disk.open('large');
      const chunks = Array.from({ length: 3000 }, (_, at) => bytes(`${at} `.padEnd(64, '.')));
      await file.append(chunks);
      expect(Buffer.from(await file.read(0, file.sizeBytes))).toEqual(Buffer.concat(chunks));
      await file.close();
    });

    test('what was synced is there for the next process, which appends behind it', async () => {
      const file = await disk.open('kept');
      await file.append([bytes('before')]);
      await file.sync();
      await file.close();
      const again = await (await made.reopen()).open('kept');
      expect(again.sizeBytes).toBe(6);
      await again.append([bytes(' after')]);
      await again.sync();
      expect(text(await again.read(0, 100))).toBe('before after');
      await again.close();
    });

    test('an append that goes on while a sync does is there for certain after the next sync', async () => {
      const file = await disk.open('raced');
      await file.append([bytes('one')]);
      for (let at = 0; at < 20; at += 1) {
        const syncing = file.sync();
        await Promise.all([syncing, file.append([bytes(' more')])]);
      }
      await file.sync();
      const { sizeBytes } = file;
      made.powerCut?.();
      await file.close();
      const again = await (await made.reopen()).open('raced');
      expect(again.sizeBytes).toBe(sizeBytes);
      expect(text(await again.read(0, 200))).toBe(`one${' more'.repeat(20)}`);
      await again.close();
    });

    test('a truncated file goes on from where it was cut', async () => {
      const file = await disk.open('cut');
      await file.append([bytes('one two')]);
      await file.truncate(4);
      expect(file.sizeBytes).toBe(4);
      await file.append([bytes('three')]);
      await file.sync();
      expect(text(await file.read(0, 100))).toBe('one three');
      await file.close();
    });

    test('files are listed in order, and gone when deleted', async () => {
      for (const each of ['b', 'a.2', 'a-1']) await (await disk.open(each)).close();
      expect(await disk.list()).toEqual(['a-1', 'a.2', 'b']);
      await disk.delete('a.2');
      await disk.delete('missing');
      expect(await disk.list()).toEqual(['a-1', 'b']);
    });

    test('a small file is replaced whole', async () => {
      expect(await disk.readAll('who.json')).toBeUndefined();
      await disk.replace('who.json', bytes('first and longer'));
      await disk.replace('who.json', bytes('second'));
      expect(text(await disk.readAll('who.json'))).toBe('second');
      expect(await disk.list()).toEqual(['who.json']);
      expect(text(await (await made.reopen()).readAll('who.json'))).toBe('second');
    });

    test('a closed file fails with an io error', async () => {
      const file = await disk.open('closed');
      await file.close();
      await expect(file.append([bytes('x')])).rejects.toMatchObject({ code: 'io' });
      await expect(file.sync()).rejects.toMatchObject({ code: 'io' });
    });
  });
}
