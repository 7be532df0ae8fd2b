import type { Clock } from '../base/clock.ts';
import { randomUuid, type Random } from '../base/random.ts';
import type { Service } from '../base/service.ts';
import { ClientError } from '../model/errors.ts';
import type { GlobalTable, Table } from '../model/table.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Catalogue } from './catalogue.ts';
import type { ControlLine } from './control-line.ts';
import type {
  ChangeAnswer,
  ChangeRequest,
  ProbeAnswer,
  ProbeRequest,
  TableState,
} from './control-wire.ts';
import type { ReplicaControl } from './local-region.ts';
import {
  adopted,
  compareStates,
  isSettled,
  newGlobalTable,
  phaseOf,
  replicaViews,
  survivorsOf,
  tableUnder,
  withHome,
  withMember,
  withPhase,
} from './membership.ts';
import type { ReplicaChange, ReplicaView } from './region.ts';
import {
  homeUnreachable,
  needsAutoScaling,
  regionUnsupported,
  replicaBeingAdded,
  replicaExists,
  replicaMissing,
  sourceTooYoung,
  targetUnreachable,
} from './replica-errors.ts';
import { tableChanging } from './table-errors.ts';

const SOURCE_RULE_MS = 24 * 60 * 60 * 1000;

export interface GlobalTablesOptions {
  readonly region: string;
  /** The regions that can hold a replica, this one included. */
  readonly regions: readonly string[];
  readonly catalogue: Catalogue;
  readonly line: ControlLine;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly rules: ReplicaRules;
}

/** AWS's own rules that a lab rarely wants. */
export interface ReplicaRules {
  /** A region that sourced a replica stays for 24 hours. */
  readonly sourceStays24Hours: boolean;
  /** A PROVISIONED table needs auto scaling, which is not there: it is refused. */
  readonly requireAutoScaling: boolean;
}

/**
 * Requests to change the members of global tables. Any member takes them; the table's home orders them. A home that is
 * lost is removed by whoever is asked to: that region is the home from then on, in a later term.
 */
export class GlobalTables implements ReplicaControl, Service {
  readonly #options: GlobalTablesOptions;

  constructor(options: GlobalTablesOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { line, catalogue } = this.#options;
    line.serve('control.change', async (request) => this.#answerChange(request));
    line.serve('control.probe', async ({ name }): Promise<ProbeAnswer> => ({
      exists: catalogue.find(name) !== undefined,
    }));
    line.serve('control.takeover', async (state) => this.#takeOver(state));
  }

  async stop(): Promise<void> {
    this.#options.line.close();
  }

  view(table: Table): readonly ReplicaView[] {
    return table.global === undefined ? [] : replicaViews(table.global, this.#options.region);
  }

  async change(table: Table, change: ReplicaChange): Promise<Table> {
    const { region, regions } = this.#options;
    if (!regions.includes(change.region)) throw regionUnsupported(change.region, regions);
    const own = table.global === undefined ? 'active' : phaseOf(table.global, region);
    if (own === 'preparing' || own === 'copying') throw replicaBeingAdded(table.name, region);
    if (own !== 'active') throw tableChanging();
    const request: ChangeRequest = { globalId: table.globalId, change, askedIn: region };
    const home = table.global?.home ?? region;
    if (home === region) return this.#changeHere(request);
    return this.#changeAt(home, table, request);
  }

  async #changeAt(home: string, table: Table, request: ChangeRequest): Promise<Table> {
    const { line, catalogue } = this.#options;
    const { change } = request;
    const reply = await line.ask(home, 'control.change', request);
    if (reply.kind === 'answered') {
      const { answer } = reply;
      if (answer.kind === 'refused')
        throw new ClientError(answer.code, answer.message, { status: answer.status });
      const changed = await catalogue.change(table.name, (standing) =>
        this.#adopted(standing, table, answer.global),
      );
      return changed ?? table;
    }
    const isLeaving = change.kind === 'delete' && change.region === home;
    // A home that is only slow may have moved on: its place is for another only when it is lost.
    const isLost =
      reply.kind === 'unreachable' || (reply.kind === 'silent' && !(await this.#isReachable(home)));
    if (!isLeaving || !isLost) throw homeUnreachable(home);
    return this.#becomeHome(table, (global) => withPhase(global, home, 'evicting'));
  }

  /** The table as it stands, by a state heard of `table` when that is later and of the same replica. */
  #adopted(standing: Table | undefined, table: Table, heard: GlobalTable): Table | undefined {
    const { region } = this.#options;
    const isSame =
      standing?.tableId === table.tableId &&
      standing.global !== undefined &&
      heard.members[region]?.tableId === table.tableId;
    if (!isSame || compareStates(heard, standing.global) <= 0) return standing;
    return tableUnder(standing, adopted(standing.global, heard, region), region);
  }

  async #answerChange(request: ChangeRequest): Promise<ChangeAnswer> {
    try {
      const { global } = await this.#changeHere(request);
      if (global === undefined) throw replicaMissing(request.change.region);
      return { kind: 'changed', global };
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      const { code, message, status } = error;
      return { kind: 'refused', code, message, status };
    }
  }

  /** At the home. */
  async #changeHere(request: ChangeRequest): Promise<Table> {
    const { catalogue, region, logger } = this.#options;
    const found = catalogue.byGlobalId(request.globalId);
    if (typeof found === 'string') throw replicaMissing(request.askedIn);
    const { change, askedIn } = request;
    const isOwn = change.kind === 'delete' && change.region === region;
    if (isOwn) return this.#leave(found);
    if (change.kind === 'create') await this.#probe(found, change.region);
    const reachable = change.kind === 'create' || (await this.#isReachable(change.region));
    const changed = await catalogue.change(found.name, (standing): Table => {
      if (standing?.globalId !== request.globalId) throw replicaMissing(askedIn);
      const global = standing.global ?? newGlobalTable(standing, region);
      if (global.home !== region) throw homeUnreachable(global.home);
      const next =
        change.kind === 'create'
          ? this.#added(standing, global, { region: change.region, askedIn })
          : this.#removed(global, change.region, reachable);
      return tableUnder(standing, next, region);
    });
    logger.info({ table: found.name, change, askedIn, reachable }, 'replica change accepted');
    return changed;
  }

  async #probe(table: Table, region: string): Promise<void> {
    const { line } = this.#options;
    if (table.global?.members[region] !== undefined) throw replicaExists(table.name);
    const request: ProbeRequest = { name: table.name };
    const answer = await line.tryAsk(region, 'control.probe', request);
    if (answer === undefined) throw targetUnreachable(region);
    if (answer.exists) throw replicaExists(table.name);
  }

  async #isReachable(region: string): Promise<boolean> {
    const request: ProbeRequest = { name: '' };
    const reply = await this.#options.line.ask(region, 'control.probe', request);
    return reply.kind === 'answered' || reply.kind === 'failed';
  }

