import { present } from '../base/assert.ts';
import { backoffMs } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import { randomUuid, type Random } from '../base/random.ts';
import { failedFrom } from './batch-response.ts';
import { Bell } from './bell.ts';
import { failureLetter, type GiveUpCondition } from './failure-letter.ts';
import { EVENT_BYTES, eventOf, type PendingRecord } from './pending-record.ts';
import type { ShardPlace } from './stream-source.ts';
import type { TriggerDefinition } from './trigger-definition.ts';
import type { DeadLetters, InvocationOutcome, TriggerTarget } from './trigger-target.ts';

const MS_PER_SECOND = 1000;

/** Between two invocations while the consumer fails: doubled up to the last. */
const RETRY = { firstMs: 100, maxMs: 30_000 } as const;

/** How often a batch that waits looks whether it had better not. */
const FULL_LOOK_MS = 1000;

export interface LaneEvents {
  /** These were handled, or given up and written down. */
  done(records: readonly PendingRecord[]): void;
  /** So many were taken by the consumer. */
  handled(count: number): void;
  invoked(outcome: 'ok' | 'partial' | 'failed' | 'unreachable'): void;
  /** In words; undefined once the consumer takes batches again. */
  failing(words: string | undefined): void;
  gaveUp(condition: GiveUpCondition, records: readonly PendingRecord[]): void;
}

export interface TriggerLaneOptions {
  readonly definition: TriggerDefinition;
  readonly functionArn: string;
  readonly place: ShardPlace;
  readonly target: TriggerTarget;
  /** Undefined: what is given up is only counted. */
  readonly deadLetters: DeadLetters | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: LaneEvents;
  /** No further invocation. */
  readonly stopping: AbortSignal;
  /** What runs is cut off. */
  readonly cutOff: AbortSignal;
  /** Whether no more records will come for a batch that could wait for them. */
  readonly isFull: () => boolean;
}

/** Records that are invoked together, and how often they were since they begin where they do. */
interface Segment {
  readonly records: readonly PendingRecord[];
  readonly attempts: number;
}

interface Last {
  readonly requestId: string;
  readonly outcome: InvocationOutcome;
}

/**
 * Records of one shard in order, one batch after the other: what fails is tried again, in halves where that was asked for, and
 * given up as the definition says. Nothing behind a record is invoked before that is handled or given up, and nothing is given
 * up before it is written down.
 */
export class TriggerLane {
  readonly #options: TriggerLaneOptions;
  readonly #bell: Bell;
  #queue: PendingRecord[] = [];
  #queueBytes = 0;
  /** When the first of the queue came. */
  #sinceMs = 0;
  #failures = 0;
  #invocations = 0;
  #last: Last | undefined;
  #isClosed = false;

  constructor(options: TriggerLaneOptions) {
    this.#options = options;
    this.#bell = new Bell(options.clock);
  }

