/**
 * Messages between nodes and regions, as a port. Nothing is promised but this: a message that arrives is
 * the one that was sent, to the region it names. It may be lost, late, repeated or out of order; a request
 * whose answer is lost rejects with `BusError` `timeout`, and may have been carried out.
 *
 * **Bytes are handed over, not lent.** A payload may arrive as the very array that was sent, so neither
 * side changes one after it has sent or received it: the sender makes a new one for every message, and the
 * receiver copies what it wants to change. Batches are megabytes and most adapters need no copy.
 */
export interface Bus {
  readonly region: string;
  /**
   * Asks `region`, at most `timeoutMs`. Rejects with `BusError`: `unreachable` also when nothing there
   * serves the subject, `stopped` when `signal` aborts or this side stops, `too-large` when the payload is
   * longer than `PAYLOAD_BYTES_MAX`. A handler's answer above that limit is `remote` with code `too-large`.
   */
  request(region: string, message: BusMessage, options: RequestOptions): Promise<Uint8Array>;
  /**
   * Answers requests on `subject` until the function it returns is called; one handler a subject. An error
   * thrown by `handle` reaches the asker as `BusError` `remote`, `remoteCode` its `code` when that is a string.
   */
  serve(subject: string, handle: RequestHandler): () => void;
}

/** The longest payload of a request or an answer: the brokers' `max_payload` of a clustered region. */
export const PAYLOAD_BYTES_MAX = 8 * 1024 * 1024;

export interface BusMessage {
  /** One of `subjects.ts`. */
  readonly subject: string;
  readonly payload: Uint8Array;
}

export interface RequestOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export type RequestHandler = (payload: Uint8Array, from: string) => Promise<Uint8Array>;

/** `unreachable`: known at once not to have arrived. `timeout`: not known. `remote`: the handler failed, with its code. */
export type BusErrorCode = 'unreachable' | 'timeout' | 'remote' | 'stopped' | 'too-large';

export class BusError extends Error {
  readonly code: BusErrorCode;
  /** What the handler's error was called, for `remote`. */
  readonly remoteCode: string | undefined;

  constructor(
    code: BusErrorCode,
    message: string,
    options?: ErrorOptions & { remoteCode?: string },
  ) {
    super(message, options);
    this.name = 'BusError';
    this.code = code;
    this.remoteCode = options?.remoteCode;
  }
}
