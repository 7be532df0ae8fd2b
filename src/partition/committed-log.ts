import type { Entry } from '../log/entry.ts';
import { LogError, type ReplicatedLog } from '../log/replicated-log.ts';
import { decodeRecords } from '../model/record-codec.ts';
import type { CommittedEntry, Follower } from './partition.ts';

/** How much of the committed end of a partition's log is kept decoded in memory for its followers. */
const tailBytesMax = 4 * 1024 * 1024;

/** What an entry costs in memory besides its payload, about. */
const entryOverheadBytes = 256;

/**
 * The committed entries of one partition, for all that follow it: the newest from memory, older ones from
 * the log. Each follower goes at its own pace; none holds up the leader.
 */
export class CommittedLog {
  readonly #log: ReplicatedLog;
  readonly #decode: (entry: Entry) => CommittedEntry;
  #tail: CommittedEntry[] = [];
  /** Entries at the front of `#tail` that are already given up; removed in one go now and then. */
  #tailStart = 0;
  #tailBytes = 0;
  #end: number;
  readonly #followers = new Set<TailFollower>();

  constructor(log: ReplicatedLog, decode: (entry: Entry) => CommittedEntry) {
    this.#log = log;
    this.#decode = decode;
    this.#end = log.end.index;
  }

  /** The index of the last committed entry. */
  get end(): number {
    return this.#end;
  }

  /** Takes the next committed entry and wakes the followers that wait for it. */
  push(committed: CommittedEntry): void {
    this.#end = committed.entry.index;
    this.#tail.push(committed);
    this.#tailBytes += committed.entry.payload.length + entryOverheadBytes;
    while (this.#tailBytes > tailBytesMax && this.#tailStart < this.#tail.length - 1)
      this.#giveUp();
    if (this.#tailStart > 1024) {
      this.#tail = this.#tail.slice(this.#tailStart);
      this.#tailStart = 0;
    }
    for (const follower of this.#followers) follower.wake();
  }

  #giveUp(): void {
    const oldest = this.#tail[this.#tailStart];
    if (oldest !== undefined) this.#tailBytes -= oldest.entry.payload.length + entryOverheadBytes;
    this.#tailStart += 1;
  }

  /** The entry at `index`, when it is still in memory. */
  recent(index: number): CommittedEntry | undefined {
    const first = this.#tail[this.#tailStart];
    if (first === undefined) return undefined;
    return index < first.entry.index
      ? undefined
      : this.#tail[this.#tailStart + index - first.entry.index];
  }

  /** Committed entries after `after`, about `limitBytes` of them, at least one where there is one. */
  async read(after: number, limitBytes: number): Promise<readonly CommittedEntry[]> {
    if (after >= this.#end) return [];
    if (this.recent(after + 1) !== undefined) return this.#readTail(after, limitBytes);
    const entries = await this.#log.read(after, limitBytes);
    const committed = entries.filter((entry) => entry.index <= this.#end);
    if (committed[0]?.index !== after + 1) {
      this.#assertKept(after);
      throw new LogError(
        'damaged',
        `entry ${after + 1} of partition ${this.#log.partition} is not there`,
      );
    }
    return committed.map(this.#decode);
  }

  #readTail(after: number, limitBytes: number): readonly CommittedEntry[] {
    const found: CommittedEntry[] = [];
    let bytes = 0;
    for (let index = after + 1; bytes < limitBytes; index += 1) {
      const committed = this.recent(index);
      if (committed === undefined) break;
      found.push(committed);
      bytes += committed.entry.payload.length + entryOverheadBytes;
    }
    return found;
  }

  /** Follows from after index `after`. Throws `LogError` `trimmed` when what comes next is gone. */
  follow(after: number): Follower {
    this.#assertKept(after);
    const follower = new TailFollower(this, after, {
      assertKept: (index) => {
        this.#assertKept(index);
      },
      closed: () => this.#followers.delete(follower),
    });
    this.#followers.add(follower);
    return follower;
  }

  #assertKept(after: number): void {
    if (after + 1 < this.#log.first)
      throw new LogError(
        'trimmed',
        `entry ${after + 1} of partition ${this.#log.partition} is no longer kept`,
      );
  }
}

export const decodeCommitted = (entry: Entry): CommittedEntry => ({
  entry,
  records: entry.kind === 'records' ? decodeRecords(entry.payload) : [],
  durableMs: undefined,
});

interface FollowerOwner {
  readonly assertKept: (after: number) => void;
  readonly closed: () => void;
}

class TailFollower implements Follower {
  readonly #log: CommittedLog;
  readonly #owner: FollowerOwner;
  #after: number;
  #closed = false;
  #waiting: (() => void) | undefined;

  constructor(log: CommittedLog, after: number, owner: FollowerOwner) {
    this.#log = log;
    this.#after = after;
    this.#owner = owner;
  }

  async next(limitBytes: number): Promise<readonly CommittedEntry[]> {
    for (;;) {
      if (this.#isClosed()) return [];
      const from = this.#after;
      const entries = await this.#log.read(from, limitBytes);
      const last = entries.at(-1);
      // A seek while reading makes what was read worthless.
      if (from !== this.#after || this.#isClosed()) continue;
      if (last !== undefined) {
        this.#after = last.entry.index;
        return entries;
      }
      // Something may have been committed while the read was on its way.
      if (this.#log.end > this.#after) continue;
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
  }

  seek(after: number): void {
    this.#owner.assertKept(after);
    this.#after = after;
    this.wake();
  }

  #isClosed(): boolean {
    return this.#closed;
  }

  wake(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }

  close(): void {
    this.#closed = true;
    this.#owner.closed();
    this.wake();
  }
}
