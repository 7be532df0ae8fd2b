import type { Entry } from '../log/entry.ts';
import { LogError, type ReplicatedLog } from '../log/replicated-log.ts';
import { decodeRecords } from '../model/record-codec.ts';
import type { ItemRecord } from '../model/record.ts';
import type { CommittedEntry, Follower } from './partition.ts';

/** How much of the committed end of a partition's log is kept in memory for its followers. */
export const tailBytesMax = 4 * 1024 * 1024;

/** What an entry costs in memory besides its payload, about. */
const entryOverheadBytes = 256;

/**
 * The committed entries of one partition, for all that follow it: the newest from memory, older ones from
 * the log. Each follower goes at its own pace; none holds up the leader.
 *
 * Records that the leader has made go to whoever follows closely, the copies above all. What stays in memory for longer is
 * the payloads, and who comes later decodes them again: records are ten objects each, which the collector would take for old.
 */
export class CommittedLog {
  readonly #log: ReplicatedLog;
  readonly #decode: (entry: Entry) => CommittedEntry;
  #tail: Entry[] = [];
  /** When each of them was durable; NaN where that is not known. */
  #tailDurableMs: number[] = [];
  /** Entries at the front of `#tail` that are already given up; removed in one go now and then. */
  #tailStart = 0;
  #tailBytes = 0;
  /** The last of them, with their records. */
  #fresh: CommittedEntry[] = [];
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
    const { entry } = committed;
    this.#end = entry.index;
    this.#tail.push(entry);
    this.#tailDurableMs.push(committed.durableMs ?? Number.NaN);
    this.#fresh.push(committed);
    this.#tailBytes += entry.payload.length + entryOverheadBytes;
    while (this.#tailBytes > tailBytesMax && this.#tailStart < this.#tail.length - 1)
      this.#giveUp();
    // What is given up holds its payload as long as it stands there.
    if (this.#tailStart > this.#tail.length / 2) {
      this.#tail = this.#tail.slice(this.#tailStart);
      this.#tailDurableMs = this.#tailDurableMs.slice(this.#tailStart);
      this.#tailStart = 0;
    }
    for (const follower of this.#followers) follower.wake();
  }

  #giveUp(): void {
    const oldest = this.#tail[this.#tailStart];
    this.#tailStart += 1;
    if (oldest === undefined) return;
    this.#tailBytes -= oldest.payload.length + entryOverheadBytes;
    if (this.#fresh[0]?.entry.index === oldest.index) this.#fresh.shift();
  }

  /** Records of entries up to index `through` are not held any more: who asks for them decodes them. */
  letGo(through: number): void {
    const first = this.#fresh[0]?.entry.index;
    if (first !== undefined && first <= through)
      this.#fresh = this.#fresh.slice(through - first + 1);
  }

  /** Of an entry that is committed: whether it is still in memory. */
  #isRecent(index: number): boolean {
    const first = this.#tail[this.#tailStart];
    return first !== undefined && index >= first.index;
  }

  /** The entry at `index`, when it is still in memory. */
  #recent(index: number): CommittedEntry | undefined {
    const firstFresh = this.#fresh[0]?.entry.index;
    if (firstFresh !== undefined && index >= firstFresh) return this.#fresh[index - firstFresh];
    const first = this.#tail[this.#tailStart];
    if (first === undefined || index < first.index) return undefined;
    const at = this.#tailStart + index - first.index;
    const entry = this.#tail[at];
    return entry && new EntryInMemory(entry, this.#tailDurableMs[at], this.#decode);
  }

  /** Committed entries after `after`, about `limitBytes` of them, at least one where there is one. */
  async read(after: number, limitBytes: number): Promise<readonly CommittedEntry[]> {
    if (after >= this.#end) return [];
    if (this.#isRecent(after + 1)) return this.#readTail(after, limitBytes);
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
      const committed = this.#recent(index);
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

/** Decoded when somebody asks, once for whoever holds on to it. */
class EntryInMemory implements CommittedEntry {
  readonly entry: Entry;
  readonly durableMs: number | undefined;
  readonly #decode: (entry: Entry) => CommittedEntry;
  #records: readonly ItemRecord[] | undefined;

  constructor(
    entry: Entry,
    durableMs: number | undefined,
    decode: (entry: Entry) => CommittedEntry,
  ) {
    this.entry = entry;
    this.durableMs = Number.isNaN(durableMs) ? undefined : durableMs;
    this.#decode = decode;
  }

  get records(): readonly ItemRecord[] {
    return (this.#records ??= this.#decode(this.entry).records);
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
