import type { Clock } from '../base/clock.ts';
import type { Service } from '../base/service.ts';
import type { GlobalTable, Member, MemberPhase, Table } from '../model/table.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Catalogue } from './catalogue.ts';
import type { ControlLine } from './control-line.ts';
import type { ScanAnswer, ScanRequest, StateAnswer, TableState } from './control-wire.ts';
import type { CopyJobs } from './copy-jobs.ts';
import { peersOf, survivorsOf, tableUnder, withMember, withPhase } from './membership.ts';
import type { ReplicationSeams } from './replication-seams.ts';

/** Pause between two looks at a change that is under way. */
const lookMs = 20;

/** A member that has not answered for so long is gone on without; what it misses is made up for when it is back. */
const lostAfterMs = 3000;

export interface TableHomeOptions {
  readonly region: string;
  readonly catalogue: Catalogue;
  readonly line: ControlLine;
  readonly seams: ReplicationSeams;
  readonly copyJobs: CopyJobs;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly statusMs: number;
}

/** A change under way, as far as it is not in the durable state: lost at a stop, and found out again. */
interface Progress {
  readonly region: string;
  readonly phase: MemberPhase;
  readonly sinceMs: number;
}

type Answers = ReadonlyMap<string, StateAnswer>;

/**
 * This region as the home of global tables: moves each changing member from phase to phase. Each phase is durable
 * before its work begins, and its work can be repeated, so that a kill at any step loses nothing.
 */
export class TableHome implements Service {
  readonly #options: TableHomeOptions;
  readonly #stopped = new AbortController();
  readonly #running = new Map<string, Promise<void>>();
  readonly #due = new Set<string>();
  readonly #progress = new Map<string, Progress>();

  constructor(options: TableHomeOptions) {
    this.#options = options;
  }

  /** Goes on with whatever a stop interrupted. */
  async start(): Promise<void> {
    for (const { name, global } of this.#options.catalogue.all)
      if (global?.home === this.#options.region) this.wake(name);
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.allSettled(this.#running.values());
  }

  /** The table's state has changed: there may be something to do. */
  wake(name: string): void {
    this.#due.add(name);
    if (this.#running.has(name) || this.#stopped.signal.aborted) return;
    this.#running.set(name, this.#runWhileDue(name));
  }

  /** A wake that comes while the last look ends is not lost: being due is looked at in the turn in which it ends. */
  async #runWhileDue(name: string): Promise<void> {
    while (this.#due.delete(name)) await this.#run(name);
    this.#running.delete(name);
  }

  async #run(name: string): Promise<void> {
    const { catalogue, region, clock, logger } = this.#options;
    while (!this.#stopped.signal.aborted) {
      const table = catalogue.find(name);
      if (table?.global?.home !== region) return;
      try {
        if (!(await this.#look(table, table.global))) return;
      } catch (error) {
        logger.warn(
          { error, table: name },
          'a replica change did not get on and will be tried again',
        );
      }
      await clock.sleep(lookMs, this.#stopped.signal);
    }
  }

  /** One look at each member that is on its way. False when there is none. */
  async #look(table: Table, global: GlobalTable): Promise<boolean> {
    const changing = Object.entries(global.members).filter(([, { phase }]) => phase !== 'active');
    const answers = await this.#tell(table, global);
    for (const [member, state] of changing) await this.#advance(table, member, { state, answers });
    return changing.length > 0;
  }

  /** Sends the state to every other member that is to know it, and returns the answers that came. */
  async #tell(table: Table, global: GlobalTable): Promise<Answers> {
    const { region, line } = this.#options;
    const { name, globalId, definition } = table;
    const state: TableState = { name, globalId, definition, global };
    const told = peersOf(global, region).filter(
      (peer) => global.members[peer]?.phase !== 'requested',
    );
    const answers = new Map<string, StateAnswer>();
    await Promise.all(
      told.map(async (peer) => {
        const answer = await line.tryAsk(peer, 'control.table', state);
        if (answer !== undefined) answers.set(peer, answer);
      }),
    );
    return answers;
  }

  async #advance(
    table: Table,
    member: string,
    { state, answers }: { readonly state: Member; readonly answers: Answers },
  ): Promise<void> {
    const sinceMs = this.#sinceMs(table, member, state.phase);
    const look: Look = {
      table,
      member,
      state,
      answers,
      isShown: this.#options.clock.monotonicMs() - sinceMs >= this.#options.statusMs,
      isLost: this.#options.clock.monotonicMs() - sinceMs >= lostAfterMs,
    };
    switch (state.phase) {
      case 'requested':
        if (look.isShown) await this.#move(look, 'preparing');
        break;
      case 'preparing':
        await this.#prepare(look);
        break;
      case 'copying':
        await this.#copy(look);
        break;
      case 'draining':
        await this.#drain(look);
        break;
      case 'evicting':
        await this.#equalise(look);
        break;
      case 'deleting':
        if (look.isShown && (answers.has(member) || look.isLost)) await this.#remove(look);
        break;
      case 'active':
        break;
    }
  }

  #sinceMs(table: Table, member: string, phase: MemberPhase): number {
    const key = `${table.globalId} ${member}`;
    const known = this.#progress.get(key);
    if (known?.phase === phase) return known.sinceMs;
    const sinceMs = this.#options.clock.monotonicMs();
    this.#progress.set(key, { region: member, phase, sinceMs });
    return sinceMs;
  }

  /** Every member has heard of the new one, or cannot be reached. Those make up for it when they are back. */
  async #prepare(look: Look): Promise<void> {
    const { table, member, answers } = look;
    const isThere = answers.get(member)?.holds?.members[member]?.tableId === look.state.tableId;
    const silent = this.#others(table, member).filter((peer) => !answers.has(peer));
    if (isThere && look.isShown && (silent.length === 0 || look.isLost))
      await this.#move(look, 'copying');
  }

  /** The source sends its copy, once it has received what every member had made when it was asked. */
  async #copy(look: Look): Promise<void> {
    const { table, member, state, answers } = look;
    const { global } = table;
    if (global === undefined || !answers.has(member)) return;
    const { region } = this.#options;
    const source = survivorsOf(global).includes(state.source) ? state.source : region;
    const heard = this.#others(table, member).filter(
      (peer) => peer !== source && answers.has(peer),
    );
    const awaits = Object.fromEntries([
      ...heard.map((peer) => [peer, answers.get(peer)?.ends ?? []] as const),
      ...(source === region ? [] : [[region, this.#options.seams.ends()] as const]),
    ]);
    const request: ScanRequest = {
      globalId: table.globalId,
      target: member,
      ticket: state.tableId,
      awaits,
      only: undefined,
      authoritative: false,
    };
    const answer = await this.#askScan(source, request);
    if (answer?.state === 'done' && look.isShown) await this.#move(look, 'active');
  }

  /** A member that leaves has refused writes since it heard of it, and ships what it has. */
  async #drain(look: Look): Promise<void> {
    const { table, member, answers } = look;
    const answer = answers.get(member);
    if (answer === undefined) {
      if (look.isLost) await this.#move(look, 'evicting');
      return;
    }
    const isDraining = answer.holds?.members[member]?.phase === 'draining';
    const { region } = this.#options;
    const owing = answer.undrained.filter((peer) => peer === region || !look.isLost);
    if (!isDraining || owing.length > 0 || !look.isShown) return;
    await this.#owe(
      table,
      answer.undrained.filter((peer) => peer !== region),
    );
    await this.#move(look, 'deleting');
  }

