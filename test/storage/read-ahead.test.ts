import { mkdtemp, open, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import fc from 'fast-check';
import { expect, test } from 'vitest';

import { StoreError, type KeyValueOperation } from '../../src/storage/key-value-store.ts';
import { openLevelStore } from '../../src/storage/level-store.ts';
import {
  type AheadSource,
  changesPerCount,
  deepTablesMin,
  keptBytesMax,
  keptMax,
  ReadAhead,
  readsDueMax,
  readsPerChange,
} from '../../src/storage/read-ahead.ts';
import { until } from '../support/until.ts';

const keyOf = (number: number): Uint8Array => Uint8Array.of(number >> 8, number & 0xff);

const put = (number: number, text: string): KeyValueOperation => ({
  kind: 'put',
  key: keyOf(number),
  value: Buffer.from(text),
});

/** A store whose reads end when they are told to. */
class SlowSource implements AheadSource {
  readonly values = new Map<string, Uint8Array>();
  tablesNow = deepTablesMin;
  fails = false;
  #waiting: (() => void)[] = [];

  async value(key: Uint8Array): Promise<Uint8Array | undefined> {
    const value = this.values.get(Buffer.from(key).toString('hex'));
    await this.#turn();
    if (this.fails) throw new Error('a planned failure');
    return value;
  }

  async areThere(keys: readonly Uint8Array[]): Promise<readonly boolean[]> {
    const found = keys.map((key) => this.values.has(Buffer.from(key).toString('hex')));
    await this.#turn();
    if (this.fails) throw new Error('a planned failure');
    return found;
  }

  async tables(): Promise<number> {
    return this.tablesNow;
  }

  at(key: Uint8Array): Uint8Array | undefined {
    return this.values.get(Buffer.from(key).toString('hex'));
  }

  apply(batch: readonly KeyValueOperation[]): void {
    for (const operation of batch) {
      const name = Buffer.from(operation.key).toString('hex');
      if (operation.kind === 'put') this.values.set(name, operation.value);
      else this.values.delete(name);
    }
  }

  async #turn(): Promise<void> {
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async endAll(): Promise<void> {
    for (let turn = 0; turn < 5; turn += 1) {
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const resolve of waiting) resolve();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

async function deep(): Promise<{ readonly ahead: ReadAhead; readonly source: SlowSource }> {
  const source = new SlowSource();
  const ahead = new ReadAhead(source);
  ahead.changed([put(0xffff, 'another')]);
  await until('it reads ahead', () => ahead.isWanted);
  return { ahead, source };
}

const textOf = (taken: ReturnType<ReadAhead['taken']>): string | undefined =>
  taken?.value === undefined ? undefined : Buffer.from(taken.value).toString();

test('a store of few tables reads nothing ahead, and one that grew does', async () => {
  const source = new SlowSource();
  source.tablesNow = deepTablesMin - 1;
  const ahead = new ReadAhead(source);
  ahead.changed([put(1, 'a')]);
  await source.endAll();
  expect(ahead.isWanted).toBe(false);
  source.tablesNow = deepTablesMin;
  for (let change = 1; change < changesPerCount; change += 1) ahead.changed([put(1, 'a')]);
  await source.endAll();
  expect(ahead.isWanted).toBe(false);
  ahead.changed([put(1, 'a')]);
  await until('it reads ahead', () => ahead.isWanted);
});

test('where reads are many for each change it stops, and goes on with the next changes', async () => {
  const { ahead, source } = await deep();
  for (let read = 0; read < readsPerChange; read += 1) {
    expect(ahead.isWanted).toBe(true);
    const reading = ahead.read([keyOf(read)]);
    await source.endAll();
    await reading;
  }
  expect(ahead.isWanted).toBe(false);
  ahead.changed([put(1, 'a')]);
  expect(ahead.isWanted).toBe(true);
});

test('what changes have paid for is bounded', async () => {
  const { ahead, source } = await deep();
  for (let change = 0; change < readsDueMax; change += 1) ahead.changed([put(1, 'a')]);
  const all = Array.from({ length: readsDueMax }, (_, number) => keyOf(number));
  const reading = ahead.read(all);
  await source.endAll();
  await reading;
  expect(ahead.isWanted).toBe(false);
});

test('a value that was read is given once, and a missing one as missing', async () => {
  const { ahead, source } = await deep();
  source.apply([put(1, 'one')]);
  const reading = ahead.read([keyOf(1), keyOf(2)]);
  await source.endAll();
  await reading;
  expect(textOf(ahead.taken(keyOf(1)))).toBe('one');
  expect(ahead.taken(keyOf(1))).toBeUndefined();
  expect(ahead.taken(keyOf(2))).toEqual({ value: undefined });
});

test('a read that fails leaves nothing, and does not reject', async () => {
  const { ahead, source } = await deep();
  source.fails = true;
  const reading = ahead.read([keyOf(1)]);
  await source.endAll();
  await expect(reading).resolves.toBeUndefined();
  expect(ahead.taken(keyOf(1))).toBeUndefined();
});

test('where it cannot be said what is there, nothing is left either', async () => {
  const { ahead, source } = await deep();
  source.fails = true;
  const reading = ahead.read([keyOf(1), keyOf(2)]);
  await source.endAll();
  await expect(reading).resolves.toBeUndefined();
  expect(ahead.taken(keyOf(1))).toBeUndefined();
  source.fails = false;
  const again = ahead.read([keyOf(1), keyOf(2)]);
  await source.endAll();
  await again;
  expect(ahead.taken(keyOf(2))).toEqual({ value: undefined });
});

test('large values make room sooner, and one that is too large is not kept', async () => {
  const { ahead, source } = await deep();
  source.apply([
    put(1, 'x'.repeat(keptBytesMax)),
    put(2, 'x'),
    put(3, 'x'.repeat(keptBytesMax + 1)),
  ]);
  for (const number of [1, 2, 3]) {
    const reading = ahead.read([keyOf(number)]);
    await source.endAll();
    await reading;
  }
  expect(ahead.taken(keyOf(1))).toBeUndefined();
  expect(textOf(ahead.taken(keyOf(2)))).toBe('x');
  expect(ahead.taken(keyOf(3))).toBeUndefined();
});

test('what nobody asks for makes room for what is read later', async () => {
  const { ahead, source } = await deep();
  for (let number = 0; number <= keptMax; number += 1) {
    ahead.changed([put(0xffff, 'another')]);
    const reading = ahead.read([keyOf(number)]);
    await source.endAll();
    await reading;
  }
  expect(ahead.taken(keyOf(0))).toBeUndefined();
  expect(ahead.taken(keyOf(keptMax))).toEqual({ value: undefined });
});

type Step =
  | { readonly kind: 'write'; readonly key: number; readonly text: string }
  | { readonly kind: 'delete'; readonly key: number }
  | { readonly kind: 'read'; readonly keys: readonly number[] }
  | { readonly kind: 'end' | 'forget' };

const STEP: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('write' as const),
    key: fc.nat(3),
    text: fc.string({ maxLength: 2 }),
  }),
  fc.record({ kind: fc.constant('delete' as const), key: fc.nat(3) }),
  fc.record({
    kind: fc.constant('read' as const),
    keys: fc.uniqueArray(fc.nat(3), { minLength: 1 }),
  }),
  fc.record({ kind: fc.constantFrom('end' as const, 'forget' as const) }),
);

