import type { Clock } from '../base/clock.ts';

/** One direction between two regions, as its sending side has set it. */
export interface LinkState {
  readonly up: boolean;
  /** How long a message that is sent now takes. */
  readonly delayMs: number;
}

/** The longest delay that can be set. */
export const LINK_DELAY_MS_MAX = 60_000;

/** What may be on its way at once; a link that is full counts as down until something has arrived. */
export const LINK_MESSAGES_MAX = 16_384;
export const LINK_BYTES_MAX = 512 * 1024 * 1024;

interface Message {
  readonly dueMs: number;
  readonly bytes: number;
  readonly deliver: () => void;
}

/**
 * Carries messages one way. Each is subject to the state of the moment when it is sent, and then arrives;
 * they arrive in the order in which they were sent, also when the delay gets shorter in between.
 */
export class Link {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #state: LinkState = { up: true, delayMs: 0 };
  #underway: Message[] = [];
  #bytes = 0;
  #pumping = false;

  constructor(clock: Clock, signal: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
  }

  get state(): LinkState {
    return this.#state;
  }

  /** Whether a message that is sent now would arrive at once. */
  get isDirect(): boolean {
    return this.#state.up && this.#state.delayMs === 0 && this.#underway.length === 0;
  }

  /** What is under way still arrives. Throws `RangeError` for a delay outside 0 to `LINK_DELAY_MS_MAX`. */
  set(change: Partial<LinkState>): void {
    const delayMs = change.delayMs ?? this.#state.delayMs;
    if (!(delayMs >= 0 && delayMs <= LINK_DELAY_MS_MAX)) {
      throw new RangeError(`a delay of ${delayMs} ms, and 0 to ${LINK_DELAY_MS_MAX} are possible`);
    }
    this.#state = { up: change.up ?? this.#state.up, delayMs };
  }

  /** False, and nothing sent, when the link is down or full. `deliver` never runs before this returns. */
  send(bytes: number, deliver: () => void): boolean {
    if (!this.#state.up || this.#signal.aborted) return false;
    if (this.#underway.length >= LINK_MESSAGES_MAX) return false;
    if (this.#underway.length > 0 && this.#bytes + bytes > LINK_BYTES_MAX) return false;
    this.#bytes += bytes;
    this.#underway.push({ dueMs: this.#clock.monotonicMs() + this.#state.delayMs, bytes, deliver });
    this.#pump();
    return true;
  }

  #pump(): void {
    const first = this.#underway[0];
    if (this.#pumping || first === undefined) return;
    this.#pumping = true;
    const waitMs = first.dueMs - this.#clock.monotonicMs();
    if (waitMs > 0) void this.#clock.sleep(waitMs, this.#signal).then(() => this.#arrive());
    else this.#clock.defer(() => this.#arrive());
  }

  /** Delivers what is due and not behind something that is not; `deliver` hands over to promises and does not throw. */
  #arrive(): void {
    this.#pumping = false;
    if (this.#signal.aborted) return;
    const nowMs = this.#clock.monotonicMs();
    const later = this.#underway.findIndex((message) => message.dueMs > nowMs);
    const due = this.#underway.splice(0, later < 0 ? this.#underway.length : later);
    for (const message of due) {
      this.#bytes -= message.bytes;
      message.deliver();
    }
    this.#pump();
  }
}
