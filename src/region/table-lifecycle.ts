import { yieldTo, type Clock } from '../base/clock.ts';
import { randomUuid, type Random } from '../base/random.ts';
import type { Table, TableDefinition } from '../model/table.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Catalogue } from './catalogue.ts';
import { tableExists, tableInUse, tableMissing } from './table-errors.ts';

export interface TableLifecycleOptions {
  readonly catalogue: Catalogue;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** How long a status lasts at the least, so that a poller sees it. */
  readonly statusMs: number;
  /** Removes a table's items everywhere in the region. May be repeated. */
  readonly dropItems: (tableNumber: number) => Promise<void>;
}

/** How a table of this region comes and goes: the moves that need no other region. */
export class TableLifecycle {
  readonly #options: TableLifecycleOptions;
  readonly #stopped = new AbortController();
  readonly #moves = new Set<Promise<void>>();

  constructor(options: TableLifecycleOptions) {
    this.#options = options;
  }

  /** Goes on with the moves that a stop interrupted. */
  resume(): void {
    for (const table of this.#options.catalogue.all) {
      if (table.global !== undefined) continue;
      if (table.status === 'CREATING') this.#run(async () => this.#activate(table));
      if (table.status === 'DELETING') this.#run(async () => this.#remove(table));
    }
  }

  async create(name: string, definition: TableDefinition): Promise<Table> {
    const { catalogue, clock, random } = this.#options;
    const table = await catalogue.change(name, (standing): Table => {
      if (standing !== undefined) throw tableExists(name);
      return {
        number: 0,
        name,
        tableId: randomUuid(random),
        globalId: randomUuid(random),
        createdAtMs: clock.wallMs(),
        status: 'CREATING',
        definition,
        global: undefined,
        parted: undefined,
      };
    });
    this.#run(async () => this.#activate(table));
    return table;
  }

  /** Of a table without other members. Throws `ResourceInUseException` unless it is ACTIVE. */
  async delete(name: string): Promise<Table> {
    const table = await this.#options.catalogue.change(name, (standing): Table => {
      if (standing === undefined) throw tableMissing(name);
      if (standing.status !== 'ACTIVE') throw tableInUse(standing);
      return { ...standing, status: 'DELETING' };
    });
    this.#run(async () => this.#remove(table));
    return table;
  }

  async #activate(table: Table): Promise<void> {
    await this.#lastStatus();
    await this.#options.catalogue.change(table.name, (standing) =>
      standing?.tableId === table.tableId && standing.status === 'CREATING'
        ? { ...standing, status: 'ACTIVE' as const }
        : standing,
    );
  }

  async #remove(table: Table): Promise<void> {
    const { catalogue, dropItems } = this.#options;
    await this.#lastStatus();
    await dropItems(table.number);
    await catalogue.change(table.name, (standing) =>
      standing?.tableId === table.tableId ? undefined : standing,
    );
  }

  async #lastStatus(): Promise<void> {
    const { clock, statusMs } = this.#options;
    await clock.sleep(statusMs, this.#stopped.signal);
    await yieldTo(clock);
  }

  /** Owns a move: one that fails is told and tried again, until it succeeds or the region stops. */
  #run(move: () => Promise<void>): void {
    const running = this.#repeat(move).finally(() => this.#moves.delete(running));
    this.#moves.add(running);
  }

  async #repeat(move: () => Promise<void>): Promise<void> {
    const { clock, logger } = this.#options;
    while (!this.#stopped.signal.aborted) {
      try {
        await move();
        return;
      } catch (error) {
        logger.warn({ error }, 'a change of a table did not succeed and will be tried again');
        await clock.sleep(retryMs, this.#stopped.signal);
      }
    }
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.allSettled(this.#moves);
  }
}

const retryMs = 500;
