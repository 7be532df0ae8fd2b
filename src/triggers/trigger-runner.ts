import { present } from '../base/assert.ts';
import { WOKEN, type Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Logger } from '../telemetry/logger.ts';
import { Bell } from './bell.ts';
import { parseEventFilter, type EventFilter } from './event-filter.ts';
import { ShardFollower, type PendingBudget } from './shard-follower.ts';
import {
  HORIZON,
  type StreamPosition,
  type StreamShard,
  type StreamSource,
} from './stream-source.ts';
import type { TriggerDocuments } from './trigger-documents.ts';
import type { TriggerDefinition } from './trigger-definition.ts';
import type { TriggerLaneOptions } from './trigger-lane.ts';
import type { TriggerCounters } from './trigger-metrics.ts';
import type { DeadLetters, TargetMaker, TriggerTarget } from './trigger-target.ts';

/** How often it is looked for new shards, and for another stream of the table. */
const DISCOVER_MS = 1000;
/** How often positions are kept: what was done since is done again after a crash. */
const CHECKPOINT_MS = 500;
/** The same of a shard in which nothing was to be done: often enough that its position is never older than what is kept. */
const IDLE_CHECKPOINT_MS = 600_000;
/** What a trigger holds of records that are not done, about; a shard that holds none reads one page more. */
const PENDING_BYTES_MAX = 16 * 1024 * 1024;
/** How long a stop waits for what is being invoked before it cuts it off. */
const STOP_MS_MAX = 3000;
/** A failure that goes on is logged again so often. */
const COMPLAINT_MS = 60_000;

export interface TriggerRunnerOptions {
  readonly name: string;
  readonly documents: TriggerDocuments;
  readonly source: StreamSource;
  readonly targets: TargetMaker;
  readonly functionArn: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly counters: TriggerCounters;
}

/** What a trigger does at the moment. */
export interface TriggerProgress {
  /** `running`, `failing`, or `waiting` where the table has no stream. */
  readonly state: 'running' | 'failing' | 'waiting';
  /** Why it is failing or waiting. */
  readonly words: string | undefined;
  readonly lagMs: number;
  readonly pendingRecords: number;
  readonly shards: readonly {
    readonly id: string;
    readonly position: StreamPosition;
    readonly pendingRecords: number;
    readonly lagMs: number;
  }[];
}

/** Runs one trigger from where its documents say, until it is stopped. Started once. */
export class TriggerRunner {
  readonly #options: TriggerRunnerOptions;
  readonly #definition: TriggerDefinition;
  readonly #filters: readonly EventFilter[];
  readonly #target: TriggerTarget;
  readonly #deadLetters: DeadLetters | undefined;
  readonly #stopping = new AbortController();
  readonly #cutOff = new AbortController();
  readonly #budget: PendingBudget = { bytes: 0, bytesMax: PENDING_BYTES_MAX };
  readonly #followers = new Map<string, ShardFollower>();
  readonly #running = new Set<Promise<void>>();
  readonly #bell: Bell;
  /** In words, by shard. */
  readonly #failures = new Map<string, string>();
  #loops: Promise<unknown> = Promise.resolve();
  #waiting: string | undefined = 'not started yet';
  /** When a position of a shard was last kept, and where it stood. */
  readonly #savedOf = new WeakMap<
    ShardFollower,
    { readonly doneCount: number; readonly atMs: number }
  >();
  readonly #startedMs: number;
  #saving: Promise<void> = Promise.resolve();
  readonly #complainedMs = new Map<string, number>();

  constructor(options: TriggerRunnerOptions) {
    const { targets, name, documents } = options;
    this.#options = options;
    const { definition } = present(documents.trigger(name), 'the trigger');
    const { to: address, memoryMb, processes, onFailure } = definition;
    this.#definition = definition;
    this.#filters = definition.filters.map(parseEventFilter);
    this.#target = targets.target({ trigger: name, address, memoryMb, processes });
    this.#deadLetters = onFailure === undefined ? undefined : targets.deadLetters(onFailure);
    this.#bell = new Bell(options.clock);
    this.#startedMs = options.clock.monotonicMs();
  }