/** Takes all there is, and tells what is not as the source has it. */
function wrongIn(ahead: ReadAhead, source: SlowSource): readonly number[] {
  return [0, 1, 2, 3].filter((key) => {
    const taken = ahead.taken(keyOf(key));
    return taken !== undefined && taken.value !== source.at(keyOf(key));
  });
}

async function carryOut(step: Step, ahead: ReadAhead, source: SlowSource): Promise<void> {
  switch (step.kind) {
    case 'write':
    case 'delete': {
      const operation: KeyValueOperation =
        step.kind === 'write' ? put(step.key, step.text) : { kind: 'delete', key: keyOf(step.key) };
      source.apply([operation]);
      ahead.changed([operation]);
      return;
    }
    case 'read':
      void ahead.read(step.keys.map(keyOf));
      return;
    case 'end':
      await source.endAll();
      return;
    case 'forget':
      source.values.clear();
      ahead.forget();
  }
}

test('whatever changes before, during or after a read: what is taken is what the store has', async () => {
  expect.hasAssertions();
  await fc.assert(
    fc.asyncProperty(fc.array(STEP, { maxLength: 30 }), async (steps) => {
      const { ahead, source } = await deep();
      for (const step of [...steps, { kind: 'end' } as const]) {
        await carryOut(step, ahead, source);
        expect(wrongIn(ahead, source)).toEqual([]);
      }
    }),
    { numRuns: 300 },
  );
});

