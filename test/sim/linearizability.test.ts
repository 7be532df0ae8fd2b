import { expect, test } from 'vitest';

import { explainRegister } from './checkers/linearizability.ts';
import type { Action, Operation, Outcome } from './history.ts';

let ids = 0;

const operation = (
  action: Action,
  outcome: Outcome,
  [invoked, returned]: readonly [number, number | undefined],
): Operation => {
  ids += 1;
  return {
    id: ids,
    region: 'r',
    client: 'c',
    table: 't',
    key: 'k',
    action,
    invoked,
    invokedMs: invoked,
    returned,
    outcome,
  };
};

const write = (
  value: string | undefined,
  seen: string | undefined,
  times: readonly [number, number],
): Operation =>
  operation({ kind: 'write', value, expects: undefined }, { kind: 'applied', seen }, times);

const unknown = (value: string, invoked: number): Operation =>
  operation({ kind: 'write', value, expects: undefined }, { kind: 'unknown' }, [
    invoked,
    undefined,
  ]);

const read = (seen: string | undefined, times: readonly [number, number]): Operation =>
  operation({ kind: 'read' }, { kind: 'read', seen }, times);

test('reads and writes in a row are explained', () => {
  expect(
    explainRegister(
      [write('a', undefined, [1, 2]), read('a', [3, 4]), write('b', 'a', [5, 6])],
      undefined,
    ),
  ).toBeUndefined();
});

test('a read of what was overwritten before it was asked is not explained', () => {
  const history = [write('a', undefined, [1, 2]), write('b', 'a', [3, 4]), read('a', [5, 6])];
  expect(explainRegister(history, undefined)).toContain('no order explains');
});

test('two that run at once may be in either order, but not in both', () => {
  const writes = [write('a', undefined, [1, 10]), write('b', 'a', [2, 9])];
  expect(explainRegister([...writes, read('b', [11, 12])], undefined)).toBeUndefined();
  expect(explainRegister([...writes, read('a', [11, 12])], undefined)).toBeDefined();
});

test('a write of unknown outcome may take effect late, or never, but not be seen and then unseen', () => {
  const maybe = unknown('x', 1);
  expect(
    explainRegister([maybe, read(undefined, [2, 3]), read('x', [4, 5])], undefined),
  ).toBeUndefined();
  expect(explainRegister([maybe, read(undefined, [2, 3])], undefined)).toBeUndefined();
  expect(
    explainRegister([maybe, read('x', [2, 3]), read(undefined, [4, 5])], undefined),
  ).toBeDefined();
});

const insert = (value: string, times: readonly [number, number]): Operation =>
  operation(
    { kind: 'write', value, expects: { kind: 'absent' } },
    { kind: 'applied', seen: undefined },
    times,
  );

test('two inserts of one item cannot both be applied', () => {
  expect(explainRegister([insert('a', [1, 5])], undefined)).toBeUndefined();
  expect(explainRegister([insert('a', [1, 5]), insert('b', [2, 6])], undefined)).toBeDefined();
});

test('a refusal must have seen what refuses it', () => {
  const refused = operation(
    { kind: 'write', value: 'n', expects: { kind: 'value', value: 'a' } },
    { kind: 'refused', seen: 'a' },
    [3, 4],
  );
  expect(explainRegister([write('a', undefined, [1, 2]), refused], undefined)).toBeDefined();
});

test('an insert that found something has not found nothing', () => {
  const found = operation(
    { kind: 'write', value: 'n', expects: { kind: 'absent' } },
    { kind: 'found' },
    [3, 4],
  );
  expect(explainRegister([write('a', undefined, [1, 2]), found], undefined)).toBeUndefined();
  expect(explainRegister([found], undefined)).toBeDefined();
});
