import type { Clock } from '../base/clock.ts';
import type { TokenRequest, TransactionName } from './transaction-steps.ts';

/** How long a request that has begun is taken to be under way when nothing more is heard of it. */
export const underWayMsMax = 30_000;

interface UnderWay {
  readonly id: string;
  readonly fingerprint: Uint8Array;
  readonly untilMs: number;
}

/**
 * The clients' tokens whose requests have begun and are not decided. Only so that a client hears at once that its request is
 * under way: what is done twice, or not, is decided by what is in the log.
 */
export class TokensUnderWay {
  readonly #clock: Clock;
  readonly #byToken = new Map<string, UnderWay>();
  #lookedMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  begin(
    { id }: TransactionName,
    { token, fingerprint }: TokenRequest,
  ): 'new' | 'mismatch' | 'under-way' {
    const nowMs = this.#clock.monotonicMs();
    this.#drop(nowMs);
    const found = this.#byToken.get(token);
    if (found !== undefined && found.untilMs > nowMs)
      return Buffer.compare(found.fingerprint, fingerprint) === 0 ? 'under-way' : 'mismatch';
    this.#byToken.set(token, { id, fingerprint, untilMs: nowMs + underWayMsMax });
    return 'new';
  }

  end({ id }: TransactionName, token: string): void {
    if (this.#byToken.get(token)?.id === id) this.#byToken.delete(token);
  }

  /** The oldest come first. */
  #drop(nowMs: number): void {
    if (nowMs - this.#lookedMs < underWayMsMax) return;
    this.#lookedMs = nowMs;
    for (const [token, { untilMs }] of this.#byToken)
      if (untilMs <= nowMs) this.#byToken.delete(token);
  }
}
