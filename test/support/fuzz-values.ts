import type { Random } from '../../src/base/random.ts';
import { randomBelow } from '../../src/base/random.ts';

/** One of `choices`, which has one at least. */
export function pick<T>(random: Random, choices: readonly T[]): T {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the place is one of the list
  return choices[randomBelow(random, choices.length)] as T;
}

export const chance = (random: Random, probability: number): boolean => random.next() < probability;

export const several = <T>(random: Random, max: number, make: () => T): T[] =>
  Array.from({ length: randomBelow(random, max + 1) }, make);

/** Names that mean something to JavaScript, to DynamoDB, or to nobody. */
export const NAMES = [
  'pk',
  'sk',
  'a',
  'b',
  'l',
  'm',
  'set',
  'g1',
  'g2',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'prototype',
  'valueOf',
  'then',
  'size',
  'SET',
  ' ',
  'a.b',
  'a[0]',
  '#a',
  ':a',
  '0',
  '-1',
  'ä',
  '\ud800',
  '😀',
  '\u0000',
  'x'.repeat(300),
] as const;

const TEXTS = [
  '',
  'a',
  'x',
  'id1',
  '\u0000',
  '\uffff',
  '\ud83d',
  '\udc00\ud800',
  '👩‍👩‍👧',
  'e\u0301',
  '\u202e',
  '"\\\b\f\n\r\t',
  '</script>',
  '__proto__',
  'null',
  'x'.repeat(1025),
  'ä'.repeat(1100),
] as const;

const NUMBERS = [
  '0',
  '-0',
  '1',
  '2',
  '3.5',
  '-17',
  '1e10',
  '1e125',
  '9.9e125',
  '1e126',
  '1e-130',
  '1e-131',
  '1e999999999999',
  '-1e-999999999999',
  `1${'0'.repeat(400)}`,
  `0.${'0'.repeat(400)}1`,
  '9'.repeat(38),
  '9'.repeat(39),
  '1.'.repeat(3),
  '+1',
  ' 1',
  '1 ',
  '١',
  '0x1',
  'NaN',
  'Infinity',
  '1e',
  'e1',
  '.',
  '-',
  '',
  '1_000',
] as const;

const BINARIES = ['', 'AA==', 'AAAA', 'AA', 'A===', '?', 'AB==', ' AA==', 'AA==\n', 'é'] as const;

/** What does not belong where it is put. */
export function strange(random: Random): unknown {
  return pick<() => unknown>(random, [
    () => null,
    () => true,
    () => false,
    () => pick(random, [0, -1, 1, 1.5, -0, 1e308, 2 ** 31, 2 ** 53, 1e21, 5e-324]),
    () => pick(random, TEXTS),
    () => pick(random, NUMBERS),
    () => [],
    () => ({}),
    () => [[]],
    () => [null],
    () => named(random, () => strange(random), 2),
    () => several(random, 3, () => strange(random)),
    () => attributeValue(random, 2),
    () => pick(random, [{ S: 1 }, { N: 'x' }, { L: [null] }, { M: { a: 1 } }, { NULL: false }]),
    () => pick(random, [{ B: '?' }, { SS: [] }, { NS: ['1', '1'] }, { S: 'a', N: '1' }, { X: 1 }]),
  ])();
}

/** An object with names that are its own, `__proto__` among them. */
export const named = (
  random: Random,
  make: (name: string) => unknown,
  max: number,
): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    several(random, max, () => (chance(random, 0.01) ? '' : pick(random, NAMES))).map(
      (name) => [name, make(name)] as const,
    ),
  );

/** An attribute's value as requests have it, often sound. */
export function attributeValue(random: Random, depth: number): unknown {
  const text = (): string => pick(random, TEXTS);
  const number = (): string =>
    chance(random, 0.93) ? String(randomBelow(random, 99)) : pick(random, NUMBERS);
  const binary = (): string => (chance(random, 0.9) ? 'AAAA' : pick(random, BINARIES));
  const deeper = (): unknown => attributeValue(random, depth - 1);
  const scalars = [
    () => ({ S: text() }),
    () => ({ N: number() }),
    () => ({ N: number() }),
    () => ({ B: binary() }),
    () => ({ BOOL: chance(random, 0.5) }),
    () => ({ NULL: chance(random, 0.98) }),
    () => ({ SS: [pick(random, TEXTS), 'more'] }),
    () => ({ NS: [number(), '100'] }),
    () => ({ BS: [binary()] }),
  ];
  const containers = [
    () => ({ L: several(random, 3, deeper) }),
    () => ({ M: named(random, deeper, 3) }),
  ];
  const wrong = [
    () => ({ [pick(random, ['S', 'N', 'B', 'L', 'M', 'SS', 'BOOL'])]: strange(random) }),
    () => strange(random),
  ];
  if (chance(random, 0.02)) return pick(random, wrong)();
  return (depth > 0 && chance(random, 0.3) ? pick(random, containers) : pick(random, scalars))();
}

/** The key of few items, mostly; else anything. */
export function key(random: Random): unknown {
  if (chance(random, 0.03)) return strange(random);
  const sound: Record<string, unknown> = {
    pk: { S: pick(random, ['a', 'b', 'c']) },
    sk: { N: String(randomBelow(random, 4)) },
  };
  if (chance(random, 0.95)) return sound;
  return { ...sound, ...named(random, () => attributeValue(random, 1), 2) };
}

export function item(random: Random): unknown {
  const attributes = named(random, () => attributeValue(random, 3), 5);
  const own = key(random);
  return typeof own === 'object' ? { ...attributes, ...own } : own;
}

/** `value` inside `levels` of lists or maps. */
export function nested(random: Random, levels: number): string {
  const [open, close] = pick(random, [
    ['{"L":[', ']}'],
    ['{"M":{"a":', '}}'],
    ['[', ']'],
    ['{"a":', '}'],
  ] as const);
  return `${open.repeat(levels)}{"S":"x"}${close.repeat(levels)}`;
}
