import { expect, test } from 'vitest';
import type { SortKeyCondition } from '../../src/model/item-key.ts';
import type { KeyAttribute } from '../../src/model/table.ts';
import {
  isEmptyRange,
  rangesMeet,
  type SortRange,
  sortRange,
} from '../../src/partiql/sort-range.ts';

const binary: KeyAttribute = { name: 'sk', type: 'B' };
const text: KeyAttribute = { name: 'sk', type: 'S' };

const string = (S: string): { S: string } => ({ S });
const bytes = (...values: number[]): { B: string } => ({
  B: Buffer.from(values).toString('base64'),
});
const range = (...conditions: SortKeyCondition[]): SortRange => sortRange(conditions, text);

const prefix = (...values: number[]): SortRange =>
  sortRange([{ kind: 'begins-with', value: bytes(...values) }], binary);
const exactly = (...values: number[]): SortRange =>
  sortRange([{ kind: '=', value: bytes(...values) }], binary);

test('ranges meet where a key may lie in both', () => {
  const above: SortKeyCondition = { kind: '>', value: string('b') };
  const from: SortKeyCondition = { kind: '>=', value: string('b') };
  const below: SortKeyCondition = { kind: '<', value: string('b') };
  const upTo: SortKeyCondition = { kind: '<=', value: string('b') };
  const at: SortKeyCondition = { kind: '=', value: string('b') };
  expect(rangesMeet(range(above), range(below))).toBe(false);
  expect(rangesMeet(range(above), range(upTo))).toBe(false);
  expect(rangesMeet(range(from), range(below))).toBe(false);
  expect(rangesMeet(range(from), range(upTo))).toBe(true);
  expect(rangesMeet(range(at), range(above))).toBe(false);
  expect(rangesMeet(range(at), range(from))).toBe(true);
  expect(rangesMeet(range(at), range(below))).toBe(false);
  expect(rangesMeet(range(), range(at))).toBe(true);
});

test('several conditions must all hold', () => {
  const low: SortKeyCondition = { kind: '>', value: string('b') };
  const high: SortKeyCondition = { kind: '<', value: string('d') };
  expect(isEmptyRange(range(low, high))).toBe(false);
  expect(isEmptyRange(range(low, { kind: '=', value: string('b') }))).toBe(true);
  expect(isEmptyRange(range({ kind: 'between', low: string('c'), high: string('b') }))).toBe(true);
  expect(isEmptyRange(range({ kind: 'between', low: string('c'), high: string('c') }))).toBe(false);
  expect(rangesMeet(range(low, high), range({ kind: '=', value: string('d') }))).toBe(false);
});

test('prefixes, also those that nothing lies above', () => {
  expect(rangesMeet(prefix(1), exactly(1, 255, 255))).toBe(true);
  expect(rangesMeet(prefix(1), exactly(2))).toBe(false);
  expect(rangesMeet(prefix(1, 255), exactly(1, 255, 7))).toBe(true);
  expect(rangesMeet(prefix(1, 255), exactly(2))).toBe(false);
  expect(prefix(255, 255).to).toBeUndefined();
  expect(rangesMeet(prefix(255, 255), exactly(255))).toBe(false);
});

test('a key without a sort attribute has one range', () => {
  const { from, to } = sortRange([], undefined);
  expect(from).toHaveLength(0);
  expect(to).toBeUndefined();
});
