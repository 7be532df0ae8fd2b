import { Buffer } from 'node:buffer';

import { assert } from '../base/assert.ts';
import { type Clock, WOKEN } from '../base/clock.ts';
import { latin1Of } from '../base/latin1.ts';
import type { Service } from '../base/service.ts';
import { FrameError } from '../bus/frame.ts';
import { type HybridTime, wallMsOf } from '../clock/hybrid-time.ts';
import type { LogEnd } from '../log/entry.ts';
import { expiryOf, isExpiry } from '../model/version.ts';
import type { Conflict, Partition, ReceivedRecord, Resolution } from '../partition/partition.ts';
import type { Logger } from '../telemetry/logger.ts';
import { type Batch, sameEnd, type ShippedRecord } from './batch.ts';
import { damaged, WireError } from './byte-codec.ts';
import { commitTimes } from './commit-time.ts';
import type { OriginPositions, PositionStore } from './position-store.ts';
import { ReceivedLog } from './received-log.ts';
import type { Tables } from './tables.ts';
import type { Hello, Stand } from './wire.ts';

/** Positions only save work, so they are saved at most so often: each time syncs a file and a folder beside the logs. */
const SAVE_MS = 1000;
/** Logs of one origin: more is a damaged hello. */
const LOGS_MAX = 65_536;
/** How long a stop waits for records on their way into partitions that do not take them. */
const STOP_MS = 5000;
/** Losers of batches that do not count yet that are remembered: with more, some are counted twice. */
const LOSERS_MAX = 10_000;
/** Waits for positions that may be under way at once. */
const WAITERS_MAX = 1024;

/** What the inbox tells as it works. Must not throw. */
export interface InboxObserver {
  /**
   * Commit in the origin until durable here; `clampedMs` is by how much it was below zero before. Where the commit's time is not known, from
   * the version's on, which is before it.
   */
  latency(origin: string, latencyMs: number, clampedMs: number): void;
  /** From the time at which its writer gave a write its version, which is before its commit, until durable here; 0 where it is below. */
  writeAge(origin: string, ageMs: number): void;
  received(origin: string, records: number): void;
  /** A loser that its winner had not seen. `record` is what came in, whichever of the two it was. */
  conflict(origin: string, conflict: Conflict, record: ReceivedRecord): void;
}

export interface InboxOptions {
  readonly region: string;
  /** The regions that may ship to this one. */
  readonly origins: readonly string[];
  /** All of this region, by number. */
  readonly partitions: readonly Partition[];
  /** This region's partition of an item key. */
  readonly partitionOf: (key: Uint8Array) => Partition;
  readonly tables: Tables;
  readonly positions: PositionStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly observer: InboxObserver;
  /** The origin's wall clock less this process's monotonic clock, when it is measured. */
  readonly offsetMs: (origin: string) => number | undefined;
}

interface Origin {
  logs: number | undefined;
  readonly received: Map<number, ReceivedLog>;
  saving: Promise<void> | undefined;
  dirty: boolean;
  /** Whether the last records did not get into their partitions: said once. */
  failing: boolean;
  /** Records on their way into partitions, also of batches that do not count any more. */
  readonly underway: Set<Promise<void>>;
  /** Losers of batches that do not count yet, or never will and come again: they are conflicts once. */
  readonly losers: Set<string>;
}

/** Of one batch, on their way into one partition. */
interface Arrivals {
  readonly records: ReceivedRecord[];
  /** When each was committed, by the origin's clock, where that is known. */
  readonly committedMs: (number | undefined)[];
}

interface Waiter {
  readonly origin: string;
  readonly positions: readonly LogEnd[];
  readonly done: () => void;
}

/** Where records of other regions arrive. At least once, and idempotent: positions guard nothing, they save work. */
export class Inbox implements Service {
  readonly #options: InboxOptions;
  readonly #origins = new Map<string, Origin>();
  readonly #stopping = new AbortController();
  #waiters: Waiter[] = [];

  constructor(options: InboxOptions) {
    this.#options = options;
  }

