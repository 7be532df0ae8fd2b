import { assert, present } from '../../base/assert.ts';
import { backoffMs } from '../../base/backoff.ts';
import { yieldTo, type Clock } from '../../base/clock.ts';
import { type Disk, DiskError } from '../../base/disk.ts';
import type { Random } from '../../base/random.ts';
import type { LogEnd } from '../entry.ts';
import type { LogFrame } from './frame.ts';
import { LogFileSet } from './log-file-set.ts';
import type { Zone } from './storage-node-identity.ts';

/** One append holds at most about this much, so that the first of it waits for a bounded sync. */
const GROUP_BYTES_MAX = 4 * 1024 * 1024;

/** With more than this in its queue a zone makes no pause. */
const gatheredBytesMax = 256 * 1024;

/** How often a zone that makes a pause looks whether somebody has come to wait for it. */
export const gatherLookMs = 2;

const FULL_RETRY = { firstMs: 100, maxMs: 2_000 } as const;

/**
 * `learner`: takes appends, has no vote. `full`: as it was before, but its disk takes nothing for now. `failed`:
 * its disk broke; it stays so until it is started again. `damaged`: a checksum in its log did not hold; it stays so, also
 * while it is stopped, until its log has begun anew.
 */
export type ZoneState =
  | 'stopped'
  | 'catching-up'
  | 'learner'
  | 'live'
  | 'full'
  | 'failed'
  | 'damaged';

export interface GroupObservation {
  readonly kind: 'group';
  readonly zone: Zone;
  readonly entries: number;
  readonly bytes: number;
  readonly durationMs: number;
}

export interface ZoneLogOptions {
  readonly zone: Zone;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly segmentBytes: number;
  readonly synced: boolean;
  /**
   * Whether nobody waits for this zone now, so that it may let more gather; asked behind each group, and every `gatherLookMs`
   * of such a pause, with the last frame that was queued then.
   */
  readonly isSpare: (last: LogFrame | undefined) => boolean;
  /** The longest such pause; 0 for none. */
  readonly gatherMs: number;
  readonly observe: (observation: GroupObservation) => void;
  /** These partitions have more synced here than before. */
  readonly onSynced: (partitions: ReadonlySet<number>) => void;
  /** The state has changed; or it has not, and there is news of it. With the error that is the cause. */
  readonly onState: (state: ZoneState, error?: unknown) => void;
}

/** The log of one zone while it runs: one loop that writes all that has gathered as one synced group. */
export class ZoneLog {
  readonly zone: Zone;
  readonly disk: Disk;
  /** Whether its log counts when two zones are needed. */
  voter = false;
  readonly #options: ZoneLogOptions;
  #files: LogFileSet | undefined;
  #queue: LogFrame[] = [];
  #queuedBytes = 0;
  #writing: Promise<void> | undefined;
  #scheduled = false;
  #stopping = new AbortController();
  #state: ZoneState = 'stopped';
  #full = false;
  #stale = false;
  /** What its files hold must not count any more, whatever opening them says. */
  #damaged = false;
  readonly #tails = new Map<number, LogEnd>();
  readonly #synced = new Map<number, number>();
  #drainWaiters: (() => void)[] = [];
  #trimming = false;

  constructor(options: ZoneLogOptions) {
    this.#options = options;
    this.zone = options.zone;
    this.disk = options.disk;
  }

  get state(): ZoneState {
    return this.#full ? 'full' : this.#state;
  }

  isOpen(): boolean {
    return this.#files !== undefined;
  }

  /** Whether it holds everything and votes, even if its disk is full for now. */
  get isLive(): boolean {
    return this.voter && this.#state === 'live';
  }

  /** Damage was found in its log, which must begin anew before it is opened again. */
  get isDamaged(): boolean {
    return this.#damaged;
  }

  /** Aborts when the zone is closed. */
  get closing(): AbortSignal {
    return this.#stopping.signal;
  }

  get takesWrites(): boolean {
    return this.isLive && !this.#full;
  }

  get isFull(): boolean {
    return this.#full;
  }

