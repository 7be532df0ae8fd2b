import fc from 'fast-check';

import {
  type Item,
  lists,
  maps,
  numberSets,
  numbers,
  type Path,
  type Placeholders,
  scalars,
  stringSets,
  type Value,
  valueAt,
} from './naive-values.ts';

type Right =
  | { readonly kind: 'value'; readonly value: Value }
  | { readonly kind: 'path'; readonly path: Path }
  | {
      readonly kind: '+' | '-' | 'if_not_exists' | 'list_append';
      readonly path: Path;
      readonly value: Value;
    };

type Action =
  | { readonly kind: 'SET'; readonly path: Path; readonly right: Right }
  | { readonly kind: 'REMOVE'; readonly path: Path }
  | { readonly kind: 'ADD' | 'DELETE'; readonly path: Path; readonly value: Value };

/** What happens to an item, at places none of which is inside another. */
export type Update = readonly Action[];

/** Items that most updates fit. */
export const updatedItems: fc.Arbitrary<Item> = fc.record(
  {
    a: fc.oneof({ weight: 5, arbitrary: numbers }, { weight: 1, arbitrary: scalars }),
    b: numbers,
    s: fc.oneof(stringSets, numberSets),
    l: fc.oneof({ weight: 7, arbitrary: lists }, { weight: 1, arbitrary: scalars }),
    m: fc.oneof({ weight: 7, arbitrary: maps }, { weight: 1, arbitrary: scalars }),
  },
  { requiredKeys: ['b'] },
);

const PLACES: readonly Path[] = [
  ['a'],
  ['b'],
  ['c'],
  ['s'],
  ['l'],
  ['l', 0],
  ['l', 1],
  ['l', 7],
  ['m'],
  ['m', 'x'],
  ['m', 'y'],
];

const sources = fc.constantFrom<Path>(
  ['a'],
  ['b'],
  ['b'],
  ['c'],
  ['l'],
  ['l', 0],
  ['m', 'x'],
  ['m', 'y'],
);

const rights: fc.Arbitrary<Right> = fc.oneof(
  fc.oneof(scalars, lists, maps, stringSets).map((value) => ({ kind: 'value' as const, value })),
  sources.map((path) => ({ kind: 'path' as const, path })),
  fc.record({ kind: fc.constantFrom('+' as const, '-' as const), path: sources, value: numbers }),
  fc.record({ kind: fc.constant('if_not_exists' as const), path: sources, value: scalars }),
  fc.record({
    kind: fc.constant('list_append' as const),
    path: fc.constant<Path>(['l']),
    value: lists,
  }),
);

const actionAt = (path: Path): fc.Arbitrary<Action> =>
  fc.oneof(
    { weight: 4, arbitrary: rights.map((right) => ({ kind: 'SET' as const, path, right })) },
    { weight: 2, arbitrary: fc.constant({ kind: 'REMOVE' as const, path }) },
    {
      weight: 1,
      arbitrary: fc.oneof<fc.Arbitrary<Value>[]>(numbers, stringSets, numberSets).map((value) => ({
        kind: 'ADD' as const,
        path,
        value,
      })),
    },
    {
      weight: 1,
      arbitrary: fc.oneof<fc.Arbitrary<Value>[]>(stringSets, numberSets).map((value) => ({
        kind: 'DELETE' as const,
        path,
        value,
      })),
    },
  );

const isInside = (inner: Path, outer: Path): boolean =>
  outer.every((step, at) => inner[at] === step);

export const updates: fc.Arbitrary<Update> = fc
  .uniqueArray(fc.constantFrom(...PLACES), {
    minLength: 1,
    maxLength: 4,
    comparator: (one, other) => isInside(one, other) || isInside(other, one),
  })
  .chain((paths) => fc.tuple(...paths.map(actionAt)));

export function writeUpdate(update: Update, to: Placeholders): string {
  const section = (kind: Action['kind']): string => {
    const actions = update.filter((action) => action.kind === kind);
    const parts = actions.map((action) => writeAction(action, to));
    return parts.length === 0 ? '' : `${kind} ${parts.join(', ')}`;
  };
  return (['REMOVE', 'DELETE', 'SET', 'ADD'] as const).map(section).join(' ').trim();
}

function writeAction(action: Action, to: Placeholders): string {
  const path = to.path(action.path);
  if (action.kind === 'REMOVE') return path;
  if (action.kind === 'SET') return `${path} = ${writeRight(action.right, to)}`;
  return `${path} ${to.value(action.value)}`;
}