  /** Loads the positions. Rejects when the store cannot be read. */
  async start(): Promise<void> {
    for (const name of this.#options.origins) {
      const stored = await this.#load(name);
      const origin: Origin = {
        logs: stored?.logs,
        received: new Map(),
        saving: undefined,
        dirty: false,
        failing: false,
        underway: new Set(),
        losers: new Set(),
      };
      this.#origins.set(name, origin);
      for (const [log, position] of stored?.positions ?? []) {
        origin.received.set(log, this.#receivedLog(name, position));
      }
    }
  }

  /** Positions that are damaged, or say more than this region's logs hold, are none: the origin sends it all again. */
  async #load(name: string): Promise<OriginPositions | undefined> {
    const { positions, logger } = this.#options;
    try {
      const stored = await positions.load(name);
      if (stored === undefined || (await this.#holds(stored.ownEnds))) return stored;
      logger.warn({ origin: name }, 'positions say more than the logs hold; they begin anew');
    } catch (error) {
      if (!(error instanceof FrameError || error instanceof WireError)) throw error;
      logger.error({ origin: name, error }, 'positions are damaged; they begin anew');
    }
    return undefined;
  }

  /** Whether this region's logs hold all up to `ends`. */
  async #holds(ends: readonly LogEnd[]): Promise<boolean> {
    for (const [number, end] of ends.entries()) {
      const partition = this.#options.partitions[number];
      if (end.index === 0) continue;
      if (partition === undefined || end.index > partition.committed.index) return false;
      const { committed } = partition;
      const found = end.index === committed.index ? committed : await partition.endAt(end.index);
      if (found === undefined ? end.index >= partition.first : !sameEnd(found, end)) return false;
    }
    return true;
  }

  /** Waits for what is on its way in, within a limit, and saves the positions. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const timer = new AbortController();
    const limit = this.#options.clock.sleep(STOP_MS, timer.signal);
    await Promise.race([this.#quiet(), limit]);
    timer.abort(WOKEN);
    for (const [name, origin] of this.#origins) {
      await origin.saving;
      await this.#save(name, origin);
    }
    for (const waiter of this.#waiters) waiter.done();
    this.#waiters = [];
  }

  async #quiet(): Promise<void> {
    for (const origin of this.#origins.values()) {
      for (const received of origin.received.values()) await received.quiet();
    }
  }

  /** Where this region stands with one log of `name`; sets it first, when asked to. */
  async hello(name: string, hello: Hello): Promise<Stand> {
    const origin = this.#origin(name);
    if (hello.logs > LOGS_MAX) throw damaged(`${hello.logs} logs`);
    // A partition was split there; a hello that was late says nothing of that.
    origin.logs = Math.max(origin.logs ?? 0, hello.logs);
    const received = this.#received(name, hello.log);
    await received.quiet();
    const { place } = hello;
    if (place !== undefined && received.place(place.at, place.expected)) {
      this.#forgetLogs(origin, hello);
      await this.#save(name, origin);
      this.#options.logger.info(
        { origin: name, log: hello.log, index: place.at.index },
        'position set by the origin',
      );
    }
    return received.stand;
  }

