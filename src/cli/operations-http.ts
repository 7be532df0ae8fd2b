import { withCauses } from './failure-text.ts';

const MS_PER_SECOND = 1000;

export interface OperationsRequest {
  /** Where the operations port is: `http://127.0.0.1:9001`. */
  readonly endpoint: string;
  /** `/status`. */
  readonly path: string;
  /** What to change; undefined only reads. */
  readonly change?: object;
  /** What a change from another machine is presented with. */
  readonly token?: string | undefined;
  readonly limitMs: number;
}

/** An operations port did not answer, or refused; the message names it and says why. */
export class OperationsError extends Error {
  override readonly name = 'OperationsError';
  readonly code: 'no-answer' | 'refused';
  /** The message without the name. */
  readonly words: string;

  constructor(code: 'no-answer' | 'refused', name: string, words: string) {
    super(`${name} ${words}`);
    this.code = code;
    this.words = words;
  }
}

export interface OperationsAnswer {
  /** Whether the port did what it was asked, and well. */
  readonly ok: boolean;
  readonly status: number;
  readonly text: string;
}

/** Asks an operations port; resolves with the JSON of its answer. Rejects with `OperationsError`. */
export async function askOperations(request: OperationsRequest): Promise<unknown> {
  const { endpoint, path } = request;
  const { ok, status, text } = await exchangeOperations(request);
  const answer = jsonOf(text);
  if (ok && answer !== undefined) return answer;
  throw new OperationsError(
    'refused',
    `${endpoint}${path}`,
    `answers ${status}: ${wordsIn(answer)}`,
  );
}

/** The answer as it comes. Rejects with `OperationsError` `no-answer`. */
export async function exchangeOperations({
  endpoint,
  path,
  change,
  token,
  limitMs,
}: OperationsRequest): Promise<OperationsAnswer> {
  const posted =
    change === undefined
      ? {}
      : {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          },
          body: JSON.stringify(change),
        };
  try {
    const response = await fetch(`${endpoint}${path}`, {
      ...posted,
      // A token is for this port alone.
      redirect: 'error',
      signal: AbortSignal.timeout(limitMs),
    });
    return { ok: response.ok, status: response.status, text: await response.text() };
  } catch (error) {
    throw new OperationsError('no-answer', endpoint, `does not answer: ${why(error, limitMs)}`);
  }
}

function why(error: unknown, limitMs: number): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `nothing within ${limitMs / MS_PER_SECOND} s`;
  return withCauses(error.cause instanceof Error ? error.cause : error).replaceAll('\n', ' ');
}

/** Undefined for what is no JSON. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** The words of a refusal. */
function wordsIn(answer: unknown): string {
  const isRefusal = typeof answer === 'object' && answer !== null && 'error' in answer;
  return isRefusal ? String(answer.error) : 'no operations port of Tidemark';
}
