import { expect, test } from 'vitest';

import { KeptIterators, type SeekableIterator } from '../../src/storage/kept-iterators.ts';
import { StoreError, type KeyRange, type KeyValuePair } from '../../src/storage/key-value-store.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const ALL: KeyRange = { from: Uint8Array.of(1), to: Uint8Array.of(9) };

/** Over the pairs of one byte each from 1 to 8. */
class ByteIterator implements SeekableIterator {
  isClosed = false;
  isDamaged = false;
  #at = 0;

  seek([byte = 0]: Uint8Array): void {
    this.#at = byte;
  }

  async next(count: number): Promise<readonly KeyValuePair[]> {
    if (this.isDamaged) throw new StoreError('damaged', 'a planned failure');
    const pairs: KeyValuePair[] = [];
    for (; pairs.length < count && this.#at <= 8; this.#at += 1) {
      pairs.push([Uint8Array.of(this.#at), Uint8Array.of()]);
    }
    return pairs;
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }
}

function kept(): {
  readonly kept: KeptIterators;
  readonly opened: ByteIterator[];
  readonly clock: VirtualClock;
} {
  const opened: ByteIterator[] = [];
  const clock = new VirtualClock();
  const open = (): ByteIterator => {
    const iterator = new ByteIterator();
    opened.push(iterator);
    return iterator;
  };
  return { kept: new KeptIterators(open, clock), opened, clock };
}

async function read(iterators: KeptIterators, range = ALL): Promise<readonly number[]> {
  const iterator = iterators.iterate(range, false);
  try {
    return (await iterator.next(3)).map(([[byte = 0]]) => byte);
  } finally {
    await iterator.close();
  }
}

test('one read after the other opens one iterator, and each reads its own range', async () => {
  const { kept: iterators, opened } = kept();
  expect(await read(iterators)).toEqual([1, 2, 3]);
  expect(await read(iterators, { from: Uint8Array.of(5), to: Uint8Array.of(7) })).toEqual([5, 6]);
  expect(await read(iterators)).toEqual([1, 2, 3]);
  expect(opened).toHaveLength(1);
});

test('none stays open for longer than half a second, nor behind the end', async () => {
  const { kept: iterators, opened, clock } = kept();
  await read(iterators);
  await clock.advance(499);
  expect(opened.map(({ isClosed }) => isClosed)).toEqual([false]);
  await clock.advance(1);
  expect(opened.map(({ isClosed }) => isClosed)).toEqual([true]);
  await read(iterators);
  const late = iterators.iterate(ALL, false);
  iterators.end();
  await late.close();
  expect(opened.map(({ isClosed }) => isClosed)).toEqual([true, true]);
});

test('reads at the same time have an iterator each, of which so many stay open', async () => {
  const { kept: iterators, opened } = kept();
  const readers = Array.from({ length: 20 }, () => iterators.iterate(ALL, false));
  expect(opened).toHaveLength(20);
  for (const reader of readers) await reader.close();
  expect(opened.filter(({ isClosed }) => !isClosed)).toHaveLength(16);
});

test('after a change no iterator from before it is read from again, and none stays open', async () => {
  const { kept: iterators, opened } = kept();
  const before = iterators.iterate(ALL, false);
  await read(iterators);
  iterators.release();
  expect(opened.map(({ isClosed }) => isClosed)).toEqual([false, true]);
  expect(await before.next(1)).toHaveLength(1);
  await before.close();
  expect(opened.map(({ isClosed }) => isClosed)).toEqual([true, true]);
  await read(iterators);
  expect(opened).toHaveLength(3);
});

test('one that could not be read from is not read from again', async () => {
  const { kept: iterators, opened } = kept();
  await read(iterators);
  for (const iterator of opened) iterator.isDamaged = true;
  await expect(read(iterators)).rejects.toMatchObject({ code: 'damaged' });
  expect(opened.map(({ isClosed }) => isClosed)).toEqual([true]);
  expect(await read(iterators)).toEqual([1, 2, 3]);
});

test('a reader that is closed twice gives its iterator back once', async () => {
  const { kept: iterators, opened } = kept();
  const reader = iterators.iterate(ALL, false);
  await reader.close();
  await reader.close();
  const [a, b] = [iterators.iterate(ALL, false), iterators.iterate(ALL, false)];
  expect(opened).toHaveLength(2);
  await Promise.all([a.close(), b.close()]);
});
