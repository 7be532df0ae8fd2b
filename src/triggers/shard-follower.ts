import { present } from '../base/assert.ts';
import { backoffMs } from '../base/backoff.ts';
import { yieldTo } from '../base/clock.ts';
import { Bell } from './bell.ts';
import type { EventFilter } from './event-filter.ts';
import { pendingRecordOf, type PendingRecord } from './pending-record.ts';
import type { SourceRecord, StreamPosition, StreamSource } from './stream-source.ts';
import { TriggerLane, type TriggerLaneOptions } from './trigger-lane.ts';

/** How often a shard is looked at that has nothing new; Lambda polls four times a second too. */
const IDLE_POLL_MS = 250;
/** The first look after there was something. */
const BUSY_POLL_MS = 25;

/** How often it is looked whether other shards have made room. */
const ROOM_LOOK_MS = 1000;

/** After a read that failed. */
const READ_AGAIN = { firstMs: 100, maxMs: 5000 } as const;

/** Records made ready without a break: below a millisecond or so. */
const RECORDS_PER_TURN = 32;

/** What a trigger keeps in memory: shared by its shards, each of which may hold one page even so. */
export interface PendingBudget {
  bytes: number;
  readonly bytesMax: number;
}

/** What a record costs besides its text, roughly. */
const RECORD_BYTES = 512;

export interface FollowerEvents {
  filtered(count: number): void;
  trimmed(): void;
  readFailed(error: unknown): void;
}

export interface ShardFollowerOptions extends Omit<TriggerLaneOptions, 'isFull' | 'events'> {
  readonly source: StreamSource;
  /** None passes everything. */
  readonly filters: readonly EventFilter[];
  /** Behind what is done. */
  readonly after: StreamPosition;
  readonly budget: PendingBudget;
  readonly laneEvents: Omit<TriggerLaneOptions['events'], 'done'>;
  readonly events: FollowerEvents;
}

/** One record, with those behind it that were passed over. */
interface Step {
  readonly createdMs: number;
  /** Behind all of them. */
  position: StreamPosition;
  isDone: boolean;
}

/** Reads one shard from a position on, and hands its records to its lanes by the items that they are of. */
export class ShardFollower {
  readonly #options: ShardFollowerOptions;
  readonly #lanes: readonly TriggerLane[];
  readonly #room: Bell;
  readonly #passes: ((record: unknown) => boolean) | undefined;
  /** In the shard's order, from the first that is not done. */
  #steps: Step[] = [];
  readonly #stepOf = new Map<PendingRecord, Step>();
  #pendingBytes = 0;
  #done: StreamPosition;
  #doneCount = 0;
  #isFinished = false;
  #isBehind = true;
  #caughtUpMs: number;

