import { isUtf8 } from 'node:buffer';
import { crc32 } from 'node:zlib';

import type { Awaitable } from '../base/awaitable.ts';
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import { ClientError, internalError } from '../model/errors.ts';
import { answerCoding, type Coding, decodeBody, encodeBody } from './content-coding.ts';
import type { HttpAnswer, HttpRequest } from './http-server.ts';
import type { AnswerBody, Call, Input, Operation, OperationContext } from './operation.ts';
import { RequestIds } from './request-ids.ts';
import type { SignatureCheck } from './signature.ts';

/** The services of the endpoint and their versions, as requests name them in `X-Amz-Target`. */
const TARGET_PREFIXES = {
  DynamoDB: 'DynamoDB_20120810.',
  DynamoDBStreams: 'DynamoDBStreams_20120810.',
} as const;

/** What a request that names no table is answered, before it does anything. */
const MISSING = 'ResourceNotFoundException';

const JSON_1_0 = 'application/x-amz-json-1.0';
const JSON_PLAIN = 'application/json';

/** What a browser may remember of a preflight, in seconds. */
const PREFLIGHT_MAX_AGE_S = 172_800;

/** How one request went. `operation` and `code` come from closed sets: `Unknown` stands for any other target. */
export interface RequestObservation {
  readonly operation: string;
  /** `OK`, or the error's code. */
  readonly code: string;
  readonly durationMs: number;
}

/** The part of a logger that the API uses. */
export interface ApiLog {
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

export interface ProtocolOptions {
  readonly operations: readonly Operation[];
  readonly context: OperationContext;
  readonly signatureCheck: SignatureCheck;
  readonly clock: Clock;
  readonly random: Random;
  readonly observe: ((observation: RequestObservation) => void) | undefined;
  readonly log: ApiLog | undefined;
}

interface Exchange {
  readonly request: HttpRequest;
  readonly requestId: string;
  /** What to answer in. */
  readonly contentType: string;
  readonly startedMs: number;
  /** `Unknown` until the target is known. */
  operation: string;
}

/**
 * DynamoDB's JSON protocol, version 1.0: from an HTTP request to an operation, and from its outcome or its
 * error to an HTTP answer. Nothing that a client sends makes `handle` reject.
 */
export class Protocol {
  readonly #options: ProtocolOptions;
  readonly #operations: ReadonlyMap<string, Operation>;
  readonly #requestIds: RequestIds;

  constructor(options: ProtocolOptions) {
    this.#options = options;
    this.#operations = new Map(
      options.operations.map((operation) => [
        TARGET_PREFIXES[operation.service ?? 'DynamoDB'] + operation.name,
        operation,
      ]),
    );
    this.#requestIds = new RequestIds(options.random);
  }

  /** At once, without a promise, where neither the operation nor a coding has to be waited for. */
  handle(request: HttpRequest): Awaitable<HttpAnswer> {
    const requestId = this.#requestIds.next();
    const { body, headers } = request;
    if (body === undefined) return tooLarge();
    if (request.method !== 'POST') return this.#handleOther(request, requestId);
    const contentType = acceptedContentType(request);
    if (contentType === undefined) return unknownRequest(request, requestId);

    const startedMs = this.#options.clock.monotonicMs();
    const exchange = { request, requestId, contentType, startedMs, operation: 'Unknown' };
    try {
      const coding = headers['content-encoding'];
      if (coding !== undefined) return this.#handleCoded(exchange, body, coding);
      const answered = this.#run(exchange, body);
      return answered instanceof Promise
        ? this.#succeedLater(exchange, answered)
        : this.#succeed(exchange, answered);
    } catch (error) {
      return this.#fail(exchange, error);
    }
  }