  /** The survivors of a lost member send each other what it made and the other may not have. */
  async #equalise(look: Look): Promise<void> {
    const { table, member, answers } = look;
    const { region, seams } = this.#options;
    const others = this.#others(table, member);
    const silent = others.filter((peer) => !answers.has(peer));
    if (silent.length > 0 && !look.isLost) return;
    const watermarks = new Map<string, number>([[region, seams.watermarks()[member] ?? 0]]);
    for (const peer of others) {
      const answer = answers.get(peer);
      if (answer !== undefined) watermarks.set(peer, answer.watermarks[member] ?? 0);
    }
    let isEqual = true;
    for (const from of watermarks.keys())
      for (const [target, after] of watermarks)
        if (from !== target) {
          const ticket = `evict ${look.state.tableId} ${table.global?.revision ?? 0}`;
          const only = { origin: member, after };
          const { globalId } = table;
          const request: ScanRequest = {
            globalId,
            target,
            ticket,
            awaits: {},
            only,
            authoritative: false,
          };
          if ((await this.#askScan(from, request))?.state !== 'done') isEqual = false;
        }
    if (!isEqual || !look.isShown) return;
    await this.#owe(table, silent);
    await this.#remove(look);
  }

  async #askScan(source: string, request: ScanRequest): Promise<ScanAnswer | undefined> {
    const { region, line, copyJobs } = this.#options;
    if (source === region) return copyJobs.ask(request);
    return line.tryAsk(source, 'control.scan', request);
  }

  /** The members that stay, but for this region and `member`. */
  #others({ global }: Table, member: string): readonly string[] {
    return global === undefined
      ? []
      : survivorsOf(global).filter((peer) => peer !== member && peer !== this.#options.region);
  }

  async #move({ table, member }: Look, phase: MemberPhase): Promise<void> {
    await this.#change(table, (global) => withPhase(global, member, phase));
    this.#options.logger.info({ table: table.name, replica: member, phase }, 'replica moves on');
  }

  async #remove({ table, member }: Look): Promise<void> {
    await this.#change(table, (global) => withMember(global, member, undefined));
    this.#options.logger.info({ table: table.name, replica: member }, 'replica removed');
  }

  /** These did not get all that a leaving member made: this region sends them its whole copy. */
  async #owe(table: Table, peers: readonly string[]): Promise<void> {
    if (peers.length === 0) return;
    await this.#change(table, (global) => ({
      ...global,
      owesScanTo: [...new Set([...global.owesScanTo, ...peers])],
    }));
  }

  async #change(table: Table, next: (global: GlobalTable) => GlobalTable): Promise<void> {
    const { catalogue, region } = this.#options;
    await catalogue.change(table.name, (standing): Table | undefined =>
      standing?.globalId === table.globalId && standing.global?.home === region
        ? tableUnder(standing, next(standing.global), region)
        : standing,
    );
  }
}

/** What one look at a changing member has found. */
interface Look {
  readonly table: Table;
  readonly member: string;
  readonly state: Member;
  readonly answers: Answers;
  /** Whether the phase has lasted long enough to be seen. */
  readonly isShown: boolean;
  /** Whether who has not answered since the phase began is taken for lost. */
  readonly isLost: boolean;
}
