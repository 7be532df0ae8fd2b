import type { Clock } from '../base/clock.ts';
import type { Service } from '../base/service.ts';
import type { Debt, GlobalTable, MemberStarts, Table } from '../model/table.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Catalogue } from './catalogue.ts';
import type { ControlLine } from './control-line.ts';
import type { CompareAnswer, CompareRequest, StateAnswer, TableState } from './control-wire.ts';
import type { CopyJobs } from './copy-jobs.ts';
import type { HeardStates } from './heard-states.ts';
import { awaitedEnds } from './member-starts.ts';
import { compareStates, peersOf, phaseOf } from './membership.ts';
import { withoutOwing, withPaid } from './paid-copies.ts';
import type { ReplicationSeams } from './replication-seams.ts';
import { dropTableItems } from './table-lifecycle.ts';

/** How often a region compares what it holds with each peer, so that whoever was away hears of what it missed. */
const compareMs = 2000;

/** Pause before a replica that could not be deleted is tried again. */
const retryMs = 500;

/** How often a copy that is owed is looked after. */
const owedMs = 100;

export interface TableMemberOptions {
  readonly region: string;
  readonly regions: readonly string[];
  readonly catalogue: Catalogue;
  readonly line: ControlLine;
  readonly seams: ReplicationSeams;
  readonly states: HeardStates;
  readonly copyJobs: CopyJobs;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly statusMs: number;
  readonly dropItems: (tableNumber: number) => Promise<void>;
  /** A peer that is a complete member of the table does not have it. */
  readonly onReplicaLost: (table: Table, peer: string) => Promise<void>;
}

/**
 * This region as a member of global tables: it takes over the state that a home sends, creates and deletes its own
 * replica by it, says how far it is, and pays the copies that it owes.
 */
export class TableMember implements Service {
  readonly #options: TableMemberOptions;
  readonly #stopped = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #deleting = new Set<string>();
  /** Per table and member on its way out, the ends when this region began to refuse writes. */
  readonly #drainEnds = new Map<string, readonly number[]>();
  /** Per incarnation of a table here, the peers that were last heard to have no part in it with this region. */
  readonly #apart = new Map<string, Set<string>>();
  /** Per ticket of a member that is back, where its logs ended: what it had made until then is to be told from what came later. */
  readonly #endsBack = new Map<string, readonly number[]>();
  #unlisten = (): void => {};

  constructor(options: TableMemberOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { line, copyJobs, catalogue, regions, region } = this.#options;
    line.serve('control.table', async (state) => this.#take(state));
    line.serve('control.scan', async (request) => copyJobs.ask(request));
    line.serve('control.compare', async (request, from) => this.#compare(request, from));
    this.#unlisten = catalogue.onChange((before, after) => {
      if (before !== undefined && before.tableId !== after?.tableId)
        this.#apart.delete(before.tableId);
      if (after !== undefined) this.#deleteIfDue(after);
    });
    for (const table of catalogue.all) this.#deleteIfDue(table);
    for (const peer of regions) if (peer !== region) this.#own(this.#compareWith(peer));
    this.#own(this.#payWhatIsOwed());
  }

  async stop(): Promise<void> {
    this.#unlisten();
    this.#stopped.abort();
    await Promise.allSettled(this.#running);
  }

  #isStopped(): boolean {
    return this.#stopped.signal.aborted;
  }

  #own(loop: Promise<void>): void {
    const running = loop
      .catch((error: unknown) => {
        this.#options.logger.error({ error }, 'a loop of global tables has ended');
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async #take(state: TableState): Promise<StateAnswer> {
    const { seams, region, states } = this.#options;
    const table = await states.adopt(state);
    const global = table?.globalId === state.globalId ? table.global : undefined;
    // From here on every leader keeps the tombstones of a table that is shared, and refuses writes of one that goes.
    if (global !== undefined) await seams.leadersKnow();
    const ends = await this.#endsFor(state.globalId, global, table?.memberStarts);
    const peers = global === undefined ? [] : peersOf(global, region);
    return {
      holds: global,
      definition: global === undefined ? undefined : table?.definition,
      ends,
      watermarks: withoutOwing(global === undefined ? undefined : table, seams.watermarks()),
      undrained: peers.filter((peer) => !seams.isAcknowledged(peer, ends)),
      unplaced: peers.filter((peer) => !seams.isPlaced(peer)),
    };
  }

  /** While this region drains the ends stand still: they are those of the first asking, behind all that was under way. */
  async #endsFor(
    globalId: string,
    global: GlobalTable | undefined,
    starts: MemberStarts | undefined,
  ): Promise<readonly number[]> {
    const { seams, region } = this.#options;
    if (global === undefined || phaseOf(global, region) !== 'draining') {
      this.#drainEnds.delete(globalId);
      return awaitedEnds(seams.ends(), starts);
    }
    const settled = this.#drainEnds.get(globalId) ?? (await seams.settledEnds());
    const first = this.#drainEnds.get(globalId) ?? settled;
    this.#drainEnds.set(globalId, first);
    return first;
  }