  get progress(): TriggerProgress {
    const nowMs = this.#options.clock.wallMs();
    const followed = [...this.#followers].filter(([, { isFinished }]) => !isFinished);
    const shards = followed.map(([id, follower]) => ({
      id,
      position: follower.done,
      pendingRecords: follower.pending,
      lagMs: follower.lagMs(nowMs),
    }));
    const [failure] = this.#failures.values();
    const words = this.#waiting ?? failure;
    return {
      state: this.#waiting !== undefined ? 'waiting' : words === undefined ? 'running' : 'failing',
      words,
      lagMs: shards.reduce((most, { lagMs }) => Math.max(most, lagMs), 0),
      pendingRecords: shards.reduce((sum, { pendingRecords }) => sum + pendingRecords, 0),
      shards,
    };
  }

  /**
   * Keeps where it begins in the stream that the table has now, unless it has begun already. Rejects where that cannot be read
   * or kept. Call before `start`, or not at all.
   */
  async prepare(): Promise<void> {
    const { documents, name, source } = this.#options;
    const kept = present(documents.trigger(name), 'the trigger');
    const enabled = source.enabledStream(this.#definition.table);
    if (kept.streamArn === undefined && enabled !== undefined)
      await this.#begin(enabled, this.#definition.startingPosition.kind === 'LATEST');
  }

  start(): void {
    this.#loops = Promise.all([this.#discoverForever(), this.#saveForever()]);
  }

  /** Cuts off what takes longer than `STOP_MS_MAX`, and keeps how far it is. Never rejects. */
  async stop(): Promise<void> {
    this.#stopping.abort(WOKEN);
    const ended = new AbortController();
    const cutting = this.#cutOffAfter(ended.signal);
    await this.#loops;
    await Promise.all(this.#running);
    ended.abort(WOKEN);
    await cutting;
    await this.#target.stop();
    await this.#deadLetters?.stop();
    await this.#trySave();
  }

  async #cutOffAfter(ended: AbortSignal): Promise<void> {
    await this.#options.clock.sleep(STOP_MS_MAX, ended);
    this.#cutOff.abort(WOKEN);
  }

  async #discoverForever(): Promise<void> {
    const { signal } = this.#stopping;
    const wake = (): void => {
      this.#bell.ring();
    };
    signal.addEventListener('abort', wake);
    while (!isAborted(signal)) {
      try {
        await this.#discover();
      } catch (error) {
        this.#complain('shards', 'the shards of a stream cannot be read', error);
      }
      if (!isAborted(signal)) await this.#bell.wait(DISCOVER_MS);
    }
    signal.removeEventListener('abort', wake);
  }

  async #saveForever(): Promise<void> {
    const { signal } = this.#stopping;
    while (!isAborted(signal)) {
      await this.#options.clock.sleep(CHECKPOINT_MS, signal);
      await this.#trySave();
    }
  }

  /** Follows every shard whose turn it is, of the stream that the table has, or of the one before while that has more. */
  async #discover(): Promise<void> {
    const { documents, name, source } = this.#options;
    const enabled = source.enabledStream(this.#definition.table);
    const kept = present(documents.trigger(name), 'the trigger');
    if (kept.streamArn === undefined) {
      if (enabled === undefined) this.#waiting = this.#noStream();
      await this.prepare();
      return;
    }
    const shards = await source.shards(kept.streamArn);
    if (this.#stopping.signal.aborted) return;
    if (shards !== undefined) await this.#follow(kept.streamArn, shards);
    if (kept.streamArn === enabled) {
      this.#waiting = undefined;
      return;
    }
    const isDone = (shards ?? []).every(({ id }) => this.#isDone(id));
    this.#waiting = isDone ? this.#noStream() : undefined;
    if (isDone && enabled !== undefined) await this.#begin(enabled, false);
  }

  #noStream(): string {
    return `table ${this.#definition.table} has no stream that is enabled`;
  }

  /** Notes where to begin in each shard before anything of the stream is read, so that a restart begins there too. */
  async #begin(streamArn: string, atEnd: boolean): Promise<void> {
    const { documents, name, source } = this.#options;
    this.#followers.clear();
    await this.#saving;
    for (const shard of documents.positions(name).keys())
      await documents.deletePosition(name, shard);
    const shards = (atEnd ? await source.shards(streamArn) : undefined) ?? [];
    for (const { id, isOpen } of shards) {
      const position = isOpen ? await source.end({ streamArn, shardId: id }) : HORIZON;
      await documents.putPosition(name, id, { streamArn, position, isDone: !isOpen });
    }
    await documents.putTrigger({ ...present(documents.trigger(name), 'the trigger'), streamArn });
    this.#waiting = undefined;
    this.#bell.ring();
  }

  async #follow(streamArn: string, shards: readonly StreamShard[]): Promise<void> {
    const { documents, name } = this.#options;
    const known = new Set(shards.map(({ id }) => id));
    for (const id of documents.positions(name).keys()) {
      if (known.has(id) || this.#followers.get(id)?.isFinished === false) continue;
      await documents.deletePosition(name, id);
      this.#followers.delete(id);
    }
    for (const { id, parentId } of shards) {
      const isTurn = parentId === undefined || !known.has(parentId) || this.#isDone(parentId);
      if (isTurn && !this.#followers.has(id) && !this.#isDone(id)) this.#start(streamArn, id);
    }
  }

  /** As it is kept: a child that is followed before that would be so after a crash together with its parent. */
  #isDone(shard: string): boolean {
    const { documents, name } = this.#options;
    return documents.positions(name).get(shard)?.isDone === true;
  }

