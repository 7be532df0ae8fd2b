/**
 * The client's errors: what DynamoDB answers to a request that it does not carry out. The wording of every
 * message lives in the catalogue beside this file, never at the place that throws.
 */
export class ClientError extends Error {
  /** DynamoDB's name for it, without the namespace: `ValidationException`. */
  readonly code: string;
  /** The HTTP status. */
  readonly status: number;
  /** Further members of the answer's body, such as `Item` of a failed condition. */
  readonly members: Readonly<Record<string, unknown>>;

  constructor(
    code: string,
    message: string,
    options: { status?: number; members?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(message);
    this.name = 'ClientError';
    this.code = code;
    this.status = options.status ?? 400;
    this.members = options.members ?? {};
  }
}

/** 400, the commonest of all. */
export const validationError = (message: string): ClientError =>
  new ClientError('ValidationException', message);

/** 500: the service could not carry it out; whether a write took effect is unknown. Clients try again. */
export const internalError = (message = 'Internal server error'): ClientError =>
  new ClientError('InternalServerError', message, { status: 500 });

/** 400: the body is JSON, but of other types than the operation's shape wants. */
export const serializationError = (message: string): ClientError =>
  new ClientError('SerializationException', message);