  #deleteIfDue(table: Table): void {
    const { region } = this.#options;
    const isDue = table.global !== undefined && phaseOf(table.global, region) === 'deleting';
    if (!isDue || this.#deleting.has(table.tableId)) return;
    this.#deleting.add(table.tableId);
    this.#own(this.#delete(table));
  }

  async #delete(table: Table): Promise<void> {
    const { catalogue, clock, statusMs, dropItems, logger } = this.#options;
    await clock.sleep(statusMs, this.#stopped.signal);
    while (!this.#stopped.signal.aborted) {
      try {
        await dropTableItems(table, dropItems);
        await catalogue.change(table.name, (standing) =>
          standing?.tableId === table.tableId ? undefined : standing,
        );
        logger.info({ table: table.name }, 'replica deleted here');
        break;
      } catch (error) {
        // The home needs not ask again: it may have removed this member already.
        logger.warn({ error, table: table.name }, 'replica not deleted and will be tried again');
        await clock.sleep(retryMs, this.#stopped.signal);
      }
    }
    this.#deleting.delete(table.tableId);
  }

  async #compareWith(peer: string): Promise<void> {
    const { clock, logger } = this.#options;
    while (!this.#stopped.signal.aborted) {
      await clock.sleep(compareMs, this.#stopped.signal);
      try {
        await this.#compareOnce(peer);
      } catch (error) {
        if (this.#isStopped()) return;
        logger.warn({ error, peer }, 'global tables not compared, and will be tried again');
      }
    }
  }

  async #compareOnce(peer: string): Promise<void> {
    const { states, catalogue, onReplicaLost } = this.#options;
    const shared = states.shared();
    if (shared.length === 0) return;
    const answer = await states.compare(peer, shared, this.#stopped.signal);
    if (answer === undefined) return;
    const heard = new Set(answer.newer.map(({ globalId }) => globalId));
    for (const { globalId, tableId, global } of shared) {
      const table = catalogue.byGlobalId(globalId);
      if (typeof table === 'string' || table.tableId !== tableId) continue;
      const isApart = global.members[peer] === undefined && !heard.has(globalId);
      this.#noteApart(tableId, peer, isApart || answer.apart.includes(globalId));
      await this.#leaveIfAlone(table);
      const lacks = answer.apart.includes(globalId) || answer.unknown.includes(globalId);
      const standing = catalogue.byGlobalId(globalId);
      if (!lacks || typeof standing === 'string' || standing.global !== global) continue;
      if (phaseOf(global, peer) === 'active') await onReplicaLost(standing, peer);
    }
  }

  #noteApart(tableId: string, peer: string, isApart: boolean): void {
    const apart = this.#apart.get(tableId) ?? new Set();
    if (isApart) apart.add(peer);
    else apart.delete(peer);
    this.#apart.set(tableId, apart);
  }

  /**
   * The home, and every other region, has this table as its own or not any more: this region was removed while it could
   * not be reached, and no state is kept that says so. Each region is asked, because the table may have moved on to
   * members that this region has not heard of; but of two that are both being evicted neither waits for the other.
   */
  async #leaveIfAlone({ name, tableId, global }: Table): Promise<void> {
    const { catalogue, regions, region, states } = this.#options;
    const apart = this.#apart.get(tableId);
    const isEvicted = (member: string): boolean =>
      global !== undefined && phaseOf(global, member) === 'evicting';
    const isApart = (other: string): boolean =>
      apart?.has(other) === true || (isEvicted(region) && isEvicted(other));
    if (!regions.every((other) => other === region || isApart(other))) return;
    await catalogue.change(name, (standing) =>
      standing?.tableId === tableId &&
      standing.global !== undefined &&
      standing.global.home !== region
        ? states.leave(standing, standing.global)
        : standing,
    );
    if (catalogue.find(name)?.global === undefined) this.#apart.delete(tableId);
  }

