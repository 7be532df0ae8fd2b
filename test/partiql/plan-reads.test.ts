import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ConditionExpression, Operand } from '../../src/expression/ast.ts';
import { evaluateCondition } from '../../src/expression/evaluate-condition.ts';
import type { AttributeMap } from '../../src/model/attribute-value.ts';
import { whereCondition } from '../../src/partiql/compile-condition.ts';
import { parseStatement } from '../../src/partiql/parse-statement.ts';
import {
  type KeyedRead,
  planReads,
  type ReadOrder,
  type ReadPlan,
  READS_MAX,
  type SimpleKey,
} from '../../src/partiql/plan-reads.ts';
import { isEmptyRange, sortRange } from '../../src/partiql/sort-range.ts';

const key: SimpleKey = { partition: { name: 'pk', type: 'S' }, sort: { name: 'sk', type: 'N' } };
const byHash: ReadOrder = { forward: true, partitions: undefined };
const ascending: ReadOrder = { forward: true, partitions: 'ascending' };

function plan(where: string, order: ReadOrder = ascending): ReadPlan {
  const { source, root } = parseStatement(where);
  return planReads(whereCondition(root, { source, parameters: [] }), key, order);
}

/** A read in few words: its partition key, its conditions on the sort key and whether it filters. */
function told({ partition, sort, filter }: KeyedRead): string {
  const conditions = sort.map((each) =>
    each.kind === 'between'
      ? `${JSON.stringify(each.low)}..${JSON.stringify(each.high)}`
      : `${each.kind}${JSON.stringify(each.value)}`,
  );
  const words = [JSON.stringify(partition), ...conditions, ...(filter ? ['filter'] : [])];
  return words.join(' ').replaceAll(/\{"[A-Z]+":"([^"]*)"\}/g, '$1');
}

function readsOf(where: string, order: ReadOrder = ascending): readonly string[] | string {
  const planned = plan(where, order);
  return planned.kind === 'reads' ? planned.reads.map(told) : planned.kind;
}

test('a WHERE clause without the partition key in every branch is a scan', () => {
  expect(planReads(undefined, key, ascending)).toEqual({ kind: 'scan', filter: undefined });
  for (const where of [
    'sk = 1',
    "pk > 'a'",
    "begins_with(pk, 'a')",
    "pk = 'a' OR sk = 1",
    "pk = 'a' OR x = 1",
    "NOT pk = 'a'",
    "pk = 'a' AND pk = 'b'",
    "pk = 'a' AND pk = 'a' OR pk = 'b' AND pk = 'c'",
    "pk.a = 'a'",
  ]) {
    expect(plan(where)).toEqual({ kind: 'scan', filter: expect.anything() });
  }
});

test('one partition key is one read', () => {
  expect(readsOf("pk = 'a'")).toEqual(['a']);
  expect(readsOf("'a' = pk")).toEqual(['a']);
  expect(readsOf("pk = 'a' AND sk = 1")).toEqual(['a =1']);
  expect(readsOf("sk > 1 AND pk = 'a' AND sk <= 3")).toEqual(['a >1 <=3']);
  expect(readsOf("pk = 'a' AND sk BETWEEN 1 AND 3 AND x = 1")).toEqual(['a 1..3 filter']);
  expect(readsOf("pk = 'a' AND (x = 1 OR y = 2)")).toEqual(['a filter']);
  expect(readsOf("pk = 'a' AND sk <> 1")).toEqual(['a filter']);
  expect(readsOf("pk = 'a' AND pk = 'a'")).toEqual(['a']);
  expect(readsOf("pk IN ['a']")).toEqual(['a']);
});

test('several keys are several reads, which find no item twice', () => {
  expect(readsOf("pk IN ['b', 'a'] AND x = 1")).toEqual(['a filter', 'b filter']);
  expect(readsOf("pk = 'b' OR pk = 'a'")).toEqual(['a', 'b']);
  expect(readsOf("pk = 'a' AND sk IN [3, 1]")).toEqual(['a =1', 'a =3']);
  expect(readsOf("pk IN ['a', 'b'] AND (sk = 1 OR sk > 5)")).toEqual([
    'a =1',
    'a >5',
    'b =1',
    'b >5',
  ]);
  expect(readsOf("pk = 'a' AND sk < 1 OR pk = 'a' AND sk > 1")).toEqual(['a <1', 'a >1']);
  expect(readsOf("pk = 'a' AND sk <> 1 OR pk = 'a' AND sk = 1")).toEqual(['a filter']);
});

test('what finds nothing is left out beside what may', () => {
  expect(readsOf("pk = 'a' AND sk > 3 AND sk < 1")).toEqual(['a >3 <1']);
  expect(readsOf("pk = 'a' AND sk > 3 AND sk < 1 OR pk = 'b'")).toEqual(['b']);
});

test('reads are in the order that is asked for, or by the hash of their keys', () => {
  const where = "pk IN ['a', 'b', 'c'] AND sk IN [1, 2]";
  const sorted = ['a =1', 'a =2', 'b =1', 'b =2', 'c =1', 'c =2'];
  expect(readsOf(where)).toEqual(sorted);
  expect(readsOf(where, { forward: false, partitions: 'descending' })).toEqual(sorted.toReversed());
  expect(readsOf(where, { forward: true, partitions: 'descending' })).toEqual([
    'c =1',
    'c =2',
    'b =1',
    'b =2',
    'a =1',
    'a =2',
  ]);
  // MD5 of a: 0cc1, b: 92eb, c: 4a8a.
  expect(readsOf("pk IN ['a', 'b', 'c']", byHash)).toEqual(['a', 'c', 'b']);
});

