import { continues, endOf } from '../chain.ts';
import { encodedEntryBytes } from '../entry-codec.ts';
import type { Entry, LogEnd } from '../entry.ts';
import { LogError } from '../replicated-log.ts';
import { RecentEntries } from './recent-entries.ts';
import { BrokerError, type StreamBroker } from './stream-broker.ts';
import { type Found, MessageReader } from './stream-message.ts';

/** How much is asked for of the broker at once. */
export const readBytes = 1024 * 1024;

/** The place of each so many'th entry is kept: a read begins at the one before what it wants. */
const placeEvery = 8;

/** A valid entry's place in the stream: the number of its first message. */
interface Place {
  readonly end: LogEnd;
  readonly sequence: number;
}

/** The valid entries of a stream that are still kept there: where they stand, and how they are read. */
export class KeptEntries {
  readonly #broker: StreamBroker;
  readonly #recent: RecentEntries;
  /** By index; the first is where the log begins. */
  #places: Place[] = [];

  constructor(broker: StreamBroker, recentBytes: number) {
    this.#broker = broker;
    this.#recent = new RecentEntries(recentBytes);
  }

  /** The index of the first one; undefined where there is none. */
  get first(): number | undefined {
    return this.#places[0]?.end.index;
  }

  /** The entry behind the last one, whose first message has that number. */
  push(entry: Entry, sequence: number): void {
    this.#recent.push(entry);
    const last = this.#places.at(-1);
    if (last === undefined || entry.index - last.end.index >= placeEvery)
      this.#places.push({ end: endOf(entry), sequence });
  }

  /** The stream begins with that number now. */
  beginAt(sequence: number): void {
    while ((this.#places[1]?.sequence ?? Infinity) <= sequence) this.#places.shift();
  }

  clear(): void {
    this.#places = [];
    this.#recent.clear();
  }

  /** Lets go of entries up to `through`, some of them at least kept; the number that the stream may then begin with. */
  trim(through: number): number | undefined {
    const kept = this.#places.findLastIndex(({ end }) => end.index <= through);
    if (kept <= 0) return undefined;
    this.#places = this.#places.slice(kept);
    return this.#places[0]?.sequence;
  }

  /** As `ReplicatedLog.read`, of entries up to `through`. */
  async read(
    after: number,
    { through, limitBytes }: { readonly through: number; readonly limitBytes: number },
  ): Promise<readonly Entry[]> {
    const place = this.#places.findLast(({ end }) => end.index <= after + 1);
    if (place === undefined) throw trimmed(after + 1);
    const recent = this.#recent.read(after, limitBytes);
    if (recent !== undefined) return recent;
    const found: Entry[] = [];
    let bytes = 0;
    for await (const entry of this.#from(place)) {
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
  async *#from(place: Place): AsyncGenerator<Entry> {
    const reader = new MessageReader();
    let end: LogEnd | undefined;
    for (let next = place.sequence; ;) {
      for (const { sequence, payload } of await this.#messages(next)) {
        if (sequence !== next) throw missing(next);
        next += 1;
        const found = reader.take(sequence, payload);
        if (found?.kind !== 'entry') continue;
        const { entry } = found;
        if (end === undefined && entry.checksum !== place.end.checksum)
          throw new LogError('unavailable', `message ${sequence} is another one than before`);
        if (end !== undefined && !isValid(end, found)) continue;
        end = endOf(entry);
        yield entry;
      }
    }
  }

  async #messages(from: number): ReturnType<StreamBroker['read']> {
    try {
      return await this.#broker.read(from, readBytes);
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      throw new LogError('unavailable', error.message, { cause: error });
    }
  }
}

/** Whether an entry is valid behind `end`; undefined where every entry is believed. See `StreamLog`. */
export const isValid = (
  end: LogEnd | undefined,
  { entry, isInPlace }: Found & { kind: 'entry' },
): boolean => (end === undefined || continues(end, entry)) && (entry.kind !== 'open' || isInPlace);

/** A gap is damage: nothing is ever removed but from the front. */
export const missing = (sequence: number): LogError =>
  new LogError('damaged', `message ${sequence} of the stream is missing`);

const trimmed = (index: number): LogError =>
  new LogError('trimmed', `entry ${index} is no longer kept`);
