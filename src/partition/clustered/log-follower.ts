import { endOf } from '../../log/chain.ts';
import type { Entry, LogEnd } from '../../log/entry.ts';
import { LogError, type ReplicatedLog } from '../../log/replicated-log.ts';
import { decodeRecords } from '../../model/record-codec.ts';
import type { CommittedEntry, Follower } from '../partition.ts';

/** A log that others append to: all that stands in it is committed. */
export interface MovingLog extends ReplicatedLog {
  /** Calls `listener` when `end` has moved; returns how to stop that. */
  onMoved(listener: () => void): () => void;
  /** See `CommittedEntry.durableMs`. */
  durableMs(index: number): number | undefined;
}

/** How soon a follower of a log that cannot be read now tries again. */
export interface FollowerPause {
  (): Promise<void>;
}

/** Follows what stands in a log, whoever appends to it. */
export class LogFollower implements Follower {
  readonly #log: MovingLog;
  readonly #pause: FollowerPause;
  #after: number;
  #closed = false;
  #waiting: (() => void) | undefined;
  readonly #unlisten: () => void;

  /** Throws `LogError` `trimmed` when what comes after `after` is gone. */
  constructor(log: MovingLog, after: number, pause: FollowerPause) {
    assertKept(log, after);
    this.#log = log;
    this.#after = after;
    this.#pause = pause;
    this.#unlisten = log.onMoved(() => {
      this.#wake();
    });
  }

  async next(limitBytes: number): Promise<readonly CommittedEntry[]> {
    for (;;) {
      if (this.#isClosed()) return [];
      const from = this.#after;
      if (this.#log.end.index <= from) {
        await new Promise<void>((resolve) => {
          this.#waiting = resolve;
        });
        continue;
      }
      const entries = await this.#read(from, limitBytes);
      const last = entries.at(-1);
      // A seek while reading makes what was read worthless.
      if (from !== this.#after || this.#isClosed() || last === undefined) continue;
      this.#after = last.index;
      return entries.map((entry) => committedOf(entry, this.#log));
    }
  }

  async #read(after: number, limitBytes: number): Promise<readonly Entry[]> {
    try {
      return await this.#log.read(after, limitBytes);
    } catch (error) {
      if (!(error instanceof LogError) || error.code !== 'unavailable') throw error;
      await this.#pause();
      return [];
    }
  }

  seek(after: number): void {
    assertKept(this.#log, after);
    this.#after = after;
    this.#wake();
  }

  #isClosed(): boolean {
    return this.#closed;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }

  close(): void {
    this.#closed = true;
    this.#unlisten();
    this.#wake();
  }
}

function assertKept(log: ReplicatedLog, after: number): void {
  if (after + 1 < log.first)
    throw new LogError(
      'trimmed',
      `entry ${after + 1} of partition ${log.partition} is no longer kept`,
    );
}

/** An entry is decoded once for all that follow it, as long as the log hands out the same object. */
const decoded = new WeakMap<Entry, CommittedEntry>();

export function committedOf(entry: Entry, log: Pick<MovingLog, 'durableMs'>): CommittedEntry {
  let committed = decoded.get(entry);
  if (committed === undefined) {
    const records = entry.kind === 'records' ? decodeRecords(entry.payload) : [];
    committed = { entry, records, durableMs: log.durableMs(entry.index) };
    decoded.set(entry, committed);
  }
  return committed;
}

/** What the log says of the entry at `index`: undefined when it is not kept any more, or not there yet. */
export async function endAt(log: ReplicatedLog, index: number): Promise<LogEnd | undefined> {
  if (index === log.end.index) return log.end;
  if (index < log.first || index > log.end.index) return undefined;
  try {
    const [found] = await log.read(index - 1, 1);
    return found === undefined ? undefined : endOf(found);
  } catch (error) {
    // It was trimmed meanwhile.
    if (error instanceof LogError && error.code === 'trimmed') return undefined;
    throw error;
  }
}
