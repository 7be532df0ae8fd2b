import { CallRates } from '../../src/api/call-rates.ts';
import type { Operation as ApiOperation, OperationContext } from '../../src/api/operation.ts';
import { batchExecuteStatementOperation } from '../../src/api/operations/batch-execute-statement.ts';
import { executeStatementOperation } from '../../src/api/operations/execute-statement.ts';
import { executeTransactionOperation } from '../../src/api/operations/execute-transaction.ts';
import { ExpressionCompiler } from '../../src/expression/expression-compiler.ts';
import type { AttributeMap, AttributeValue } from '../../src/model/attribute-value.ts';
import { ClientError, internalError } from '../../src/model/errors.ts';
import { StatementParser } from '../../src/partiql/statement-parser.ts';
import type { Region } from '../../src/region/region.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import type { Chronicle } from './chronicle.ts';
import { attributesOf, valueOf } from './client-item.ts';
import type { Action, Expectation, Outcome } from './history.ts';

/** About one seed in three has clients that speak PartiQL. Drawn apart, so that no other draw moves. */
export const isStatementSeed = (seed: number): boolean =>
  new SeededRandom(seed ^ STATEMENT_SALT).next() < 1 / 3;

const STATEMENT_SALT = 0x9a71;

/** How often such a client does. */
const statementChance = 0.35;

/** An operation on one item. `fill`: how much a new item has beside the value. */
export interface Asked {
  readonly table: string;
  readonly key: string;
  readonly action: Action;
  readonly fill: number;
}

/** What a transaction does to one item. */
export interface Replacement {
  readonly key: string;
  readonly value: string;
  readonly expects: string;
}

/**
 * What one client says in PartiQL in place of a native operation, now and then, with the outcome that the
 * native one would have.
 */
export class Speaker {
  readonly #world: Chronicle & { readonly seed: number };
  readonly #random: SeededRandom;
  readonly #parser = new StatementParser();

  constructor(world: Chronicle & { readonly seed: number }, client: string) {
    this.#world = world;
    let salt = 0;
    for (const byte of Buffer.from(client)) salt = (salt * 31 + byte) % 65_537;
    this.#random = new SeededRandom(world.seed * 65_537 + salt);
  }

  /** Whether the next operation is a statement. */
  get isNext(): boolean {
    return isStatementSeed(this.#world.seed) && this.#random.next() < statementChance;
  }

  /** Undefined: no single statement says that. Rejects as the operations do. */
  async ask(region: Region, asked: Asked): Promise<Outcome | undefined> {
    const statement = statementOf(asked);
    if (statement === undefined) return undefined;
    const isBatch = this.#random.next() < 0.5;
    this.#world.count(isBatch ? 'batch of statements' : 'statement');
    try {
      const item = isBatch
        ? await this.#inBatch(region, statement)
        : await this.#alone(region, statement);
      return outcomeOf(asked, item);
    } catch (error) {
      // What is said here is valid.
      if (isCode(error, 'ValidationException') || isCode(error, 'ValidationErrorException'))
        this.#world.violate('errors', `${statement.Statement}: ${error.message}`);
      return refusalOf(error);
    }
  }

  async #alone(region: Region, statement: Statement): Promise<AttributeMap | undefined> {
    const answer = await this.#run<{ readonly Items: readonly AttributeMap[] }>(
      region,
      executeStatementOperation,
      statement,
    );
    return answer.Items[0];
  }

  async #inBatch(region: Region, statement: Statement): Promise<AttributeMap | undefined> {
    const answer = await this.#run<{ readonly Responses: readonly BatchAnswer[] }>(
      region,
      batchExecuteStatementOperation,
      { Statements: [statement] },
    );
    const [only] = answer.Responses;
    if (only?.Error === undefined) return only?.Item;
    const { Code: code, Message: message, Item: item } = only.Error;
    if (code === 'InternalServerError') throw internalError();
    throw new ClientError(`${code}Exception`, message, { members: { Item: item } });
  }

  /** All of it, or nothing: whether it was done. Rejects as the operation does. */
  async replace(
    region: Region,
    table: string,
    replacements: readonly Replacement[],
  ): Promise<boolean> {
    this.#world.count('transaction of statements');
    const statements = replacements.flatMap(({ key, value, expects }) => {
      const action = { kind: 'write', value, expects: { kind: 'value', value: expects } } as const;
      const statement = statementOf({ table, key, action, fill: 0 });
      if (statement === undefined) return [];
      const { Statement, Parameters } = statement;
      return [{ Statement: Statement.replace(RETURNING, ''), Parameters }];
    });
    try {
      await this.#run(region, executeTransactionOperation, { TransactStatements: statements });
      return true;
    } catch (error) {
      if (isCode(error, 'TransactionCanceledException')) return false;
      throw error;
    }
  }

  /** What all of them held at one moment; undefined where others were at work. Rejects as the operation does. */
  async readTogether(
    region: Region,
    table: string,
    keys: readonly string[],
  ): Promise<readonly (string | undefined)[] | undefined> {
    this.#world.count('transaction of statements');
    const statements = keys.map((key) => select(table, key));
    try {
      const { Responses } = await this.#run<{ readonly Responses: readonly BatchAnswer[] }>(
        region,
        executeTransactionOperation,
        { TransactStatements: statements },
      );
      return Responses.map(({ Item }) => textOf(Item));
    } catch (error) {
      if (isCode(error, 'TransactionCanceledException')) return undefined;
      throw error;
    }
  }

  async #run<Answer>(region: Region, operation: ApiOperation, input: object): Promise<Answer> {
    const { clock } = this.#world;
    const context: OperationContext = {
      region,
      clock,
      expressions: new ExpressionCompiler(),
      shardReads: new CallRates(clock, 1),
      statements: this.#parser,
    };
    const answer = await operation.run(context, { ...input }, { host: undefined, headers: {} });
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the operation answers with
    return JSON.parse(Buffer.from(answer).toString()) as Answer;
  }
}

