import type { Random } from '../../src/base/random.ts';
import { randomBelow } from '../../src/base/random.ts';
import { attributeValue, chance, pick, several } from './fuzz-values.ts';

const NAME_TOKENS = [
  'a',
  'b',
  'l',
  'm',
  'pk',
  'sk',
  'g1',
  '#n',
  '#m',
  '#__proto__',
  'then1',
  '#constructor',
] as const;
const VALUE_TOKENS = [':v', ':w', ':n', ':l', ':s', ':__proto__'] as const;
const JUNK = [
  '(',
  ')',
  ',',
  '.',
  '[',
  ']',
  '=',
  '<>',
  '<',
  ' AND ',
  ' OR ',
  ' NOT ',
  ' BETWEEN ',
  ' IN ',
  ' SET ',
  ' REMOVE ',
  ' ADD ',
  ' DELETE ',
  '+',
  '-',
  '#',
  ':',
  '"',
  "'",
  '\\',
  '\u0000',
  '\ud800',
  '😀',
  'ä',
  '99999999999999999999',
  '[4294967295]',
  '\n',
  '/*',
] as const;

class Grammar {
  readonly #random: Random;
  #left: number;

  constructor(random: Random, size: number) {
    this.#random = random;
    this.#left = size;
  }

  #pick<T>(choices: readonly T[]): T {
    return pick(this.#random, choices);
  }

  /** Nothing new begins once the expression is large enough. */
  #mayGrow(): boolean {
    this.#left -= 1;
    return this.#left > 0;
  }

  path(): string {
    const steps = several(this.#random, 2, () =>
      chance(this.#random, 0.5)
        ? `.${this.#pick(NAME_TOKENS)}`
        : `[${randomBelow(this.#random, 4)}]`,
    );
    return this.#pick(NAME_TOKENS) + (chance(this.#random, 0.4) ? steps.join('') : '');
  }

  operand(): string {
    return this.#pick([
      () => this.path(),
      () => this.#pick(VALUE_TOKENS),
      () => `size(${this.path()})`,
      () => (this.#mayGrow() ? `(${this.operand()})` : ':v'),
    ])();
  }

  condition(): string {
    if (!this.#mayGrow()) return `${this.path()} = :v`;
    return this.#pick([
      () => `${this.operand()} ${this.#pick(['=', '<>', '<', '<=', '>', '>='])} ${this.operand()}`,
      () => `${this.operand()} BETWEEN ${this.operand()} AND ${this.operand()}`,
      () => `${this.operand()} in (${several(this.#random, 4, () => this.operand()).join(', ')})`,
      () => `${this.#pick(['attribute_exists', 'attribute_not_exists'])}(${this.path()})`,
      () =>
        `${this.#pick(['contains', 'begins_with', 'attribute_type'])}(${this.operand()}, ${this.operand()})`,
      () => `${this.condition()} ${this.#pick(['AND', 'or'])} ${this.condition()}`,
      () => `NOT ${this.condition()}`,
      () => `(${this.condition()})`,
    ])();
  }

  keyCondition(): string {
    const sort = this.#pick([
      'sk = :n',
      'sk > :n',
      'sk BETWEEN :n AND :n',
      'begins_with(sk, :s)',
      chance(this.#random, 0.2) ? `${this.path()} = :v` : 'sk < :n',
    ]);
    const partition = chance(this.#random, 0.85) ? 'pk = :s' : `${this.#pick(['g1', 'a'])} = :v`;
    return partition + this.#pick(['', ` AND ${sort}`]);
  }

  #setValue(): string {
    if (!this.#mayGrow()) return ':v';
    return this.#pick([
      () => this.operand(),
      () => `${this.operand()} ${this.#pick(['+', '-'])} ${this.operand()}`,
      () => `if_not_exists(${this.path()}, ${this.#setValue()})`,
      () => `list_append(${this.operand()}, ${this.#setValue()})`,
      () => `(${this.#setValue()})`,
    ])();
  }

  update(): string {
    const list = (make: () => string): string =>
      [make(), ...several(this.#random, 2, make)].join(', ');
    const sections = [
      () => `SET ${list(() => `${this.path()} = ${this.#setValue()}`)}`,
      () => `remove ${list(() => this.path())}`,
      () => `ADD ${list(() => `${this.path()} ${this.#pick(VALUE_TOKENS)}`)}`,
      () => `DELETE ${list(() => `${this.path()} ${this.#pick(VALUE_TOKENS)}`)}`,
    ];
    return several(this.#random, 2, () => this.#pick(sections)())
      .concat(this.#pick(sections)())
      .join(' ');
  }

  projection(): string {
    return [this.path(), ...several(this.#random, 3, () => this.path())].join(', ');
  }
}

const MEMBERS = {
  ConditionExpression: (grammar: Grammar) => grammar.condition(),
  FilterExpression: (grammar: Grammar) => grammar.condition(),
  KeyConditionExpression: (grammar: Grammar) => grammar.keyCondition(),
  ProjectionExpression: (grammar: Grammar) => grammar.projection(),
  UpdateExpression: (grammar: Grammar) => grammar.update(),
} as const;

export type ExpressionMember = keyof typeof MEMBERS;

export const isExpressionMember = (name: string): name is ExpressionMember => name in MEMBERS;

/** An expression of the member's grammar, with a fault or two in one of three. */
export function expression(random: Random, member: ExpressionMember): string {
  const sound = MEMBERS[member](new Grammar(random, 12));
  if (chance(random, 0.8)) return sound;
  if (chance(random, 0.02)) return sound.repeat(200);
  let broken = sound;
  for (let faults = 1 + randomBelow(random, 3); faults > 0; faults -= 1) {
    const from = randomBelow(random, broken.length + 1);
    const to = from + randomBelow(random, 4);
    const between = chance(random, 0.7) ? pick(random, JUNK) : '';
    broken = broken.slice(0, from) + between + broken.slice(to);
  }
  return broken;
}

/** The placeholders that the expressions of an input use, with now and then one too few or too many. */
export function placeholders(
  random: Random,
  expressions: string,
): { readonly names: object | undefined; readonly values: object | undefined } {
  const used = new Set(expressions.match(/[#:]\w+/g));
  if (chance(random, 0.04)) used.add(pick(random, ['#unused', ':unused', '#', ':', '__proto__']));
  const kept = [...used].filter(() => !chance(random, 0.01));
  const names = kept.filter((name) => !name.startsWith(':'));
  const values = kept.filter((name) => name.startsWith(':'));
  const nameOf = (): string => pick(random, ['a', 'b', 'm', '__proto__', 'x.y', 'size']);
  return {
    names:
      names.length === 0 && !chance(random, 0.02)
        ? undefined
        : Object.fromEntries(names.map((name) => [name, nameOf()])),
    values:
      values.length === 0 && !chance(random, 0.02)
        ? undefined
        : Object.fromEntries(values.map((name) => [name, valueOf(random, name)])),
  };
}

function valueOf(random: Random, name: string): unknown {
  if (chance(random, 0.1)) return attributeValue(random, 2);
  if (name === ':n') return { N: String(randomBelow(random, 4)) };
  if (name === ':l') return { L: several(random, 2, () => attributeValue(random, 1)) };
  if (name === ':w') return pick(random, [{ SS: ['a', 'b'] }, { NS: ['1', '2'] }, { N: '1' }]);
  return { S: pick(random, ['a', 'b', 'S', 'NS']) };
}