function writeRight(right: Right, to: Placeholders): string {
  if (right.kind === 'value') return to.value(right.value);
  const path = to.path(right.path);
  if (right.kind === 'path') return path;
  const value = to.value(right.value);
  return right.kind === '+' || right.kind === '-'
    ? `${path} ${right.kind} ${value}`
    : `${right.kind}(${path}, ${value})`;
}

/** What does not fit the item. */
export class Unfit extends Error {}

/** The item after the update. Throws `Unfit`, and then nothing is changed. */
export function updated(item: Item, update: Update): Item {
  const placed = update.map((action) => ({ path: action.path, value: resultOf(action, item) }));
  const root: Record<string, Value> = structuredClone(item);
  // Places behind the end of a list are filled in their order; what is removed goes last, from the end on.
  const order = placed.toSorted((one, other) => Number(one.path[1]) - Number(other.path[1]));
  for (const { path, value } of order) if (value !== undefined) put(root, path, value);
  for (const { path, value } of order.toReversed()) if (value === undefined) take(root, path, item);
  return root;
}

function resultOf(action: Action, item: Item): Value | undefined {
  checkPlace(action.path, item);
  const before = valueAt(item, action.path);
  if (action.kind === 'REMOVE') return undefined;
  if (action.kind === 'SET') return rightOf(action.right, item);
  if (action.kind === 'ADD') return before === undefined ? action.value : sum(before, action.value);
  return before === undefined ? undefined : difference(before, action.value);
}

function checkPlace(path: Path, item: Item): void {
  if (path.length === 1) return;
  const parent = valueAt(item, path.slice(0, -1));
  const fits = typeof path.at(-1) === 'number' ? parent?.L !== undefined : parent?.M !== undefined;
  if (!fits) throw new Unfit();
}

function rightOf(right: Right, item: Item): Value {
  if (right.kind === 'value') return right.value;
  const value = valueAt(item, right.path);
  if (right.kind === 'if_not_exists') return value ?? right.value;
  if (value === undefined) throw new Unfit();
  if (right.kind === 'path') return value;
  if (right.kind === 'list_append') {
    if (value.L === undefined) throw new Unfit();
    return { L: [...value.L, ...(right.value.L ?? [])] };
  }
  return sum(value, right.kind === '+' ? right.value : { N: String(-Number(right.value.N)) }, 'N');
}

function sum(one: Value, other: Value, only?: 'N'): Value {
  if (one.N !== undefined && other.N !== undefined)
    return { N: String(Number(one.N) + Number(other.N) + 0) };
  if (only === undefined && one.SS !== undefined && other.SS !== undefined)
    return { SS: [...new Set([...one.SS, ...other.SS])] };
  if (only === undefined && one.NS !== undefined && other.NS !== undefined)
    return { NS: [...new Set([...one.NS, ...other.NS])] };
  throw new Unfit();
}

function without(own?: readonly string[], gone?: readonly string[]): readonly string[] {
  if (own === undefined || gone === undefined) throw new Unfit();
  return own.filter((member) => !gone.includes(member));
}

function difference(one: Value, other: Value): Value | undefined {
  const members = one.SS === undefined ? without(one.NS, other.NS) : without(one.SS, other.SS);
  if (members.length === 0) return undefined;
  return one.SS === undefined ? { NS: members } : { SS: members };
}

interface Container {
  readonly L?: Value[];
  readonly M?: Record<string, Value>;
}

/** Of a clone, so that it may be changed. */
const containerAt = (root: Record<string, Value>, path: Path): Container =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a value, for writing
  path.length === 1 ? { M: root } : (root[String(path[0])] as Container);

function put(root: Record<string, Value>, path: Path, value: Value): void {
  const { L, M } = containerAt(root, path);
  const step = path.at(-1) ?? '';
  if (M !== undefined) M[String(step)] = value;
  else if (L !== undefined) L[Math.min(Number(step), L.length)] = value;
}

/** Only what was there before can be taken away. */
function take(root: Record<string, Value>, path: Path, before: Item): void {
  const { L, M } = containerAt(root, path);
  const step = path.at(-1) ?? '';
  if (M !== undefined) delete M[String(step)];
  else if (valueAt(before, path) !== undefined) L?.splice(Number(step), 1);
}
