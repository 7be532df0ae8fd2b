/** What an event, and an answer, may have: Lambda's limit of a synchronous invocation. */
export const EVENT_BYTES_MAX = 6 * 1024 * 1024;

/** Where a trigger's batches go. */
export interface TriggerTarget {
  /** The longest event that it takes. */
  readonly eventBytesMax: number;
  /** Never rejects. Ends early, as failed, when `signal` aborts. */
  invoke(invocation: TargetInvocation): Promise<InvocationOutcome>;
  /** Ends what still runs. */
  stop(): Promise<void>;
}

export interface TargetInvocation {
  /** A UUID, new for every invocation. */
  readonly requestId: string;
  /** JSON: what a Lambda function gets. */
  readonly event: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * `answered`: the consumer took the batch; `payload` is the JSON that it said, if any. `failed`: it may have taken it, or a part
 * of it. `unreachable`: it has not seen it, which uses up no attempt.
 */
export type InvocationOutcome =
  | { readonly kind: 'answered'; readonly payload: unknown }
  | {
      readonly kind: 'failed';
      readonly words: string;
      /** As HTTP has it; 200 where a function itself failed, as Lambda has it. */
      readonly statusCode: number;
      readonly functionError: string | undefined;
    }
  | { readonly kind: 'unreachable'; readonly words: string };

/** Where it is written down what was given up. */
export interface DeadLetters {
  /** Resolves once it is kept there. Rejects otherwise, and is then asked again. */
  put(letter: string): Promise<void>;
  stop(): Promise<void>;
}

/** Makes what a trigger writes to. Does not reach for it yet. */
export interface TargetMaker {
  target(settings: TargetSettings): TriggerTarget;
  deadLetters(address: DeadLetterAddress): DeadLetters;
  /** Why an address cannot be used in this region, in words; undefined when it can. */
  problemOf(address: TargetAddress | DeadLetterAddress): Promise<string | undefined>;
  /** Ends what all of them share, after they have stopped. */
  stop(): Promise<void>;
}

export interface TargetSettings {
  readonly trigger: string;
  readonly address: TargetAddress;
  /** Of each process of a `module`. */
  readonly memoryMb: number;
  /** Of a `module`, at most. */
  readonly processes: number;
}

export type TargetAddress =
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'nats'; readonly subject: string }
  | { readonly kind: 'module'; readonly file: string };

export type DeadLetterAddress =
  | { readonly kind: 'file'; readonly file: string }
  | { readonly kind: 'nats'; readonly subject: string };