  push(record: PendingRecord): void {
    if (this.#queue.length === 0) this.#sinceMs = this.#options.clock.monotonicMs();
    this.#queue.push(record);
    this.#queueBytes += record.bytes;
    const { batchSize } = this.#options.definition;
    if (this.#queue.length === 1 || this.#queue.length >= batchSize || this.#isBigEnough())
      this.#bell.ring();
  }

  /** No record comes any more: nothing waits for one. */
  close(): void {
    this.#isClosed = true;
    this.#bell.ring();
  }

  /** Ends when all is done and the lane is closed, or when it is to stop. Never rejects. */
  async run(): Promise<void> {
    const { stopping } = this.#options;
    const wake = (): void => {
      this.#bell.ring();
    };
    stopping.addEventListener('abort', wake);
    while (!isAborted(stopping)) {
      if (this.#queue.length === 0) {
        if (this.#isClosed) break;
        await this.#bell.wait();
        continue;
      }
      const waitMs = this.#windowLeftMs();
      if (waitMs > 0) {
        await this.#bell.wait(Math.min(waitMs, FULL_LOOK_MS));
        continue;
      }
      await this.#handle(this.#take());
    }
    stopping.removeEventListener('abort', wake);
  }

  /** How long a batch may still wait for more records. */
  #windowLeftMs(): number {
    const { definition, clock, isFull } = this.#options;
    const { batchSize, batchingWindowSeconds } = definition;
    const isWhole = this.#queue.length >= batchSize || this.#isBigEnough();
    if (isWhole || this.#isClosed || isFull()) return 0;
    return batchingWindowSeconds * MS_PER_SECOND - (clock.monotonicMs() - this.#sinceMs);
  }

  #isBigEnough(): boolean {
    return this.#queueBytes + EVENT_BYTES >= this.#options.target.eventBytesMax;
  }

  /** The next batch: at least one record, then as many as fit. */
  #take(): readonly PendingRecord[] {
    const { definition, target, clock } = this.#options;
    let count = 0;
    let bytes = EVENT_BYTES;
    for (const record of this.#queue) {
      if (count >= definition.batchSize) break;
      if (count > 0 && bytes + record.bytes > target.eventBytesMax) break;
      bytes += record.bytes;
      count += 1;
    }
    const batch = this.#queue.slice(0, count);
    this.#queue = this.#queue.slice(count);
    for (const record of batch) this.#queueBytes -= record.bytes;
    this.#sinceMs = clock.monotonicMs();
    return batch;
  }

  async #handle(batch: readonly PendingRecord[]): Promise<void> {
    const { stopping } = this.#options;
    const segments: Segment[] = [{ records: batch, attempts: 0 }];
    this.#invocations = 0;
    while (!isAborted(stopping)) {
      const segment = segments.pop();
      if (segment === undefined) return;
      const young = await this.#withoutTooOld(segment);
      if (young === undefined) continue;
      const rest = await this.#try(young);
      // The first of them comes off first.
      segments.push(...rest.toReversed());
      if (rest.length > 0) await this.#pause();
    }
  }

  /** Invokes once; what is left of the segment, in order. */
  async #try(segment: Segment): Promise<readonly Segment[]> {
    const { definition, events } = this.#options;
    const { records } = segment;
    const outcome = await this.#invoke(records);
    // What was cut off is invoked again after the next start, and is no attempt.
    if (outcome.kind !== 'answered' && isAborted(this.#options.cutOff)) return [segment];
    if (outcome.kind === 'unreachable') {
      events.invoked('unreachable');
      events.failing(outcome.words);
      return [segment];
    }
    const from = outcome.kind === 'failed' ? 0 : this.#failedFrom(outcome.payload, records);
    if (from === undefined) {
      this.#failures = 0;
      events.invoked('ok');
      events.failing(undefined);
      events.handled(records.length);
      events.done(records);
      return [];
    }
    events.invoked(from === 0 ? 'failed' : 'partial');
    events.failing(
      outcome.kind === 'failed' ? outcome.words : 'the consumer reports failed records',
    );
    if (from > 0) {
      this.#failures = 0;
      events.handled(from);
      events.done(records.slice(0, from));
      return this.#keepOrGiveUp({ records: records.slice(from), attempts: 1 });
    }
    if (definition.bisectOnError && records.length > 1) {
      const half = Math.ceil(records.length / 2);
      const { attempts } = segment;
      return [
        { records: records.slice(0, half), attempts },
        { records: records.slice(half), attempts },
      ];
    }
    return this.#keepOrGiveUp({ records, attempts: segment.attempts + 1 });
  }

  #failedFrom(payload: unknown, records: readonly PendingRecord[]): number | undefined {
    if (!this.#options.definition.reportBatchItemFailures) return undefined;
    return failedFrom(
      payload,
      records.map(({ sequenceNumber }) => sequenceNumber),
    );
  }

  async #keepOrGiveUp(segment: Segment): Promise<readonly Segment[]> {
    const { maximumRetryAttempts: retries } = this.#options.definition;
    if (retries < 0 || segment.attempts <= retries) return [segment];
    const isWritten = await this.#giveUp('RetryAttemptsExhausted', segment.records);
    return isWritten ? [] : [segment];
  }

  /** What is left of a segment once its records that are too old are given up; undefined when that is nothing. */
  async #withoutTooOld(segment: Segment): Promise<Segment | undefined> {
    const { definition, clock } = this.#options;
    const { maximumRecordAgeSeconds: seconds } = definition;
    if (seconds < 0) return segment;
    const oldestMs = clock.wallMs() - seconds * MS_PER_SECOND;
    const young = segment.records.findIndex(({ createdMs }) => createdMs >= oldestMs);
    if (young === 0) return segment;
    const count = young === -1 ? segment.records.length : young;
    const isWritten = await this.#giveUp('RecordAgeExceeded', segment.records.slice(0, count));
    if (!isWritten || young === -1) return undefined;
    return { records: segment.records.slice(young), attempts: 0 };
  }

  async #invoke(records: readonly PendingRecord[]): Promise<InvocationOutcome> {
    const { target, definition, random, cutOff } = this.#options;
    const requestId = randomUuid(random);
    const event = eventOf(records);
    this.#invocations += 1;
    const outcome: InvocationOutcome =
      Buffer.byteLength(event) > target.eventBytesMax
        ? {
            kind: 'failed',
            words: `a record makes an event of more than ${target.eventBytesMax} bytes`,
            statusCode: 413,
            functionError: undefined,
          }
        : await target.invoke({
            requestId,
            event,
            timeoutMs: definition.timeoutSeconds * MS_PER_SECOND,
            signal: cutOff,
          });
    this.#last = { requestId, outcome };
    return outcome;
  }

  /** Resolves with whether it is written down: false only when the lane stops before it could be. */
  async #giveUp(condition: GiveUpCondition, records: readonly PendingRecord[]): Promise<boolean> {
    const { deadLetters, events } = this.#options;
    if (deadLetters !== undefined) {
      const letter = this.#letter(condition, records);
      if (!(await this.#writeDown(deadLetters, letter))) return false;
    }
    this.#failures = 0;
    this.#invocations = 0;
    events.gaveUp(condition, records);
    events.done(records);
    return true;
  }

  async #writeDown(deadLetters: DeadLetters, letter: string): Promise<boolean> {
    const { events, stopping } = this.#options;
    while (!isAborted(stopping)) {
      try {
        await deadLetters.put(letter);
        return true;
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        events.failing(`what is given up cannot be written down: ${why}`);
        await this.#pause();
      }
    }
    return false;
  }

  #letter(condition: GiveUpCondition, records: readonly PendingRecord[]): string {
    const { functionArn, place, clock, random } = this.#options;
    return failureLetter({
      condition,
      functionArn,
      requestId:
        this.#invocations === 0 ? randomUuid(random) : present(this.#last, 'one').requestId,
      invocations: this.#invocations,
      outcome: this.#invocations === 0 ? undefined : this.#last?.outcome,
      nowMs: clock.wallMs(),
      ...place,
      records,
      payload: eventOf(records),
    });
  }

  async #pause(): Promise<void> {
    const { clock, random, stopping } = this.#options;
    this.#failures += 1;
    await clock.sleep(backoffMs(random, this.#failures, RETRY), stopping);
  }
}

/** Read anew, because it changes while something is awaited. */
const isAborted = (signal: AbortSignal): boolean => signal.aborted;
