import { mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { DataDirectory, logAheadBytes } from '../../src/daemon/data-directory.ts';
import { testConfig } from '../support/test-lab.ts';

const KEY = Buffer.from('key');

async function directory(): Promise<{ readonly place: DataDirectory; readonly zone: string }> {
  const path = await mkdtemp(join(tmpdir(), 'tidemark-test-'));
  onTestFinished(async () => rm(path, { recursive: true }));
  return {
    place: await DataDirectory.open(path, testConfig('us-east-1', {})),
    zone: join(path, 'zone-a'),
  };
}

/** Puts what it is into a zone's store, or into the one beside it. */
async function fill(place: DataDirectory, which: 'old' | 'next'): Promise<void> {
  const store = which === 'old' ? await place.open('a') : await place.openNext('a');
  await store.write([{ kind: 'put', key: KEY, value: Buffer.from(which) }], { sync: true });
  await store.close();
}

/** What the zone's store is now. */
async function opened(place: DataDirectory): Promise<string | undefined> {
  const store = await place.open('a');
  const value = store.get(KEY);
  await store.close();
  return value === undefined ? undefined : Buffer.from(value).toString();
}

test('the next store takes the place of the old one, which is deleted then', async () => {
  const { place, zone } = await directory();
  await fill(place, 'old');
  await fill(place, 'next');
  await place.takeNext('a');
  expect(await opened(place)).toBe('next');
  expect(await readdir(zone)).toEqual(['store']);
});

test('the next store takes its place where there is no old one', async () => {
  const { place } = await directory();
  await fill(place, 'next');
  await place.takeNext('a');
  expect(await opened(place)).toBe('next');
});

test('a next store that was not taken is not used, and begins blank when it is opened again', async () => {
  const { place } = await directory();
  await fill(place, 'old');
  await fill(place, 'next');
  expect(await opened(place)).toBe('old');
  const next = await place.openNext('a');
  expect(next.get(KEY)).toBeUndefined();
  await next.close();
});

test('a crash while the next store takes its place leaves the next one', async () => {
  const { place, zone } = await directory();
  await fill(place, 'old');
  await fill(place, 'next');
  await rename(join(zone, 'store'), join(zone, 'store.damaged'));
  expect(await opened(place)).toBe('next');
  expect(await readdir(zone)).toEqual(['store']);
});

test('a crash before the old store is deleted deletes it later', async () => {
  const { place, zone } = await directory();
  await fill(place, 'old');
  await rename(join(zone, 'store'), join(zone, 'store.damaged'));
  await fill(place, 'next');
  await rename(join(zone, 'store.next'), join(zone, 'store'));
  expect(await opened(place)).toBe('next');
  expect(await readdir(zone)).toEqual(['store']);
});

test('what three logs of the same bytes are filled ahead by seldom meets', () => {
  const steps = Object.values(logAheadBytes).map((bytes) => bytes / 2);
  const [shortest = 0] = steps.toSorted((a, b) => a - b);
  for (const [place, step] of steps.entries())
    for (const other of steps.slice(place + 1)) {
      let meetings = 0;
      const fills = 100;
      for (let turn = 1; turn <= fills; turn += 1) {
        const past = (turn * step) % other;
        if (Math.min(past, other - past) < shortest / 32) meetings += 1;
      }
      expect(meetings).toBeLessThan(fills / 8);
    }
});
