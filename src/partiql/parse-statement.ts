import { lex } from './lexer.ts';
import {
  ALIAS_NAME_EXPECTED,
  ASSIGNMENT_EXPECTED,
  DATA_MANIPULATION_EXPECTED,
  DELETE_FROM_EXPECTED,
  expectedToken,
  FROM_EXPECTED,
  notWellFormed,
  RETURNING_EXPECTED,
  STAR_NOT_ALONE,
  UNEXPECTED_AFTER_SEMICOLON,
  UNEXPECTED_TOKEN,
} from './messages.ts';
import { CLAUSE_PRECEDENCE, ExpressionParser } from './parse-expression.ts';
import type {
  Assignment,
  Column,
  Expression,
  Manipulation,
  OrderItem,
  ReturningItem,
  SelectStatement,
  Source,
  WriteStatement,
} from './syntax.ts';
import { TokenReader } from './token-reader.ts';

/** A statement's text and what the parser has made of it: mostly one expression of kind `statement`. */
export interface ParsedStatement {
  readonly source: string;
  readonly root: Expression;
  /** How many parameters it has. */
  readonly parameters: number;
}

/** Throws `ValidationException` for what PartiQL's grammar does not take. */
export function parseStatement(source: string): ParsedStatement {
  return new StatementParser(source).parse();
}

class StatementParser {
  readonly #source: string;
  readonly #tokens: TokenReader;
  readonly #expressions: ExpressionParser;

  constructor(source: string) {
    this.#source = source;
    this.#tokens = new TokenReader(lex(source));
    this.#expressions = new ExpressionParser(this.#tokens, () => this.#statement());
  }

