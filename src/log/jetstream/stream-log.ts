import { type Clock, yieldTo } from '../../base/clock.ts';
import { continues, EMPTY_END, endOf } from '../chain.ts';
import type { Entry, EntryKind, LogEnd } from '../entry.ts';
import { type AppendOutcome, LogError, type ReplicatedLog } from '../replicated-log.ts';
import { decodeSuccession, type Succession } from '../succession.ts';
import { isValid, KeptEntries, missing, readBytes } from './kept-entries.ts';
import { Lease, leaseMsDefault, type Moment } from './lease.ts';
import { NotedTimes } from './noted-times.ts';
import { BrokerError, type Published, type StreamBroker } from './stream-broker.ts';
import { encodeEntryMessages, encodeProof, type Found, MessageReader } from './stream-message.ts';

/** So often in a row a stream must be gone, or shorter than it was, until that is believed: for 10 s. */
const missesMaxDefault = 40;
/** One that is missed again sooner is not counted again. */
const missEveryMs = 250;

/** The last entries are kept, so that who follows does not ask the broker for them once more. */
const recentBytesDefault = 4 * 1024 * 1024;

export interface StreamLogOptions {
  readonly broker: StreamBroker;
  readonly partition: number;
  readonly clock: Clock;
  /** Behind what the first entry of an empty stream stands. */
  readonly base?: LogEnd;
  /** The same on every node: see `Lease`. */
  readonly leaseMs?: number;
  /** The largest piece of an entry in one message. */
  readonly partBytes?: number;
  readonly recentBytes?: number;
  /** How often in a row, 250 ms apart, the stream must be missed until it is taken for lost. */
  readonly missesMax?: number;
}

/** An entry or a proof on its way, and the numbers that its messages must come to have. */
interface Publication {
  /** Undefined for a proof. */
  readonly entry: Entry | undefined;
  readonly first: number;
  readonly count: number;
  readonly sent: Moment;
  readonly resolve: (outcome: AppendOutcome) => void;
  /** How many of its messages are stored where they must be. */
  stored: number;
  failed: 'refused' | 'unknown' | undefined;
}

/**
 * A partition's log as messages of a broker's stream. The broker's check of the last number is a first fence only: what
 * is valid is what continues the chain, for every reader, and an epoch opens only with the number that it was sent for,
 * so that whoever opens one knows every message in front of it. The rest is skipped.
 *
 * Nothing is published unless every message before it is known or on its way from here. Once an outcome is not the one
 * that was wanted, what stands is read first. The first entry of a stream is believed: a trim keeps one in front, and an
 * empty stream takes one message as its first, whoever asks.
 *
 * Who leads may answer for the length of a lease, and nobody else opens an epoch meanwhile: see `Lease`.
 */
export class StreamLog implements ReplicatedLog {
  readonly partition: number;
  readonly #broker: StreamBroker;
  readonly #clock: Clock;
  readonly #lease: Lease;
  readonly #partBytes: number | undefined;
  readonly #kept: KeptEntries;
  /** When each entry was known to be durable, by index. */
  readonly #durable = new NotedTimes();
  /** When the broker told of each message, by number. */
  readonly #toldMs = new NotedTimes();
  #end: LogEnd;
  #endKind: EntryKind | undefined;
  /** The numbers of the first and of the last message of the last entry. */
  #endMessages = { first: 0, last: 0 };
  #leader: string | undefined;
  #succession: Succession | undefined;
  /** The current epoch was opened from here. */
  #isOurs = false;
  /** Every message up to this number is known. */
  #last = 0;
  /** Every message up to this number has been received at some time. */
  #received = 0;
  #isOpen = false;
  #published: Publication[] = [];
  /** Something may stand behind `#last` that is not known here. While it does nothing is on its way. */
  #isBehind = true;
  #catching: Promise<boolean> | undefined;
  /** The broker is to be asked where the stream ends. */
  #mustAsk = true;
  /** The broker has told of messages up to this number. */
  #toldThrough = 0;
  #proof: Promise<void> | undefined;
  /** An outcome was not `durable`, or a `resign` was sent: no other entry will be durable until an epoch is opened. */
  #needsEpoch = false;
  #hasResigned = false;
  /** Checksums of own entries with an outcome that was not `durable`. */
  readonly #doubtful = new Set<number>();
  #isOvertaken = false;
  readonly #missesMax: number;
  #misses = 0;
  #missedMs = 0;
  #lostBecause: string | undefined;
  readonly #availability = new Set<(available: boolean) => void>();
  readonly #moved = new Set<() => void>();
  readonly #unwatch: () => void;

