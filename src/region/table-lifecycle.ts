import { yieldTo, type Clock } from '../base/clock.ts';
import { randomUuid, type Random } from '../base/random.ts';
import type { Table, TableDefinition } from '../model/table.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Catalogue } from './catalogue.ts';
import { withStatus } from './membership.ts';
import type { TableSettings } from './region.ts';
import { tableExists, tableMissing } from './table-errors.ts';
import { bornTable, settledTable } from './table-updates.ts';
import { assertMayDelete } from './update-admission.ts';

export interface TableLifecycleOptions {
  readonly region: string;
  readonly catalogue: Catalogue;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** How long a status lasts at the least, so that a poller sees it. */
  readonly statusMs: number;
  /** Removes a table's items everywhere in the region. May be repeated. */
  readonly dropItems: (tableNumber: number) => Promise<void>;
}

/** How a table of this region comes, changes and goes: the moves that need no other region. */
export class TableLifecycle {
  readonly #options: TableLifecycleOptions;
  readonly #stopped = new AbortController();
  readonly #moves = new Set<Promise<void>>();
  #unlisten = (): void => {};

  constructor(options: TableLifecycleOptions) {
    this.#options = options;
  }

  /** Goes on with the moves that a stop interrupted, and ends updates of tables from now on. */
  resume(): void {
    const { catalogue } = this.#options;
    this.#unlisten = catalogue.onChange((before, after) => {
      if (after !== undefined && lastUpdateMs(after) !== lastUpdateMs(before)) this.#end(after);
    });
    for (const table of catalogue.all) {
      this.#end(table);
      if (table.global !== undefined) continue;
      if (table.status === 'CREATING') this.#run(async () => this.#activate(table));
      if (table.status === 'DELETING') this.#run(async () => this.#remove(table));
    }
  }

  async create(
    name: string,
    definition: TableDefinition,
    settings: TableSettings = {},
  ): Promise<Table> {
    const { catalogue, clock, random } = this.#options;
    const table = await catalogue.change(name, (standing): Table => {
      if (standing !== undefined) throw tableExists(standing);
      return bornTable({
        ...settings,
        number: 0,
        name,
        tableId: randomUuid(random),
        globalId: randomUuid(random),
        createdAtMs: clock.wallMs(),
        status: 'CREATING',
        definition,
        global: undefined,
        parted: undefined,
      });
    });
    this.#run(async () => this.#activate(table));
    return table;
  }

  /** Of a table without other members. Throws as `assertMayDelete`. */
  async delete(name: string): Promise<Table> {
    const table = await this.#options.catalogue.change(name, (standing): Table => {
      if (standing === undefined) throw tableMissing(name);
      assertMayDelete(standing);
      return { ...standing, status: 'DELETING' };
    });
    this.#run(async () => this.#remove(table));
    return table;
  }

  async #activate(table: Table): Promise<void> {
    if (!(await this.#lastStatus())) return;
    const { catalogue, region } = this.#options;
    await catalogue.change(table.name, (standing) =>
      standing?.tableId === table.tableId && standing.status === 'CREATING'
        ? withStatus({ ...standing, status: 'ACTIVE' }, region)
        : standing,
    );
  }

  /** The table's updates that are under way are over after a while. */
  #end(table: Table): void {
    const sinceMs = lastUpdateMs(table);
    if (sinceMs !== undefined) this.#run(async () => this.#settle(table, sinceMs));
  }

  async #settle({ name, tableId }: Table, sinceMs: number): Promise<void> {
    const { catalogue, clock, region } = this.#options;
    if (!(await this.#lastStatus())) return;
    await catalogue.change(name, (standing) => {
      if (standing?.tableId !== tableId) return standing;
      const settled = settledTable(standing, sinceMs, clock.wallMs());
      return settled === standing ? standing : withStatus(settled, region);
    });
  }

  async #remove(table: Table): Promise<void> {
    const { catalogue, dropItems } = this.#options;
    if (!(await this.#lastStatus())) return;
    await dropTableItems(table, dropItems);
    await catalogue.change(table.name, (standing) =>
      standing?.tableId === table.tableId ? undefined : standing,
    );
  }

  /** False when it was a stop that ended it: the move is made after the next start. */
  async #lastStatus(): Promise<boolean> {
    const { clock, statusMs } = this.#options;
    await clock.sleep(statusMs, this.#stopped.signal);
    await yieldTo(clock);
    return !this.#stopped.signal.aborted;
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
    this.#unlisten();
    this.#stopped.abort();
    await Promise.allSettled(this.#moves);
  }
}

const retryMs = 500;

const lastUpdateMs = (table: Table | undefined): number | undefined =>
  table?.updates?.at(-1)?.sinceMs;

/** Removes what a table and its indexes hold. May be repeated. */
export async function dropTableItems(
  { number, indexes = [] }: Table,
  dropItems: (tableNumber: number) => Promise<void>,
): Promise<void> {
  await dropItems(number);
  for (const index of indexes) await dropItems(index.number);
}