  parse(): ParsedStatement {
    const root = this.#expressions.expression();
    if (this.#tokens.takeSymbol(';')) {
      if (this.#tokens.peek().kind !== 'end') throw notWellFormed(UNEXPECTED_AFTER_SEMICOLON);
    } else if (this.#tokens.peek().kind !== 'end') {
      throw notWellFormed(UNEXPECTED_TOKEN);
    }
    return { source: this.#source, root, parameters: this.#expressions.parameters };
  }

  #statement(): SelectStatement | WriteStatement {
    if (this.#tokens.takeKeyword('select')) return this.#select();
    if (this.#tokens.takeKeyword('update')) return this.#update();
    if (this.#tokens.takeKeyword('delete')) return this.#delete();
    if (this.#tokens.takeKeyword('from')) return this.#fromFirst();
    const manipulations = this.#manipulations();
    const returning = this.#returning();
    return { kind: 'write', source: undefined, manipulations, where: undefined, returning };
  }

  #select(): SelectStatement {
    const distinct = this.#tokens.takeKeyword('distinct');
    if (!distinct) this.#tokens.takeKeyword('all');
    const value = this.#tokens.takeKeyword('value');
    const columns = value
      ? [{ expression: this.#expressions.expression(), aliased: false }]
      : this.#columns();
    if (!this.#tokens.takeKeyword('from')) throw notWellFormed(FROM_EXPECTED);
    const source = this.#sources();
    const where = this.#clause('where');
    const grouped = this.#groupBy();
    const having = this.#clause('having');
    const orderBy = this.#orderBy();
    const limit = this.#clause('limit');
    return {
      kind: 'select',
      distinct,
      value,
      columns,
      source,
      where,
      grouped,
      having,
      orderBy,
      limit,
    };
  }

  /** Undefined for `*`. */
  #columns(): readonly Column[] | undefined {
    const columns: Column[] = [];
    let stars = 0;
    do {
      if (this.#tokens.takeSymbol('*')) stars += 1;
      else columns.push(this.#column());
    } while (this.#tokens.takeSymbol(','));
    if (stars > 0 && stars + columns.length > 1) throw notWellFormed(STAR_NOT_ALONE);
    return stars > 0 ? undefined : columns;
  }

  #column(): Column {
    const expression = this.#expressions.expression();
    return { expression, aliased: this.#alias('as') };
  }

  /** Whether an alias follows, which is read. */
  #alias(word: 'as' | 'at' | 'by'): boolean {
    if (this.#tokens.takeKeyword(word)) {
      if (this.#tokens.next().kind !== 'name') throw notWellFormed(ALIAS_NAME_EXPECTED);
      return true;
    }
    if (word !== 'as' || this.#tokens.peek().kind !== 'name') return false;
    this.#tokens.next();
    return true;
  }

  #aliases(): boolean {
    const as = this.#alias('as');
    const at = this.#alias('at');
    return this.#alias('by') || as || at;
  }

  #sources(): Source {
    const expression = this.#expressions.expression(CLAUSE_PRECEDENCE);
    const aliased = this.#aliases();
    let joined = false;
    while (this.#joins()) {
      joined = true;
      this.#expressions.expression(CLAUSE_PRECEDENCE);
      this.#aliases();
      if (this.#tokens.takeKeyword('on')) this.#expressions.expression(CLAUSE_PRECEDENCE);
    }
    return { expression, aliased, joined };
  }

  #joins(): boolean {
    if (this.#tokens.takeSymbol(',')) return true;
    let ahead = 0;
    while (JOIN_WORDS.some((word) => this.#tokens.atKeyword(word, ahead))) ahead += 1;
    if (!this.#tokens.atKeyword('join', ahead)) return false;
    for (; ahead >= 0; ahead--) this.#tokens.next();
    return true;
  }

  #clause(word: 'where' | 'having' | 'limit'): Expression | undefined {
    return this.#tokens.takeKeyword(word)
      ? this.#expressions.expression(CLAUSE_PRECEDENCE)
      : undefined;
  }

  #groupBy(): boolean {
    if (!this.#tokens.takeKeyword('group')) return false;
    this.#tokens.takeKeyword('partial');
    if (!this.#tokens.takeKeyword('by')) throw notWellFormed(expectedToken('BY'));
    do {
      this.#column();
    } while (this.#tokens.takeSymbol(','));
    return true;
  }

  #orderBy(): readonly OrderItem[] | undefined {
    if (!this.#tokens.takeKeyword('order')) return undefined;
    if (!this.#tokens.takeKeyword('by')) throw notWellFormed(expectedToken('BY'));
    const items: OrderItem[] = [];
    do {
      const expression = this.#expressions.expression(CLAUSE_PRECEDENCE);
      const descending = this.#tokens.takeKeyword('desc');
      if (!descending) this.#tokens.takeKeyword('asc');
      items.push({ expression, descending });
    } while (this.#tokens.takeSymbol(','));
    return items;
  }

  #update(): WriteStatement {
    const source = this.#target();
    const manipulations = this.#manipulations();
    const where = this.#where();
    return { kind: 'write', source, manipulations, where, returning: this.#returning() };
  }

  #delete(): WriteStatement {
    if (!this.#tokens.takeKeyword('from')) throw notWellFormed(DELETE_FROM_EXPECTED);
    const source = this.#target();
    const where = this.#where();
    const manipulations = [{ kind: 'delete' } as const];
    return { kind: 'write', source, manipulations, where, returning: this.#returning() };
  }

  #fromFirst(): WriteStatement {
    const source = this.#sources();
    const where = this.#where();
    const manipulations = this.#manipulations();
    return { kind: 'write', source, manipulations, where, returning: this.#returning() };
  }

  #target(): Source {
    const expression = this.#expressions.simplePath();
    return { expression, aliased: this.#aliases(), joined: false };
  }

  #where(): Expression | undefined {
    return this.#tokens.takeKeyword('where') ? this.#expressions.expression() : undefined;
  }

  #manipulations(): readonly Manipulation[] {
    const manipulations = [this.#manipulation()];
    while (this.#atManipulation()) manipulations.push(this.#manipulation());
    return manipulations;
  }

  #atManipulation(): boolean {
    return (
      this.#tokens.atKeyword('set') || this.#tokens.atKeyword('remove') || this.#atInsertInto()
    );
  }

  #atInsertInto(): boolean {
    return this.#tokens.atKeyword('insert') && this.#tokens.atKeyword('into', 1);
  }

  #manipulation(): Manipulation {
    if (this.#tokens.takeKeyword('set')) return this.#set();
    if (this.#tokens.takeKeyword('remove')) {
      return { kind: 'remove', target: this.#expressions.simplePath() };
    }
    if (!this.#atInsertInto()) throw notWellFormed(DATA_MANIPULATION_EXPECTED);
    this.#tokens.next();
    this.#tokens.next();
    return this.#insert();
  }

  #set(): Manipulation {
    const assignments: Assignment[] = [];
    do {
      const target = this.#expressions.simplePath();
      if (!this.#tokens.takeOperator('=')) throw notWellFormed(ASSIGNMENT_EXPECTED);
      assignments.push({ target, value: this.#expressions.expression() });
    } while (this.#tokens.takeSymbol(','));
    return { kind: 'set', assignments };
  }

  #insert(): Manipulation {
    const target = this.#expressions.simplePath();
    const several = !this.#tokens.takeKeyword('value');
    const value = this.#expressions.expression();
    const position =
      !several && this.#tokens.takeKeyword('at') ? this.#expressions.expression() : undefined;
    return { kind: 'insert', target, value, several, position };
  }

  #returning(): readonly ReturningItem[] | undefined {
    if (!this.#tokens.takeKeyword('returning')) return undefined;
    const items: ReturningItem[] = [];
    do {
      const which = this.#oneOf(['all', 'modified']);
      const when = this.#oneOf(['old', 'new']);
      const star = this.#tokens.takeSymbol('*');
      if (!star) this.#expressions.expression();
      const returned =
        `${which === 'all' ? 'ALL' : 'MODIFIED'} ${when === 'old' ? 'OLD' : 'NEW'}` as const;
      items.push({ returned, star });
    } while (this.#tokens.takeSymbol(','));
    return items;
  }

  #oneOf(words: readonly string[]): string {
    const word = words.find((each) => this.#tokens.takeKeyword(each));
    if (word === undefined) throw notWellFormed(RETURNING_EXPECTED);
    return word;
  }
}

const JOIN_WORDS = ['inner', 'left', 'right', 'full', 'outer', 'cross'] as const;