  #start(streamArn: string, shardId: string): void {
    const { documents, name, source, counters } = this.#options;
    const follower = new ShardFollower({
      ...this.#laneOptions(streamArn, shardId),
      source,
      filters: this.#filters,
      after: documents.positions(name).get(shardId)?.position ?? HORIZON,
      budget: this.#budget,
      events: {
        filtered: (count) => {
          counters.filtered.add(count);
        },
        trimmed: () => {
          this.#complain('trimmed', 'records were no longer kept when a trigger came to them');
        },
        readFailed: (error) => {
          this.#complain('read', 'a shard cannot be read', error);
        },
      },
    });
    this.#followers.set(shardId, follower);
    const running = this.#run(shardId, follower);
    this.#running.add(running);
    void running.finally(() => this.#running.delete(running));
  }

  #laneOptions(
    streamArn: string,
    shardId: string,
  ): Omit<TriggerLaneOptions, 'events' | 'isFull'> & {
    readonly laneEvents: Omit<TriggerLaneOptions['events'], 'done'>;
  } {
    const { clock, random, counters, functionArn } = this.#options;
    return {
      definition: this.#definition,
      functionArn,
      place: { streamArn, shardId },
      target: this.#target,
      deadLetters: this.#deadLetters,
      clock,
      random,
      stopping: this.#stopping.signal,
      cutOff: this.#cutOff.signal,
      laneEvents: {
        invoked: (outcome) => {
          counters.invocations(outcome).add(1);
        },
        handled: (count) => {
          counters.handled.add(count);
        },
        failing: (words) => {
          if (words === undefined) {
            this.#failures.delete(shardId);
            return;
          }
          this.#failures.set(shardId, words);
          this.#complain('consumer', `the consumer of a trigger fails: ${words}`);
        },
        gaveUp: (condition, records) => {
          counters.givenUp(condition).add(records.length);
          this.#complain('given up', 'a trigger gave up records');
        },
      },
    };
  }

  async #run(shardId: string, follower: ShardFollower): Promise<void> {
    await follower.run();
    follower.release();
    if (!follower.isFinished) return;
    this.#failures.delete(shardId);
    await this.#trySave();
    // Its children may be followed now.
    this.#bell.ring();
  }

  /** Never rejects: what is not kept now is tried again with the next round. */
  async #trySave(): Promise<void> {
    try {
      await this.#save();
    } catch (error) {
      this.#complain('position', 'the position of a trigger is not kept', error);
    }
  }

  /** Keeps every position that has moved; one round after the other. */
  async #save(): Promise<void> {
    const saving = this.#saving.then(async () => this.#saveAll());
    this.#saving = saving.catch(() => {});
    return saving;
  }

  async #saveAll(): Promise<void> {
    const { documents, name } = this.#options;
    for (const [shard, follower] of this.#followers) {
      const { streamArn } = documents.trigger(name) ?? {};
      if (streamArn === undefined) return;
      const { done: position, isFinished: isDone, doneCount } = follower;
      if (!this.#isWorthKeeping(shard, follower)) continue;
      await documents.putPosition(name, shard, { streamArn, position, isDone });
      this.#savedOf.set(follower, { doneCount, atMs: this.#options.clock.monotonicMs() });
    }
  }

  /**
   * Whether a position is to be kept now. To keep one is a write, by which the position in that log moves: one that moved by
   * nothing else is kept seldom, or there would be no end of it.
   */
  #isWorthKeeping(shard: string, follower: ShardFollower): boolean {
    const { documents, name, clock } = this.#options;
    const { done, isFinished, doneCount } = follower;
    const kept = documents.positions(name).get(shard);
    if (kept?.isDone === true || kept?.position === done) return kept.isDone !== isFinished;
    const saved = this.#savedOf.get(follower) ?? { doneCount: 0, atMs: this.#startedMs };
    if (isFinished || doneCount !== saved.doneCount) return true;
    return clock.monotonicMs() - saved.atMs >= IDLE_CHECKPOINT_MS;
  }

  /** Logs a failure, and the same again after a while only. */
  #complain(what: string, message: string, error?: unknown): void {
    const { clock, logger, name } = this.#options;
    const lastMs = this.#complainedMs.get(what);
    const nowMs = clock.monotonicMs();
    if (lastMs !== undefined && nowMs - lastMs < COMPLAINT_MS) return;
    this.#complainedMs.set(what, nowMs);
    logger.warn({ trigger: name, ...(error === undefined ? {} : { error }) }, message);
  }
}

/** Read anew, because it changes while something is awaited. */
const isAborted = (signal: AbortSignal): boolean => signal.aborted;
