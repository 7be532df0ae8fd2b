import type { Entry, LogEnd } from './entry.ts';

/**
 * The log of one partition, as a port. Only one leader appends at a time, and only on the end that it knows;
 * everything else about a partition follows what stands here.
 */
export interface ReplicatedLog {
  readonly partition: number;
  /** The last entry known to be durable in two zones. */
  readonly end: LogEnd;
  /** The first index that can still be read. */
  readonly first: number;

  /**
   * Appends `entry`, which must continue the last one appended (durable or in flight), or open an epoch.
   * Appends may be pipelined; outcomes come in order, and after one that is not `durable` no later one is.
   *
   * It resolves when the outcome is known, which may be long after nobody waits for it any more: while
   * `available` is false an append neither fails nor succeeds. See `unavailable` for what to tell a client.
   */
  append(entry: Entry): Promise<AppendOutcome>;

  /** Durable entries with an index above `after`, in order, at least one where there is one, up to `limitBytes`. */
  read(after: number, limitBytes: number): Promise<readonly Entry[]>;

  /** Nothing at or below `through` is needed any more. Files go when all they hold may go. */
  trim(through: number): void;

  /** Whether an append can be expected to become durable now: two zones take writes. */
  readonly available: boolean;
  /** Calls `listener` on each change of `available`; returns how to stop that. */
  onAvailability(listener: (available: boolean) => void): () => void;

  /**
   * Resolves once it is certain that nobody else has appended since: what a strong read or a refusal needs
   * before it answers. Rejects with `LogError` `unavailable` when that cannot be had.
   */
  confirm(): Promise<void>;
}

/**
 * `durable`: in two zones, synced. `refused`: not in the log and never will be; read again. `unknown`: it may
 * stand in the log or come later; nobody is answered before the log was read behind a barrier.
 */
export type AppendOutcome = 'durable' | 'refused' | 'unknown';

/**
 * `unavailable`: fewer than two zones. `damaged`: a checksum or the chain is broken. `format`: a newer program wrote it.
 * `trimmed`: no longer kept.
 */
export type LogErrorCode = 'unavailable' | 'damaged' | 'trimmed' | 'io' | 'format';

export class LogError extends Error {
  readonly code: LogErrorCode;

  constructor(code: LogErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'LogError';
    this.code = code;
  }
}
