import { createHash } from 'node:crypto';

import type { ConditionExpression } from '../expression/ast.ts';
import { attributesRead } from '../expression/key-checks.ts';
import type { AttributeValue } from '../model/attribute-value.ts';
import { attributeValuesEqual } from '../model/compare-values.ts';
import { validationError } from '../model/errors.ts';
import { encodeKeyValue, type SortKeyCondition } from '../model/item-key.ts';
import type { KeyAttribute } from '../model/table.ts';
import { allOf, attributeTerm, equalTo, type Term, termsOf } from './key-terms.ts';
import { RANGES_OVERLAP, TOO_MANY_READS } from './messages.ts';
import { isEmptyRange, rangesMeet, type SortRange, sortRange } from './sort-range.ts';

/** The key of a table, or of an index with one attribute of each kind. */
export interface SimpleKey {
  readonly partition: KeyAttribute;
  readonly sort: KeyAttribute | undefined;
}

/** Items of one partition key to read, and what of them to leave out. */
export interface KeyedRead {
  readonly partition: AttributeValue;
  /** All of them must hold. */
  readonly sort: readonly SortKeyCondition[];
  readonly filter: ConditionExpression | undefined;
}

/** How a SELECT finds its items. `reads`: one after the other, each item in one of them at most. */
export type ReadPlan =
  | { readonly kind: 'scan'; readonly filter: ConditionExpression | undefined }
  | { readonly kind: 'reads'; readonly reads: readonly KeyedRead[] }
  /** A key attribute is compared with what it cannot be. */
  | { readonly kind: 'mistyped'; readonly name: string };

export interface ReadOrder {
  readonly forward: boolean;
  /** Undefined: by hash, as DynamoDB reads several partition keys. */
  readonly partitions: 'ascending' | 'descending' | undefined;
}

/** Queries that one SELECT may be taken apart into. Source: floci. */
export const READS_MAX = 50;

/**
 * Takes a WHERE clause apart into reads by key, if every branch of it has an equality of the partition key; else it is a
 * scan. ORs are opened up only where they speak of keys. Throws `ValidationException` for too many reads, and for branches
 * that could find one item twice. Source: floci; conformance (`whereOverlap`).
 */
export function planReads(
  where: ConditionExpression | undefined,
  key: SimpleKey,
  order: ReadOrder,
): ReadPlan {
  if (where === undefined || !isKeyed(where, key)) return { kind: 'scan', filter: where };
  if (countBranches(where, key) > READS_MAX) throw validationError(TOO_MANY_READS);
  const branches = branchesOf(where, key).map((terms) => branchOf(terms, key));
  const whole = branches.filter((branch) => branch !== undefined);
  if (whole.length < branches.length) return { kind: 'scan', filter: where };
  const mistyped = whole
    .map((branch) => mistypedIn(branch, key))
    .find((name) => name !== undefined);
  if (mistyped !== undefined) return { kind: 'mistyped', name: mistyped };
  return { kind: 'reads', reads: ordered(combined(whole, key), key, order) };
}

/** Whether every branch of a condition has the partition key equal something. */
export function isKeyed(condition: ConditionExpression, key: SimpleKey): boolean {
  if (condition.kind === 'and') return condition.conditions.some((each) => isKeyed(each, key));
  if (condition.kind === 'or') return condition.conditions.every((each) => isKeyed(each, key));
  return equalTo(condition)?.name === key.partition.name;
}

const keyNames = ({ partition, sort }: SimpleKey): readonly string[] =>
  sort === undefined ? [partition.name] : [partition.name, sort.name];

function speaksOfKey(condition: ConditionExpression, key: SimpleKey): boolean {
  const names = attributesRead(condition);
  return keyNames(key).some((name) => names.has(name));
}

/** The equalities that a term of kind IN stands for; undefined for any other, or when it is about no key. */
function alternatives(term: Term, key: SimpleKey): readonly Term[] | undefined {
  if (term.kind === 'or') return speaksOfKey(term, key) ? term.conditions : undefined;
  if (term.kind !== 'in') return undefined;
  const found = equalTo(term);
  if (found === undefined || !keyNames(key).includes(found.name)) return undefined;
  const { operand } = term;
  return found.values.map((value) => ({
    kind: 'compare',
    comparator: '=',
    left: operand,
    right: { kind: 'value', value },
  }));
}

function countBranches(condition: ConditionExpression, key: SimpleKey): number {
  if (condition.kind === 'and') {
    return condition.conditions.reduce((count, each) => count * countBranches(each, key), 1);
  }
  const choices = alternatives(condition, key);
  return choices === undefined
    ? 1
    : choices.reduce((count, each) => count + countBranches(each, key), 0);
}

/** The branches of a condition, each the terms that must hold. There are as many as `countBranches` says. */
function branchesOf(condition: ConditionExpression, key: SimpleKey): readonly (readonly Term[])[] {
  if (condition.kind === 'and') {
    let branches: readonly (readonly Term[])[] = [[]];
    for (const each of condition.conditions) {
      const further = branchesOf(each, key);
      branches = branches.flatMap((one) => further.map((other) => [...one, ...other]));
    }
    return branches;
  }
  const choices = alternatives(condition, key);
  return choices === undefined
    ? [termsOf(condition)]
    : choices.flatMap((each) => branchesOf(each, key));
}

