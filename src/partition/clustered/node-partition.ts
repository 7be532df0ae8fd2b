import { type Clock, WOKEN } from '../../base/clock.ts';
import { randomUuid, type Random } from '../../base/random.ts';
import type { Service } from '../../base/service.ts';
import type { StreamLog } from '../../log/jetstream/stream-log.ts';
import { LogError } from '../../log/replicated-log.ts';
import type { Succession } from '../../log/succession.ts';
import { internalError } from '../../model/errors.ts';
import { Copy } from '../../storage/copy.ts';
import { hashRange, type HashRange } from '../../storage/key-layout.ts';
import type { StorageNode } from '../../storage/storage-node.ts';
import { Applier, preparedEntry } from '../applier.ts';
import { LocalPartition, type LocalPartitionOptions } from '../local-partition.ts';
import type { Commit } from '../overlay.ts';
import { LeadershipNews } from './leadership-news.ts';
import { committedOf } from './log-follower.ts';

/** How often it is looked whether somebody must lead, or whether the leader still does. */
const beatMs = 100;

/** How often the broker is asked where a log ends that it tells nothing of. */
const refreshMs = 300;

/** How much of the log goes into one batch of the store while it is followed. */
const applyBytesMax = 512 * 1024;

/** A node that would rather follow lets those go first that should lead, this long for each. */
const precedenceMs = 250;

/** How long the one that a leader has named is waited for. */
const successionMs = 1500;

/** How long a call waits where its partition is about to be led. */
const soonMs = 1000;

/** How long a copy that its log does not fit goes on looking, because the log may be read from behind. */
const unfitMs = 3000;

/** How long a read waits for the copy to apply what was committed before it. */
const appliedWaitMs = 5000;

/** What a node knows of the others. */
export interface Neighbours {
  /** The zone of the node that has said lately that it leads the partition; that of the latest epoch, should several. */
  leaderOf(partition: number): string | undefined;
}

export interface NodePartitionOptions extends Omit<LocalPartitionOptions, 'log' | 'hashes'> {
  readonly log: StreamLog;
  readonly node: StorageNode;
  /** Told when the copy has applied an entry that splits: the copy of the child is there. Must not throw. */
  readonly onSplit?: () => void;
  /** Opens the first epoch of an empty log without letting others go first: it has led the partition that this one came of. */
  readonly isHeir?: boolean;
  readonly random: Random;
  readonly neighbours: Neighbours;
  /** How many others that could lead now should do so rather than this node: 0 where it should itself. */
  readonly precedence: () => number;
  /** The node that could lead it at once in this one's place; undefined when there is none. */
  readonly successor: () => string | undefined;
  /** Whether this node may lead now. */
  readonly mayLead: () => boolean;
  /** Where this node begins to lead: what is answered from here on needs `partition`. */
  readonly onLead: (partition: LocalPartition) => void;
  readonly onFollow: () => void;
  /**
   * The copy cannot follow the log, or the log is lost. Resolves when something was done about it; the partition then goes on
   * with what `log` and `node` are by then.
   */
  readonly onStuck: (why: Stuck) => Promise<void>;
}

/**
 * `behind`: what comes next is not kept. `unfit`: the copy is not of this log. `lost`: the log's stream is gone, or shorter than it
 * was.
 */
export interface Stuck {
  readonly kind: 'behind' | 'unfit' | 'lost';
  readonly words: string;
}

/**
 * A node's part in one partition. Its copy follows the log; when the leader's lease is over, and its node does not answer,
 * it leads, until it sees that somebody else does. That there is one leader at a time is the log's matter, not this one's.
 */
export class NodePartition implements Service {
  readonly number: number;
  readonly #options: NodePartitionOptions;
  readonly #clock: Clock;
  readonly #stopped = new AbortController();
  #leading: LocalPartition | undefined;
  #opened: Commit | undefined;
  /** Ends the wait of the loop that runs. */
  #wake = (): void => {};
  #wasWished = false;
  /** What was found wrong with the copy. */
  #damage: string | undefined;
  /** Whom to hand over to, and how to say that it is done. */
  #resignation: Resignation | undefined;
  readonly #news: LeadershipNews;
  /** Which epoch the log was in, and whether that was given up, when the news of it were told. */
  #told = { epoch: 0, isResigned: false };
  #unlisten = (): void => {};
  #running: Promise<void> = Promise.resolve();
  #waiting: Waiting[] = [];
  /** Of the copy when it was there last. */
  #hashes: HashRange;
  /** When the broker was last asked where the log ends. */
  #refreshedMs = 0;

  constructor(options: NodePartitionOptions) {
    this.number = options.number;
    this.#options = { ...options, othersApplyLog: true };
    this.#clock = options.clock;
    const { number, node, partitionCount } = options;
    this.#hashes = node.copies.get(number)?.hashes ?? hashRange(number, partitionCount);
    this.#news = new LeadershipNews(options.clock);
  }

