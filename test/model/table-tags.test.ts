import fc from 'fast-check';
import { expect, test } from 'vitest';

import { ClientError } from '../../src/model/errors.ts';
import {
  changedTags,
  checkTagKey,
  checkTagValue,
  checkTagsFit,
} from '../../src/model/table-tags.ts';
import type { Tag } from '../../src/model/table.ts';

const tag = (key: string, value = 'v'): Tag => ({ key, value });
const many = (count: number): readonly Tag[] =>
  Array.from({ length: count }, (_, at) => tag(`k${at}`));

test('tags keep the place of their keys, and new ones come last', () => {
  const tags = [tag('a'), tag('b')];
  expect(changedTags(tags, { kind: 'put', tags: [tag('c'), tag('a', 'w')] })).toEqual([
    tag('a', 'w'),
    tag('b'),
    tag('c'),
  ]);
  expect(changedTags(tags, { kind: 'remove', keys: ['a', 'absent'] })).toEqual([tag('b')]);
});

test('what changes nothing answers the same list', () => {
  const tags = [tag('a'), tag('b')];
  expect(changedTags(tags, { kind: 'put', tags: [tag('b')] })).toBe(tags);
  expect(changedTags(tags, { kind: 'remove', keys: ['absent'] })).toBe(tags);
});

test('keys differ in case, and are not trimmed', () => {
  const tags = [tag('k'), tag('K'), tag('k '), tag(' ')];
  expect(changedTags([], { kind: 'put', tags })).toEqual(tags);
});

test('fifty tags fit, and the set is counted as it would be', () => {
  const full = many(50);
  expect(() => changedTags(full, { kind: 'put', tags: [tag('k0', 'new')] })).not.toThrow();
  expect(() =>
    changedTags(full, { kind: 'put', tags: [tag('k0', 'new'), tag('one more')] }),
  ).toThrow('Number of Tags exceed the current limit for the provided ResourceArn');
});

test('all together are at most 10,240 bytes of UTF-8', () => {
  const wide = Array.from({ length: 40 }, (_, at) => tag(`k${at + 10}`, `${'é'.repeat(126)}.`));
  expect(() => {
    checkTagsFit(wide);
  }).not.toThrow();
  expect(() => {
    checkTagsFit([...wide, tag('x', '')]);
  }).toThrow('Tag set size 10241 bytes is above max size limit of 10240 bytes');
});

test.each([
  'a',
  'x'.repeat(128),
  'ключ',
  'café',
  '表',
  'sp ace',
  ' ',
  '\u00a0',
  '\u3000',
  'myaws:a',
  '+-=._:/@',
])('%j is a key', (key) => {
  expect(() => {
    checkTagKey(key);
  }).not.toThrow();
});

test.each([
  undefined,
  '',
  'x'.repeat(129),
  'bad#char',
  '🔑',
  'a,b',
  '100%',
  '(x)',
  'a&b',
  'a|b',
  '~a',
])('%j is no key', (key) => {
  expect(() => {
    checkTagKey(key);
  }).toThrow(`The Tag Key provided is invalid, Key: ${key ?? 'null'}`);
});

test.each(['aws:foo', 'AWS:foo'])('%s is kept for AWS', (key) => {
  expect(() => {
    checkTagKey(key);
  }).toThrow(`Tag Key cannot be prefixed with aws:, Key: ${key}`);
});

test('a value may be empty and 256 long, and must be there', () => {
  for (const value of ['', 'x'.repeat(256), 'a b+c-d=e.f_g:h/i@j']) {
    expect(() => {
      checkTagValue(value);
    }).not.toThrow();
  }
  for (const value of [undefined, 'x'.repeat(257), 'bad#char']) {
    expect(() => {
      checkTagValue(value);
    }).toThrow(`The Tag Value provided is invalid, Value: ${value ?? 'null'}`);
  }
});

test('any changes keep keys apart, and leave what a map would hold', () => {
  const key = fc.constantFrom('a', 'b', 'c', 'd', 'e');
  const put = fc
    .uniqueArray(fc.record({ key, value: fc.string({ maxLength: 3 }) }), {
      selector: (given) => given.key,
    })
    .map((tags) => ({ kind: 'put', tags }) as const);
  const remove = fc.array(key).map((keys) => ({ kind: 'remove', keys }) as const);
  fc.assert(
    fc.property(fc.array(fc.oneof(put, remove)), (changes) => {
      const model = new Map<string, string>();
      let tags: readonly Tag[] = [];
      for (const change of changes) {
        tags = changedTags(tags, change);
        if (change.kind === 'put')
          for (const given of change.tags) model.set(given.key, given.value);
        else for (const gone of change.keys) model.delete(gone);
      }
      expect(tags).toHaveLength(model.size);
      expect(new Map(tags.map((given) => [given.key, given.value]))).toEqual(model);
    }),
  );
});

test('refusals are validation errors', () => {
  expect(() => {
    checkTagKey('');
  }).toThrow(ClientError);
});
