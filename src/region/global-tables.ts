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
} from './replica-errors.ts';
import { tableChanging } from './table-errors.ts';
import type { TableHome } from './table-home.ts';

const SOURCE_RULE_MS = 24 * 60 * 60 * 1000;

export interface GlobalTablesOptions {
  readonly region: string;
  /** The regions that can hold a replica, this one included. */
  readonly regions: readonly string[];
  readonly catalogue: Catalogue;
  readonly line: ControlLine;
  readonly home: TableHome;
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
    if (own !== 'active') throw replicaBeingAdded(table.name, region);
    const request: ChangeRequest = { globalId: table.globalId, change, askedIn: region };
    const home = table.global?.home ?? region;
    if (home === region) return this.#changeHere(request);
    return this.#changeAt(home, table, request);
  }

  async #changeAt(home: string, table: Table, request: ChangeRequest): Promise<Table> {
    const { line, catalogue, region, home: worker } = this.#options;
    const answer = await line.tryAsk(home, 'control.change', request);
    if (answer?.kind === 'refused')
      throw new ClientError(answer.code, answer.message, { status: answer.status });
    if (answer?.kind === 'changed')
      return catalogue.change(table.name, (standing) =>
        standing?.globalId === table.globalId ? tableUnder(standing, answer.global, region) : table,
      );
    const { change } = request;
    if (change.kind !== 'delete' || change.region !== home) throw homeUnreachable(home);
    const taken = await this.#becomeHome(table, (global) => withPhase(global, home, 'evicting'));
    worker.wake(taken.name);
    return taken;
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
    const { catalogue, region, home, logger } = this.#options;
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
    home.wake(changed.name);
    return changed;
  }

  async #probe(table: Table, region: string): Promise<void> {
    const { line } = this.#options;
    if (table.global?.members[region] !== undefined) throw replicaExists(table.name);
    const request: ProbeRequest = { name: table.name };
    const answer = await line.tryAsk(region, 'control.probe', request);
    if (answer === undefined) throw homeUnreachable(region);
    if (answer.exists) throw replicaExists(table.name);
  }

  async #isReachable(region: string): Promise<boolean> {
    const request: ProbeRequest = { name: '' };
    return (await this.#options.line.tryAsk(region, 'control.probe', request)) !== undefined;
  }

  #added(
    table: Table,
    global: GlobalTable,
    asked: { region: string; askedIn: string },
  ): GlobalTable {
    const { random, rules } = this.#options;
    if (phaseOf(global, asked.region) !== undefined) throw replicaExists(table.name);
    if (table.status !== 'ACTIVE') throw tableChanging();
    if (rules.requireAutoScaling && table.definition.billingMode === 'PROVISIONED')
      throw needsAutoScaling();
    return withMember(global, asked.region, {
      tableId: randomUuid(random),
      phase: 'requested',
      source: phaseOf(global, asked.askedIn) === 'active' ? asked.askedIn : global.home,
      addedAtMs: this.#options.clock.wallMs(),
    });
  }

  /** A lost region can be removed whatever else goes on; a reachable one in its turn. */
  #removed(global: GlobalTable, region: string, reachable: boolean): GlobalTable {
    const phase = phaseOf(global, region);
    if (phase === undefined) throw replicaMissing(region);
    this.#assertMayLeave(global, region);
    if (!reachable) return withPhase(global, region, 'evicting');
    if (phase !== 'active') throw tableChanging();
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

  /** The home removes itself: another member becomes the home first. */
  async #leave(table: Table): Promise<Table> {
    const { region, line, catalogue } = this.#options;
    const { global } = table;
    if (global === undefined) throw replicaMissing(region);
    if (table.status !== 'ACTIVE') throw tableChanging();
    this.#assertMayLeave(global, region);
    for (const heir of survivorsOf(global).filter((name) => name !== region)) {
      const next = withPhase(withHome(global, heir), region, 'draining');
      const { name, globalId, definition } = table;
      const state: TableState = { name, globalId, definition, global: next };
      const taken = await line.tryAsk(heir, 'control.takeover', state);
      if (taken === undefined) continue;
      return catalogue.change(name, (standing) =>
        standing?.globalId === globalId ? tableUnder(standing, taken, region) : table,
      );
    }
    throw homeUnreachable('that would take its place');
  }

  async #takeOver({ name, globalId, global }: TableState): Promise<GlobalTable> {
    const { catalogue, region, home } = this.#options;
    const taken = await catalogue.change(name, (standing): Table => {
      if (standing?.globalId !== globalId) throw replicaMissing(region);
      return tableUnder(standing, global, region);
    });
    home.wake(name);
    return taken.global ?? global;
  }

  /** Takes the place of a home that cannot be reached. */
  async #becomeHome(table: Table, next: (global: GlobalTable) => GlobalTable): Promise<Table> {
    const { catalogue, region, logger } = this.#options;
    logger.warn({ table: table.name, lost: table.global?.home }, 'home region taken over');
    return catalogue.change(table.name, (standing): Table => {
      const global = standing?.global;
      if (standing === undefined || global === undefined) throw replicaMissing(region);
      return tableUnder(standing, next(withHome(global, region)), region);
    });
  }
}