  /** The partition, from when this node has opened an epoch until it hands over, or sees another one. */
  get leading(): LocalPartition | undefined {
    const isOpen = this.#opened?.done === true && this.#resignation === undefined;
    return isOpen ? this.#leading : undefined;
  }

  /** Whether an operator wants this node to lead, as the leader before has said. */
  get wasWished(): boolean {
    return this.#wasWished;
  }

  /** The zone that leads, as far as the log or the nodes tell; undefined when nobody does. */
  get leader(): string | undefined {
    const { log, node, neighbours } = this.#options;
    if (this.#leading !== undefined) return node.zone;
    return log.leader ?? neighbours.leaderOf(this.number);
  }

  /**
   * Whom calls are for: who leads, or who is to lead next while the partition is handed over; undefined when that is not
   * known, and `untilNews` may tell.
   */
  get called(): string | undefined {
    const { log, node, neighbours } = this.#options;
    if (this.#resignation !== undefined) return this.#resignation.succession?.zone;
    if (this.#leading !== undefined) return node.zone;
    if (log.lostBecause !== undefined) return neighbours.leaderOf(this.number);
    return log.isResigned ? log.successor : this.leader;
  }

  /** Resolves when another may lead than now, or after `ms`. */
  async untilNews(ms: number): Promise<void> {
    await this.#news.next(ms);
  }

  /**
   * The partition, once this node's epoch is open, where it is about to open one. Undefined when another is to lead, or when it
   * is not open soon.
   */
  async soonLeading(): Promise<LocalPartition | undefined> {
    const endMs = this.#clock.monotonicMs() + soonMs;
    while (this.leading === undefined && this.#isAboutToLead) {
      const leftMs = endMs - this.#clock.monotonicMs();
      if (leftMs <= 0) break;
      await this.untilNews(Math.min(leftMs, beatMs));
    }
    return this.leading;
  }

  get #isAboutToLead(): boolean {
    const { log, mayLead } = this.#options;
    if (this.#isStopped() || log.lostBecause !== undefined) return false;
    if (this.#leading !== undefined) return this.#resignation === undefined;
    return this.#isNamed && mayLead();
  }

  /** The leader before has given up, and wants this node to go on. */
  get #isNamed(): boolean {
    const { log, node } = this.#options;
    return log.isResigned && log.successor === node.zone;
  }

  get log(): StreamLog {
    return this.#options.log;
  }

  /** One that is not there, because its parent's was filled from before the split, is as one that is being filled. */
  get copy(): Copy {
    const { node } = this.#options;
    return node.copies.get(this.number) ?? Copy.underRebuild(this.number, this.hashes);
  }

  /** Which hashes the copy holds: less than the layout says from when it has applied a split. */
  get hashes(): HashRange {
    this.#hashes = this.#options.node.copies.get(this.number)?.hashes ?? this.#hashes;
    return this.#hashes;
  }

  /** What was split off is led under its own number from now on: see `LocalPartition.handedOver`. */
  handedOver(): void {
    this.#leading?.handedOver();
  }

  get node(): StorageNode {
    return this.#options.node;
  }

  async start(): Promise<void> {
    const { log } = this.#options;
    this.#unlisten = log.onMoved(() => {
      const { epoch } = log.end;
      const { isResigned } = log;
      if (epoch === this.#told.epoch && isResigned === this.#told.isResigned) return;
      this.#told = { epoch, isResigned };
      this.#news.tell();
    });
    this.#running = this.#run();
  }

  /** Hands over first when it leads. */
  async stop(): Promise<void> {
    if (this.#leading !== undefined) await this.resign(undefined);
    this.#stopped.abort();
    this.#wake();
    await this.#running;
    this.#unlisten();
    this.#news.tell();
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  async #run(): Promise<void> {
    while (!this.#isStopped()) {
      try {
        await this.#follow();
        if (!this.#isStopped()) await this.#lead();
      } catch (error) {
        this.#options.onFailure(error);
        await this.#clock.sleep(unfitMs, this.#stopped.signal);
      }
    }
  }

  #isStopped(): boolean {
    return this.#stopped.signal.aborted;
  }

  /** Applies what others append, until this node is to lead. */
  async #follow(): Promise<void> {
    const { log } = this.#options;
    let unfitSinceMs: number | undefined;
    let leaderlessSinceMs: number | undefined;
    while (!this.#isStopped()) {
      const fit = await this.#applyNew();
      const nowMs = this.#clock.monotonicMs();
      // What cannot be read now says nothing of the copy.
      if (fit !== 'unfit') unfitSinceMs = undefined;
      else unfitSinceMs ??= nowMs;
      if (this.#damage !== undefined) {
        await this.#stuck({ kind: 'behind', words: this.#damage });
        this.#damage = undefined;
      } else if (log.lostBecause !== undefined) {
        await this.#stuck({ kind: 'lost', words: log.lostBecause });
      } else if (fit === 'behind') {
        await this.#stuck({ kind: 'behind', words: 'what comes next in the log is not kept' });
      } else if (unfitSinceMs !== undefined && nowMs - unfitSinceMs > unfitMs) {
        await this.#stuck({ kind: 'unfit', words: 'the copy is not of this log' });
        unfitSinceMs = undefined;
      }
      if (!this.#isLeaderless) leaderlessSinceMs = undefined;
      else leaderlessSinceMs ??= nowMs;
      let waitMs = log.challengeInMs;
      if (leaderlessSinceMs !== undefined && fit === 'fits') {
        const leaderlessMs = nowMs - leaderlessSinceMs;
        waitMs = this.#patienceMs() - leaderlessMs;
        if (waitMs <= 0 && (await this.#mayOpen(leaderlessMs))) return;
      }
      await this.#moved(waitMs > 0 ? Math.min(Math.ceil(waitMs), beatMs) : beatMs);
    }
  }

  async #stuck(why: Stuck): Promise<void> {
    await this.#options.onStuck(why);
    await this.#clock.sleep(beatMs, this.#stopped.signal);
  }

  /** The lease is over, and who had it does not say that it leads. */
  get #isLeaderless(): boolean {
    const { log, neighbours, node } = this.#options;
    if (!log.mayChallenge) return false;
    if (log.isResigned) return true;
    const said = neighbours.leaderOf(this.number);
    // The entry that names who leads may be trimmed.
    const leader = log.leader ?? said;
    return leader === undefined || leader === node.zone || said !== leader;
  }

  /** How long this node lets others go first. */
  #patienceMs(): number {
    const { log, precedence, random, isHeir } = this.#options;
    if (this.#isNamed || (isHeir === true && log.end.index === 0)) return 0;
    const named = log.successor === undefined ? 0 : successionMs;
    return named + precedence() * precedenceMs + random.next() * (precedenceMs / 4);
  }

  /** Nothing has come meanwhile: whoever leads has been silent all along. */
  async #mayOpen(leaderlessMs: number): Promise<boolean> {
    const { log, mayLead } = this.#options;
    if (!mayLead()) return false;
    // Who is named need not ask: behind anything that it does not know its entry would be refused.
    if (this.#isNamed && leaderlessMs < successionMs) return true;
    const { index } = log.end;
    return (await log.refresh()) && log.end.index === index && this.#isLeaderless;
  }

  /** Waits for the log to move, for `waitMs` at the most. */
  async #moved(waitMs: number): Promise<void> {
    const { log } = this.#options;
    const { index } = log.end;
    const waited = new AbortController();
    this.#wake = () => {
      waited.abort(WOKEN);
    };
    const unlisten = log.onMoved(this.#wake);
    if (log.end.index === index && !this.#isStopped())
      await this.#clock.sleep(waitMs, waited.signal);
    unlisten();
    if (log.end.index !== index) return;
    const nowMs = this.#clock.monotonicMs();
    if (this.#waiting.length === 0 && nowMs - this.#refreshedMs < refreshMs) return;
    this.#refreshedMs = nowMs;
    await log.refresh();
  }

  /** Applies what the log has behind the copy. */
  async #applyNew(): Promise<'fits' | 'unfit' | 'behind' | 'unreadable'> {
    const { log, node } = this.#options;
    try {
      for (;;) {
        const { copy } = this;
        // It comes again when its parent's copy has applied the split.
        if (!node.copies.has(this.number)) return 'unreadable';
        const { index, checksum } = copy.position;
        if (copy.rebuilding) return 'behind';
        if (index > log.end.index) return 'unfit';
        if (index === log.end.index) return checksum === log.end.checksum ? 'fits' : 'unfit';
        if (index + 1 < log.first) return 'behind';
        const entries = await log.read(index, applyBytesMax);
        if (entries[0]?.previousChecksum !== checksum) return 'unfit';
        const prepared = entries.map((entry) => preparedEntry(committedOf(entry, log)));
        await node.apply(new Map([[this.number, prepared]]));
        if (entries.some(({ kind }) => kind === 'split')) this.#options.onSplit?.();
        this.#tellApplied();
      }
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
      return error.code === 'trimmed' ? 'behind' : 'unreadable';
    }
  }

  async #lead(): Promise<void> {
    const { node, random, onLead, onFollow } = this.#options;
    const { zone } = node;
    const { succession } = this.#options.log;
    this.#wasWished = succession?.zone === zone && succession.isWish;
    const partition = new LocalPartition({
      ...this.#options,
      hashes: () => this.hashes,
      openPayload: Buffer.from(zone),
    });
    const applier = new Applier({
      node,
      partitions: [partition],
      clock: this.#clock,
      onSplit: () => this.#options.onSplit?.(),
      onFailure: (error) => {
        this.#options.onDamage(zone, error);
      },
    });
    applier.start();
    const unlisten = this.#options.log.onMoved(() => {
      this.#tellApplied();
    });
    const opened = partition.open(randomUuid(random));
    this.#leading = partition;
    this.#opened = opened;
    const tell = (): void => {
      this.#news.tell();
    };
    // Whoever asks the partition meanwhile waits for it, or hears of its failure.
    opened.durable.then(tell, tell);
    onLead(partition);
    await this.#untilOvertaken(partition, opened);
    this.#leading = undefined;
    this.#news.tell();
    unlisten();
    onFollow();
    partition.stop();
    await applier.stop();
    this.#resignation?.done();
    this.#resignation = undefined;
  }

