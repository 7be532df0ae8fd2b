import { expect, test } from 'vitest';

import { makeEntry } from '../../../src/log/entry-codec.ts';
import { EMPTY_END, endOf } from '../../../src/log/chain.ts';
import type { Entry } from '../../../src/log/entry.ts';
import { LogError } from '../../../src/log/replicated-log.ts';
import {
  endAt,
  LogFollower,
  type MovingLog,
} from '../../../src/partition/clustered/log-follower.ts';

/** A log to which others append. */
class FakeLog {
  readonly partition = 0;
  readonly entries: Entry[] = [];
  first = 1;
  failsReads = false;
  /** What a read waits for. */
  reading = Promise.resolve();
  readonly #listeners = new Set<() => void>();

  get end() {
    const last = this.entries.at(-1);
    return last === undefined ? EMPTY_END : endOf(last);
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  push(): void {
    this.entries.push(
      makeEntry(this.end, {
        logId: 'log',
        epoch: 1,
        kind: this.entries.length === 0 ? 'open' : 'noop',
        partitionTime: this.entries.length + 1,
        payload: new Uint8Array(0),
      }),
    );
    for (const listener of this.#listeners) listener();
  }

  /** It is known of every other entry when it was durable. */
  durableMs(index: number): number | undefined {
    return index % 2 === 0 ? undefined : 100 * index;
  }

  onMoved(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async read(after: number): Promise<readonly Entry[]> {
    if (this.failsReads) throw new LogError('unavailable', 'not now');
    if (after + 1 < this.first) throw new LogError('trimmed', 'gone');
    await this.reading;
    return this.entries.slice(after, after + 2);
  }
}

function follow(log: FakeLog, after: number, pause = async (): Promise<void> => {}): LogFollower {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- all that a follower asks of a log
  return new LogFollower(log as unknown as MovingLog, after, pause);
}

const indexesOf = (found: readonly { readonly entry: Entry }[]): readonly number[] =>
  found.map(({ entry }) => entry.index);

test('a follower takes what stands, and then waits for what comes', async () => {
  const log = new FakeLog();
  for (let count = 0; count < 3; count += 1) log.push();
  const follower = follow(log, 0);
  expect(indexesOf(await follower.next(1))).toEqual([1, 2]);
  expect(indexesOf(await follower.next(1))).toEqual([3]);
  const next = follower.next(1);
  log.push();
  expect(indexesOf(await next)).toEqual([4]);
  follower.close();
  expect(await follower.next(1)).toEqual([]);
  expect(log.listeners).toBe(0);
});

test('one that waits is let go by a close', async () => {
  const follower = follow(new FakeLog(), 0);
  const next = follower.next(1);
  follower.close();
  expect(await next).toEqual([]);
});

test('a follower can be set to another place, while it waits too', async () => {
  const log = new FakeLog();
  for (let count = 0; count < 3; count += 1) log.push();
  const follower = follow(log, 3);
  const next = follower.next(1);
  follower.seek(1);
  expect(indexesOf(await next)).toEqual([2, 3]);
});

test('what was read before a follower was set to another place is worth nothing', async () => {
  const log = new FakeLog();
  for (let count = 0; count < 6; count += 1) log.push();
  let goOn: (() => void) | undefined;
  log.reading = new Promise((resolve) => {
    goOn = resolve;
  });
  const follower = follow(log, 0);
  const next = follower.next(1);
  follower.seek(4);
  goOn?.();
  expect(indexesOf(await next)).toEqual([5, 6]);
});

test('what is no longer kept is told, and nothing else is passed over', async () => {
  const log = new FakeLog();
  for (let count = 0; count < 5; count += 1) log.push();
  const follower = follow(log, 1);
  log.first = 4;
  await expect(follower.next(1)).rejects.toMatchObject({ code: 'trimmed' });
  expect(() => follow(log, 2)).toThrow(LogError);
  expect(() => {
    follower.seek(0);
  }).toThrow(LogError);
  follower.seek(3);
  expect(indexesOf(await follower.next(1))).toEqual([4, 5]);
});

test('a log that cannot be read now is read again after a pause', async () => {
  const log = new FakeLog();
  log.push();
  log.failsReads = true;
  let pauses = 0;
  const follower = follow(log, 0, async () => {
    pauses += 1;
    log.failsReads = pauses < 3;
  });
  expect(indexesOf(await follower.next(1))).toEqual([1]);
  expect(pauses).toBe(3);
});

test('a follower says when an entry was known to be durable, where the log does', async () => {
  const log = new FakeLog();
  for (let count = 0; count < 3; count += 1) log.push();
  const follower = follow(log, 0);
  const found = [...(await follower.next(1)), ...(await follower.next(1))];
  expect(found.map(({ durableMs }) => durableMs)).toEqual([100, undefined, 300]);
});

test('an end is known of entries that are kept', async () => {
  const log = new FakeLog();
  for (let count = 0; count < 5; count += 1) log.push();
  log.first = 3;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const moving = log as unknown as MovingLog;
  const found = await Promise.all([2, 3, 5, 6].map(async (index) => endAt(moving, index)));
  expect(found.map((end) => end?.index)).toEqual([undefined, 3, 5, undefined]);
});
