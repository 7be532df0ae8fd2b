import type { Awaitable } from '../base/awaitable.ts';
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Service } from '../base/service.ts';
import { ExpressionCompiler } from '../expression/expression-compiler.ts';
import { StatementParser } from '../partiql/statement-parser.ts';
import type { Region } from '../region/region.ts';
import { OPERATIONS } from './all-operations.ts';
import { CallRates } from './call-rates.ts';
import { type HttpAnswer, HttpServer } from './http-server.ts';
import { SHARD_READS_PER_SECOND } from './operations/get-records.ts';
import { Protocol } from './protocol.ts';
import type { ApiLog, RequestObservation } from './protocol.ts';
import { SignatureCheck } from './signature.ts';
import type { Credentials } from './signature.ts';

/** This machine and nothing else, by both protocols where it has both. */
const DEFAULT_HOSTS: readonly string[] = ['127.0.0.1', '::1'];

export interface ApiServerOptions {
  readonly region: Region;
  readonly clock: Clock;
  readonly random: Random;
  /** 0 for any free port. */
  readonly port: number;
  /** Addresses to listen on; `DEFAULT_HOSTS` unless given. One that is missing here is passed over. */
  readonly hosts?: readonly string[];
  /** Who may come in. None named: anyone who signs, with whatever key. */
  readonly credentials?: readonly Credentials[];
  /** Whether a request signed for another region is refused. It is unless switched off. */
  readonly checkRegionScope?: boolean;
  /** Told of every request that names the protocol, once it is answered. Must not throw. */
  readonly observe?: (observation: RequestObservation) => void;
  /** Told of every failure that is not the client's. */
  readonly log?: ApiLog;
}

/** A running API has a port; before `start` it is the one asked for. */
export interface ApiServer extends Service {
  readonly port: number;
}

/**
 * DynamoDB's API for one region over HTTP. `start` rejects with `PortInUseError`; `stop` answers what is in
 * flight, for 5 s at most.
 */
export function createApiServer(options: ApiServerOptions): ApiServer {
  const { region, clock, random } = options;
  const protocol = new Protocol({
    operations: OPERATIONS,
    context: {
      region,
      clock,
      expressions: new ExpressionCompiler(),
      shardReads: new CallRates(clock, SHARD_READS_PER_SECOND),
      statements: new StatementParser(),
    },
    signatureCheck: new SignatureCheck({
      region: region.name,
      credentials: options.credentials ?? [],
      checkRegionScope: options.checkRegionScope ?? true,
    }),
    clock,
    random,
    observe: options.observe,
    log: options.log,
  });
  return new HttpServer({
    hosts: options.hosts ?? DEFAULT_HOSTS,
    port: options.port,
    clock,
    handle: (request): Awaitable<HttpAnswer> => protocol.handle(request),
  });
}
