import type { Clock } from '../base/clock.ts';
import type { Service } from '../base/service.ts';
import { ClientError } from '../model/errors.ts';
import type { GlobalTable, Table, TableDefinition } from '../model/table.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Catalogue } from './catalogue.ts';
import type { SharedTableChange } from './change-wire.ts';
import type { ControlLine } from './control-line.ts';
import type { UpdateAnswer, UpdateRequest } from './control-wire.ts';
import { changedDefinition } from './definition-change.ts';
import type { HeardStates } from './heard-states.ts';
import { isComing, isSettled, phaseOf, tableUnder, withStatus } from './membership.ts';
import type { TableChange } from './region.ts';
import { homeUnreachable, replicaBeingAdded } from './replica-errors.ts';
import { withoutOverridden } from './replica-overrides.ts';
import { tableChanging, tableInUse, tableMissing, timeToLiveTooSoon } from './table-errors.ts';
import { withDefinition } from './table-updates.ts';
import { assertMayUpdate } from './update-admission.ts';

export interface TableUpdaterOptions {
  readonly region: string;
  readonly catalogue: Catalogue;
  readonly line: ControlLine;
  readonly states: HeardStates;
  readonly clock: Clock;
  readonly logger: Logger;
  /** From one change of a table's time to live to the next. */
  readonly timeToLivePauseMs: number;
}

/**
 * Changes of tables' settings and indexes. What replicas share is ordered by the table's home, as a change of its
 * members is: any member takes the request, and the definition goes out with the next revision of the state.
 */
export class TableUpdater implements Service {
  readonly #options: TableUpdaterOptions;

  constructor(options: TableUpdaterOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { line } = this.#options;
    line.serve('control.update', async (request) => this.#answer(request));
  }

  async stop(): Promise<void> {}

  async update(name: string, change: TableChange): Promise<Table> {
    const { catalogue, region } = this.#options;
    const { deletionProtection, ...shared } = change;
    if (deletionProtection !== undefined) return this.#protect(name, deletionProtection);
    const table = catalogue.find(name);
    if (table === undefined) throw tableMissing(name);
    const { global } = table;
    if (global !== undefined && phaseOf(global, region) !== 'active') throw tableInUse(table);
    const home = global?.home ?? region;
    const updated =
      home === region
        ? await this.#updateHere(table, shared)
        : await this.#updateAt(home, table, shared);
    return shownAfter(updated, shared);
  }

  async #protect(name: string, deletionProtection: boolean): Promise<Table> {
    return this.#options.catalogue.change(name, (standing): Table => {
      if (standing === undefined) throw tableMissing(name);
      const { status } = standing;
      if (status === 'CREATING' || status === 'DELETING') throw tableInUse(standing);
      const isSame = deletionProtection === (standing.deletionProtection ?? false);
      return isSame ? standing : { ...standing, deletionProtection };
    });
  }

  async #updateAt(home: string, table: Table, change: SharedTableChange): Promise<Table> {
    const { line, states } = this.#options;
    const reply = await line.ask(home, 'control.update', { globalId: table.globalId, change });
    if (reply.kind !== 'answered') throw homeUnreachable(home);
    const { answer } = reply;
    if (answer.kind === 'refused')
      throw new ClientError(answer.code, answer.message, { status: answer.status });
    return (await states.adopt(answer.state)) ?? table;
  }

  async #answer({ globalId, change }: UpdateRequest): Promise<UpdateAnswer> {
    const { catalogue, region } = this.#options;
    try {
      const table = catalogue.byGlobalId(globalId);
      if (typeof table === 'string') throw homeUnreachable(region);
      const { name, definition, global } = await this.#updateHere(table, change);
      if (global === undefined) throw homeUnreachable(region);
      return { kind: 'changed', state: { name, globalId, definition, global } };
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      const { code, message, status } = error;
      return { kind: 'refused', code, message, status };
    }
  }

  /** At the home, or of a table that this region has for itself. */
  async #updateHere(table: Table, change: SharedTableChange): Promise<Table> {
    const { catalogue, region, states, clock, logger } = this.#options;
    const { name, globalId } = table;
    if (table.global !== undefined) await states.claim(table);
    const updated = await catalogue.change(name, (standing): Table => {
      if (standing?.globalId !== globalId) throw tableMissing(name);
      const { global } = standing;
      if (global !== undefined && global.home !== region) throw homeUnreachable(global.home);
      assertMayUpdate(standing, change);
      if (global !== undefined && !isSettled(global)) throw changing(name, global, change);
      const nowMs = clock.wallMs();
      const definition = changedDefinition(standing, change, nowMs);
      if (change.timeToLive !== undefined) this.#assertMayChangeTimeToLive(standing, nowMs);
      if (JSON.stringify(definition) === JSON.stringify(standing.definition)) return standing;
      const next = withDefinition(standing, definition, nowMs);
      return global === undefined
        ? withStatus(next, region)
        : tableUnder(next, nextState(global, standing.definition, definition), region);
    });
    logger.info({ table: name, change }, 'table updated');
    return updated;
  }

  /** What is wrong with the change itself is said first. DDB-TABLE-143 of api-quirks. */
  #assertMayChangeTimeToLive({ definition }: Table, nowMs: number): void {
    const { changedAtMs } = definition.timeToLive ?? {};
    if (changedAtMs === undefined) return;
    if (nowMs < changedAtMs + this.#options.timeToLivePauseMs) throw timeToLiveTooSoon();
  }
}

/** A time to live is all members' own: it is refused in the words of a replica's coming. DDB-TABLE-306 of api-quirks. */
function changing(name: string, global: GlobalTable, change: SharedTableChange): ClientError {
  const coming = Object.entries(global.members).find(([, { phase }]) => isComing(phase));
  return change.timeToLive === undefined || coming === undefined
    ? tableChanging()
    : replicaBeingAdded(name, coming[0]);
}

/** The next state of a table whose definition changes: overrides of what it changes are over. */
const nextState = (
  global: GlobalTable,
  before: TableDefinition,
  after: TableDefinition,
): GlobalTable => withoutOverridden({ ...global, revision: global.revision + 1 }, before, after);

/**
 * A mode or class sent again is answered as if the table were being updated; a key as if nothing were. Source: measured,
 * DDB-TABLE-065, 156 and 177 of api-quirks.
 */
function shownAfter(table: Table, change: SharedTableChange): Table {
  if (change.billingMode !== undefined || change.tableClass !== undefined)
    return { ...table, status: 'UPDATING' };
  return change.encryption === undefined ? table : { ...table, status: 'ACTIVE' };
}
