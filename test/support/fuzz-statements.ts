import type { Random } from '../../src/base/random.ts';
import { randomBelow } from '../../src/base/random.ts';
import { attributeValue, chance, NAMES, pick, several } from './fuzz-values.ts';

const JUNK = [
  '(',
  ')',
  '[',
  ']',
  '{',
  '}',
  '<<',
  '>>',
  ',',
  '.',
  ':',
  ';',
  '*',
  '?',
  '@',
  '#',
  '|',
  '||',
  "'",
  '"',
  '`',
  '--',
  '/*',
  '*/',
  '\n',
  '\u0000',
  '\ud800',
  '😀',
  ' AND ',
  ' OR ',
  ' NOT ',
  ' IS ',
  ' IN ',
  ' BETWEEN ',
  ' LIKE ',
  ' SELECT ',
  ' FROM ',
  ' WHERE ',
  ' SET ',
  ' REMOVE ',
  ' VALUES ',
  ' RETURNING ',
  ' MISSING ',
  ' NULL ',
  '1e2147483648',
  '1e126',
  '-0',
  '.',
] as const;

/** Statements of PartiQL, most of them sound. */
class StatementGrammar {
  readonly #random: Random;
  #left: number;

  constructor(random: Random, size: number) {
    this.#random = random;
    this.#left = size;
  }

  #pick<T>(choices: readonly T[]): T {
    return pick(this.#random, choices);
  }

  #list(max: number, make: () => string, between = ', '): string {
    return [make(), ...several(this.#random, max - 1, make)].join(between);
  }

  /** Nothing new begins once the statement is large enough. */
  #mayGrow(): boolean {
    this.#left -= 1;
    return this.#left > 0;
  }

  source(): string {
    if (chance(this.#random, 0.85)) return '"table"';
    return this.#pick([
      '"table"."local"',
      '"table"."global"',
      '"table"."none"',
      'other',
      '"none"',
      '""',
      '"table" t',
      '"table"."local"."x"',
      '[1]',
    ]);
  }

  name(): string {
    return chance(this.#random, 0.9)
      ? this.#pick(['a', 'b', 'l', 'm', 'pk', 'sk', 'g1', '"set"'])
      : `"${this.#pick(NAMES).replaceAll('"', '""')}"`;
  }

  path(): string {
    const steps = several(this.#random, 2, () =>
      this.#pick([`.${this.name()}`, `[${randomBelow(this.#random, 3)}]`, '.a', '[-1]', '[*]']),
    );
    return this.name() + (chance(this.#random, 0.3) ? steps.join('') : '');
  }

  literal(): string {
    const simple = ["'x'", "'id1'", "''", '1', '-2', '0.5', '1E3', 'true', 'null', '?', "'it''s'"];
    if (!this.#mayGrow() || chance(this.#random, 0.7)) return this.#pick(simple);
    return this.#pick([
      () => `[${this.#list(3, () => this.literal())}]`,
      () => `<<${this.#list(3, () => this.#pick(["'a'", "'b'", '1', '2', '?']))}>>`,
      () => `{${this.#list(3, () => `'${this.#pick(['a', 'b', 'c'])}': ${this.literal()}`)}}`,
      () => '[]',
      () => '{}',
      () => '<<>>',
    ])();
  }

  operand(): string {
    if (!this.#mayGrow()) return this.name();
    return this.#pick([
      () => this.path(),
      () => this.literal(),
      () => `size(${this.path()})`,
      () => `(${this.operand()})`,
      () => `${this.operand()} ${this.#pick(['+', '-', '*', '||'])} ${this.operand()}`,
    ])();
  }

  comparison(): string {
    const comparator = this.#pick(['=', '=', '<>', '!=', '<', '<=', '>', '>=']);
    return `${this.path()} ${comparator} ${this.literal()}`;
  }

  condition(): string {
    if (!this.#mayGrow()) return this.comparison();
    return this.#pick([
      () => this.comparison(),
      () => `${this.operand()} = ${this.operand()}`,
      () => `${this.path()} BETWEEN ${this.literal()} AND ${this.literal()}`,
      () =>
        `${this.path()} ${this.#pick(['in', 'NOT IN'])} [${this.#list(4, () => this.literal())}]`,
      () => `${this.path()} IS ${this.#pick(['MISSING', 'NOT MISSING', 'NULL', 'BOOL', 'INT4'])}`,
      () => `${this.#pick(['attribute_exists', 'attribute_not_exists'])}(${this.path()})`,
      () =>
        `${this.#pick(['contains', 'begins_with', 'attribute_type', 'foo'])}(${this.path()}, ${this.literal()})`,
      () => `${this.condition()} ${this.#pick(['AND', 'or'])} ${this.condition()}`,
      () => `NOT ${this.condition()}`,
      () => `(${this.condition()})`,
    ])();
  }

