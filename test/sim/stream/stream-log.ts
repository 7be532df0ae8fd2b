import { type Clock, yieldTo } from '../../../src/base/clock.ts';
import { continues, EMPTY_END, endOf } from '../../../src/log/chain.ts';
import { decodeEntry, encodedEntryBytes, encodeEntry } from '../../../src/log/entry-codec.ts';
import type { Entry, LogEnd } from '../../../src/log/entry.ts';
import {
  type AppendOutcome,
  LogError,
  type ReplicatedLog,
} from '../../../src/log/replicated-log.ts';
import { BrokerError, type Published, type StreamBroker } from './stream-broker.ts';

/** So often in a row a stream must be gone, or shorter than it was, until that is believed. */
const missesMax = 10;
/** One that is missed again sooner is not counted again. */
const missEveryMs = 250;

/** The place of each so many'th entry is kept: a read begins at the one before what it wants. */
const placeEvery = 8;

const readBytes = 256 * 1024;

/** A message that is no entry. To have stored it proves that nobody else stored anything before it. */
const PROOF = new Uint8Array(0);

export interface StreamLogOptions {
  readonly broker: StreamBroker;
  readonly partition: number;
  readonly clock: Clock;
  /** Behind what the first entry of an empty stream stands. */
  readonly base?: LogEnd;
}

/** A valid entry's place in the stream. */
interface Place {
  readonly end: LogEnd;
  readonly sequence: number;
}

/** A message on its way, and the number that it must come to have. */
interface Publication {
  /** Undefined for a proof. */
  readonly entry: Entry | undefined;
  readonly sequence: number;
  readonly resolve: (outcome: AppendOutcome) => void;
  published: Published | undefined;
}

/**
 * A partition's log as messages of a broker's stream. The broker's check of the last number is a first fence only: what
 * is valid is what continues the chain, for every reader, and the rest is skipped.
 *
 * Nothing is published unless every message before it is known or on its way from here. Once an outcome is not the one
 * that was wanted, what stands is read first. The first entry of a stream is believed: a trim keeps one in front, and an
 * empty stream takes one message as its first, whoever asks.
 */
export class StreamLog implements ReplicatedLog {
  readonly partition: number;
  readonly #broker: StreamBroker;
  readonly #clock: Clock;
  /** By index; the first is where the log begins. */
  #places: Place[] = [];
  #end: LogEnd;
  #endSequence = 0;
  /** Every message up to this number is known. */
  #last = 0;
  #isOpen = false;
  #published: Publication[] = [];
  /** Something may stand behind `#last` that is not known here. While it does nothing is on its way. */
  #isBehind = true;
  #catching: Promise<boolean> | undefined;
  #wasTold = false;
  #proof: Promise<void> | undefined;
  /** An outcome was not `durable`, so no other will be, until an epoch is opened. */
  #needsEpoch = false;
  /** Checksums of own entries with an outcome that was not `durable`. */
  readonly #doubtful = new Set<number>();
  #isOvertaken = false;
  #misses = 0;
  #missedMs = 0;
  #lostBecause: string | undefined;
  readonly #availability = new Set<(available: boolean) => void>();
  readonly #moved = new Set<() => void>();
  readonly #unwatch: () => void;

  /** Reads the stream to its end. Rejects with `LogError`: `unavailable`, or `damaged` once it is known to be lost. */
  static async open(options: StreamLogOptions): Promise<StreamLog> {
    const log = new StreamLog(options);
    while (!(await log.refresh())) {
      if (log.#misses > 0 && log.available) {
        await options.clock.sleep(missEveryMs);
        continue;
      }
      log.close();
      if (log.lostBecause !== undefined) throw damaged(`the stream is lost: ${log.lostBecause}`);
      throw unavailable(`the stream of partition ${options.partition} cannot be read`);
    }
    return log;
  }

