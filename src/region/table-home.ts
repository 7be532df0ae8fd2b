import type { Clock } from '../base/clock.ts';
import type { Service } from '../base/service.ts';
import type { GlobalTable, Member, MemberPhase, Table } from '../model/table.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Catalogue } from './catalogue.ts';
import type { ControlLine } from './control-line.ts';
import type { ScanAnswer, ScanRequest, StateAnswer, TableState } from './control-wire.ts';
import type { CopyJobs } from './copy-jobs.ts';
import type { HeardStates } from './heard-states.ts';
import { awaitedEnds } from './member-starts.ts';
import {
  adopted,
  compareStates,
  isShippedTo,
  peersOf,
  survivorsOf,
  tableUnder,
  withDebts,
  withMember,
  withMissed,
  withPhase,
} from './membership.ts';
import { Reach } from './reach.ts';
import type { ReplicationSeams } from './replication-seams.ts';
import { withDefinition } from './table-updates.ts';

/** Pause between two looks at a change that is under way. */
const lookMs = 20;

/** A leaving member's way to a third may be cut though both live: this region sends for it then. */
const drainMsMax = 10_000;

const TAKEN = 'replica withdrawn: its region has another table of that name';

const LOST = 'replica withdrawn: its region, on an older disk, has lost what it had of it';

export interface TableHomeOptions {
  readonly region: string;
  readonly catalogue: Catalogue;
  readonly line: ControlLine;
  readonly seams: ReplicationSeams;
  readonly states: HeardStates;
  readonly copyJobs: CopyJobs;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly statusMs: number;
}

/** A change under way, as far as it is not in the durable state: lost at a stop, and found out again. */
interface Progress {
  readonly phase: MemberPhase;
  readonly sinceMs: number;
  /** The lost members that the change goes on without, which is counted in the durable state: see `Member.missed`. */
  readonly without: Set<string>;
}

type Answers = ReadonlyMap<string, StateAnswer>;

/**
 * This region as the home of global tables: moves each changing member from phase to phase. Each phase is durable
 * before its work begins, and its work can be repeated, so that a kill at any step loses nothing.
 */
export class TableHome implements Service {
  readonly #options: TableHomeOptions;
  readonly #reach: Reach;
  readonly #stopped = new AbortController();
  readonly #running = new Map<string, Promise<void>>();
  readonly #due = new Set<string>();
  /** Per incarnation of a changing member. */
  readonly #progress = new Map<string, Progress>();
  #unlisten = (): void => {};

  constructor(options: TableHomeOptions) {
    this.#options = options;
    this.#reach = new Reach(options.clock);
  }