  constructor(options: ShardFollowerOptions) {
    const { definition, clock, budget, laneEvents, filters } = options;
    this.#options = options;
    this.#passes =
      filters.length === 0
        ? undefined
        : (record) => filters.some((filter) => filter.matches(record));
    this.#done = options.after;
    this.#caughtUpMs = clock.wallMs();
    this.#room = new Bell(clock);
    const events = {
      ...laneEvents,
      done: (records: readonly PendingRecord[]): void => {
        this.#finish(records);
      },
    };
    const isFull = (): boolean => budget.bytes >= budget.bytesMax;
    this.#lanes = Array.from(
      { length: definition.parallelizationFactor },
      () => new TriggerLane({ ...options, events, isFull }),
    );
  }

  /** Everything up to here is done. */
  get done(): StreamPosition {
    return this.#done;
  }

  /** Records up to there, since this began: when it stands still, `done` moves by what is none of the stream's. */
  get doneCount(): number {
    return this.#doneCount;
  }

  /** Whether the shard is closed and everything in it is done. */
  get isFinished(): boolean {
    return this.#isFinished;
  }

  /** Records that were read and are not done. */
  get pending(): number {
    return this.#stepOf.size;
  }

  /** Age of the oldest record that is not done, as far as records were read; 0 when all is done. */
  lagMs(nowMs: number): number {
    const oldest = this.#steps.find(({ isDone }) => !isDone);
    if (oldest !== undefined) return Math.max(0, nowMs - oldest.createdMs);
    return this.#isBehind ? Math.max(0, nowMs - this.#caughtUpMs) : 0;
  }

  /** Ends when the shard is finished, or when it is to stop. Never rejects. */
  async run(): Promise<void> {
    const { stopping } = this.#options;
    const wake = (): void => {
      this.#room.ring();
    };
    stopping.addEventListener('abort', wake);
    const lanes = this.#lanes.map(async (lane) => lane.run());
    await this.#readAll();
    for (const lane of this.#lanes) lane.close();
    await Promise.all(lanes);
    stopping.removeEventListener('abort', wake);
    if (!isAborted(stopping)) this.#isFinished = true;
  }

  async #readAll(): Promise<void> {
    const { source, place, stopping, clock, random, events, definition } = this.#options;
    let after = this.#done;
    let [failures, pollMs] = [0, BUSY_POLL_MS];
    while (!isAborted(stopping)) {
      if (this.#mustWait()) {
        await this.#room.wait(ROOM_LOOK_MS);
        continue;
      }
      try {
        const page = await source.read(place, after, { metadata: definition.metadata });
        failures = 0;
        if (page.isTrimmed) events.trimmed();
        await this.#take(page.records);
        if (page.next !== undefined && this.#steps.length === 0) this.#done = page.next;
        this.#isBehind = !page.isAtEnd;
        if (page.isAtEnd) this.#caughtUpMs = clock.wallMs();
        if (page.next === undefined) return;
        after = page.next;
        if (page.records.length > 0) pollMs = BUSY_POLL_MS;
        if (!page.isAtEnd) continue;
        await clock.sleep(pollMs, stopping);
        pollMs = Math.min(IDLE_POLL_MS, pollMs * 2);
      } catch (error) {
        this.#isBehind = true;
        events.readFailed(error);
        failures += 1;
        await clock.sleep(backoffMs(random, failures, READ_AGAIN), stopping);
      }
    }
  }

  /** A shard that holds nothing may always read a page, so that no other one can stop it. */
  #mustWait(): boolean {
    const { budget } = this.#options;
    return this.#stepOf.size > 0 && budget.bytes >= budget.bytesMax;
  }

  async #take(records: readonly SourceRecord[]): Promise<void> {
    const { clock, events, budget, definition, place } = this.#options;
    const { streamArn } = place;
    const { startingPosition: start, parallelizationFactor: lanes } = definition;
    const sinceMs = start.kind === 'AT_TIMESTAMP' ? start.timeMs : 0;
    let passedOver = 0;
    for (const [at, record] of records.entries()) {
      if (at > 0 && at % RECORDS_PER_TURN === 0) await yieldTo(clock);
      const pending =
        record.createdMs < sinceMs
          ? undefined
          : pendingRecordOf(record, { streamArn, lanes, passes: this.#passes });
      if (pending === undefined) {
        passedOver += 1;
        this.#passOver(record);
        continue;
      }
      const { createdMs, position } = pending;
      const step: Step = { createdMs, position, isDone: false };
      this.#steps.push(step);
      this.#stepOf.set(pending, step);
      const bytes = pending.bytes + RECORD_BYTES;
      this.#pendingBytes += bytes;
      budget.bytes += bytes;
      present(this.#lanes[pending.lane], 'its lane').push(pending);
    }
    if (passedOver > 0) events.filtered(passedOver);
  }

  /** Nothing is to be done for it: it is done with what stands before it. */
  #passOver({ position }: SourceRecord): void {
    const last = this.#steps.at(-1);
    if (last !== undefined) {
      last.position = position;
      return;
    }
    this.#done = position;
    this.#doneCount += 1;
  }

  #finish(records: readonly PendingRecord[]): void {
    const { budget } = this.#options;
    for (const record of records) {
      const step = this.#stepOf.get(record);
      if (step === undefined) continue;
      step.isDone = true;
      this.#stepOf.delete(record);
      const bytes = record.bytes + RECORD_BYTES;
      this.#pendingBytes -= bytes;
      budget.bytes -= bytes;
    }
    let count = 0;
    while (this.#steps[count]?.isDone === true) count += 1;
    if (count > 0) {
      this.#done = present(this.#steps[count - 1], 'the last done').position;
      this.#steps = this.#steps.slice(count);
      this.#doneCount += count;
    }
    this.#room.ring();
  }

  /** What it held is forgotten: it has stopped. */
  release(): void {
    this.#options.budget.bytes -= this.#pendingBytes;
    this.#pendingBytes = 0;
  }
}

/** Read anew, because it changes while something is awaited. */
const isAborted = (signal: AbortSignal): boolean => signal.aborted;
