import { ListTablesCommand } from '@aws-sdk/client-dynamodb';

import { client } from './target.ts';

/** Headers to set, by name in lower case; undefined takes one away. */
export type HeaderChanges = Readonly<Record<string, string | undefined>>;

export interface RawRequest {
  /** An operation of DynamoDB, or a whole `x-amz-target`, which has a dot in it. */
  readonly target: string;
  readonly body: string | Uint8Array;
  readonly headers?: HeaderChanges;
  /** Changes that the signature does not know of. */
  readonly headersOnceSigned?: HeaderChanges;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** As they came over the wire. */
  readonly bytes: Buffer;
}

interface HttpMessage {
  headers: Record<string, string>;
  body?: unknown;
  statusCode?: number;
}

const isHttpMessage = (message: unknown): message is HttpMessage =>
  typeof message === 'object' && message !== null && 'headers' in message;

function httpMessage(message: unknown): HttpMessage {
  if (!isHttpMessage(message)) throw new Error('the SDK sends by HTTP');
  return message;
}

function changeHeaders(message: HttpMessage, changes: HeaderChanges = {}): void {
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) delete message.headers[name];
    else message.headers[name] = value;
  }
}

class Answered extends Error {
  readonly answer: RawAnswer;

  constructor(answer: RawAnswer) {
    super('the answer is read as it is');
    this.answer = answer;
  }
}

async function bytesOf(body: unknown): Promise<Buffer> {
  const isStream = typeof body === 'object' && body !== null && Symbol.asyncIterator in body;
  if (!isStream) throw new Error('an answer is a stream');
  const chunks: Buffer[] = [];
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- checked above
  for await (const chunk of body as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Sends exactly this body, signed as the SDK signs, and answers what came back, whatever it is. */
export async function sendRaw(request: RawRequest): Promise<RawAnswer> {
  const { target } = request;
  const command = new ListTablesCommand({});
  command.middlewareStack.add(
    (next) => async (args) => {
      const message = httpMessage(args.request);
      message.body = request.body;
      message.headers['x-amz-target'] = target.includes('.')
        ? target
        : `DynamoDB_20120810.${target}`;
      changeHeaders(message, request.headers);
      return next(args);
    },
    { step: 'build', priority: 'high', name: 'rawBody' },
  );
  command.middlewareStack.add(
    (next) => async (args) => {
      changeHeaders(httpMessage(args.request), request.headersOnceSigned);
      const { response } = await next(args);
      const { statusCode: status = 0, headers, body } = httpMessage(response);
      throw new Answered({ status, headers, bytes: await bytesOf(body) });
    },
    { step: 'deserialize', priority: 'low', name: 'rawAnswer' },
  );
  try {
    await client.send(command);
  } catch (error) {
    if (error instanceof Answered) return error.answer;
    throw error;
  }
  throw new Error('every answer is caught');
}

/** How an operation went: 200 and an output, or an error's code and message, as the wire has them. */
export interface Outcome {
  readonly status: number;
  readonly code?: string;
  readonly message?: string;
  readonly output?: Readonly<Record<string, unknown>>;
}

/** Sends an input that the SDK's types would not let pass, or just a short one. */
export async function call(operation: string, input: unknown): Promise<Outcome> {
  return outcomeOf(await sendRaw({ target: operation, body: JSON.stringify(input) }));
}

export function outcomeOf({ status, bytes }: RawAnswer): Outcome {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- DynamoDB answers objects, or nothing
  const body = JSON.parse(bytes.length === 0 ? '{}' : bytes.toString()) as Record<string, unknown>;
  if (status === 200) return { status, output: body };
  const message = body['message'] ?? body['Message'];
  const code = String(body['__type']).replace(/^.*#/, '');
  return { status, code, ...(typeof message === 'string' ? { message: plain(message) } : {}) };
}

/** Since June 2026 some of AWS's regions say this before every complaint, others before those about shapes alone. */
const plain = (message: string): string =>
  message.replace(/^1 validation error detected: (?!Value )/, '');

/** What `call` resolves to when the request is refused for its content. */
export const invalid = (message: string): Outcome => refused('ValidationException', message);

/** What `call` resolves to when JSON has another type than the shape. */
export const unreadable = (message: string): Outcome => refused('SerializationException', message);

/** What `call` resolves to when it is refused: every client's error has status 400. */
export const refused = (code: string, message: string): Outcome => ({ status: 400, code, message });

/** Prefixes a message about parameters. */
export const parameter = (message: string): string =>
  `One or more parameter values were invalid: ${message}`;

/** A message about shapes: one complaint or several. */
export const shapeErrors = (...complaints: readonly string[]): string =>
  `${complaints.length} validation error${complaints.length === 1 ? '' : 's'} detected: ${complaints.join('; ')}`;

/** One complaint about a shape. `shown` is in quotes, or `null`. */
export const complaint = (shown: string, path: string, constraint: string): string =>
  `Value ${shown} at '${path}' failed to satisfy constraint: ${constraint}`;

export const NAME_PATTERN = 'Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+';
