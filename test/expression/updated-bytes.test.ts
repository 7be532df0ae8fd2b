import { describe, expect, test } from 'vitest';

import type { UpdateAction } from '../../src/expression/ast.ts';
import { updatedBytes } from '../../src/expression/updated-bytes.ts';
import { itemSizeBytes } from '../../src/model/item-size.ts';

const bytesMax = 100;

const text = (length: number): { readonly S: string } => ({ S: 'x'.repeat(length) });

const set = (...path: UpdateAction['path']): UpdateAction => ({
  kind: 'set',
  path,
  operand: { kind: 'value', value: text(0) },
});

const add: UpdateAction = { kind: 'add', path: ['n'], value: { N: '1' } };
const remove: UpdateAction = { kind: 'remove', path: ['r'] };
const remains: UpdateAction = { kind: 'delete', path: ['s'], value: { SS: ['a'] } };

function bytesOf(actions: readonly UpdateAction[], item: Readonly<Record<string, object>>): number {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only texts, numbers, maps and lists of them
  const attributes = item as Parameters<typeof itemSizeBytes>[0];
  const itemBytes = itemSizeBytes(attributes);
  return updatedBytes({ actions }, { item: attributes, itemBytes, bytesMax });
}

describe('what an update is held to the limit with', () => {
  test.each<[string, readonly UpdateAction[], Readonly<Record<string, object>>, number]>([
    ['one attribute beside a short key', [set('b')], { k: text(1), b: text(90) }, 3 + 19 + 91],
    ['the finished item, if that is more', [set('b')], { k: text(30), b: text(90) }, 31 + 91],
    ['attributes that are left alone', [set('b')], { k: text(1), u: text(10), b: text(85) }, 108],
    ['each action', [set('b'), add], { k: text(1), n: { N: '1' }, b: text(90) }, 3 + 38 + 91 + 3],
    ['what is taken away', [set('b'), remove, remains], { k: text(1), b: text(90) }, 3 + 23 + 91],
    ['a path into a map', [set('m', 'a')], { m: { M: { a: text(90) } } }, 3 + 19 + 96],
    ['a path into a list', [set('l', 0)], { l: { L: [text(90)] } }, 3 + 20 + 95],
    ['two paths into one map', [set('m', 'a'), set('m', 'b')], { m: { M: { a: text(90) } } }, 137],
    ['nothing at all', [], { k: text(200) }, 201],
  ])('%s', (_, actions, item, bytes) => {
    expect(bytesOf(actions, item)).toBe(bytes);
  });

  test('an item that has room for the update counts as it is', () => {
    expect(bytesOf([set('b')], { k: text(1), b: text(75) })).toBe(78);
  });
});