  /** Mostly of the table's own key. */
  keyed(): string {
    const partition = this.#pick(["pk = 'id1'", 'pk = ?', "pk = 'a'", "pk IN ['a', 'id1']"]);
    const sort = this.#pick(['sk = 1', 'sk = ?', 'sk > 0', 'sk IN [1, 2]', 'sk <> 1', "sk = 'x'"]);
    const more = chance(this.#random, 0.4)
      ? ` ${this.#pick(['AND', 'AND', 'OR'])} ${this.condition()}`
      : '';
    return `${partition} AND ${sort}${more}`;
  }

  where(): string {
    if (chance(this.#random, 0.05)) return '';
    return ` WHERE ${chance(this.#random, 0.7) ? this.keyed() : this.condition()}`;
  }

  select(): string {
    const columns = chance(this.#random, 0.5) ? '*' : this.#list(3, () => this.path());
    const order = chance(this.#random, 0.15)
      ? ` ORDER BY ${this.#list(2, () => `${this.#pick(['pk', 'sk', 'b'])} ${this.#pick(['', 'ASC', 'DESC'])}`)}`
      : '';
    return `SELECT ${columns} FROM ${this.source()}${this.where()}${order}`;
  }

  insert(): string {
    const members = [
      `'pk': ${this.#pick(["'id1'", "'a'", '?', "''"])}`,
      `'sk': ${this.#pick(['1', '2', '?'])}`,
      ...several(
        this.#random,
        3,
        () => `'${this.#pick(['a', 'b', 'g1', 'm'])}': ${this.literal()}`,
      ),
    ];
    return `INSERT INTO ${this.source()} VALUE {${members.join(', ')}}`;
  }

  action(): string {
    const target = this.path();
    if (chance(this.#random, 0.25)) return `REMOVE ${target}`;
    const value = this.#pick([
      () => this.literal(),
      () => this.operand(),
      () => `${target} + 1`,
      () => `list_append(${target}, [${this.literal()}])`,
      () => `set_add(${target}, <<'a'>>)`,
      () => `set_delete(${target}, ?)`,
      () => `if_not_exists(${target}, ${this.literal()})`,
    ])();
    return `SET ${target} = ${value}`;
  }

  returning(): string {
    return chance(this.#random, 0.3)
      ? ` RETURNING ${this.#pick(['ALL', 'MODIFIED'])} ${this.#pick(['OLD', 'NEW'])} *`
      : '';
  }

  statement(): string {
    return this.#pick([
      () => this.select(),
      () => this.select(),
      () => this.insert(),
      () =>
        `UPDATE ${this.source()} ${this.#list(3, () => this.action(), ' ')}${this.where()}${this.returning()}`,
      () => `DELETE FROM ${this.source()}${this.where()}${this.returning()}`,
      () => `FROM ${this.source()}${this.where()} ${this.action()}${this.returning()}`,
      () => `EXISTS(${this.select()})`,
    ])();
  }
}

/** A statement, which one time in ten something has been done to. */
export function statement(random: Random): string {
  const sound = new StatementGrammar(random, 4 + randomBelow(random, 20)).statement();
  if (chance(random, 0.9)) return sound;
  if (chance(random, 0.05)) return pick(random, JUNK).repeat(randomBelow(random, 9000));
  const place = randomBelow(random, sound.length + 1);
  const cut = randomBelow(random, 4);
  return sound.slice(0, place) + pick(random, JUNK) + sound.slice(place + cut);
}

/** As many parameters as a statement has, mostly. */
export function statementParameters(random: Random, text: string): unknown[] | undefined {
  const count = text.split('?').length - 1 + (chance(random, 0.03) ? 1 : 0);
  if (count === 0) return undefined;
  return Array.from({ length: count }, () =>
    chance(random, 0.5)
      ? pick(random, [{ S: 'id1' }, { S: 'a' }, { N: '1' }, { N: '2' }, { SS: ['a'] }])
      : attributeValue(random, 2),
  );
}
