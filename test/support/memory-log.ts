import type { Clock } from '../../src/base/clock.ts';
import { continues, EMPTY_END, endOf } from '../../src/log/chain.ts';
import { makeEntry } from '../../src/log/entry-codec.ts';
import type { Entry, LogEnd } from '../../src/log/entry.ts';
import { LogError, type AppendOutcome, type ReplicatedLog } from '../../src/log/replicated-log.ts';
import { encodeRecords } from '../../src/model/record-codec.ts';
import type { ItemRecord } from '../../src/model/record.ts';

/**
 * What becomes of an append. `unknown-there`: it stands, and its writer is not told. `unknown-lost`: it does not.
 * `unknown-late`: it arrives behind whatever is appended next, and is no valid entry any more.
 */
export type Fate = 'durable' | 'refused' | 'unknown-there' | 'unknown-lost' | 'unknown-late';

interface Queued {
  readonly entry: Entry;
  readonly resolve: (outcome: AppendOutcome) => void;
}

/** A replicated log in memory. It outlives its leader: give it to the next one. */
export class MemoryLog implements ReplicatedLog {
  readonly partition: number;
  readonly #clock: Clock;
  readonly #entries: Entry[] = [];
  #appended: LogEnd = EMPTY_END;
  #queue: Queued[] = [];
  #running = false;
  #trimmed = 0;
  #available = true;
  readonly #listeners = new Set<(available: boolean) => void>();
  readonly #wake: (() => void)[] = [];
  readonly #stragglers: Entry[] = [];
  /** How long an append takes. */
  delayMs = 1;
  /** Asked for each append that is to be decided. */
  fate: (entry: Entry) => Fate = () => 'durable';
  confirms = true;
  failsReads = false;
  /** Entries that came too late and were skipped. */
  skipped = 0;
  inFlightMost = 0;

  constructor(clock: Clock, partition = 0) {
    this.#clock = clock;
    this.partition = partition;
  }

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  get end(): LogEnd {
    const last = this.#entries.at(-1);
    return last === undefined ? EMPTY_END : endOf(last);
  }

  get first(): number {
    return this.#trimmed + 1;
  }

  get available(): boolean {
    return this.#available;
  }

  setAvailable(available: boolean): void {
    if (this.#available === available) return;
    this.#available = available;
    for (const listener of this.#listeners) listener(available);
    for (const wake of this.#wake.splice(0)) wake();
  }

  onAvailability(listener: (available: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async append(entry: Entry): Promise<AppendOutcome> {
    if (!continues(this.#appended, entry)) return 'refused';
    this.#appended = endOf(entry);
    const outcome = new Promise<AppendOutcome>((resolve) => {
      this.#queue.push({ entry, resolve });
    });
    this.inFlightMost = Math.max(this.inFlightMost, this.#queue.length);
    if (!this.#running) void this.#run();
    return outcome;
  }

  async #run(): Promise<void> {
    this.#running = true;
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      await this.#clock.sleep(this.delayMs);
      while (!this.#available)
        await new Promise<void>((resolve) => {
          this.#wake.push(resolve);
        });
      // Another leader may have come in between.
      if (this.#queue[0] === next) this.#decide(next);
    }
    this.#running = false;
  }

  #decide({ entry, resolve }: Queued): void {
    const fate = this.fate(entry);
    // Stragglers come in front of what is appended after them: whichever is first on the chain is valid.
    if (fate === 'durable' || fate === 'unknown-there') this.#entries.push(entry);
    this.skipped += this.#stragglers.filter((late) => !continues(this.end, late)).length;
    this.#stragglers.length = 0;
    if (fate === 'unknown-late') this.#stragglers.push(entry);
    this.#queue.shift();
    if (fate === 'durable') {
      resolve('durable');
      return;
    }
    const followers = this.#queue;
    this.#queue = [];
    this.#appended = this.end;
    resolve(fate === 'refused' ? 'refused' : 'unknown');
    for (const follower of followers) follower.resolve('refused');
  }

  /** Another leader opens an epoch and appends `records`, when nothing is in flight or just before what is. */
  lead(records: readonly ItemRecord[], partitionTime: number): void {
    const opened = makeEntry(this.end, {
      logId: this.end.logId,
      epoch: this.end.epoch + 1,
      kind: 'open',
      partitionTime,
      payload: new Uint8Array(0),
    });
    const entry = makeEntry(endOf(opened), {
      logId: opened.logId,
      epoch: opened.epoch,
      kind: 'records',
      partitionTime,
      payload: encodeRecords(records),
    });
    this.#entries.push(opened);
    if (records.length > 0) this.#entries.push(entry);
    this.#appended = this.end;
    for (const { resolve } of this.#queue.splice(0)) resolve('refused');
  }

  async read(after: number, limitBytes: number): Promise<readonly Entry[]> {
    if (this.failsReads) throw new LogError('unavailable', 'a planned failure');
    if (after < this.#trimmed) throw new LogError('trimmed', `entry ${after + 1} is gone`);
    const found: Entry[] = [];
    let bytes = 0;
    for (const entry of this.#entries.slice(after)) {
      bytes += entry.payload.length + 64;
      if (found.length > 0 && bytes > limitBytes) break;
      found.push(entry);
    }
    return found;
  }

  /** A power cut takes the end of the log away: what had been durable behind `through`. Nothing may be in flight. */
  cut(through: number): void {
    this.#entries.length = Math.min(this.#entries.length, through);
    this.#appended = this.end;
  }

  trim(through: number): void {
    this.#trimmed = Math.max(this.#trimmed, Math.min(through, this.#entries.length));
  }

  async confirm(): Promise<void> {
    if (!this.confirms || !this.#available) throw new LogError('unavailable', 'a planned failure');
  }
}
