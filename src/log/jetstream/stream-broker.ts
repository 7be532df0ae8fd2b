/** One message of a stream. Numbers go up by one, and are never given twice. */
export interface StreamMessage {
  readonly sequence: number;
  readonly payload: Uint8Array;
}

/** Numbers of the first and the last message; `first` is `last + 1` where there is none. `bytes`: what all of them take. */
export interface StreamBounds {
  readonly first: number;
  readonly last: number;
  readonly bytes: number;
}

/**
 * What became of a message. `refused`: it was not stored and will not be. `unknown`: nobody answered in time; it may be
 * stored, or come to be stored later.
 */
export type Published =
  | { readonly kind: 'stored'; readonly sequence: number }
  | { readonly kind: 'refused' | 'unknown' };

/** A broker's stream, as one process sees it: all that a log asks of a broker. */
export interface StreamBroker {
  /** Stores the message if the last one's number is `expectedLast` as the broker sees it. Never rejects. */
  publish(payload: Uint8Array, expectedLast: number): Promise<Published>;
  /** Rejects with `BrokerError`. May be older than what was published. */
  bounds(): Promise<StreamBounds>;
  /** Messages from number `from` on, about `limitBytes` of them, at least one. Rejects with `BrokerError`. */
  read(from: number, limitBytes: number): Promise<readonly StreamMessage[]>;
  /** Removes what has a number below. Rejects with `BrokerError`. */
  purge(below: number): Promise<void>;
  /**
   * Tells, as a rule and soon, that messages were stored: up to which number, where that is known. Returns how to stop
   * that.
   */
  watch(listener: (last: number | undefined) => void): () => void;
}

/** `unreachable`: nobody answered. `not found`: no such stream or message, or it is not to be had now. */
export class BrokerError extends Error {
  readonly code: 'unreachable' | 'not found';

  constructor(code: BrokerError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'BrokerError';
    this.code = code;
  }
}