  get files(): LogFileSet {
    return present(this.#files, `the open log of zone ${this.zone}`);
  }

  /** Bytes that wait for the disk. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Where the partition's log will stand when all that is queued is written. */
  tail(partition: number): LogEnd {
    return this.#tails.get(partition) ?? this.files.index.end(partition);
  }

  /** Up to where this zone's synced log agrees with the partition's. */
  synced(partition: number): number {
    return this.#synced.get(partition) ?? 0;
  }

  setState(state: ZoneState, error?: unknown): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#options.onState(this.state, error);
  }

  /** Tells the state again: something about it is known now that was not, or an attempt has failed. */
  announce(error?: unknown): void {
    this.#options.onState(this.state, error);
  }

  /** Its files were deleted, and the damage with them. */
  forgetDamage(): void {
    this.#damaged = false;
  }

  /** Opens the files, verified as far as `LogFileSet.open` does. Rejects as that, and leaves the zone closed then. */
  async open(): Promise<void> {
    const { disk, segmentBytes, synced } = this.#options;
    this.#files = await LogFileSet.open(disk, { segmentBytes, synced });
    this.#stopping = new AbortController();
    this.#full = false;
    this.#stale = false;
    this.#tails.clear();
    this.#synced.clear();
  }

  /** Says that what this zone has of the partition agrees with its log up to `index`, which is synced. */
  agree(partition: number, index: number): void {
    this.#synced.set(partition, index);
  }

