import { encodedEntryBytes } from '../entry-codec.ts';
import type { Entry } from '../entry.ts';

/** The last valid entries of a log, as many as fit. */
export class RecentEntries {
  readonly #bytesMax: number;
  #entries: Entry[] = [];
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** The entry behind the last one. */
  push(entry: Entry): void {
    this.#entries.push(entry);
    this.#bytes += encodedEntryBytes(entry);
    if (this.#bytes <= this.#bytesMax) return;
    // Half of it at a time: a cut of one moves all the others.
    let dropped = 0;
    for (const old of this.#entries) {
      if (this.#bytes <= this.#bytesMax / 2) break;
      this.#bytes -= encodedEntryBytes(old);
      dropped += 1;
    }
    this.#entries = this.#entries.slice(dropped);
  }

  clear(): void {
    this.#entries = [];
    this.#bytes = 0;
  }

  /** As `ReplicatedLog.read`; undefined when the entry behind `after` is not among them. */
  read(after: number, limitBytes: number): readonly Entry[] | undefined {
    const [first] = this.#entries;
    if (first === undefined || after + 1 < first.index) return undefined;
    const from = after + 1 - first.index;
    let bytes = 0;
    let to = from;
    for (; to < this.#entries.length; to += 1) {
      const entry = this.#entries[to];
      if (entry === undefined) break;
      bytes += encodedEntryBytes(entry);
      if (to > from && bytes > limitBytes) break;
    }
    return this.#entries.slice(from, to);
  }
}