  /** Goes on with whatever a stop interrupted, and with every change of a table whose home this region is. */
  async start(): Promise<void> {
    const { catalogue, region } = this.#options;
    this.#unlisten = catalogue.onChange((before, after) => {
      if (after?.global?.home === region && after.global !== before?.global) this.#wake(after.name);
    });
    for (const { name, global } of catalogue.all) if (global?.home === region) this.#wake(name);
  }

  async stop(): Promise<void> {
    this.#unlisten();
    this.#stopped.abort();
    await Promise.allSettled(this.#running.values());
  }

  /** The table's state has changed: there may be something to do. */
  #wake(name: string): void {
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
        if (this.#isStopped()) return;
        logger.warn(
          { error, table: name },
          'a replica change did not get on and will be tried again',
        );
      }
      await clock.sleep(lookMs, this.#stopped.signal);
    }
  }

  #isStopped(): boolean {
    return this.#stopped.signal.aborted;
  }

  /** One look at each member that is on its way. False when there is none. */
  async #look(table: Table, global: GlobalTable): Promise<boolean> {
    const changing = Object.entries(global.members).filter(([, { phase }]) => phase !== 'active');
    const answers = await this.#tell(table, global);
    if (await this.#adoptLater(table, global, answers)) return true;
    if (changing.length > 0) await this.#options.states.claim(table, this.#stopped.signal);
    for (const [member, state] of changing) await this.#advance({ table, member, state, answers });
    return changing.length > 0;
  }

  /** Sends the state to every other member that is to know it, and returns the answers that came. */
  async #tell(table: Table, global: GlobalTable): Promise<Answers> {
    const { region, line, clock } = this.#options;
    const { name, globalId, definition } = table;
    const state: TableState = { name, globalId, definition, global };
    const told = peersOf(global, region).filter(
      (peer) => global.members[peer]?.phase !== 'requested',
    );
    const answers = new Map<string, StateAnswer>();
    await Promise.all(
      told.map(async (peer) => {
        const askedMs = clock.monotonicMs();
        const reply = await line.ask(peer, 'control.table', state, this.#stopped.signal);
        if (reply.kind === 'answered') answers.set(peer, reply.answer);
        if (reply.kind === 'answered' || reply.kind === 'failed') this.#reach.answered(peer);
        else this.#reach.silent(peer, askedMs);
      }),
    );
    return answers;
  }

  /** A member may hold a later state than this region: on an old disk, or when another has taken its place. */
  async #adoptLater(table: Table, global: GlobalTable, answers: Answers): Promise<boolean> {
    const { catalogue, region, clock } = this.#options;
    let latest = global;
    let { definition } = table;
    for (const { holds, definition: held } of answers.values()) {
      if (holds === undefined || compareStates(holds, latest) <= 0) continue;
      latest = holds;
      definition = held ?? definition;
    }
    if (latest === global) return false;
    await catalogue.change(table.name, (standing) =>
      standing?.tableId === table.tableId &&
      standing.global !== undefined &&
      latest.members[region]?.tableId === standing.tableId
        ? tableUnder(
            withDefinition(standing, definition, clock.wallMs()),
            adopted(standing.global, latest, region),
            region,
          )
        : standing,
    );
    return true;
  }

  async #advance(change: Omit<Look, 'isShown' | 'progress'>): Promise<void> {
    const { member, state, answers } = change;
    const progress = this.#progressOf(state);
    const shownMs = this.#options.clock.monotonicMs() - progress.sinceMs;
    const look = { ...change, progress, isShown: shownMs >= this.#options.statusMs };
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
        // It must have heard of it, or it would keep its replica: one that is lost is evicted on request.
        if (look.isShown && answers.has(member)) await this.#remove(look);
        break;
      case 'active':
        break;
    }
  }

  #progressOf({ tableId, phase }: Member): Progress {
    const known = this.#progress.get(tableId);
    if (known?.phase === phase) return known;
    const sinceMs = this.#options.clock.monotonicMs();
    const progress = { phase, sinceMs, without: new Set<string>() };
    this.#progress.set(tableId, progress);
    return progress;
  }

  /** Every member has heard of the new one, or is lost. Those make up for it when they are back. */
  async #prepare(look: Look): Promise<void> {
    const { table, member, state, answers } = look;
    const { region, logger } = this.#options;
    const hasHeard = (peer: string): boolean =>
      answers.get(peer)?.holds?.members[member]?.tableId === state.tableId;
    if (answers.has(member) && answers.get(member)?.holds === undefined) {
      logger.error({ table: table.name, replica: member }, TAKEN);
      await this.#remove(look);
      return;
    }
    const silent = this.#others(look).filter((peer) => !hasHeard(peer));
    const isReady = hasHeard(member) && look.isShown;
    if (!isReady || !(await this.#mayGoOnWithout(look, silent))) return;
    const source = silent.includes(state.source) ? region : state.source;
    await this.#options.seams.leadersKnow();
    await this.#step(look, (global, standing) =>
      withMember(global, member, { ...standing, phase: 'copying', source }),
    );
    logger.info({ table: table.name, replica: member, phase: 'copying' }, 'replica moves on');
  }

  /** The source sends its copy, once it has received what every member had made when it was asked. */
  async #copy(look: Look): Promise<void> {
    const { table, member, state, answers } = look;
    const { global } = table;
    if (global === undefined || !answers.has(member)) return;
    const { region, logger } = this.#options;
    if (answers.get(member)?.holds === undefined) {
      logger.error({ table: table.name, replica: member }, LOST);
      await this.#remove(look);
      return;
    }
    const source = survivorsOf(global).includes(state.source) ? state.source : region;
    const others = this.#others(look).filter((peer) => peer !== source);
    const silent = others.filter((peer) => answers.get(peer)?.holds === undefined);
    if (!(await this.#mayGoOnWithout(look, silent))) return;
    const awaited = others.filter((peer) => !silent.includes(peer));
    if (this.#isAnyUnplaced(look, awaited, source)) return;
    const awaits = Object.fromEntries([
      ...awaited.map((peer) => [peer, answers.get(peer)?.ends ?? []] as const),
      ...(source === region
        ? []
        : [[region, awaitedEnds(this.#options.seams.ends(), table.memberStarts)] as const]),
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

  /**
   * Whether what the source has of any awaited member, or of this region, may be a future that an older disk has lost.
   * Then the ends say nothing of what the source has, until the two have been made equal.
   */
  #isAnyUnplaced({ answers }: Look, awaited: readonly string[], source: string): boolean {
    const { region, seams } = this.#options;
    if (source !== region && !seams.isPlaced(source)) return true;
    return awaited.some((peer) => answers.get(peer)?.unplaced.includes(source) === true);
  }

  /**
   * A member that leaves has refused writes since it heard of it, and ships what it has. One that has no such table has
   * lost it, with what it had not shipped to all.
   */
  async #drain(look: Look): Promise<void> {
    const { table, member, answers } = look;
    const { region } = this.#options;
    const answer = answers.get(member);
    if (answer?.holds === undefined) {
      if (answer !== undefined || this.#reach.isLost(member)) await this.#move(look, 'evicting');
      return;
    }
    const isDraining = answer.holds.members[member]?.phase === 'draining';
    const undrained = answer.undrained.filter((peer) => peer !== region);
    const isHere = undrained.length === answer.undrained.length;
    if (!isDraining || !isHere || !look.isShown) return;
    const isLong = this.#options.clock.monotonicMs() - look.progress.sinceMs >= drainMsMax;
    if (!isLong && !undrained.every((peer) => this.#reach.isLost(peer))) return;
    await this.#owe(table, undrained);
    await this.#move(look, 'deleting');
  }

  /**
   * The members that stay send each other all that a lost one made. The times up to which they have everything of it do not say
   * what they have of this table: whoever hears of the change first takes no more of it from that member, and where their
   * logs have parted and are made equal by a scan, that goes past the table.
   */
  async #equalise(look: Look): Promise<void> {
    const { table, member, state, answers } = look;
    const { region } = this.#options;
    const others = peersOf(table.global, region).filter(
      (peer) => peer !== member && isShippedTo(table.global, peer),
    );
    const silent = others.filter((peer) => answers.get(peer)?.holds === undefined);
    if (!(await this.#mayGoOnWithout(look, silent))) return;
    const holding = others.filter((peer) => answers.get(peer)?.holds !== undefined);
    const staying = [region, ...holding];
    const { globalId } = table;
    const ticket = `evict ${state.tableId} ${table.global?.revision ?? 0}`;
    let isEqual = true;
    const only = { origin: member, after: 0 };
    for (const from of staying)
      for (const target of staying) {
        if (from === target) continue;
        const asked = { globalId, target, ticket, awaits: {}, only, authoritative: false };
        if ((await this.#askScan(from, asked))?.state !== 'done') isEqual = false;
      }
    if (!isEqual || !look.isShown) return;
    await this.#owe(table, silent);
    await this.#remove(look);
  }

  /**
   * Whether a change can go on although these have not answered: when all are lost, or have answered that they have no
   * such table. That is durable first, so that they make up for it when they are back.
   */
  async #mayGoOnWithout(look: Look, silent: readonly string[]): Promise<boolean> {
    const { answers, progress, table } = look;
    if (!silent.every((peer) => answers.has(peer) || this.#reach.isLost(peer))) return false;
    const uncounted = silent.filter((peer) => !progress.without.has(peer));
    if (uncounted.length > 0) await this.#change(table, (global) => withMissed(global, uncounted));
    for (const peer of uncounted) progress.without.add(peer);
    return true;
  }

  async #askScan(source: string, request: ScanRequest): Promise<ScanAnswer | undefined> {
    const { region, line, copyJobs } = this.#options;
    if (source === region) return copyJobs.ask(request);
    return line.tryAsk(source, 'control.scan', request, this.#stopped.signal);
  }

  /** The members that stay, but for this region and `member`. */
  #others({ table: { global }, member }: Look): readonly string[] {
    return global === undefined
      ? []
      : survivorsOf(global).filter((peer) => peer !== member && peer !== this.#options.region);
  }

  async #move(look: Look, phase: MemberPhase): Promise<void> {
    const { table, member } = look;
    await this.#step(look, (global) => withPhase(global, member, phase));
    this.#options.logger.info({ table: table.name, replica: member, phase }, 'replica moves on');
  }

  async #remove(look: Look): Promise<void> {
    const { table, member, state } = look;
    await this.#step(look, (global) => withMember(global, member, undefined));
    this.#progress.delete(state.tableId);
    this.#options.logger.info({ table: table.name, replica: member }, 'replica removed');
  }

  /** These did not get all that a leaving member made: this region sends them its whole copy. */
  async #owe(table: Table, peers: readonly string[]): Promise<void> {
    if (peers.length === 0) return;
    await this.#change(table, (global) => withDebts(global, peers));
  }

  /** Only from the phase that was looked at: a member may be evicted, on request, at any moment. */
  async #step(
    { table, member, state }: Look,
    next: (global: GlobalTable, standing: Member) => GlobalTable,
  ): Promise<void> {
    await this.#change(table, (global) => {
      const standing = global.members[member];
      const isAsSeen = standing?.tableId === state.tableId && standing.phase === state.phase;
      return isAsSeen ? next(global, standing) : global;
    });
  }

  async #change(table: Table, next: (global: GlobalTable) => GlobalTable): Promise<void> {
    const { catalogue, region } = this.#options;
    await catalogue.change(table.name, (standing): Table | undefined => {
      if (standing?.globalId !== table.globalId || standing.global?.home !== region)
        return standing;
      const changed = next(standing.global);
      return changed === standing.global ? standing : tableUnder(standing, changed, region);
    });
  }
}

/** What one look at a changing member has found. */
interface Look {
  readonly table: Table;
  readonly member: string;
  readonly state: Member;
  readonly answers: Answers;
  readonly progress: Progress;
  /** Whether the phase has lasted long enough to be seen. */
  readonly isShown: boolean;
}
