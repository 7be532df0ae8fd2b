import { WOKEN, type Clock } from '../base/clock.ts';
import type { Service } from '../base/service.ts';
import type { Table, TableStream } from '../model/table.ts';
import { advanceAll, type Advanced } from '../partition/advance-all.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Catalogue } from './catalogue.ts';
import { beginningStream } from './kept-streams.ts';
import { placeOf } from './member-starts.ts';

/** How long whoever enabled a stream is let wait for its beginning, while a partition has no leader. */
const begunWaitMs = 4000;

/** Pause before leaders are asked again. */
const retryMs = 500;

export interface StreamStartsOptions {
  readonly catalogue: Catalogue;
  /** By number. Their leaders carry nothing out before they know of the catalogue what this process does. */
  readonly partitions: readonly Advanced[];
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long the shards of new streams go on. */
  readonly shardMs: number;
}

/**
 * Lets the streams begin that are enabled for tables which take writes already. First the catalogue says that there is to be
 * one, which is when leaders begin to keep old images; then an entry is appended to every log, behind all that was written
 * without that knowledge; there the stream begins. Until then nobody sees it.
 */
export class StreamStarts implements Service {
  readonly #options: StreamStartsOptions;
  readonly #stopped = new AbortController();
  /** By the table's name. */
  readonly #beginning = new Map<string, Promise<void>>();
  #off: () => void = () => {};

  constructor(options: StreamStartsOptions) {
    this.#options = options;
  }

  /** The catalogue is loaded. Also begins what a process before has enabled, and did not come to. */
  async start(): Promise<void> {
    const { catalogue } = this.#options;
    this.#off = catalogue.onChange((_before, after) => {
      this.#see(after);
    });
    for (const table of catalogue.all) this.#see(table);
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#off();
    await Promise.all(this.#beginning.values());
  }

  /** Resolves once the table's stream has begun, if it is to; or after a while in which it could not. */
  async begun(name: string): Promise<void> {
    const beginning = this.#beginning.get(name);
    if (beginning === undefined) return;
    const ended = new AbortController();
    const waiting = this.#options.clock.sleep(begunWaitMs, ended.signal);
    await Promise.race([beginning, waiting]);
    ended.abort(WOKEN);
  }

  #see(table: Table | undefined): void {
    if (table === undefined || beginningStream(table) === undefined) return;
    const { name } = table;
    if (this.#beginning.has(name) || this.#stopped.signal.aborted) return;
    this.#beginning.set(name, this.#untilBegun(name));
  }

  async #untilBegun(name: string): Promise<void> {
    const { catalogue, clock, logger } = this.#options;
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      const table = catalogue.find(name);
      const stream = table && beginningStream(table);
      if (stream === undefined) {
        // In one run with the look: the next stream is seen by itself.
        this.#beginning.delete(name);
        return;
      }
      try {
        await this.#begin(name, stream);
      } catch (error) {
        logger.warn({ table: name, error }, 'a stream cannot begin yet');
        await clock.sleep(retryMs, signal);
      }
    }
  }

  async #begin(name: string, { label, view }: Pick<TableStream, 'label' | 'view'>): Promise<void> {
    const { catalogue, partitions, shardMs } = this.#options;
    const ends = await advanceAll(partitions);
    const begun: TableStream = { label, view, shardMs, starts: ends.map(placeOf) };
    await catalogue.change(name, (standing) =>
      standing !== undefined && beginningStream(standing)?.label === label
        ? { ...standing, streams: [...(standing.streams ?? []), begun] }
        : standing,
    );
  }
}