  #added(
    table: Table,
    global: GlobalTable,
    asked: { region: string; askedIn: string },
  ): GlobalTable {
    const { random, rules } = this.#options;
    if (phaseOf(global, asked.region) !== undefined) throw replicaExists(table.name);
    if (table.status !== 'ACTIVE' || !isSettled(global)) throw tableChanging();
    if (rules.requireAutoScaling && table.definition.billingMode === 'PROVISIONED')
      throw needsAutoScaling();
    return withMember(global, asked.region, {
      tableId: randomUuid(random),
      phase: 'requested',
      source: phaseOf(global, asked.askedIn) === 'active' ? asked.askedIn : global.home,
      addedAtMs: this.#options.clock.wallMs(),
      missed: 0,
    });
  }

  /**
   * A lost region can be removed whatever else goes on, a reachable one in its turn. One that has only just been asked
   * for holds nothing yet.
   */
  #removed(global: GlobalTable, region: string, reachable: boolean): GlobalTable {
    const phase = phaseOf(global, region);
    if (phase === undefined) throw replicaMissing(region);
    if (phase === 'requested') return withMember(global, region, undefined);
    if (!reachable) return withPhase(global, region, 'evicting');
    if (phase === 'preparing') return withPhase(global, region, 'deleting');
    if (!isSettled(global)) throw tableChanging();
    this.#assertMayLeave(global, region);
    return withPhase(global, region, 'draining');
  }

  #assertMayLeave(global: GlobalTable, region: string): void {
    const { rules, clock } = this.#options;
    if (!rules.sourceStays24Hours) return;
    const since = clock.wallMs() - SOURCE_RULE_MS;
    const sourced = Object.entries(global.members).some(
      ([name, { source, addedAtMs }]) => name !== region && source === region && addedAtMs > since,
    );
    if (sourced) throw sourceTooYoung();
  }

  /**
   * The home removes itself: another member becomes the home first. That is within the table's turn, so that the state
   * that is handed over is the last one. An heir that did not answer may have taken over: no other is asked then.
   */
  async #leave(table: Table): Promise<Table> {
    const { region, line, catalogue } = this.#options;
    const { name, globalId, definition } = table;
    return catalogue.change(name, async (standing): Promise<Table> => {
      const global = standing?.globalId === globalId ? standing.global : undefined;
      if (standing === undefined || global === undefined) throw replicaMissing(region);
      if (global.home !== region) throw homeUnreachable(global.home);
      if (standing.status !== 'ACTIVE' || !isSettled(global)) throw tableChanging();
      this.#assertMayLeave(global, region);
      for (const heir of survivorsOf(global).filter((member) => member !== region)) {
        const next = withPhase(withHome(global, heir), region, 'draining');
        const state: TableState = { name, globalId, definition, global: next };
        const reply = await line.ask(heir, 'control.takeover', state);
        if (reply.kind === 'silent') break;
        if (reply.kind !== 'answered') continue;
        return tableUnder(standing, adopted(global, reply.answer, region), region);
      }
      throw homeUnreachable('that would take its place');
    });
  }

  /** Refuses a state that was not built on the latest that this region knows. */
  async #takeOver({ name, globalId, global }: TableState): Promise<GlobalTable> {
    const { catalogue, region } = this.#options;
    const taken = await catalogue.change(name, (standing): Table => {
      const held = standing?.globalId === globalId ? standing.global : undefined;
      if (standing === undefined || held === undefined) throw replicaMissing(region);
      if (compareStates(global, held) === 0) return standing;
      const isBuiltOnIt = global.term > held.term && global.revision > held.revision;
      if (!isBuiltOnIt || phaseOf(held, region) !== 'active') throw tableChanging();
      return tableUnder(standing, adopted(held, global, region), region);
    });
    return taken.global ?? global;
  }

  /** Takes the place of a home that cannot be reached. */
  async #becomeHome(table: Table, next: (global: GlobalTable) => GlobalTable): Promise<Table> {
    const { catalogue, region, logger } = this.#options;
    logger.warn({ table: table.name, lost: table.global?.home }, 'home region taken over');
    return catalogue.change(table.name, (standing): Table => {
      const global = standing?.global;
      if (standing === undefined || global === undefined) throw replicaMissing(region);
      if (global.home !== table.global?.home || phaseOf(global, region) !== 'active')
        throw tableChanging();
      return tableUnder(standing, next(withHome(global, region)), region);
    });
  }
}
