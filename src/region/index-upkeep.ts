import type { Clock } from '../base/clock.ts';
import type { Service } from '../base/service.ts';
import type { Table, TableIndex } from '../model/table.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Catalogue, IndexOfTable } from './catalogue.ts';
import type { IndexBackfill } from './index-backfill.ts';
import type { IndexProgress } from './index-progress.ts';
import { withStatus } from './membership.ts';

const retryMs = 500;

export interface IndexUpkeepOptions {
  readonly region: string;
  readonly catalogue: Catalogue;
  readonly progress: IndexProgress;
  readonly backfill: IndexBackfill;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long a status lasts at the least, so that a poller sees it. */
  readonly statusMs: number;
  /** Removes an index's entries everywhere in the region. May be repeated. */
  readonly dropItems: (indexNumber: number) => Promise<void>;
}

/** Finishes what the catalogue has begun with indexes: fills those that are new, and removes those that are to go. */
export class IndexUpkeep implements Service {
  readonly #options: IndexUpkeepOptions;
  readonly #stopped = new AbortController();
  /** By index number. */
  readonly #jobs = new Map<number, Job>();
  #unlisten = (): void => {};

  constructor(options: IndexUpkeepOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { catalogue } = this.#options;
    this.#unlisten = catalogue.onChange((before, after) => {
      for (const { number } of before?.indexes ?? [])
        if (catalogue.indexByNumber(number) === undefined) this.#forget(number);
      if (after !== undefined) this.#look(after);
    });
    for (const table of catalogue.all) this.#look(table);
    await this.#forgetGone();
  }

  async stop(): Promise<void> {
    this.#unlisten();
    this.#stopped.abort();
    for (const { ended } of this.#jobs.values()) ended.abort();
    await Promise.allSettled([...this.#jobs.values()].map(async ({ running }) => running));
  }

  /**
   * Gives every global index of the region that holds anything a new number, so that it is filled anew. Resolves when
   * that is durable.
   */
  async renewAll(): Promise<void> {
    const { catalogue, dropItems } = this.#options;
    for (const { name } of catalogue.all) {
      const old: number[] = [];
      await catalogue.change(name, (standing): Table | undefined => {
        const indexes = standing?.indexes?.map((index) => {
          if (!this.#isToRenew(index)) return index;
          old.push(index.number);
          return { ...index, number: 0, status: 'CREATING' as const, backfilling: true };
        });
        return standing === undefined || indexes === undefined || old.length === 0
          ? standing
          : { ...standing, indexes };
      });
      for (const number of old) await dropItems(number);
    }
  }

  /** One that is to be filled, and was not begun with, holds nothing yet. */
  #isToRenew({ definition, status, backfilling, number }: TableIndex): boolean {
    const isFresh = backfilling && this.#options.progress.of(number) === undefined;
    return definition.kind === 'global' && status !== 'DELETING' && !isFresh;
  }

  #look(table: Table): void {
    for (const { number, status, backfilling } of table.indexes ?? []) {
      const kind = status === 'DELETING' ? 'remove' : backfilling ? 'fill' : undefined;
      const job = this.#jobs.get(number);
      if (kind === undefined || job?.kind === kind || this.#stopped.signal.aborted) continue;
      job?.ended.abort();
      this.#begin(number, kind, job?.running);
    }
  }

  #begin(number: number, kind: Job['kind'], before: Promise<void> | undefined): void {
    const ended = new AbortController();
    const running = this.#run({ number, kind, ended }, before).finally(() => {
      if (this.#jobs.get(number)?.ended === ended) this.#jobs.delete(number);
    });
    this.#jobs.set(number, { kind, ended, running });
  }

  /** Never rejects: what fails is told and tried again. */
  async #run(
    { number, kind, ended }: Pick<Job, 'kind' | 'ended'> & { readonly number: number },
    before: Promise<void> | undefined,
  ): Promise<void> {
    const { clock, logger, catalogue, statusMs } = this.#options;
    const { signal } = ended;
    await before;
    await clock.sleep(statusMs, signal);
    while (!signal.aborted) {
      try {
        const found = catalogue.indexByNumber(number);
        if (found === undefined) return;
        await (kind === 'fill' ? this.#fill(found, signal) : this.#remove(found));
        return;
      } catch (error) {
        logger.warn({ error, index: number }, 'an index is not finished and will be tried again');
        await clock.sleep(retryMs, signal);
      }
    }
  }

  async #fill({ table, index }: IndexOfTable, signal: AbortSignal): Promise<void> {
    const { backfill, logger } = this.#options;
    await backfill.run(table, index, signal);
    if (signal.aborted) return;
    await this.#change(table, (each) =>
      each.number === index.number && each.status === 'CREATING'
        ? [{ ...each, status: 'ACTIVE', backfilling: false }]
        : [each],
    );
    logger.info({ table: table.name, index: index.definition.name }, 'index filled');
  }

  async #remove({ table, index: { number, definition } }: IndexOfTable): Promise<void> {
    const { dropItems, logger } = this.#options;
    await dropItems(number);
    await this.#change(table, (each) => (each.number === number ? [] : [each]));
    logger.info({ table: table.name, index: definition.name }, 'index removed');
  }

  async #change(table: Table, next: (index: TableIndex) => readonly TableIndex[]): Promise<void> {
    const { catalogue, region } = this.#options;
    await catalogue.change(table.name, (standing): Table | undefined => {
      if (standing?.tableId !== table.tableId) return standing;
      const indexes = standing.indexes?.flatMap(next) ?? [];
      return withStatus({ ...standing, indexes }, region);
    });
  }

  /** The index is no more, with or without its table. */
  #forget(number: number): void {
    const job = this.#jobs.get(number);
    if (job?.kind === 'fill') job.ended.abort();
    this.#options.progress.delete(number).catch((error: unknown) => {
      this.#options.logger.warn(
        { error, index: number },
        'the progress of an index was not removed',
      );
    });
  }

  async #forgetGone(): Promise<void> {
    const { catalogue, progress } = this.#options;
    for (const number of progress.numbers)
      if (catalogue.indexByNumber(number) === undefined) this.#forget(number);
  }
}

interface Job {
  readonly kind: 'fill' | 'remove';
  readonly ended: AbortController;
  readonly running: Promise<void>;
}
