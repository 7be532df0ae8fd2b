import { expect, test } from 'vitest';

import { SeededRandom } from '../support/seeded-random.ts';
import { type Doing, explainHistory, inTime } from './checkers/serializability.ts';

type Seen = Readonly<Record<string, string | undefined>>;

function doing(
  name: string,
  saw: Seen,
  {
    wrote = {},
    from = 0,
    to = 100,
  }: {
    readonly wrote?: Readonly<Record<string, string>>;
    readonly from?: number;
    readonly to?: number | undefined;
  } = {},
): Doing {
  return {
    name,
    saw: new Map(Object.entries(saw)),
    wrote: new Map(Object.entries(wrote)),
    invoked: from,
    returned: to,
  };
}

const ends = (values: Seen): ReadonlyMap<string, string | undefined> =>
  new Map(Object.entries(values));

const FIRST = doing('first', { x: undefined, y: undefined }, { wrote: { x: 'x1', y: 'y1' } });
const SECOND = doing('second', { x: 'x1', y: 'y1' }, { wrote: { x: 'x2', y: 'y2' } });

test('one after the other is explained, and readers between them', () => {
  const reader = doing('reader', { x: 'x1', y: 'y1' });
  expect(explainHistory([FIRST, SECOND, reader], ends({ x: 'x2', y: 'y2' }))).toBeUndefined();
});

test('a reader of half of a transaction is found', () => {
  const reader = doing('reader', { x: 'x2', y: 'y1' });
  expect(explainHistory([FIRST, SECOND, reader], ends({ x: 'x2', y: 'y2' }))).toBe(
    'no order explains second -> reader -> second',
  );
});

test('write skew is found: each saw what the other replaced', () => {
  const one = doing('one', { x: 'x1', y: 'y1' }, { wrote: { x: 'x3' } });
  const other = doing('other', { x: 'x1', y: 'y1' }, { wrote: { y: 'y3' } });
  expect(explainHistory([FIRST, one, other], ends({ x: 'x3', y: 'y3' }))).toContain('one -> other');
});

test('a lost update and half of what was written are found', () => {
  const lost = doing('lost', { x: 'x1', y: 'y1' }, { wrote: { x: 'x3', y: 'y3' } });
  const final = ends({ x: 'x2', y: 'y2' });
  expect(explainHistory([FIRST, SECOND, lost], final)).toBe(
    'lost was acknowledged, and what it wrote was never there',
  );
  expect(explainHistory([FIRST, SECOND], ends({ x: 'x2', y: 'y1' }))).toBe(
    'of what second wrote only x was ever there',
  );
});

test('who was told nothing may have been done, or not', () => {
  const untold = { ...SECOND, returned: undefined };
  expect(explainHistory([FIRST, untold], ends({ x: 'x2', y: 'y2' }))).toBeUndefined();
  expect(explainHistory([FIRST, untold], ends({ x: 'x1', y: 'y1' }))).toBeUndefined();
});

test('a reader that begins after a write was acknowledged and sees what was before is found', () => {
  const late = doing('late', { x: 'x1' }, { from: 200, to: 300 });
  expect(explainHistory([FIRST, SECOND, late], ends({ x: 'x2', y: 'y2' }))).toContain('late');
});

/** By name, who comes behind whom by way of `pairs`. */
function reached(pairs: readonly (readonly [Doing, Doing])[]): ReadonlySet<string> {
  const found = new Set(pairs.map(([first, second]) => `${first.name} ${second.name}`));
  for (let before = -1; before !== found.size;) {
    before = found.size;
    for (const one of found)
      for (const [first, second] of pairs)
        if (one.endsWith(` ${first.name}`)) found.add(`${one.split(' ')[0] ?? ''} ${second.name}`);
  }
  return found;
}

test('the pairs in time say of all who returned before whom', () => {
  const random = new SeededRandom(7);
  for (let round = 0; round < 30; round += 1) {
    const doings = Array.from({ length: 12 }, (_, at) => {
      const from = Math.floor(random.next() * 40);
      const to = random.next() < 0.2 ? undefined : from + Math.floor(random.next() * 12);
      return { ...doing(`d${at}`, {}, { from }), returned: to };
    });
    const all = doings.flatMap((first) =>
      doings
        .filter((second) => (first.returned ?? Infinity) < second.invoked)
        .map((second) => `${first.name} ${second.name}`),
    );
    expect(reached([...inTime(doings)])).toEqual(new Set(all));
  }
});