interface Statement {
  readonly Statement: string;
  readonly Parameters: readonly AttributeValue[];
  readonly ConsistentRead?: boolean;
  readonly ReturnValuesOnConditionCheckFailure?: 'ALL_OLD';
}

interface BatchAnswer {
  readonly Item?: AttributeMap;
  readonly Error?: {
    readonly Code: string;
    readonly Message: string;
    readonly Item?: AttributeMap;
  };
}

const RETURNING = ' RETURNING ALL OLD *';

const select = (table: string, key: string): Pick<Statement, 'Statement' | 'Parameters'> => ({
  Statement: `SELECT * FROM "${table}" WHERE id = ?`,
  Parameters: [{ S: key }],
});

/** A put of whatever stands there, and an addition to what may not be there, are no statement. */
function statementOf({ table, key, action, fill }: Asked): Statement | undefined {
  if (action.kind === 'read' || action.kind === 'read nearby')
    return { ...select(table, key), ConsistentRead: action.kind === 'read' };
  if (action.kind === 'add') return undefined;
  const { value, expects } = action;
  if (expects?.kind === 'absent')
    return value === undefined ? undefined : insert(table, attributesOf(key, value, fill));
  if (value === undefined) return written(`DELETE FROM "${table}"`, [], { key, expects });
  if (expects === undefined) return undefined;
  return written(`UPDATE "${table}" SET v = ?`, [{ S: value }], { key, expects });
}

const insert = (table: string, item: AttributeMap): Statement => ({
  Statement: `INSERT INTO "${table}" VALUE {${Object.keys(item)
    .map((name) => `'${name}': ?`)
    .join(', ')}}`,
  Parameters: Object.values(item),
});

function written(
  begin: string,
  parameters: readonly AttributeValue[],
  { key, expects }: { readonly key: string; readonly expects: Expectation | undefined },
): Statement {
  const isConditional = expects?.kind === 'value';
  return {
    Statement: `${begin} WHERE id = ?${isConditional ? ' AND v = ?' : ''}${RETURNING}`,
    Parameters: [...parameters, { S: key }, ...(isConditional ? [{ S: expects.value }] : [])],
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  };
}

function outcomeOf({ action }: Asked, item: AttributeMap | undefined): Outcome {
  const seen = textOf(item);
  if (action.kind === 'read' || action.kind === 'read nearby') return { kind: 'read', seen };
  // A DELETE whose item is not there asks for no more: its condition would not have held.
  const isVain = action.kind === 'write' && action.expects?.kind === 'value' && item === undefined;
  return { kind: isVain ? 'refused' : 'applied', seen };
}

/** Of a condition that did not hold. Throws anything else. */
function refusalOf(error: unknown): Outcome {
  if (isCode(error, 'DuplicateItemException')) return { kind: 'found' };
  if (!isCode(error, 'ConditionalCheckFailedException')) throw error;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the operation shows of the item
  return { kind: 'refused', seen: textOf(error.members['Item'] as AttributeMap | undefined) };
}

const isCode = (error: unknown, code: string): error is ClientError =>
  error instanceof ClientError && error.code === code;

const textOf = (item: AttributeMap | undefined): string | undefined =>
  item && valueOf(Buffer.from(JSON.stringify(item)));
