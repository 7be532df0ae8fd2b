import type { Clock } from '../base/clock.ts';
import { randomUuid, type Random } from '../base/random.ts';
import type { GlobalTable, Table } from '../model/table.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Catalogue } from './catalogue.ts';
import type { ControlLine } from './control-line.ts';
import type { CompareAnswer, CompareRequest, TableState } from './control-wire.ts';
import { adopted, compareStates, leftOut, tableUnder, withHome } from './membership.ts';
import { paidTo } from './paid-copies.ts';
import { bornTable, withDefinition } from './table-updates.ts';

const RELEASED =
  'no longer a member of the global table: this replica is a table of its own, with all that it holds';
const ABANDONED =
  'no longer a member of the global table: this replica, not filled yet, is deleted';

export interface HeardStatesOptions {
  readonly region: string;
  /** All regions, this one included. */
  readonly regions: readonly string[];
  readonly catalogue: Catalogue;
  readonly line: ControlLine;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** A table of this region as it was when a peer was asked about it. */
export interface AskedTable {
  readonly globalId: string;
  readonly tableId: string;
  readonly global: GlobalTable;
}

/** What this region makes of the control states of tables that it hears of, and how it asks for them. */
export class HeardStates {
  readonly #options: HeardStatesOptions;
  /** Per global id, the asking before the first change that this region orders in this life of the process. */
  readonly #claims = new Map<string, Promise<void>>();

  constructor(options: HeardStatesOptions) {
    this.#options = options;
  }

  /**
   * Takes a state over when it is later than the one that is held. Resolves with the table as it stands then; undefined
   * when this region has no such table, and is to have none.
   */
  async adopt(state: TableState): Promise<Table | undefined> {
    const { catalogue, region, clock } = this.#options;
    const { name, globalId, global } = state;
    return catalogue.change(name, (standing): Table | undefined => {
      if (standing === undefined) return this.#created(state);
      if (standing.globalId !== globalId) return standing;
      const held = standing.global ?? standing.parted;
      if (held !== undefined && compareStates(global, held) <= 0) return standing;
      const isMember = global.members[region]?.tableId === standing.tableId;
      if (!isMember || standing.global === undefined) return this.leave(standing, global);
      const heard = withDefinition(standing, state.definition, clock.wallMs());
      return tableUnder(heard, adopted(standing.global, global, region), region);
    });
  }

  /**
   * A replica begins where a member is first told of. That it is further on, and not here, shows an older disk: its
   * home hears that it is not here.
   */
  #created({ name, globalId, definition, global }: TableState): Table | undefined {
    const { region, clock, logger } = this.#options;
    const member = global.members[region];
    if (member?.phase !== 'preparing') return undefined;
    logger.info({ table: name, home: global.home }, 'replica being created here');
    const created: Table = {
      number: 0,
      name,
      tableId: member.tableId,
      globalId,
      createdAtMs: clock.wallMs(),
      status: 'CREATING',
      definition,
      global,
      parted: undefined,
    };
    return tableUnder(bornTable(created), adopted(undefined, global, region), region);
  }

  /** What becomes of a table here whose region is no member of it by `heard`: it was removed while it was away. */
  leave(table: Table, heard: GlobalTable): Table {
    const { region, random, logger } = this.#options;
    const next = leftOut(table, heard, { region, globalId: randomUuid(random) });
    if (next !== table)
      logger.warn(
        { table: table.name, home: heard.home },
        next.global === undefined ? RELEASED : ABANDONED,
      );
    return next;
  }

  /** The tables that this region shares with anybody. */
  shared(): readonly AskedTable[] {
    return this.#options.catalogue.all.flatMap(({ globalId, tableId, global }) =>
      global === undefined ? [] : [{ globalId, tableId, global }],
    );
  }

  /** Asks a peer about `tables`, and takes over what is later there. Undefined when it does not answer. */
  async compare(
    peer: string,
    tables: readonly AskedTable[],
    signal?: AbortSignal,
  ): Promise<CompareAnswer | undefined> {
    const asked = tables.map(({ globalId, global }) => {
      const { term, revision, home } = global;
      const paid = paidTo(global, this.#options.region, peer);
      return { globalId, term, revision, home, paid };
    });
    return this.#ask(peer, { tables: asked }, signal);
  }

  async #ask(
    peer: string,
    request: CompareRequest,
    signal?: AbortSignal,
  ): Promise<CompareAnswer | undefined> {
    const { line } = this.#options;
    const answer = await line.tryAsk(peer, 'control.compare', request, signal);
    for (const state of answer?.newer ?? []) await this.adopt(state);
    return answer;
  }

  /** Asks all other regions, members or not, for later states of a table. Whether all have answered. */
  async hear({ globalId, global, parted }: Table, signal?: AbortSignal): Promise<boolean> {
    const { region, regions } = this.#options;
    const { term, revision, home } = global ?? parted ?? NEVER_SHARED;
    const request = { tables: [{ globalId, term, revision, home }] };
    const others = regions.filter((other) => other !== region);
    const answers = await Promise.all(others.map(async (peer) => this.#ask(peer, request, signal)));
    return !answers.includes(undefined);
  }

  /**
   * Before this region orders the first change of a table since its process started: its disks may be older than what
   * it has ordered before, or another region may be the home by now. It asks all regions, and whatever it orders then is of a
   * later term than what it may have ordered and does not know of. Look at the table anew afterwards.
   */
  async claim(table: Table, signal?: AbortSignal): Promise<void> {
    const { globalId } = table;
    const known = this.#claims.get(globalId);
    if (known !== undefined) return known;
    const claim = this.#claim(table, signal);
    this.#claims.set(globalId, claim);
    claim.catch(() => this.#claims.delete(globalId));
    return claim;
  }

  async #claim(table: Table, signal?: AbortSignal): Promise<void> {
    const { catalogue, region } = this.#options;
    await this.hear(table, signal);
    await catalogue.change(table.name, (standing): Table | undefined => {
      if (standing?.globalId !== table.globalId) return standing;
      const { global, parted } = standing;
      if (global?.home === region) return { ...standing, global: withHome(global, region) };
      return global === undefined && parted !== undefined
        ? { ...standing, parted: withHome(parted, region) }
        : standing;
    });
  }
}

/** Any state is later. */
const NEVER_SHARED = { term: 0, revision: -1, home: '' };
