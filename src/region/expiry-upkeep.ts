import type { Clock } from '../base/clock.ts';
import type { Service } from '../base/service.ts';
import type { Table, TimeToLive } from '../model/table.ts';
import { dueMsOf, expiryRule, type ExpiryRule } from '../partition/due-time.ts';
import type { IndexedPartition, ScannedItem } from '../partition/partition.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Catalogue } from './catalogue.ts';

/** What is read at a time in each partition. A pause as long as it took follows, so that writers get at least as much. */
const chunkBytes = 128 * 1024;
const pauseMsMin = 2;

const retryMs = 500;

export type FilledPartition = Pick<IndexedPartition, 'advanceTime' | 'scan' | 'reemit'>;

export interface ExpiryUpkeepOptions {
  readonly region: string;
  /** All of this region, by number. A split adds to it. */
  readonly partitions: readonly FilledPartition[];
  readonly catalogue: Pick<Catalogue, 'all' | 'onChange' | 'change'>;
  readonly clock: Clock;
  /** The region's wall time. */
  readonly nowMs: () => number;
  readonly logger: Logger;
  /** How long a status lasts at the least, so that a poller sees it. */
  readonly statusMs: number;
}

/**
 * Finishes what UpdateTimeToLive has begun in this region. What is written from then on has a due time; what the table
 * held before is said once more in its partition's log, so that it gets one, or loses that of another attribute.
 */
export class ExpiryUpkeep implements Service {
  readonly #options: ExpiryUpkeepOptions;
  readonly #stopped = new AbortController();
  /** By `Table.tableId`. */
  readonly #jobs = new Map<string, Job>();
  #unlisten = (): void => {};

  constructor(options: ExpiryUpkeepOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { catalogue } = this.#options;
    this.#unlisten = catalogue.onChange((before, after) => {
      if (after === undefined || after.tableId !== before?.tableId) this.#end(before);
      if (after !== undefined) this.#look(after);
    });
    for (const table of catalogue.all) this.#look(table);
  }

  async stop(): Promise<void> {
    this.#unlisten();
    this.#stopped.abort();
    for (const { ended } of this.#jobs.values()) ended.abort();
    await Promise.allSettled([...this.#jobs.values()].map(async ({ running }) => running));
  }

  #end(table: Table | undefined): void {
    if (table !== undefined) this.#jobs.get(table.tableId)?.ended.abort();
  }

  #look(table: Table): void {
    const { tableId, definition, status, timeToLiveAtMs } = table;
    const { timeToLive } = definition;
    const job = this.#jobs.get(tableId);
    if (timeToLive === undefined || timeToLive.changedAtMs === timeToLiveAtMs) return;
    if (status === 'CREATING' || status === 'DELETING' || this.#stopped.signal.aborted) return;
    if (job?.timeToLive.changedAtMs === timeToLive.changedAtMs) return;
    job?.ended.abort();
    const ended = new AbortController();
    const running = this.#run(table, timeToLive, ended.signal).finally(() => {
      if (this.#jobs.get(tableId)?.ended === ended) this.#jobs.delete(tableId);
    });
    this.#jobs.set(tableId, { timeToLive, ended, running });
  }

  /** Never rejects: what fails is told and tried again. */
  async #run(table: Table, timeToLive: TimeToLive, signal: AbortSignal): Promise<void> {
    const { clock, logger, statusMs } = this.#options;
    await clock.sleep(statusMs, signal);
    while (!signal.aborted) {
      try {
        if (timeToLive.enabled) await this.#fill(table, expiryRule(timeToLive.attribute), signal);
        await this.#settle(table, timeToLive, signal);
        return;
      } catch (error) {
        logger.warn(
          { error, table: table.name },
          'the time to live of a table is not settled and will be tried again',
        );
        await clock.sleep(retryMs, signal);
      }
    }
  }

  /** Unless what came before was ended early. */
  async #settle(
    { name, tableId }: Table,
    { changedAtMs }: TimeToLive,
    signal: AbortSignal,
  ): Promise<void> {
    if (signal.aborted) return;
    const { catalogue, logger } = this.#options;
    await catalogue.change(name, (standing): Table | undefined => {
      if (standing?.tableId !== tableId) return standing;
      return standing.definition.timeToLive?.changedAtMs === changedAtMs
        ? { ...standing, timeToLiveAtMs: changedAtMs }
        : standing;
    });
    logger.info({ table: name }, 'time to live settled');
  }

  async #fill(table: Table, rule: ExpiryRule, signal: AbortSignal): Promise<void> {
    const { partitions } = this.#options;
    // One that is split meanwhile says no more than it has still: its child is filled after it.
    for (let done = 0; done < partitions.length;) {
      const next = partitions.slice(done);
      done = partitions.length;
      const filled = await Promise.allSettled(
        next.map(async (partition) =>
          this.#fillPartition(table.number, { partition, rule, signal }),
        ),
      );
      for (const each of filled)
        if (each.status === 'rejected' && !signal.aborted) throw each.reason;
    }
  }

  async #fillPartition(table: number, { partition, rule, signal }: Filling): Promise<void> {
    const { clock } = this.#options;
    // What the leader took in before it knew of the setting is committed once this is, and found by the scan.
    await partition.advanceTime();
    let after: Uint8Array | undefined;
    while (!signal.aborted) {
      const startedMs = clock.monotonicMs();
      const items = await partition.scan(table, after, chunkBytes);
      after = items.at(-1)?.key;
      if (after === undefined) return;
      const wrong = items.filter((item) => this.#isWrong(item, rule));
      if (wrong.length > 0) await partition.reemit(table, wrong.map(versionOf));
      await clock.sleep(Math.max(pauseMsMin, clock.monotonicMs() - startedMs), signal);
    }
  }

  /** Whether the item has another due time than it should. */
  #isWrong({ image, version, dueMs }: ScannedItem, rule: ExpiryRule): boolean {
    const { region, nowMs } = this.#options;
    if (image === undefined) return false;
    return dueMs !== dueMsOf({ image, version, region, nowMs: nowMs() }, rule);
  }
}

const versionOf = ({ key, version }: ScannedItem): Pick<ScannedItem, 'key' | 'version'> => ({
  key,
  version,
});

interface Job {
  readonly timeToLive: TimeToLive;
  readonly ended: AbortController;
  readonly running: Promise<void>;
}

interface Filling {
  readonly partition: FilledPartition;
  readonly rule: ExpiryRule;
  readonly signal: AbortSignal;
}