  enqueue(frame: LogFrame): void {
    if (this.#files === undefined) return;
    assert(!this.#stale, 'a zone whose queue was dropped settles first');
    assert(
      frame.kind !== 'entry' || frame.end.index === this.tail(frame.partition).index + 1,
      'entries are queued without a gap',
    );
    this.#queue.push(frame);
    this.#queuedBytes += frame.bytes.length;
    this.#tails.set(frame.partition, frame.end);
    if (this.#writing !== undefined || this.#scheduled) return;
    this.#scheduled = true;
    // Deferred, so that what all partitions append in one turn is one group.
    this.#options.clock.defer(() => {
      this.#scheduled = false;
      if (this.#writing !== undefined) return;
      if (this.#files === undefined || this.#queue.length === 0) this.#wakeDrained();
      else this.#writing = this.#run(this.#files);
    });
  }

  /** Forgets what is queued and not being written. Nothing may be queued before `settle`. */
  dropQueue(): void {
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#stale = true;
  }

  /** Something that was queued is not coming: what is known of the tails is wrong until `settle`. */
  isStale(): boolean {
    return this.#stale;
  }

  /** Waits for the group that is being written; then the tails are where the files end. */
  async settle(): Promise<void> {
    await this.drained();
    this.#tails.clear();
    this.#stale = false;
  }

  /** Resolves when all that is queued is synced, or the zone is closed. */
  async drained(): Promise<void> {
    if (this.#files === undefined || (this.#queue.length === 0 && this.#writing === undefined))
      return;
    await new Promise<void>((resolve) => {
      this.#drainWaiters.push(resolve);
    });
  }

  async trim(through: (partition: number) => number): Promise<void> {
    if (this.#trimming || this.#files === undefined) return;
    this.#trimming = true;
    try {
      await this.#files.trim(through);
    } catch (error) {
      await this.close('failed', error);
    } finally {
      this.#trimming = false;
    }
  }

  /** Makes everything written survive, where groups are not synced one by one. A disk that fails closes the zone. */
  async sync(): Promise<void> {
    const files = this.#files;
    try {
      await files?.sync();
    } catch (error) {
      if (this.#files === files) await this.close('failed', error);
    }
  }

  /** Finishes the group that is being written, drops the rest, and closes the files. Never rejects. */
  async close(state: 'stopped' | 'failed' | 'damaged', error?: unknown): Promise<void> {
    if (state === 'damaged') this.#damaged = true;
    const shown = state === 'stopped' && this.#damaged ? 'damaged' : state;
    const files = this.#files;
    this.#files = undefined;
    this.dropQueue();
    this.#stopping.abort();
    const wasFull = this.#full;
    this.#full = false;
    if (shown === this.#state && wasFull) this.#options.onState(shown, error);
    this.setState(shown, error);
    await this.#writing;
    this.#wakeDrained();
    try {
      if (state === 'stopped') await files?.sync();
      await files?.close();
    } catch {
      // What is in the files is verified when they are opened again.
    }
  }

  async #run(files: LogFileSet): Promise<void> {
    while (this.#files === files && this.#queue.length > 0) {
      const group = this.#takeGroup();
      if (!(await this.#writeGroup(files, group))) break;
      if (this.#mayGather(undefined)) await this.#gather();
      // Whoever was answered by this group may write again at once: the next one, then, takes them along.
      else if (this.#queue.length > 0) await yieldTo(this.#options.clock);
    }
    this.#writing = undefined;
    this.#wakeDrained();
  }

  /** Ends early when the zone is closed, and soon after somebody has come to wait for it. */
  async #gather(): Promise<void> {
    const { clock, gatherMs } = this.#options;
    const endMs = clock.monotonicMs() + gatherMs;
    for (let leftMs = gatherMs; leftMs > 0; leftMs = endMs - clock.monotonicMs()) {
      const last = this.#queue.at(-1);
      await clock.sleep(Math.min(leftMs, gatherLookMs), this.#stopping.signal);
      if (!this.#mayGather(last)) return;
    }
  }

  /** Not where somebody waits until all is written. */
  #mayGather(last: LogFrame | undefined): boolean {
    const { gatherMs, isSpare } = this.#options;
    if (gatherMs === 0 || this.#files === undefined) return false;
    if (this.#queuedBytes > gatheredBytesMax || this.#drainWaiters.length > 0) return false;
    return isSpare(last);
  }

  #wakeDrained(): void {
    const waiters = this.#drainWaiters;
    this.#drainWaiters = [];
    for (const wake of waiters) wake();
  }

  #takeGroup(): readonly LogFrame[] {
    let bytes = 0;
    let count = 0;
    for (const frame of this.#queue) {
      if (count > 0 && bytes + frame.bytes.length > GROUP_BYTES_MAX) break;
      bytes += frame.bytes.length;
      count += 1;
    }
    const group = count === this.#queue.length ? this.#queue : this.#queue.slice(0, count);
    this.#queue = count === this.#queue.length ? [] : this.#queue.slice(count);
    this.#queuedBytes -= bytes;
    return group;
  }

  /** Writes the group, waiting for space as long as it takes. False when the zone is closed or broken. */
  async #writeGroup(files: LogFileSet, group: readonly LogFrame[]): Promise<boolean> {
    const { clock, random } = this.#options;
    for (let failures = 1; ; failures += 1) {
      const startMs = clock.monotonicMs();
      try {
        const bytes = await files.write(group);
        this.#written(group, { bytes, durationMs: clock.monotonicMs() - startMs });
        return true;
      } catch (error) {
        if (!(error instanceof DiskError) || error.code !== 'full') {
          this.#fail(error);
          return false;
        }
      }
      this.#setFull(true);
      if (this.#files !== files) return false;
      await clock.sleep(backoffMs(random, failures, FULL_RETRY), this.#stopping.signal);
      if (this.#files !== files) return false;
    }
  }

  #written(
    group: readonly LogFrame[],
    cost: { readonly bytes: number; readonly durationMs: number },
  ): void {
    this.#setFull(false);
    const partitions = new Set<number>();
    for (const { partition, end } of group) {
      this.#synced.set(partition, end.index);
      partitions.add(partition);
    }
    this.#options.observe({ kind: 'group', zone: this.zone, entries: group.length, ...cost });
    // A zone that is being closed has synced this group all the same, but nobody counts on it any more.
    if (this.isOpen()) this.#options.onSynced(partitions);
  }

  #setFull(full: boolean): void {
    if (this.#full === full || !this.isOpen()) return;
    this.#full = full;
    this.#options.onState(this.state);
  }

  /** Called inside the writing loop, so it must not wait for that loop's end. */
  #fail(cause: unknown): void {
    const files = this.#files;
    this.#files = undefined;
    this.dropQueue();
    this.#stopping.abort();
    this.#full = false;
    this.setState('failed', cause);
    files?.close().catch(() => undefined);
  }
}