  async #handleCoded(exchange: Exchange, body: Buffer, coding: string): Promise<HttpAnswer> {
    try {
      const content = await decodeBody(body, coding);
      if (content === undefined) return tooLarge();
      return this.#succeed(exchange, await this.#run(exchange, content));
    } catch (error) {
      return this.#fail(exchange, error);
    }
  }

  async #succeedLater(exchange: Exchange, answering: Promise<AnswerBody>): Promise<HttpAnswer> {
    try {
      return this.#succeed(exchange, await answering);
    } catch (error) {
      return this.#fail(exchange, error);
    }
  }

  #succeed(exchange: Exchange, body: AnswerBody): Awaitable<HttpAnswer> {
    this.#observe(exchange, 'OK');
    const answered = answer(exchange, 200, body);
    return answered instanceof Promise
      ? answered.catch(async (error: unknown) => this.#fail(exchange, error))
      : answered;
  }

  #fail(exchange: Exchange, error: unknown): Awaitable<HttpAnswer> {
    const answered = this.#clientErrorOf(error, exchange);
    this.#observe(exchange, answered.code);
    return answer(exchange, answered.status, errorBody(answered));
  }

  /** The checks come in DynamoDB's order: the body's form, the target, the signature, then the content. */
  #run(exchange: Exchange, content: Buffer): Awaitable<AnswerBody> {
    const { request } = exchange;
    const input = content.length === 0 ? undefined : parseBody(content);
    const target = request.headers['x-amz-target'];
    const operation = typeof target === 'string' ? this.#operations.get(target) : undefined;
    if (operation === undefined) throw new ClientError('UnknownOperationException', '');
    exchange.operation = operation.name;
    this.#options.signatureCheck.verify(request, this.#options.clock.wallMs());
    if (input === undefined) throw serializationError();
    const call: Call = { host: request.headers.host, headers: request.headers };
    const run = (): Awaitable<AnswerBody> => operation.run(this.#options.context, input, call);
    try {
      const answered = run();
      return answered instanceof Promise
        ? answered.catch(async (error: unknown) => this.#runAgain(error, run))
        : answered;
    } catch (error) {
      return this.#runAgain(error, run);
    }
  }

  /** What is missing may have come to be on another node, which this one has not heard of yet: nothing was done up to here. */
  async #runAgain(error: unknown, run: () => Awaitable<AnswerBody>): Promise<AnswerBody> {
    const isMissing = error instanceof ClientError && error.code === MISSING;
    if (!isMissing || !(await this.#options.context.region.catchUp())) throw error;
    return run();
  }

  #handleOther(request: HttpRequest, requestId: string): HttpAnswer {
    if (request.method === 'GET' && request.url.split('?', 1)[0] === '/') {
      const { region } = this.#options.context;
      // The space at the end is DynamoDB's.
      const body = `healthy: ${request.headers.host ?? `dynamodb.${region.name}.amazonaws.com`} `;
      return { status: 200, headers: headersOf(request, requestId, undefined, body), body };
    }
    if (request.method === 'OPTIONS' && request.headers.origin !== undefined) {
      return preflight(request, requestId);
    }
    return unknownRequest(request, requestId);
  }

  #clientErrorOf(error: unknown, exchange: Exchange): ClientError {
    if (error instanceof ClientError) {
      if (error.status >= 500) this.#logFailure(error, exchange);
      return error;
    }
    this.#logFailure(error, exchange);
    return internalError();
  }

  #logFailure(error: unknown, { requestId, operation }: Exchange): void {
    this.#options.log?.error({ err: error, requestId, operation }, 'request failed');
  }

  #observe({ operation, startedMs }: Exchange, code: string): void {
    const { observe, clock } = this.#options;
    observe?.({ operation, code, durationMs: clock.monotonicMs() - startedMs });
  }
}

/** The content type to answer in; undefined when the request's is none of the protocol's. */
function acceptedContentType(request: HttpRequest): string | undefined {
  const sent = request.headers['content-type'];
  if (sent === JSON_1_0) return JSON_1_0;
  const type = sent?.split(';', 1)[0]?.trim();
  if (type === JSON_1_0) return JSON_1_0;
  if (type === JSON_PLAIN || request.body?.length === 0) return JSON_PLAIN;
  return undefined;
}

