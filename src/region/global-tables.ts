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
import type { HeardStates } from './heard-states.ts';
import type { ReplicaControl } from './local-region.ts';
import {
  adopted,
  compareStates,
  isComing,
  isSettled,
  newGlobalTable,
  peersOf,
  phaseOf,
  replicaViews,
  survivorsOf,
  tableUnder,
  withHome,
  withMember,
  withPhase,
} from './membership.ts';
import { withOwing } from './paid-copies.ts';
import type { ReplicaChange, ReplicaView } from './region.ts';
import { changedOverrides } from './replica-overrides.ts';
import {
  homeUnreachable,
  needsAutoScaling,
  regionUnsupported,
  replicaBeingAdded,
  replicaExists,
  replicaMissing,
  replicaProtected,
  sourceTooYoung,
  targetUnreachable,
} from './replica-errors.ts';
import { tableChanging } from './table-errors.ts';
import { withDefinition, withReplicaStream } from './table-updates.ts';

const LOST =
  'replica removed: its region has come back without it, on an older disk; it can be added again';

const SOURCE_RULE_MS = 24 * 60 * 60 * 1000;

export interface GlobalTablesOptions {
  readonly region: string;
  /** The regions that can hold a replica, this one included. */
  readonly regions: readonly string[];
  readonly catalogue: Catalogue;
  readonly line: ControlLine;
  readonly states: HeardStates;
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
      isProtected: catalogue.find(name)?.deletionProtection,
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
    if (isComing(own)) return this.#giveUp(table, change);
    if (own === 'draining') return this.#stay(table, change);
    if (own !== 'active') throw tableChanging();
    const request: ChangeRequest = { globalId: table.globalId, change, askedIn: region };
    const home = table.global?.home ?? region;
    if (home === region) return this.#changeHere(request);
    return this.#changeAt(home, table, request);
  }

  /**
   * A replica that is on its way out takes no part in changes. When no other complete member can be reached any more, and
   * it is asked to remove one of them, it is the only one that has the data: it stays, as the home.
   */
  async #stay(table: Table, change: ReplicaChange): Promise<Table> {
    const { catalogue, region, logger } = this.#options;
    const { name, global } = table;
    if (
      global === undefined ||
      change.kind !== 'delete' ||
      phaseOf(global, change.region) === undefined
    )
      throw tableChanging();
    const answers = survivorsOf(global).map(async (member) => this.#isReachable(member));
    if (change.region === region || (await Promise.all(answers)).includes(true))
      throw tableChanging();
    logger.warn({ table: name, lost: change.region }, 'home region taken over; this replica stays');
    return catalogue.change(name, (standing): Table => {
      if (standing?.tableId !== table.tableId || standing.global !== global) throw tableChanging();
      const own = withPhase(withHome(global, region), region, 'active');
      return tableUnder(standing, withPhase(own, change.region, 'evicting'), region);
    });
  }

  /**
   * A replica that is being filled takes no part in changes. When no complete member can be reached any more nobody fills
   * it: asked to remove one of them, it goes itself.
   */
  async #giveUp(table: Table, change: ReplicaChange): Promise<Table> {
    const { catalogue, region, states } = this.#options;
    const { name, global } = table;
    const refusal = replicaBeingAdded(name, region);
    if (global === undefined || change.kind !== 'delete') throw refusal;
    const answers = survivorsOf(global).map(async (member) => this.#isReachable(member));
    if ((await Promise.all(answers)).includes(true)) throw refusal;
    return catalogue.change(name, (standing): Table => {
      if (standing?.tableId !== table.tableId || standing.global !== global) throw refusal;
      return states.leave(standing, global);
    });
  }

  async #changeAt(home: string, table: Table, request: ChangeRequest): Promise<Table> {
    const { line, catalogue } = this.#options;
    const { change } = request;
    const reply = await line.ask(home, 'control.change', request);
    if (reply.kind === 'answered') {
      const { answer } = reply;
      if (answer.kind === 'refused') {
        if (change.kind === 'delete' && (await this.#isWithout(home, table)))
          return this.#replaceHome(table, request);
        throw new ClientError(answer.code, answer.message, { status: answer.status });
      }
      const changed = await catalogue.change(table.name, (standing) =>
        this.#adopted(standing, table, answer),
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

  /** Whether the region says that it has no such table, or none that it shares, and knows of no later state. */
  async #isWithout(region: string, { globalId, tableId, global }: Table): Promise<boolean> {
    if (global === undefined) return false;
    const answer = await this.#options.states.compare(region, [{ globalId, tableId, global }]);
    const isLacking =
      answer?.apart.includes(globalId) === true || answer?.unknown.includes(globalId);
    return isLacking === true && answer?.newer.length === 0;
  }

  /** The home has lost the table: whoever is asked to remove a member is the home from then on, and evicts it. */
  async #replaceHome(table: Table, request: ChangeRequest): Promise<Table> {
    const home = table.global?.home ?? '';
    const taken = await this.#becomeHome(table, (global) => withPhase(global, home, 'evicting'));
    return request.change.region === home ? taken : this.#changeHere(request);
  }

  /** The table as it stands, by a state heard of `table` when that is later and of the same replica. */
  #adopted(
    standing: Table | undefined,
    table: Table,
    { global: heard, definition }: Heard,
  ): Table | undefined {
    const { region, clock } = this.#options;
    const isSame =
      standing?.tableId === table.tableId &&
      standing.global !== undefined &&
      heard.members[region]?.tableId === table.tableId;
    if (!isSame || compareStates(heard, standing.global) <= 0) return standing;
    const changed = withDefinition(standing, definition, clock.wallMs());
    return tableUnder(changed, adopted(standing.global, heard, region), region);
  }

  async #answerChange(request: ChangeRequest): Promise<ChangeAnswer> {
    try {
      const { global, definition } = await this.#changeHere(request);
      if (global === undefined) throw replicaMissing(request.change.region);
      return { kind: 'changed', global, definition };
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      const { code, message, status } = error;
      return { kind: 'refused', code, message, status };
    }
  }

  /** At the home. */
  async #changeHere(request: ChangeRequest): Promise<Table> {
    const { catalogue, region, states, clock, logger } = this.#options;
    const asked = catalogue.byGlobalId(request.globalId);
    if (typeof asked === 'string') throw replicaMissing(request.askedIn);
    await states.claim(asked);
    const found = catalogue.byGlobalId(request.globalId);
    if (typeof found === 'string') throw replicaMissing(request.askedIn);
    const { change, askedIn } = request;
    const isOwn = change.kind === 'delete' && change.region === region;
    if (isOwn) return this.#leave(found);
    if (change.kind === 'update') return this.#override(found, change);
    if (change.kind === 'create') await this.#probe(found, change.region);
    const reachable = change.kind === 'create' || (await this.#mayRemove(found, change.region));
    const changed = await catalogue.change(found.name, (standing): Table => {
      if (standing?.globalId !== request.globalId) throw replicaMissing(askedIn);
      const global = standing.global ?? newGlobalTable(standing, region);
      if (global.home !== region) throw homeUnreachable(global.home);
      if (change.kind === 'delete')
        return tableUnder(standing, this.#removed(global, change.region, reachable), region);
      const next = this.#added(standing, global, { change, askedIn });
      return tableUnder(withReplicaStream(standing, clock.wallMs()), next, region);
    });
    logger.info({ table: found.name, change, askedIn, reachable }, 'replica change accepted');
    return changed;
  }

  async #override(
    { name, globalId }: Table,
    { region: member, overrides }: Extract<ReplicaChange, { kind: 'update' }>,
  ): Promise<Table> {
    const { catalogue, region } = this.#options;
    return catalogue.change(name, (standing): Table => {
      const global = standing?.globalId === globalId ? standing.global : undefined;
      const replica = global?.members[member];
      if (standing === undefined || global === undefined || replica === undefined)
        throw replicaMissing(member);
      if (global.home !== region) throw homeUnreachable(global.home);
      if (!isSettled(global)) throw tableChanging();
      const { overrides: before, ...rest } = replica;
      const after = changedOverrides(before, overrides, standing);
      const next = after === undefined ? rest : { ...rest, overrides: after };
      return tableUnder(standing, withMember(global, member, next), region);
    });
  }

  async #probe(table: Table, region: string): Promise<void> {
    const { line } = this.#options;
    if (table.global?.members[region] !== undefined) throw replicaExists(table.name);
    const request: ProbeRequest = { name: table.name };
    const answer = await line.tryAsk(region, 'control.probe', request);
    if (answer === undefined) throw targetUnreachable(region);
    if (answer.exists) throw replicaExists(table.name);
  }

  /** Whether the member can be reached. Throws `ValidationException` when its replica is protected against deletion. */
  async #mayRemove({ name }: Table, region: string): Promise<boolean> {
    const reply = await this.#options.line.ask(region, 'control.probe', { name });
    if (reply.kind === 'answered' && reply.answer.isProtected === true)
      throw replicaProtected(name, region);
    return reply.kind === 'answered' || reply.kind === 'failed';
  }

  async #isReachable(region: string): Promise<boolean> {
    const request: ProbeRequest = { name: '' };
    const reply = await this.#options.line.ask(region, 'control.probe', request);
    return reply.kind === 'answered' || reply.kind === 'failed';
  }

  #added(
    table: Table,
    global: GlobalTable,
    { change, askedIn }: { change: Extract<ReplicaChange, { kind: 'create' }>; askedIn: string },
  ): GlobalTable {
    const { random, rules } = this.#options;
    const { region, overrides: asked = {} } = change;
    if (phaseOf(global, region) !== undefined) throw replicaExists(table.name);
    if (table.status !== 'ACTIVE' || !isSettled(global)) throw tableChanging();
    if (rules.requireAutoScaling && table.definition.billingMode === 'PROVISIONED')
      throw needsAutoScaling();
    const overrides = changedOverrides(undefined, asked, table);
    return withMember(global, region, {
      tableId: randomUuid(random),
      phase: 'requested',
      source: phaseOf(global, askedIn) === 'active' ? askedIn : global.home,
      addedAtMs: this.#options.clock.wallMs(),
      missed: 0,
      ...(overrides !== undefined && { overrides }),
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
    const { name, globalId } = table;
    return catalogue.change(name, async (standing): Promise<Table> => {
      const global = standing?.globalId === globalId ? standing.global : undefined;
      if (standing === undefined || global === undefined) throw replicaMissing(region);
      if (global.home !== region) throw homeUnreachable(global.home);
      if (standing.status !== 'ACTIVE' || !isSettled(global)) throw tableChanging();
      this.#assertMayLeave(global, region);
      for (const heir of survivorsOf(global).filter((member) => member !== region)) {
        const next = withPhase(withHome(global, heir), region, 'draining');
        const { definition } = standing;
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
  async #takeOver({ name, globalId, global, definition }: TableState): Promise<GlobalTable> {
    const { catalogue, region, clock } = this.#options;
    const taken = await catalogue.change(name, (standing): Table => {
      const held = standing?.globalId === globalId ? standing.global : undefined;
      if (standing === undefined || held === undefined) throw replicaMissing(region);
      if (compareStates(global, held) === 0) return standing;
      const isBuiltOnIt = global.term > held.term && global.revision > held.revision;
      if (!isBuiltOnIt || phaseOf(held, region) !== 'active') throw tableChanging();
      const changed = withDefinition(standing, definition, clock.wallMs());
      return tableUnder(changed, adopted(held, global, region), region);
    });
    return taken.global ?? global;
  }

  /**
   * A complete member has no such table (any more): its region came back on a disk that is older than its replica. What
   * it had made there is made equal among the others, and it can be added again.
   */
  async replicaLost(table: Table, lost: string): Promise<void> {
    const { catalogue, region, states, logger } = this.#options;
    const { name, global } = table;
    const member = global?.members[lost];
    if (global === undefined || member === undefined) return;
    if (global.home !== region && global.home !== lost) return;
    if (global.home === region) await states.claim(table);
    // Without all others' word it stays as it is: one of them may be the home by now.
    else if (!(await states.hear(table))) return;
    await catalogue.change(name, (standing) => {
      const state = standing?.tableId === table.tableId ? standing.global : undefined;
      if (standing === undefined || state?.home !== global.home) return standing;
      const isAsSeen = state.members[lost]?.tableId === member.tableId;
      const mayOrder = phaseOf(state, lost) === 'active' && phaseOf(state, region) === 'active';
      if (!isAsSeen || !mayOrder) return standing;
      logger.error({ table: name, replica: lost }, LOST);
      const own = state.home === region ? state : withHome(state, region);
      return tableUnder(standing, withPhase(own, lost, 'evicting'), region);
    });
  }

  /** Takes the place of a home that cannot be reached. */
  async #becomeHome(table: Table, next: (global: GlobalTable) => GlobalTable): Promise<Table> {
    const { catalogue, region, states, logger } = this.#options;
    await states.hear(table);
    logger.warn({ table: table.name, lost: table.global?.home }, 'home region taken over');
    return catalogue.change(table.name, (standing): Table => {
      const global = standing?.global;
      if (standing === undefined || global === undefined) throw replicaMissing(region);
      if (global.home !== table.global?.home || phaseOf(global, region) !== 'active')
        throw tableChanging();
      const taken = tableUnder(standing, next(withHome(global, region)), region);
      // The home may have removed this region before it was lost, and others have heard it.
      const stay = peersOf(taken.global, region).filter((peer) => peer !== global.home);
      return withOwing(taken, stay);
    });
  }
}

/** A state of a table, with the definition that goes with it. */
type Heard = Pick<TableState, 'definition' | 'global'>;
