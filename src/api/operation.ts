import type { Awaitable } from '../base/awaitable.ts';
import type { Clock } from '../base/clock.ts';
import type { CallRates } from './call-rates.ts';
import type { ExpressionCompiler } from '../expression/expression-compiler.ts';
import type { StatementParser } from '../partiql/statement-parser.ts';
import type { Region } from '../region/region.ts';

/** What every operation works with. */
export interface OperationContext {
  readonly region: Region;
  readonly clock: Clock;
  readonly expressions: ExpressionCompiler;
  /** How often callers read from each shard. */
  readonly shardReads: CallRates;
  readonly statements: StatementParser;
}

/** What an operation may know of the HTTP request that asks for it. */
export interface Call {
  /** The server's name and port as the client has called it. */
  readonly host: string | undefined;
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** A request's JSON, an object of anything. */
export type Input = Readonly<Record<string, unknown>>;

/** One operation of the API. */
export interface Operation {
  /** DynamoDB's name for it: `GetItem`. */
  readonly name: string;
  /** Whose it is; DynamoDB's where it is absent. */
  readonly service?: 'DynamoDBStreams';
  /**
   * Carries out one request: the JSON of the answer, as text or as bytes in UTF-8, at once where nothing has to be
   * waited for. Throws or rejects with `ClientError` what DynamoDB refuses, in the order in which DynamoDB looks.
   */
  run(context: OperationContext, input: Input, call: Call): Awaitable<AnswerBody>;
}

export type AnswerBody = string | Uint8Array;