  private constructor({ broker, partition, clock, base }: StreamLogOptions) {
    this.partition = partition;
    this.#broker = broker;
    this.#clock = clock;
    this.#end = base ?? EMPTY_END;
    this.#unwatch = broker.watch(() => {
      // What is stored meanwhile is heard of by the outcomes of what is on its way.
      if (this.#isOpen && this.#published.length === 0) void this.refresh();
    });
  }

  get end(): LogEnd {
    return this.#end;
  }

  get first(): number {
    return this.#places[0]?.end.index ?? this.#end.index + 1;
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
    if (this.#needsEpoch && entry.kind !== 'open') return 'refused';
    if (!this.available || !continues(end, entry)) return 'refused';
    return this.#publish(encodeEntry(entry), entry);
  }

  async #publish(payload: Uint8Array, entry: Entry | undefined): Promise<AppendOutcome> {
    return new Promise((resolve) => {
      const sequence = this.#last + this.#published.length + 1;
      const publication: Publication = { entry, sequence, resolve, published: undefined };
      this.#published.push(publication);
      void this.#send(publication, payload);
    });
  }

  async #send(publication: Publication, payload: Uint8Array): Promise<void> {
    publication.published = await this.#broker.publish(payload, publication.sequence - 1);
    this.#settle();
  }

  #settle(): void {
    for (;;) {
      const [first] = this.#published;
      if (first?.published === undefined) return;
      const { published, entry, sequence, resolve } = first;
      if (published.kind !== 'stored' || published.sequence !== sequence) {
        void this.#giveUp();
        return;
      }
      this.#published.shift();
      this.#last = sequence;
      if (entry !== undefined) this.#advance(entry, sequence);
      if (entry?.kind === 'open') {
        this.#isOvertaken = false;
        this.#needsEpoch = false;
        this.#doubtful.clear();
      }
      resolve('durable');
    }
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
    await this.#caughtUp();
    let isBroken = false;
    for (const { entry, published, resolve } of given) {
      // Behind a refused entry the chain never goes on, wherever its followers come to stand.
      const isRefused: boolean = isBroken || published?.kind === 'refused';
      isBroken ||= isRefused && entry !== undefined;
      resolve(isRefused ? 'refused' : 'unknown');
    }
  }

  #advance(entry: Entry, sequence: number): void {
    this.#end = endOf(entry);
    this.#endSequence = sequence;
    const last = this.#places.at(-1);
    if (last === undefined || entry.index - last.end.index >= placeEvery)
      this.#places.push({ end: this.#end, sequence });
    for (const listener of this.#moved) listener();
  }

  /** Takes in what others have appended. Whether all that stood there at the time of the call is known. */
  async refresh(): Promise<boolean> {
    if (this.#published.length > 0) return false;
    this.#isBehind = true;
    this.#wasTold = true;
    return this.#caughtUp();
  }

  async #caughtUp(): Promise<boolean> {
    this.#catching ??= this.#catchUp().finally(() => {
      this.#catching = undefined;
    });
    return this.#catching;
  }

  async #catchUp(): Promise<boolean> {
    if (!this.available) return false;
    const askedMs = this.#clock.monotonicMs();
    try {
      for (let isTold = true; isTold; isTold = this.#wasTold) {
        this.#wasTold = false;
        await this.#takeIn();
      }
      this.#misses = 0;
      this.#isBehind = false;
      this.#isOpen = true;
      return true;
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      if (error.code === 'not found') this.#miss(error.message, askedMs);
      return false;
    }
  }

  /**
   * From the last known entry on, with all that is no entry behind it: a stream that went back may since have grown, and
   * have others there.
   */
  async #takeIn(): Promise<void> {
    const { first, last } = await this.#broker.bounds();
    if (last < this.#endSequence)
      throw new BrokerError('not found', `it ends at ${last}, before entry ${this.#end.index}`);
    while ((this.#places[1]?.sequence ?? Infinity) <= first) this.#places.shift();
    let next = Math.max(this.#endSequence, first);
    this.#last = next - 1;
    while (next <= last) {
      for (const { sequence, payload } of await this.#broker.read(next, readBytes)) {
        if (sequence !== next) throw damaged(`message ${next} of the stream is missing`);
        this.#take(sequence, payload);
        next += 1;
      }
    }
  }

  #take(sequence: number, payload: Uint8Array): void {
    const entry = payload.length === 0 ? undefined : decodeEntry(payload);
    this.#last = sequence;
    if (sequence === this.#endSequence) {
      if (entry?.checksum === this.#end.checksum) return;
      const why = `message ${sequence} is another one than before`;
      this.#lose(why);
      throw new BrokerError('not found', why);
    }
    if (entry === undefined || (this.#places.length > 0 && !continues(this.#end, entry))) return;
    if (this.#isOpen && !this.#doubtful.has(entry.checksum)) this.#isOvertaken = true;
    this.#advance(entry, sequence);
  }

  #miss(why: string, askedMs: number): void {
    if (this.#misses > 0 && askedMs - this.#missedMs < missEveryMs) return;
    this.#misses += 1;
    this.#missedMs = askedMs;
    if (this.#misses >= missesMax) this.#lose(why);
  }

  #lose(why: string): void {
    if (!this.available) return;
    this.#lostBecause = why;
    for (const listener of this.#availability) listener(false);
  }

  async read(after: number, limitBytes: number): Promise<readonly Entry[]> {
    if (after + 1 < this.first) throw trimmed(after + 1);
    const through = this.#end.index;
    if (after >= through) return [];
    const place = this.#places.findLast(({ end }) => end.index <= after + 1);
    if (place === undefined) throw trimmed(after + 1);
    const found: Entry[] = [];
    let bytes = 0;
    for await (const entry of this.#entriesFrom(place)) {
      if (entry.index > through) break;
      if (entry.index <= after) continue;
      bytes += encodedEntryBytes(entry);
      if (found.length > 0 && bytes > limitBytes) break;
      found.push(entry);
      if (entry.index === through) break;
    }
    return found;
  }

  /** The valid entries from a place on. Rejects with `LogError`. */
  async *#entriesFrom(place: Place): AsyncGenerator<Entry> {
    let end: LogEnd | undefined;
    for (let next = place.sequence; ;) {
      for (const { sequence, payload } of await this.#readMessages(next)) {
        if (sequence !== next) throw damaged(`message ${next} of the stream is missing`);
        next += 1;
        if (payload.length === 0) continue;
        const entry = decodeEntry(payload);
        const isValid =
          end === undefined ? entry.checksum === place.end.checksum : continues(end, entry);
        if (end === undefined && !isValid)
          throw unavailable(`message ${sequence} is another one than before`);
        if (!isValid) continue;
        end = endOf(entry);
        yield entry;
      }
    }
  }

  async #readMessages(from: number): ReturnType<StreamBroker['read']> {
    try {
      return await this.#broker.read(from, readBytes);
    } catch (error) {
      if (error instanceof BrokerError) throw unavailable(error.message, { cause: error });
      throw error;
    }
  }

  trim(through: number): void {
    const kept = this.#places.findLastIndex(({ end }) => end.index <= through);
    const place = this.#places[kept];
    if (place === undefined || kept === 0) return;
    this.#places = this.#places.slice(kept);
    // Another trim will do what this one could not.
    this.#broker.purge(place.sequence).catch(() => {});
  }

  /** Those who ask at one moment share a proof; none that was on its way before serves who asks. */
  async confirm(): Promise<void> {
    this.#proof ??= this.#prove();
    return this.#proof;
  }

  async #prove(): Promise<void> {
    await yieldTo(this.#clock);
    this.#proof = undefined;
    while (this.#isBehind)
      if (!(await this.#caughtUp())) throw unavailable('the stream cannot be read');
    this.#assertAlone();
    const outcome = await this.#publish(PROOF, undefined);
    if (outcome !== 'durable') throw unavailable('nobody says that nobody else has appended');
    this.#assertAlone();
  }

  #assertAlone(): void {
    if (!this.available) throw unavailable('the stream is lost');
    if (this.#isOvertaken) throw unavailable('somebody else has appended');
  }

  /** No longer hears of what is stored. */
  close(): void {
    this.#unwatch();
  }
}

const unavailable = (message: string, options?: ErrorOptions): LogError =>
  new LogError('unavailable', message, options);

const damaged = (message: string): LogError => new LogError('damaged', message);

const trimmed = (index: number): LogError =>
  new LogError('trimmed', `entry ${index} is no longer kept`);