function parseBody(body: Buffer): Input {
  if (!isUtf8(body)) throw serializationError();
  let value: unknown;
  try {
    value = JSON.parse(body.toString());
  } catch {
    throw serializationError();
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw serializationError();
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- an object that is no array
  return value as Input;
}

const tooLarge = (): HttpAnswer => ({ status: 413, headers: ['connection', 'close'], body: '' });

/** The answer, in a coding that the client accepts when it is long. The checksum is that of what goes out. */
function answer(exchange: Exchange, status: number, body: AnswerBody): Awaitable<HttpAnswer> {
  const { request, requestId, contentType } = exchange;
  const coding = answerCoding(request.headers['accept-encoding'], body.length);
  if (coding !== undefined) return codedAnswer(exchange, { status, body, coding });
  return { status, headers: headersOf(request, requestId, contentType, body), body };
}

async function codedAnswer(
  { request, requestId, contentType }: Exchange,
  { status, body, coding }: { status: number; body: AnswerBody; coding: Coding },
): Promise<HttpAnswer> {
  const coded = await encodeBody(body, coding);
  const headers = headersOf(request, requestId, contentType, coded);
  return { status, headers: [...headers, 'content-encoding', coding], body: coded };
}

function headersOf(
  request: HttpRequest,
  requestId: string,
  contentType: string | undefined,
  body: string | Uint8Array,
): string[] {
  const headers = ['x-amzn-RequestId', requestId, 'x-amz-crc32', String(crc32(body))];
  if (contentType !== undefined) headers.push('content-type', contentType);
  if (request.headers.origin !== undefined) headers.push(...CROSS_ORIGIN);
  return headers;
}

/** What a page of any origin may read. The names are those that AWS's services expose. */
const CROSS_ORIGIN: readonly string[] = [
  'Access-Control-Allow-Origin',
  '*',
  'Access-Control-Expose-Headers',
  'x-amzn-RequestId,x-amzn-ErrorType,x-amzn-ErrorMessage,Date',
];

function preflight(request: HttpRequest, requestId: string): HttpAnswer {
  const headers = ['x-amzn-RequestId', requestId, ...CROSS_ORIGIN];
  const wantedHeaders = request.headers['access-control-request-headers'];
  const wantedMethod = request.headers['access-control-request-method'];
  if (wantedHeaders !== undefined) headers.push('Access-Control-Allow-Headers', wantedHeaders);
  if (wantedMethod !== undefined) headers.push('Access-Control-Allow-Methods', wantedMethod);
  headers.push('Access-Control-Max-Age', String(PREFLIGHT_MAX_AGE_S));
  return { status: 200, headers, body: '' };
}

/** What is no request of this protocol at all is answered in XML. */
function unknownRequest(request: HttpRequest, requestId: string): HttpAnswer {
  const body = '<UnknownOperationException/>\n';
  return { status: 404, headers: headersOf(request, requestId, undefined, body), body };
}

const serializationError = (): ClientError => new ClientError('SerializationException', '');

/** Errors of the service's frame, not of DynamoDB itself. */
const FRAME_ERRORS: ReadonlySet<string> = new Set([
  'AccessDeniedException',
  'IncompleteSignatureException',
  'InvalidSignatureException',
  'MissingAuthenticationTokenException',
  'SerializationException',
  'UnknownOperationException',
  'UnrecognizedClientException',
]);

function errorType(code: string): string {
  if (FRAME_ERRORS.has(code)) return `com.amazon.coral.service#${code}`;
  if (code === 'ValidationException') return `com.amazon.coral.validate#${code}`;
  return `com.amazonaws.dynamodb.v20120810#${code}`;
}

/** DynamoDB spells the member `Message` in these, `message` in all others, and leaves an empty one out. */
const CAPITAL_MESSAGE: ReadonlySet<string> = new Set([
  'AccessDeniedException',
  'IdempotentParameterMismatchException',
  'SerializationException',
  'TransactionCanceledException',
  'TransactionInProgressException',
]);

function errorBody(error: ClientError): string {
  const body: Record<string, unknown> = { __type: errorType(error.code) };
  if (error.message !== '') {
    body[CAPITAL_MESSAGE.has(error.code) ? 'Message' : 'message'] = error.message;
  }
  return JSON.stringify({ ...body, ...error.members });
}