test('branches that may find one item twice are refused', () => {
  for (const where of [
    "pk = 'a' OR pk = 'a'",
    "pk IN ['a', 'a']",
    "pk = 'a' AND (sk = 1 OR sk = 1.0)",
    "pk = 'a' AND (sk < 3 OR sk > 2)",
    "pk = 'a' AND (sk BETWEEN 1 AND 3 OR sk = 3)",
    "pk = 'a' AND sk = 1 OR pk = 'a'",
  ]) {
    expect(() => plan(where)).toThrow('Overlapping conditions with range keys');
  }
});

const keys = (count: number): string =>
  Array.from({ length: count }, (_, each) => `'${each}'`).join(', ');

test('no more reads than may be', () => {
  expect(readsOf(`pk IN [${keys(READS_MAX)}]`)).toHaveLength(READS_MAX);
  const tooMany = 'Too many decomposed read operations';
  expect(() => plan(`pk IN [${keys(READS_MAX + 1)}]`)).toThrow(tooMany);
  expect(() => plan(`pk IN [${keys(11)}] AND sk IN [1, 2, 3, 4, 5]`)).toThrow(tooMany);
  // As many as could never be counted one by one.
  const many = Array.from({ length: 300 }, () => '(sk = 1 OR sk = 2)').join(' AND ');
  expect(() => plan(`pk = 'a' AND ${many}`)).toThrow(tooMany);
});

test('a key that is compared with another type is told', () => {
  expect(plan('pk = 1')).toEqual({ kind: 'mistyped', name: 'pk' });
  expect(plan("pk = 'a' AND sk = 'b'")).toEqual({ kind: 'mistyped', name: 'sk' });
  expect(plan("pk = 'a' AND sk BETWEEN 'a' AND 'b'")).toEqual({ kind: 'mistyped', name: 'sk' });
  expect(plan("pk IN ['a', 1]")).toEqual({ kind: 'mistyped', name: 'pk' });
});

const path = (name: string): Operand => ({ kind: 'path', path: [name] });
const number = (value: number): Operand => ({ kind: 'value', value: { N: String(value) } });
const COMPARATORS = ['=', '=', '<>', '<', '<=', '>', '>='] as const;

const ofPartition = fc
  .subarray(['a', 'b', 'c'], { minLength: 1 })
  .map((names): ConditionExpression => {
    const candidates = names.map((S) => ({ kind: 'value', value: { S } }) as const);
    const [first, more] = candidates;
    return first !== undefined && more === undefined
      ? { kind: 'compare', comparator: '=', left: path('pk'), right: first }
      : { kind: 'in', operand: path('pk'), candidates };
  });
const ofNumber = fc
  .tuple(fc.constantFrom('sk', 'sk', 'x'), fc.constantFrom(...COMPARATORS), fc.nat(4))
  .map(([name, comparator, value]): ConditionExpression => {
    return { kind: 'compare', comparator, left: path(name), right: number(value) };
  });
const between = fc.tuple(fc.nat(4), fc.nat(4)).map(([low, high]): ConditionExpression => {
  return { kind: 'between', operand: path('sk'), lower: number(low), upper: number(high) };
});
const { condition } = fc.letrec<{ condition: ConditionExpression }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 3 },
    fc.oneof(ofPartition, ofNumber, between),
    fc
      .tuple(
        fc.constantFrom('and', 'and', 'or'),
        fc.array(tie('condition'), { minLength: 2, maxLength: 3 }),
      )
      .map(([kind, conditions]): ConditionExpression => ({ kind, conditions })),
    tie('condition').map((each): ConditionExpression => ({ kind: 'not', condition: each })),
  ),
}));

const items: readonly AttributeMap[] = ['a', 'b', 'c'].flatMap((S) =>
  Array.from({ length: 10 }, (_, each) => ({
    pk: { S },
    sk: { N: String(each >> 1) },
    x: { N: String(each % 3) },
  })),
);

function findsOf(read: KeyedRead, item: AttributeMap): boolean {
  const meets = read.sort.every((each) => {
    const there = { kind: '=', value: item['sk'] ?? { NULL: true } } as const;
    return !isEmptyRange(sortRange([each, there], key.sort));
  });
  const isThere = JSON.stringify(read.partition) === JSON.stringify(item['pk']);
  return isThere && meets && (read.filter === undefined || evaluateCondition(read.filter, item));
}

/** Undefined where the condition is refused as one that may not be taken apart. */
function plannedOf(where: ConditionExpression): ReadPlan | undefined {
  try {
    return planReads(where, key, byHash);
  } catch (error) {
    if (/Overlapping conditions|Too many decomposed/.test(String(error))) return undefined;
    throw error;
  }
}

test('whatever the plan, it finds the items that the condition holds of, each once', () => {
  let planned = 0;
  fc.assert(
    fc.property(ofPartition, condition, fc.boolean(), (keyed, more, isAlternative) => {
      const where: ConditionExpression = isAlternative
        ? { kind: 'or', conditions: [{ kind: 'and', conditions: [keyed, more] }, keyed] }
        : { kind: 'and', conditions: [keyed, more] };
      const found = plannedOf(where);
      if (found?.kind !== 'reads') return;
      planned += 1;
      const { reads } = found;
      const times = items.map((item) => reads.filter((read) => findsOf(read, item)).length);
      expect(times).toEqual(items.map((item) => (evaluateCondition(where, item) ? 1 : 0)));
    }),
    { numRuns: 1000 },
  );
  expect(planned).toBeGreaterThan(100);
});
