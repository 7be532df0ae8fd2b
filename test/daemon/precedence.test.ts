import { expect, test } from 'vitest';

import { precedenceOf, precedingOf } from '../../src/daemon/precedence.ts';

const inReach = (): { readonly isDraining: boolean } => ({ isDraining: false });
const gone = (other: string) => (other === 'a' ? undefined : inReach());
const drained = (other: string) => ({ isDraining: other === 'b' });

test('with all nodes in reach each lets those go first that should lead rather than it', () => {
  for (const partition of [0, 1, 2, 3])
    for (const zone of ['a', 'b', 'c'])
      expect(precedingOf(zone, partition, inReach)).toBe(precedenceOf(zone, partition));
});

test('nobody waits for a node that is out of reach, or leads nothing', () => {
  expect(['b', 'c'].map((zone) => precedingOf(zone, 0, gone))).toEqual([0, 1]);
  expect(['a', 'c'].map((zone) => precedingOf(zone, 1, drained))).toEqual([1, 0]);
});