  /** Reads the stream to its end. Rejects with `LogError`: `unavailable`, or `damaged` once it is known to be lost. */
  static async open(options: StreamLogOptions): Promise<StreamLog> {
    const log = new StreamLog(options);
    try {
      while (!(await log.refresh())) {
        if (log.lostBecause !== undefined)
          throw damaged(`the stream of partition ${log.partition} is lost: ${log.lostBecause}`);
        if (log.#misses === 0)
          throw unavailable(`the stream of partition ${log.partition} cannot be read`);
        await options.clock.sleep(missEveryMs);
      }
      return log;
    } catch (error) {
      log.close();
      throw error;
    }
  }

  private constructor(options: StreamLogOptions) {
    const { broker, partition, clock } = options;
    this.partition = partition;
    this.#broker = broker;
    this.#clock = clock;
    this.#lease = new Lease(clock, options.leaseMs ?? leaseMsDefault);
    this.#partBytes = options.partBytes;
    this.#missesMax = options.missesMax ?? missesMaxDefault;
    this.#kept = new KeptEntries(broker, options.recentBytes ?? recentBytesDefault);
    this.#end = options.base ?? EMPTY_END;
    this.#unwatch = broker.watch((last) => {
      this.#tell(last);
    });
  }

  get end(): LogEnd {
    return this.#end;
  }

  get first(): number {
    return this.#kept.first ?? this.#end.index + 1;
  }

  get available(): boolean {
    return this.#lostBecause === undefined;
  }

  /** Why the stream is taken for lost; undefined while it is not. */
  get lostBecause(): string | undefined {
    return this.#lostBecause;
  }

  /** Somebody else has appended since the last epoch that was opened from here. */
  get isOvertaken(): boolean {
    return this.#isOvertaken;
  }

  /** The payload of the entry that opened the current epoch, as text; undefined when it is empty or no longer kept. */
  get leader(): string | undefined {
    return this.#leader;
  }

  /** The current epoch was given up by its leader: the next may be opened at once. */
  get isResigned(): boolean {
    return this.#endKind === 'resign';
  }

  /** Who is to open the next epoch, as the one that gave the current one up has named it; undefined otherwise. */
  get successor(): string | undefined {
    return this.#succession?.zone;
  }

  /** The same, with whether somebody has asked for it. */
  get succession(): Succession | undefined {
    return this.#succession;
  }

  get leaseMs(): number {
    return this.#lease.leaseMs;
  }

  /** When something of somebody else was last received, by the monotonic clock; undefined while nothing was. */
  get lastHeardMs(): number | undefined {
    return this.#lease.lastHeardMs;
  }

  /** Whether `confirm` resolves now without asking the broker. */
  get holdsLease(): boolean {
    const knowsAll = !this.#isBehind && !this.#needsEpoch && !this.#isOvertaken;
    return this.available && knowsAll && this.#lease.isHeld;
  }

  /** Whether an epoch may be opened from here now. Without it, an `open` is refused. */
  get mayChallenge(): boolean {
    return this.challengeInMs === 0;
  }

  /** How long nothing must be heard until `mayChallenge`. */
  get challengeInMs(): number {
    return this.isResigned || this.#isOurs ? 0 : this.#lease.overElsewhereInMs;
  }

  /**
   * When the entry at `index` was known here to be durable, by the monotonic clock: acknowledged, where it was appended from here,
   * else when the broker told that it was stored. Undefined where it was only read, and of all but the last ones.
   */
  durableMs(index: number): number | undefined {
    return this.#durable.at(index);
  }

  onAvailability(listener: (available: boolean) => void): () => void {
    this.#availability.add(listener);
    return () => this.#availability.delete(listener);
  }

  /** Calls `listener` when `end` has moved; returns how to stop that. */
  onMoved(listener: () => void): () => void {
    this.#moved.add(listener);
    return () => this.#moved.delete(listener);
  }

  async append(entry: Entry): Promise<AppendOutcome> {
    while (this.#isBehind) if (!(await this.#caughtUp())) return 'refused';
    const before = this.#published.findLast((publication) => publication.entry !== undefined);
    const end = before?.entry === undefined ? this.#end : endOf(before.entry);
    if (entry.kind === 'open' ? !this.#mayOpen : this.#needsEpoch) return 'refused';
    if (!this.available || !continues(end, entry)) return 'refused';
    if (entry.kind === 'resign') {
      this.#lease.drop();
      this.#hasResigned = true;
      this.#needsEpoch = true;
    }
    return this.#publish(entry);
  }

  /** In another's place only with nothing on the way: a proof of ours could give its number to one of the other's. */
  get #mayOpen(): boolean {
    return this.mayChallenge && (this.#isOurs || this.#published.length === 0);
  }

  async #publish(entry: Entry | undefined): Promise<AppendOutcome> {
    return new Promise((resolve) => {
      const before = this.#published.at(-1);
      const first = before === undefined ? this.#last + 1 : before.first + before.count;
      const sent = this.#lease.now();
      const messages =
        entry === undefined
          ? [encodeProof(first)]
          : encodeEntryMessages(entry, first, this.#partBytes);
      const { length: count } = messages;
      const publication = { entry, first, count, sent, resolve, stored: 0, failed: undefined };
      this.#published.push(publication);
      for (const [at, message] of messages.entries())
        void this.#send(publication, message, first + at);
    });
  }

  async #send(publication: Publication, message: Uint8Array, sequence: number): Promise<void> {
    const published: Published = await this.#broker.publish(message, sequence - 1);
    if (published.kind === 'stored' && published.sequence === sequence) publication.stored += 1;
    else if (published.kind === 'refused') publication.failed = 'refused';
    else publication.failed ??= 'unknown';
    this.#settle();
  }

  #settle(): void {
    for (;;) {
      const [publication] = this.#published;
      if (publication === undefined) return;
      if (publication.failed !== undefined) {
        void this.#giveUp();
        return;
      }
      if (publication.stored < publication.count) return;
      this.#published.shift();
      this.#stored(publication);
      publication.resolve('durable');
    }
  }

  #stored({ entry, first, count, sent }: Publication): void {
    this.#last = first + count - 1;
    this.#received = Math.max(this.#received, this.#last);
    if (entry !== undefined)
      this.#advance(entry, { first, isOwn: true, durableMs: this.#clock.monotonicMs() });
    if (entry?.kind === 'open') {
      this.#isOvertaken = false;
      this.#needsEpoch = false;
      this.#hasResigned = false;
      this.#doubtful.clear();
    }
    if (this.#isOurs && !this.#isOvertaken && !this.#hasResigned) this.#lease.renew(sent);
  }

  /** Reads what stands before anyone is told, so that whoever asks again knows on what. */
  async #giveUp(): Promise<void> {
    const given = this.#published;
    this.#published = [];
    this.#isBehind = true;
    for (const { entry } of given) {
      if (entry === undefined) continue;
      this.#needsEpoch = true;
      this.#doubtful.add(entry.checksum);
    }
    // What cannot be read is told to who asks next.
    await this.#caughtUp().catch(() => false);
    let isBroken = false;
    for (const { entry, failed, resolve } of given) {
      // Behind a refused entry the chain never goes on, wherever its followers come to stand.
      const isRefused: boolean = isBroken || failed === 'refused';
      isBroken ||= isRefused && entry !== undefined;
      resolve(isRefused ? 'refused' : 'unknown');
    }
  }

  #advance(
    entry: Entry,
    { first, isOwn, durableMs }: { first: number; isOwn: boolean; durableMs: number | undefined },
  ): void {
    this.#end = endOf(entry);
    if (durableMs !== undefined) this.#durable.note(entry.index, durableMs);
    this.#endKind = entry.kind;
    this.#endMessages = { first, last: this.#last };
    if (entry.kind === 'open') {
      this.#isOurs = isOwn;
      if (!isOwn) this.#lease.drop();
      this.#leader = nameIn(entry.payload);
    }
    this.#succession = entry.kind === 'resign' ? decodeSuccession(entry.payload) : undefined;
    this.#kept.push(entry, first);
    for (const listener of this.#moved) listener();
  }

  /**
   * Takes in what others have appended. Whether all that stood there at the time of the call is known. Rejects with
   * `LogError` `format` when a newer program wrote it.
   */
  async refresh(): Promise<boolean> {
    if (this.#published.length > 0) return false;
    this.#isBehind = true;
    return this.#caughtUp();
  }

  /** What is stored while something is on its way is heard of by its outcome. */
  #tell(last: number | undefined): void {
    // Told again, as after a reconnect, it is no later.
    if (last !== undefined && this.#toldMs.at(last) === undefined)
      this.#toldMs.note(last, this.#clock.monotonicMs());
    if (!this.#isOpen || this.#published.length > 0) return;
    if (last !== undefined && last <= this.#last) return;
    this.#toldThrough = Math.max(this.#toldThrough, last ?? 0);
    const isEnough = last !== undefined && this.#endMessages.last > 0;
    if (this.#catching === undefined ? this.#isBehind || !isEnough : !isEnough)
      this.#mustAsk = true;
    this.#isBehind = true;
    // What cannot be read is told to who asks next.
    this.#catch().catch(() => {});
  }

  /** Whether all that stood there at the time of the call is known. */
  async #caughtUp(): Promise<boolean> {
    this.#mustAsk = true;
    return this.#catch();
  }

  async #catch(): Promise<boolean> {
    this.#catching ??= this.#catchUp().finally(() => {
      this.#catching = undefined;
    });
    return this.#catching;
  }

  async #catchUp(): Promise<boolean> {
    if (!this.available) return false;
    const askedMs = this.#clock.monotonicMs();
    try {
      if (!this.#mustAsk) await this.#takeTold();
      while (this.#mustAsk) {
        this.#mustAsk = false;
        await this.#takeIn();
        await this.#takeTold();
      }
      this.#misses = 0;
      this.#isBehind = false;
      this.#isOpen = true;
      return true;
    } catch (error) {
      if (error instanceof LogError && error.code === 'damaged') this.#lose(error.message);
      else if (!(error instanceof BrokerError)) throw error;
      else if (error.code === 'not found') this.#miss(error.message, askedMs);
      return false;
    }
  }

  /**
   * What the broker has told of, which is most of what a follower reads, without asking it where the stream ends. An entry that
   * does not go on from here may be one of many: then the stream went back, and was filled up by others.
   */
  async #takeTold(): Promise<void> {
    const reader = new MessageReader();
    let next = this.#endMessages.last + 1;
    try {
      while (this.#last < this.#toldThrough) {
        for (const { sequence, payload } of await this.#broker.read(next, readBytes)) {
          if (sequence !== next) throw missing(next);
          if (!this.#take(sequence, reader.take(sequence, payload))) this.#mustAsk = true;
          next += 1;
        }
      }
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      this.#toldThrough = this.#last;
      this.#mustAsk = true;
    }
  }

  /**
   * From the last known entry on, with all that is no entry behind it: a stream that went back may since have grown, and
   * have others there.
   */
  async #takeIn(): Promise<void> {
    const { first, last } = await this.#broker.bounds();
    const known = this.#endMessages;
    if (last < known.last)
      throw new BrokerError('not found', `it ends at ${last}, before entry ${this.#end.index}`);
    this.#kept.beginAt(first);
    if (first > known.first && known.first > 0) this.#beginAnew();
    let next = Math.max(this.#endMessages.first, first);
    this.#last = next - 1;
    const reader = new MessageReader();
    while (next <= last) {
      for (const { sequence, payload } of await this.#broker.read(next, readBytes)) {
        if (sequence !== next) throw missing(next);
        this.#take(sequence, reader.take(sequence, payload));
        next += 1;
      }
    }
  }

  /** All that was known has been trimmed: the log begins where the stream does now. */
  #beginAnew(): void {
    this.#kept.clear();
    this.#toldMs.forget();
    this.#endMessages = { first: 0, last: 0 };
    this.#leader = undefined;
    this.#succession = undefined;
    this.#isOurs = false;
    this.#lease.drop();
  }

  /** Whether it is no entry that is not valid. */
  #take(sequence: number, found: Found | undefined): boolean {
    const isNew = sequence > this.#received;
    this.#last = sequence;
    this.#received = Math.max(this.#received, sequence);
    if (sequence <= this.#endMessages.last) {
      if (sequence === this.#endMessages.last) this.#checkEnd(sequence, found);
      return true;
    }
    if (found === undefined) return true;
    if (found.kind === 'proof') {
      if (isNew) this.#lease.heard();
      return true;
    }
    const { entry, first } = found;
    if (!isValid(this.#kept.first === undefined ? undefined : this.#end, found)) return false;
    const isOwn = this.#doubtful.has(entry.checksum);
    if (isNew && !isOwn) this.#lease.heard();
    if (this.#isOpen && !isOwn) this.#isOvertaken = true;
    this.#advance(entry, { first, isOwn, durableMs: this.#toldMs.at(sequence) });
    return true;
  }

  /** What stands at the last known entry's messages must be that entry. */
  #checkEnd(sequence: number, found: Found | undefined): void {
    if (found?.kind === 'entry' && found.entry.checksum === this.#end.checksum) return;
    const why = `message ${sequence} is another one than before`;
    this.#lose(why);
    throw new BrokerError('not found', why);
  }

  #miss(why: string, askedMs: number): void {
    if (this.#misses > 0 && askedMs - this.#missedMs < missEveryMs) return;
    this.#misses += 1;
    this.#missedMs = askedMs;
    if (this.#misses >= this.#missesMax) this.#lose(why);
  }

  #lose(why: string): void {
    if (!this.available) return;
    this.#lostBecause = why;
    for (const listener of this.#availability) listener(false);
  }

  async read(after: number, limitBytes: number): Promise<readonly Entry[]> {
    const through = this.#end.index;
    return after >= through ? [] : this.#kept.read(after, { through, limitBytes });
  }

  /** What the stream takes up, on each server that has it; `first` is as it says then. Rejects with `BrokerError`. */
  async storedBytes(): Promise<number> {
    const { first, bytes } = await this.#broker.bounds();
    this.#kept.beginAt(first);
    return bytes;
  }

  trim(through: number): void {
    const sequence = this.#kept.trim(through);
    // Another trim will do what this one could not.
    if (sequence !== undefined) this.#broker.purge(sequence).catch(() => {});
  }

  /**
   * At once while the lease runs. Else by a proof, which renews it where the epoch was opened from here. Those who ask at
   * one moment share a proof; none that was on its way before serves who asks.
   */
  async confirm(): Promise<void> {
    if (this.holdsLease) return;
    this.#proof ??= this.#prove();
    await this.#proof;
  }

  async #prove(): Promise<void> {
    await yieldTo(this.#clock);
    this.#proof = undefined;
    while (this.#isBehind)
      if (!(await this.#caughtUp())) throw unavailable('the stream cannot be read');
    this.#assertAlone();
    const outcome = await this.#publish(undefined);
    if (outcome !== 'durable') throw unavailable('nobody says that nobody else has appended');
    this.#assertAlone();
  }

  #assertAlone(): void {
    if (!this.available) throw unavailable('the stream is lost');
    if (this.#isOvertaken) throw unavailable('somebody else has appended');
    if (this.#hasResigned || this.isResigned) throw unavailable('the epoch was given up');
  }

  /** No longer hears of what is stored. */
  close(): void {
    this.#unwatch();
  }
}

const unavailable = (message: string, options?: ErrorOptions): LogError =>
  new LogError('unavailable', message, options);

const damaged = (message: string): LogError => new LogError('damaged', message);

/** A node's name in the payload of an entry that opens an epoch. */
const nameIn = (payload: Uint8Array): string | undefined =>
  payload.length === 0 ? undefined : Buffer.from(payload).toString();