  /** An origin that goes on under a new log id may be one whose disk knows of fewer splits: what came of those is no log of it. */
  #forgetLogs(origin: Origin, { logs, place }: Hello): void {
    if (place?.expected === undefined || place.at.logId === place.expected.logId) return;
    origin.logs = logs;
    for (const log of origin.received.keys()) if (log >= logs) origin.received.delete(log);
  }

  /** Takes a batch, if it starts where this region stands; answers once it is durable, else where that is. */
  async ship(name: string, batch: Batch): Promise<Stand> {
    if (batch.origin !== name) throw damaged(`a batch of ${batch.origin} from ${name}`);
    const received = this.#received(name, batch.log);
    if (this.#stopping.signal.aborted) return received.stand;
    if (!received.continues(batch)) {
      await received.join(batch);
      return received.stand;
    }
    if (batch.records.length === 0 && batch.from.index === batch.to.index) return received.stand;
    const arrivals: Arrivals = { records: [], committedMs: [] };
    const times = commitTimes(batch.commits ?? [], batch.records.length);
    for (const [at, record] of batch.records.entries()) {
      const table = this.#options.tables.byGlobalId(record.table, name);
      if (table === 'unknown') return { ...received.stand, waitsFor: record.table };
      if (table === 'gone') continue;
      arrivals.records.push(receivedRecord(name, record, table.number));
      arrivals.committedMs.push(times[at]);
    }
    const { underway, losers } = this.#origin(name);
    const lost: string[] = [];
    const receiving = this.#receive(name, arrivals, lost).finally(() => underway.delete(receiving));
    underway.add(receiving);
    if (await received.take(batch, receiving)) for (const loser of lost) losers.delete(loser);
    return received.stand;
  }

  /**
   * Resolves when all records of `name` that were on their way in at the call are durable, or failed to be; or when
   * `signal` aborts: look at it afterwards.
   */
  async landed(name: string, signal: AbortSignal): Promise<void> {
    const underway = this.#origins.get(name)?.underway;
    if (underway === undefined || signal.aborted) return;
    const aborted = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await Promise.race([Promise.allSettled(underway), aborted]);
  }

  /** Everything that `name` made up to this time is durable here; undefined until all of its logs were heard of. */
  watermark(name: string): HybridTime | undefined {
    const origin = this.#origins.get(name);
    if (origin?.logs === undefined) return undefined;
    let watermark = Number.MAX_SAFE_INTEGER;
    for (let log = 0; log < origin.logs; log += 1) {
      const applied = origin.received.get(log)?.applied;
      if (applied === undefined) return undefined;
      watermark = Math.min(watermark, applied.partitionTime);
    }
    return watermark;
  }

  /** Where this region stands with each log of `name`. */
  stands(name: string): ReadonlyMap<number, Stand> {
    const received = this.#origins.get(name)?.received ?? new Map<number, ReceivedLog>();
    return new Map([...received].map(([log, { stand }]) => [log, stand]));
  }

  /** Whether everything of `name` up to those indexes, per log of it, is applied and durable here. */
  hasReceived(name: string, ends: readonly number[]): boolean {
    const received = this.#origins.get(name)?.received;
    return ends.every((index, log) => (received?.get(log)?.applied?.index ?? -1) >= index);
  }

  /**
   * Resolves when all of `name`'s logs, by number, are applied up to `positions`; or when the inbox stops, or `signal`
   * aborts: look at it afterwards.
   */
  async receivedAtLeast(
    name: string,
    positions: readonly LogEnd[],
    signal?: AbortSignal,
  ): Promise<void> {
    if (this.#reached(name, positions) || signal?.aborted === true) return;
    assert(this.#waiters.length < WAITERS_MAX, 'too many wait for positions');
    await new Promise<void>((resolve) => {
      const onAbort = (): void => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        resolve();
      };
      const done = (): void => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      };
      const waiter: Waiter = { origin: name, positions, done };
      this.#waiters.push(waiter);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  #reached(name: string, positions: readonly LogEnd[]): boolean {
    return this.hasReceived(
      name,
      positions.map(({ index }) => index),
    );
  }

  #origin(name: string): Origin {
    const origin = this.#origins.get(name);
    if (origin === undefined) throw damaged(`${name} is no peer of ${this.#options.region}`);
    return origin;
  }

  #received(name: string, log: number): ReceivedLog {
    const { received, logs } = this.#origin(name);
    let found = received.get(log);
    if (found === undefined) {
      if (log >= (logs ?? 0)) throw damaged(`log ${log} of ${logs ?? 'an unknown number'}`);
      found = this.#receivedLog(name, undefined);
      received.set(log, found);
    }
    return found;
  }

  #receivedLog(name: string, position: LogEnd | undefined): ReceivedLog {
    return new ReceivedLog(position, () => this.#applied(name));
  }

  #applied(name: string): void {
    const origin = this.#origin(name);
    origin.dirty = true;
    if (origin.saving === undefined && !this.#stopping.signal.aborted) {
      origin.saving = this.#saveSoon(name, origin);
    }
    const reached = this.#waiters.filter(
      (waiter) => waiter.origin === name && this.#reached(name, waiter.positions),
    );
    if (reached.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => !reached.includes(waiter));
    for (const waiter of reached) waiter.done();
  }

  async #saveSoon(name: string, origin: Origin): Promise<void> {
    do {
      await this.#options.clock.sleep(SAVE_MS, this.#stopping.signal);
      await this.#save(name, origin);
    } while (origin.dirty && !this.#stopping.signal.aborted);
    origin.saving = undefined;
  }

  /** Never rejects: what is not saved is received again. */
  async #save(name: string, origin: Origin): Promise<void> {
    if (origin.logs === undefined) return;
    const ownEnds = this.#options.partitions.map(({ committed }) => committed);
    const positions = new Map<number, LogEnd>();
    for (const [log, { applied }] of origin.received) {
      if (applied !== undefined) positions.set(log, applied);
    }
    origin.dirty = false;
    try {
      await this.#options.positions.save(name, { logs: origin.logs, positions, ownEnds });
      for (const [log, position] of positions) origin.received.get(log)?.saved(position);
    } catch (error) {
      origin.dirty = true;
      this.#options.logger.warn({ origin: name, error }, 'positions are not saved; trying again');
    }
  }

  /** Resolves when all records are durable in their partitions, or need not be. Losers that are counted go to `lost`. */
  async #receive(name: string, arrivals: Arrivals, lost: string[]): Promise<void> {
    const groups = new Map<Partition, Arrivals>();
    for (const [at, record] of arrivals.records.entries()) {
      const partition = this.#options.partitionOf(record.key);
      let group = groups.get(partition);
      if (group === undefined) {
        group = { records: [], committedMs: [] };
        groups.set(partition, group);
      }
      group.records.push(record);
      group.committedMs.push(arrivals.committedMs[at]);
    }
    const parts = await Promise.allSettled(
      [...groups].map(async ([partition, group]) => {
        lost.push(...this.#observe(name, group, await partition.receive(group.records)));
      }),
    );
    this.#options.observer.received(name, arrivals.records.length);
    const failure = parts.find((part) => part.status === 'rejected');
    const origin = this.#origin(name);
    const wasFailing = origin.failing;
    origin.failing = failure !== undefined;
    if (failure === undefined) return;
    const fields = { origin: name, error: failure.reason };
    if (!wasFailing) this.#options.logger.warn(fields, 'a partition takes no records; asked again');
    throw new Error('a partition did not take the records', { cause: failure.reason });
  }

  #observe(
    name: string,
    { records, committedMs }: Arrivals,
    resolutions: readonly Resolution[],
  ): readonly string[] {
    const { clock, offsetMs, observer } = this.#options;
    const lost: string[] = [];
    const offset = offsetMs(name);
    const originNowMs = offset === undefined ? clock.wallMs() : clock.monotonicMs() + offset;
    for (const [at, record] of records.entries()) {
      const resolution = resolutions[at];
      if (resolution === undefined) continue;
      if (resolution.conflict !== undefined) {
        if (resolution.kind === 'lost') lost.push(nameOf(record));
        this.#tell(name, { resolution, conflict: resolution.conflict, record });
      }
      if (resolution.kind === 'duplicate' || resolution.kind === 'forgotten') continue;
      // The version of an expiry says when the item was written, not when that expired.
      const hasAge = !isExpiry(record.version);
      const ageMs = originNowMs - wallMsOf(record.version.time);
      const committed = committedMs[at];
      const tookMs = committed === undefined ? ageMs : originNowMs - committed;
      if (hasAge) observer.writeAge(name, Math.max(0, ageMs));
      if (hasAge || committed !== undefined)
        observer.latency(name, Math.max(0, tookMs), Math.max(0, -tookMs));
    }
    return lost;
  }

  /** A loser comes again with its batch, and loses again; a winner is a duplicate then. */
  #tell(
    name: string,
    {
      resolution,
      conflict,
      record,
    }: {
      readonly resolution: Resolution;
      readonly conflict: Conflict;
      readonly record: ReceivedRecord;
    },
  ): void {
    const { losers } = this.#origin(name);
    if (resolution.kind === 'lost') {
      const loser = nameOf(record);
      if (losers.has(loser)) return;
      for (const oldest of losers) {
        if (losers.size < LOSERS_MAX) break;
        losers.delete(oldest);
      }
      losers.add(loser);
    }
    this.#options.observer.conflict(name, conflict, record);
    logAlarm(this.#options, { origin: name, conflict, record });
  }
}

/** One line for each record that shows that a clock or a disk has lied. */
export function logAlarm(
  { tables, logger }: { readonly tables: Tables; readonly logger: Logger },
  of: { readonly origin: string; readonly conflict: Conflict; readonly record: ReceivedRecord },
): void {
  const { origin, conflict, record } = of;
  if (!conflict.alarm) return;
  const key = Buffer.from(record.key).toString('hex');
  logger.error(
    { origin, table: tables.nameOf(record.table), key, version: record.version },
    'two items of the same version differ: a clock or a disk has lied',
  );
}

const nameOf = ({ table, key, version }: ReceivedRecord): string =>
  `${table} ${version.time} ${latin1Of(key)}`;

const receivedRecord = (
  region: string,
  { key, time, expiredOf, replaced, image, itemBytes }: ShippedRecord,
  table: number,
): ReceivedRecord => ({
  table,
  key,
  version: expiredOf === undefined ? { time, region } : expiryOf({ time, region: expiredOf }),
  replaced,
  image,
  itemBytes,
  via: 'ship',
});