  /** Answers with every state that is later than the asker's, also where the asker is no member any more. */
  async #compare(request: CompareRequest, from: string): Promise<CompareAnswer> {
    const { catalogue } = this.#options;
    this.#own(this.#notePaid(request, from));
    const newer = request.tables.flatMap(({ globalId, term, revision, home }): TableState[] => {
      const table = catalogue.byGlobalId(globalId);
      const state = typeof table === 'string' ? catalogue.endedState(globalId) : lastStateOf(table);
      if (state === undefined) return [];
      const { global } = state;
      const asked: GlobalTable = { home, term, revision, members: {}, debts: [] };
      const isForAsker = phaseOf(global, from) !== 'requested';
      return isForAsker && compareStates(global, asked) > 0 ? [state] : [];
    });
    const apart = request.tables
      .map(({ globalId }) => globalId)
      .filter((globalId) => {
        const table = catalogue.byGlobalId(globalId);
        return table === 'gone' || (table !== 'unknown' && table.global === undefined);
      });
    const unknown = request.tables
      .map(({ globalId }) => globalId)
      .filter((globalId) => catalogue.byGlobalId(globalId) === 'unknown');
    return { newer, apart, unknown };
  }

  /** Not awaited by whoever says it: it is said again. */
  async #notePaid({ tables }: CompareRequest, from: string): Promise<void> {
    const { catalogue, logger } = this.#options;
    for (const { globalId, paid } of tables) {
      const table = catalogue.byGlobalId(globalId);
      if (paid === undefined || typeof table === 'string') continue;
      if (withPaid(table, from, paid) === table) continue;
      try {
        await catalogue.change(table.name, (standing) =>
          standing?.globalId === globalId ? withPaid(standing, from, paid) : standing,
        );
      } catch (error) {
        if (this.#isStopped()) return;
        logger.warn({ error, table: table.name, from }, 'a copy that was paid is not noted');
      }
    }
  }

  async #payWhatIsOwed(): Promise<void> {
    const { catalogue, clock, logger } = this.#options;
    while (!this.#stopped.signal.aborted) {
      await clock.sleep(owedMs, this.#stopped.signal);
      for (const table of catalogue.all)
        for (const debt of table.global?.debts ?? []) {
          try {
            await this.#pay(table, debt);
          } catch (error) {
            if (this.#isStopped()) return;
            logger.warn({ error, table: table.name, debt }, 'a copy that is owed is not yet paid');
          }
        }
    }
  }

  /**
   * The ticket is the debt's own: a copy that was sent for an older one may lack what this one is for. A member that is
   * back gets a second copy, which tells what is deleted: of all that it had made by then.
   */
  async #pay({ name, globalId, global }: Table, debt: Debt): Promise<void> {
    const { catalogue, copyJobs, seams } = this.#options;
    const { to, term, revision } = debt;
    const ticket = `owed ${term}.${revision} ${global?.members[to]?.tableId ?? ''}`;
    const asked = { globalId, target: to, ticket, awaits: {}, only: undefined };
    if (copyJobs.ask({ ...asked, authoritative: false }).state !== 'done') return;
    if (debt.isBack === true) {
      const ends =
        this.#endsBack.get(ticket) ?? (await seams.advancedEnds(to, this.#stopped.signal));
      this.#endsBack.set(ticket, ends);
      const again = { ...asked, ticket: `${ticket} deleted`, awaits: { [to]: ends } };
      if (copyJobs.ask({ ...again, authoritative: true }).state !== 'done') return;
      this.#endsBack.delete(ticket);
    }
    await catalogue.change(name, (standing) => {
      if (standing?.globalId !== globalId || standing.global === undefined) return standing;
      const debts = standing.global.debts.filter(
        (other) => other.to !== to || other.term !== term || other.revision !== revision,
      );
      return { ...standing, global: { ...standing.global, debts } };
    });
  }
}

function lastStateOf({
  name,
  globalId,
  definition,
  global,
  parted,
}: Table): TableState | undefined {
  const state = global ?? parted;
  return state === undefined ? undefined : { name, globalId, definition, global: state };
}