function longValue(number: number): Uint8Array {
  const bytes = Buffer.alloc(4000);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = Math.imul(number + 1, at * at + 7) >> 7;
  return bytes;
}

test('a store reads ahead once it is large, and `get` says what is there', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-ahead-'));
  // Small tables, so that few megabytes make many.
  const store = await openLevelStore(directory, {
    writeBufferBytes: 64 * 1024,
    tableBytes: 1024 * 1024,
  });
  try {
    let written = 0;
    while (!store.readsAhead) {
      expect(written).toBeLessThan(60_000);
      const batch = Array.from({ length: 64 }, (_, at): KeyValueOperation => {
        const number = (written + at) % 0xffff;
        return { kind: 'put', key: keyOf(number), value: longValue(number) };
      });
      await store.write(batch);
      written += batch.length;
    }
    await store.readAhead([keyOf(3), keyOf(4), Uint8Array.of(7)]);
    await store.write([{ kind: 'delete', key: keyOf(4) }]);
    expect(store.get(keyOf(3))).toEqual(longValue(3));
    expect(store.get(keyOf(4))).toBeUndefined();
    expect(store.get(Uint8Array.of(7))).toBeUndefined();
  } finally {
    await store.close();
    await rm(directory, { recursive: true, force: true });
  }
});

test('where the newest value cannot be read `get` says so, and no older one is taken', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-ahead-'));
  const key = Buffer.from('the key');
  const newest = longValue(2);
  const write = async (value: Uint8Array): Promise<void> => {
    const store = await openLevelStore(directory);
    // It is in a block by itself, behind those that an open reads.
    const full = Buffer.concat([longValue(9), longValue(8), longValue(7)]);
    const before = { kind: 'put', key: Buffer.from('a key'), value: full } as const;
    await store.write([before, { kind: 'put', key, value }]);
    await store.close();
  };
  try {
    await write(longValue(1));
    await write(newest);
    const store = await openLevelStore(directory);
    try {
      expect(await spoil(directory, newest)).toBe(1);
      await store.readAhead([key]);
      expect(() => store.get(key)).toThrow(StoreError);
      await store.readAhead([key, Buffer.from('a key')]);
      expect(() => store.get(key)).toThrow(StoreError);
    } finally {
      await store.close();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

/** Makes the block of a value unreadable, in every table that has it. Answers how many did. */
async function spoil(directory: string, value: Uint8Array): Promise<number> {
  let spoilt = 0;
  for (const name of (await readdir(directory)).filter((each) => each.endsWith('.ldb'))) {
    const bytes = await readFile(join(directory, name));
    const at = bytes.indexOf(value.subarray(0, 64));
    if (at === -1) continue;
    const file = await open(join(directory, name), 'r+');
    await file.write(Buffer.alloc(value.length, 0xff), 0, value.length, at - 24);
    await file.close();
    spoilt += 1;
  }
  return spoilt;
}
