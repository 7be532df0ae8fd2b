import type { Clock } from '../base/clock.ts';
import type { Service } from '../base/service.ts';
import type { GlobalTable, Table } from '../model/table.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Catalogue } from './catalogue.ts';
import type { ControlLine } from './control-line.ts';
import type { CompareAnswer, CompareRequest, StateAnswer, TableState } from './control-wire.ts';
import type { CopyJobs } from './copy-jobs.ts';
import { adopted, compareStates, peersOf, phaseOf, tableUnder } from './membership.ts';
import type { ReplicationSeams } from './replication-seams.ts';

/** How often a region compares what it holds with each peer, so that whoever was away hears of what it missed. */
const compareMs = 2000;

const RELEASED =
  'no longer a member of the global table: this replica is a table of its own, with all that it holds';

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
  readonly copyJobs: CopyJobs;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly statusMs: number;
  readonly dropItems: (tableNumber: number) => Promise<void>;
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
  /** Per table, the peers that were last heard to have no part in it with this region. */
  readonly #apart = new Map<string, Set<string>>();

  constructor(options: TableMemberOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { line, copyJobs, catalogue, regions, region } = this.#options;
    line.serve('control.table', async (state) => this.#take(state));
    line.serve('control.scan', async (request) => copyJobs.ask(request));
    line.serve('control.compare', async (request, from) => this.#compare(request, from));
    for (const table of catalogue.all) this.#deleteIfDue(table);
    for (const peer of regions) if (peer !== region) this.#own(this.#compareWith(peer));
    this.#own(this.#payWhatIsOwed());
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.allSettled(this.#running);
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
    const table = await this.#adopt(state);
    if (table !== undefined) this.#deleteIfDue(table);
    const { seams, region } = this.#options;
    const global = table?.global;
    const ends = this.#endsFor(state.globalId, global);
    const peers = global === undefined ? [] : peersOf(global, region);
    return {
      holds: global,
      ends,
      watermarks: seams.watermarks(),
      undrained: peers.filter((peer) => !seams.isAcknowledged(peer, ends)),
    };
  }

  /** While this region drains the ends stand still: they are those of the first asking. */
  #endsFor(globalId: string, global: GlobalTable | undefined): readonly number[] {
    const ends = this.#options.seams.ends();
    if (global === undefined || phaseOf(global, this.#options.region) !== 'draining') {
      this.#drainEnds.delete(globalId);
      return ends;
    }
    const first = this.#drainEnds.get(globalId) ?? ends;
    this.#drainEnds.set(globalId, first);
    return first;
  }

  /** Undefined when this region has no such table, and is to have none. */
  async #adopt(state: TableState): Promise<Table | undefined> {
    const { catalogue, region, clock, logger } = this.#options;
    const { name, globalId, definition, global } = state;
    const member = global.members[region];
    return catalogue.change(name, (standing): Table | undefined => {
      if (standing !== undefined && standing.globalId !== globalId) return standing;
      if (standing !== undefined) {
        if (standing.global === undefined) return standing;
        if (member === undefined) return this.#released(standing, global);
        const next = adopted(standing.global, global, region);
        return next === standing.global ? standing : tableUnder(standing, next, region);
      }
      if (member === undefined || (member.phase !== 'preparing' && member.phase !== 'copying'))
        return undefined;
      logger.info({ table: name, home: global.home }, 'replica being created here');
      return tableUnder(
        {
          number: 0,
          name,
          tableId: member.tableId,
          globalId,
          createdAtMs: clock.wallMs(),
          status: 'CREATING',
          definition,
          global,
        },
        adopted(undefined, global, region),
        region,
      );
    });
  }

  /** A later state without this region: it was removed while it could not be reached, and is regional now. */
  #released(table: Table, heard: GlobalTable): Table {
    const { global } = table;
    if (global === undefined || compareStates(heard, global) <= 0) return table;
    this.#options.logger.warn({ table: table.name, home: heard.home }, RELEASED);
    return { ...table, status: 'ACTIVE', global: undefined };
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
        await dropItems(table.number);
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
    const { line, clock, catalogue } = this.#options;
    while (!this.#stopped.signal.aborted) {
      await clock.sleep(compareMs, this.#stopped.signal);
      const shared = catalogue.all.flatMap(({ globalId, global }) =>
        global === undefined ? [] : [{ globalId, global }],
      );
      if (shared.length === 0) continue;
      const tables = shared.map(({ globalId, global }) => {
        const { term, revision, home } = global;
        return { globalId, term, revision, home };
      });
      const answer = await line.tryAsk(peer, 'control.compare', { tables });
      if (answer === undefined) continue;
      for (const state of answer.newer) await this.#take(state);
      const heard = new Set(answer.newer.map(({ globalId }) => globalId));
      for (const { globalId, global } of shared) {
        const isApart = global.members[peer] === undefined && !heard.has(globalId);
        this.#noteApart(globalId, peer, isApart || answer.apart.includes(globalId));
        await this.#releaseIfAlone(globalId);
      }
    }
  }

  #noteApart(globalId: string, peer: string, isApart: boolean): void {
    const apart = this.#apart.get(globalId) ?? new Set();
    if (isApart) apart.add(peer);
    else apart.delete(peer);
    this.#apart.set(globalId, apart);
  }

  /**
   * The home, and every other region, has this table as its own or not any more: this region was removed while it could
   * not be reached, and no state is kept that says so. Each region is asked, because the table may have moved on to
   * members that this region has not heard of.
   */
  async #releaseIfAlone(globalId: string): Promise<void> {
    const { catalogue, regions, region, logger } = this.#options;
    const apart = this.#apart.get(globalId);
    const table = catalogue.byGlobalId(globalId);
    if (typeof table === 'string') {
      this.#apart.delete(globalId);
      return;
    }
    if (!regions.every((name) => name === region || apart?.has(name) === true)) return;
    await catalogue.change(table.name, (standing) => {
      const global = standing?.globalId === globalId ? standing.global : undefined;
      if (standing === undefined || global === undefined) return standing;
      if (global.home === region || phaseOf(global, region) === 'deleting') return standing;
      logger.warn({ table: table.name, home: global.home }, RELEASED);
      return { ...standing, status: 'ACTIVE', global: undefined };
    });
  }

  /** Answers with every state that is later than the asker's, also where the asker is no member any more. */
  async #compare(request: CompareRequest, from: string): Promise<CompareAnswer> {
    const { catalogue } = this.#options;
    const newer = request.tables.flatMap(({ globalId, term, revision, home }): TableState[] => {
      const table = catalogue.byGlobalId(globalId);
      if (typeof table === 'string' || table.global === undefined) return [];
      const { name, definition, global } = table;
      const asked: GlobalTable = { home, term, revision, members: {}, owesScanTo: [] };
      const isForAsker = phaseOf(global, from) !== 'requested';
      return isForAsker && compareStates(global, asked) > 0
        ? [{ name, globalId, definition, global }]
        : [];
    });
    const apart = request.tables
      .map(({ globalId }) => globalId)
      .filter((globalId) => {
        const table = catalogue.byGlobalId(globalId);
        return table === 'gone' || (table !== 'unknown' && table.global === undefined);
      });
    return { newer, apart };
  }

  async #payWhatIsOwed(): Promise<void> {
    const { catalogue, clock, copyJobs } = this.#options;
    while (!this.#stopped.signal.aborted) {
      await clock.sleep(owedMs, this.#stopped.signal);
      for (const { name, globalId, global } of catalogue.all) {
        for (const target of global?.owesScanTo ?? []) {
          const ticket = `owed ${global?.members[target]?.tableId ?? ''} ${global?.term ?? 0}`;
          const { state } = copyJobs.ask({
            globalId,
            target,
            ticket,
            awaits: {},
            only: undefined,
            authoritative: false,
          });
          if (state === 'done') await this.#paid(name, globalId, target);
        }
      }
    }
  }

  async #paid(name: string, globalId: string, target: string): Promise<void> {
    await this.#options.catalogue.change(name, (standing) => {
      if (standing?.globalId !== globalId || standing.global === undefined) return standing;
      const owesScanTo = standing.global.owesScanTo.filter((peer) => peer !== target);
      return { ...standing, global: { ...standing.global, owesScanTo } };
    });
  }
}