  async #untilOvertaken(partition: LocalPartition, opened: Commit): Promise<void> {
    const { log } = this.#options;
    let resigning: Promise<boolean> | undefined;
    for (;;) {
      if (this.#isStopped() || log.lostBecause !== undefined) return;
      // Until the epoch is open, whoever was heard of last may be the one before; somebody newer has a lease.
      if (opened.done ? log.isOvertaken : !log.mayChallenge) return;
      if (partition.failure !== undefined) return;
      this.#leaveDamaged();
      if (this.#resignation !== undefined) {
        resigning ??= this.#handOver(partition, this.#resignation.succession);
        if (await resigning) return;
        // It goes on leading: what could not be said now may be asked for again.
        this.#resignation.done();
        this.#resignation = undefined;
        resigning = undefined;
      }
      await this.#beat();
      this.#tellApplied();
    }
  }

  /** A damaged copy leads only while no other could. */
  #leaveDamaged(): void {
    if (this.#damage === undefined || this.#resignation !== undefined) return;
    const successor = this.#options.successor();
    if (successor !== undefined) void this.resign(successor);
  }

  async #beat(): Promise<void> {
    const waited = new AbortController();
    this.#wake = () => {
      waited.abort(WOKEN);
    };
    await this.#clock.sleep(beatMs, waited.signal);
  }

  /** The last entry of the epoch stands behind all that was under way. */
  async #handOver(partition: LocalPartition, succession: Succession | undefined): Promise<boolean> {
    try {
      await partition.resign(succession);
      return true;
    } catch {
      return false;
    }
  }

  /**
   * Ends the epoch, with `successor` to open the next one; anyone, when it is undefined. Resolves when this node leads no more, or
   * when that could not be done, with whether it does not lead. `isWish`: an operator has asked for that node.
   */
  async resign(
    successor: string | undefined,
    { isWish = false }: { readonly isWish?: boolean } = {},
  ): Promise<boolean> {
    if (this.#leading === undefined) return true;
    await new Promise<void>((resolve) => {
      const before = this.#resignation;
      this.#resignation = {
        succession:
          before?.succession ?? (successor === undefined ? undefined : { zone: successor, isWish }),
        done: () => {
          before?.done();
          resolve();
        },
      };
      this.#wake();
    });
    return !this.#leads();
  }

  #leads(): boolean {
    return this.#leading !== undefined;
  }

  /** The copy is damaged, as `words` say: it is filled anew from another node's, and leads no more once another can. */
  refill(words: string): void {
    this.#damage ??= words;
    this.#wake();
  }

  /** Resolves once the copy has applied everything up to `index`. Rejects with `InternalServerError` when it does not soon. */
  async appliedThrough(index: number): Promise<void> {
    if (this.copy.position.index >= index && !this.copy.rebuilding) return;
    if (this.#isStopped()) throw internalError();
    const applied = new AbortController();
    const waiting: Waiting = {
      index,
      resolve: () => {
        applied.abort(WOKEN);
      },
    };
    this.#waiting.push(waiting);
    this.#wake();
    await this.#clock.sleep(appliedWaitMs, applied.signal);
    if (applied.signal.aborted && !this.#isStopped()) return;
    this.#waiting = this.#waiting.filter((each) => each !== waiting);
    throw internalError();
  }

  #tellApplied(): void {
    if (this.#waiting.length === 0) return;
    const { position, rebuilding } = this.copy;
    if (rebuilding) return;
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ index }) => index > position.index);
    for (const { index, resolve } of waiting) if (index <= position.index) resolve();
  }
}

interface Waiting {
  readonly index: number;
  readonly resolve: () => void;
}

interface Resignation {
  readonly succession: Succession | undefined;
  readonly done: () => void;
}
