import { expect, test } from 'vitest';

import { continues, EMPTY_END, endOf } from '../../src/log/chain.ts';
import { type EntryContent, makeEntry } from '../../src/log/entry-codec.ts';
import type { LogEnd } from '../../src/log/entry.ts';

const after = (end: LogEnd, content: Partial<EntryContent>) =>
  makeEntry(end, {
    epoch: end.epoch,
    logId: end.logId,
    kind: 'records',
    partitionTime: 1,
    payload: new Uint8Array(3),
    ...content,
  });

const opened = endOf(after(EMPTY_END, { kind: 'open', epoch: 1, logId: 'log-1' }));

test('a log begins with the opening of an epoch', () => {
  expect(continues(EMPTY_END, after(EMPTY_END, { kind: 'open', epoch: 1 }))).toBe(true);
  expect(continues(EMPTY_END, after(EMPTY_END, { epoch: 1 }))).toBe(false);
});

test('an entry continues the chain in its epoch and under its id', () => {
  expect(continues(opened, after(opened, {}))).toBe(true);
  expect(continues(opened, after(opened, { epoch: 2 }))).toBe(false);
  expect(continues(opened, after(opened, { logId: 'log-2' }))).toBe(false);
  expect(continues(opened, after({ ...opened, checksum: 7 }, {}))).toBe(false);
  expect(continues(opened, after({ ...opened, index: 7 }, {}))).toBe(false);
});

test('only a higher epoch opens', () => {
  expect(continues(opened, after(opened, { kind: 'open', epoch: 3 }))).toBe(true);
  expect(continues(opened, after(opened, { kind: 'open', epoch: 1 }))).toBe(false);
});