interface Branch extends KeyedRead {
  readonly partition: AttributeValue;
  /** Whether it asks of the sort key that it be not something: such a branch may overlap with others. */
  readonly excludes: boolean;
}

/** Undefined when the partition key is to equal two things at once. */
function branchOf(terms: readonly Term[], { partition, sort }: SimpleKey): Branch | undefined {
  let value: AttributeValue | undefined;
  const conditions: SortKeyCondition[] = [];
  const rest: Term[] = [];
  let excludes = false;
  for (const term of terms) {
    const found = attributeTerm(term);
    if (found?.name === partition.name && found.condition.kind === '=') {
      if (value !== undefined && !attributeValuesEqual(value, found.condition.value)) {
        return undefined;
      }
      value = found.condition.value;
    } else if (
      found !== undefined &&
      found.name === sort?.name &&
      isIndexable(found.condition, sort)
    ) {
      conditions.push(found.condition);
    } else {
      excludes ||= sort !== undefined && isExclusion(term, sort.name);
      rest.push(term);
    }
  }
  return value === undefined
    ? undefined
    : { partition: value, sort: conditions, filter: allOf(rest), excludes };
}

const isIndexable = (condition: SortKeyCondition, { type }: KeyAttribute): boolean =>
  condition.kind !== 'begins-with' || type !== 'N';

const isExclusion = (term: Term, name: string): boolean =>
  (term.kind === 'not' || (term.kind === 'compare' && term.comparator === '<>')) &&
  attributesRead(term).has(name);

function mistypedIn(branch: Branch, { partition, sort }: SimpleKey): string | undefined {
  if (!(partition.type in branch.partition)) return partition.name;
  if (sort === undefined) return undefined;
  const values = branch.sort.flatMap((each) =>
    each.kind === 'between' ? [each.low, each.high] : [each.value],
  );
  return values.every((value) => sort.type in value) ? undefined : sort.name;
}

/** Branches of one partition key stay apart unless one excludes something: then they are read as one. */
function combined(branches: readonly Branch[], key: SimpleKey): readonly KeyedRead[] {
  const reads: KeyedRead[] = [];
  const groups = new Map<string, Branch[]>();
  for (const branch of branches) {
    const name = JSON.stringify(branch.partition);
    const known = groups.get(name);
    if (known === undefined) groups.set(name, [branch]);
    else known.push(branch);
  }
  for (const group of groups.values()) {
    checkApart(group.filter(({ excludes }) => !excludes).map(({ sort }) => rangeOf(sort, key)));
    const [first] = group;
    if (first === undefined) continue;
    if (group.length > 1 && group.some(({ excludes }) => excludes)) reads.push(union(group, key));
    else reads.push(...group);
  }
  return reads;
}

const rangeOf = (conditions: readonly SortKeyCondition[], { sort }: SimpleKey): SortRange =>
  sortRange(conditions, sort);

function checkApart(ranges: readonly SortRange[]): void {
  for (const [place, one] of ranges.entries()) {
    const meets = ranges.slice(0, place).some((other) => rangesMeet(one, other));
    if (meets) throw validationError(RANGES_OVERLAP);
  }
}

/** One read that finds what any of the branches does. */
function union(group: readonly Branch[], { sort }: SimpleKey): KeyedRead {
  const [first] = group;
  const conditions = group.map((branch) =>
    allOf([
      ...branch.sort.map((each) => sortTerm(each, sort?.name ?? '')),
      ...termsOf(branch.filter),
    ]),
  );
  const filters = conditions.filter((each) => each !== undefined);
  const filter: ConditionExpression | undefined =
    filters.length < conditions.length ? undefined : { kind: 'or', conditions: filters };
  return { partition: first?.partition ?? { NULL: true }, sort: [], filter };
}

function sortTerm(condition: SortKeyCondition, name: string): Term {
  const operand = { kind: 'path', path: [name] } as const;
  if (condition.kind === 'between') {
    const lower = { kind: 'value', value: condition.low } as const;
    return { kind: 'between', operand, lower, upper: { kind: 'value', value: condition.high } };
  }
  const value = { kind: 'value', value: condition.value } as const;
  return condition.kind === 'begins-with'
    ? { kind: 'begins_with', operand, prefix: value }
    : { kind: 'compare', comparator: condition.kind, left: operand, right: value };
}

/** In the order in which their items are answered. Reads that can find nothing are left out, but for one. */
function ordered(
  reads: readonly KeyedRead[],
  key: SimpleKey,
  { forward, partitions }: ReadOrder,
): readonly KeyedRead[] {
  if (reads.length < 2) return reads;
  const places = reads.map((read) => {
    const partitionKey = encodeKeyValue(key.partition, read.partition);
    const range = rangeOf(read.sort, key);
    const rank =
      partitions === undefined ? createHash('md5').update(partitionKey).digest() : partitionKey;
    return { read, rank, range };
  });
  const found = places.filter(({ range }) => !isEmptyRange(range));
  const kept = found.length === 0 ? places.slice(0, 1) : found;
  return kept
    .toSorted((one, other) => {
      const byPartition = Buffer.compare(one.rank, other.rank);
      if (byPartition !== 0) return partitions === 'descending' ? -byPartition : byPartition;
      const bySort = Buffer.compare(one.range.from, other.range.from);
      return forward ? bySort : -bySort;
    })
    .map(({ read }) => read);
}
