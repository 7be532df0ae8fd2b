import { endOf } from '../../../src/log/chain.ts';
import type { Entry, LogEnd } from '../../../src/log/entry.ts';
import { type Found, MessageReader } from '../../../src/log/jetstream/stream-message.ts';
import { decodeRecords } from '../../../src/model/record-codec.ts';
import type { ItemRecord } from '../../../src/model/record.ts';
import { splitOf, type CommittedSplit } from '../../../src/partition/split-codec.ts';
import { valueOf } from '../client-item.ts';
import { keyText } from '../truth.ts';
import type { ModelMessage } from './stream-model.ts';

interface TrueEntry {
  readonly entry: Entry;
  readonly sequence: number;
  readonly records: readonly ItemRecord[];
  /** Wall time of the world when it was stored. */
  readonly atMs: number;
}

export interface StoredRecord extends ItemRecord {
  readonly atMs: number;
}

export interface StreamTruthOptions {
  /** Whether a table is the clients'. */
  readonly isUsers: (table: number) => boolean;
  readonly nowMs: () => number;
  readonly violate: (message: string) => void;
  readonly count: (event: string) => void;
}

/** What a partition's stream says, read message by message as it is stored, by a rule of its own for what is valid. */
export class StreamTruth {
  readonly #options: StreamTruthOptions;
  #incarnation = 1;
  /** The valid entries; the first has index 1. */
  #line: TrueEntry[] = [];
  #base: LogEnd | undefined;
  readonly #byChecksum = new Map<number, TrueEntry>();
  /** Of all writes that ever stood in it. */
  readonly values = new Set<string>();
  #splits: readonly CommittedSplit[] = [];
  #leader = '';
  #reader = new MessageReader();
  /** Of a incarnation of which no whole entry is there yet. */
  #next: { readonly incarnation: number; readonly reader: MessageReader } | undefined;

  constructor(options: StreamTruthOptions) {
    this.#options = options;
  }

  get incarnation(): number {
    return this.#incarnation;
  }

  /** The splits of the partition that stand in its log. */
  get splits(): readonly CommittedSplit[] {
    return this.#splits;
  }

  /** What the log says last of a key; undefined where it says nothing. */
  lastOf(key: string): { readonly value: string | undefined } | undefined {
    let found: { readonly value: string | undefined } | undefined;
    for (const { records } of this.#line)
      for (const record of records)
        if (this.#options.isUsers(record.table) && keyText(record.key) === key)
          found = { value: valueOf(record.image) };
    return found;
  }

  get endIndex(): number {
    return this.#line.length;
  }

  /**
   * A message of one of the partition's streams: see `MadeStream`. `began`: the log goes on there from now on; what is stored in older streams is
   * nothing any more.
   */
  take({ payload, sequence, by }: ModelMessage, incarnation: number): 'began' | 'taken' {
    if (incarnation < this.#incarnation) return 'taken';
    const reader = incarnation > this.#incarnation ? this.#nextReader(incarnation) : this.#reader;
    const found = reader.take(sequence, payload);
    if (found?.kind !== 'entry') return 'taken';
    const { entry } = found;
    const begins = incarnation > this.#incarnation;
    if (begins) {
      this.#incarnation = incarnation;
      this.#goOn(entry);
      this.#reader = reader;
    }
    this.#takeEntry(found, sequence, by);
    return begins ? 'began' : 'taken';
  }

  #nextReader(incarnation: number): MessageReader {
    if (this.#next?.incarnation !== incarnation)
      this.#next = { incarnation, reader: new MessageReader() };
    return this.#next.reader;
  }

  #takeEntry(found: Found & { kind: 'entry' }, sequence: number, by: string): void {
    const { entry } = found;
    if (!this.#isNext(entry) || (entry.kind === 'open' && !found.isInPlace)) {
      this.#options.count('straggler skipped');
      return;
    }
    if (entry.kind === 'open') {
      if (this.#leader !== '' && this.#leader !== by) this.#options.count('failover');
      this.#leader = by;
    }
    const records = entry.kind === 'records' ? decodeRecords(entry.payload) : [];
    this.#checkTimes(entry, records);
    this.#add({ entry, sequence, records, atMs: this.#options.nowMs() });
  }

  #isNext(entry: Entry): boolean {
    const { index, checksum, epoch, logId } = this.#base ?? this.#line.at(-1)?.entry ?? NOTHING;
    if (entry.index !== index + 1 || entry.previousChecksum !== checksum) return false;
    return entry.kind === 'open'
      ? entry.epoch > epoch
      : entry.epoch === epoch && entry.logId === logId;
  }

  /** Every version that is made here is later than the partition's time before it, and no later than the one with it. */
  #checkTimes(entry: Entry, records: readonly ItemRecord[]): void {
    const before = this.#base ?? this.#line.at(-1)?.entry ?? NOTHING;
    if (entry.partitionTime < before.partitionTime)
      this.#options.violate(`the partition's time went back at ${entry.index}`);
    for (const { version, cause } of records)
      if ((cause === 'user' || cause === 'transaction') && version.time <= before.partitionTime)
        this.#options.violate(
          `entry ${entry.index} has version ${version.time}, behind the partition's time ${before.partitionTime}`,
        );
  }

  #add(added: TrueEntry): void {
    this.#base = undefined;
    this.#line.push(added);
    if (added.entry.kind === 'split') this.#splits = [...this.#splits, splitOf(added.entry)];
    this.#byChecksum.set(added.entry.checksum, added);
    for (const { table, image } of added.records) {
      if (!this.#options.isUsers(table)) continue;
      const value = valueOf(image);
      if (value !== undefined) this.values.add(value);
    }
  }

  /** The stream has lost what came behind a message. */
  goBack(lastSequence: number): void {
    this.#setLine(this.#line.filter(({ sequence }) => sequence <= lastSequence));
    this.#reader = new MessageReader();
  }

  #setLine(line: TrueEntry[]): void {
    this.#line = line;
    this.#splits = line.flatMap(({ entry }) => (entry.kind === 'split' ? [splitOf(entry)] : []));
  }

  /** Another stream goes on with this entry, behind what a copy has applied. */
  #goOn(first: Entry): void {
    const line: TrueEntry[] = [];
    let [index, checksum] = [first.index - 1, first.previousChecksum];
    const all = [...this.#byChecksum.values()].map(({ entry }) => entry);
    if (first.kind !== 'open' || all.some(({ epoch }) => epoch >= first.epoch))
      this.#options.violate(`a new stream begins with epoch ${first.epoch}, which is no later one`);
    while (index > 0) {
      const entry = this.#byChecksum.get(checksum);
      if (entry === undefined) {
        this.#options.violate(`a copy has applied an entry ${index} that never was valid`);
        return;
      }
      // Whatever number it had in the stream before.
      line.unshift({ ...entry, sequence: 0 });
      ({ index } = entry.entry);
      index -= 1;
      checksum = entry.entry.previousChecksum;
    }
    this.#setLine(line);
    const base = line.at(-1)?.entry;
    // It may know of later times than the copy that it goes on behind.
    this.#base = base && {
      ...endOf(base),
      epoch: first.epoch - 1,
      partitionTime: first.partitionTime,
    };
  }

  /** Whether the entry at `index` is the one with that checksum. */
  has({ index, checksum }: Pick<LogEnd, 'index' | 'checksum'>): boolean {
    return index === 0 || this.#line[index - 1]?.entry.checksum === checksum;
  }

  /** All that was said of a table, by the log's order. */
  recordsOf(table: number): readonly StoredRecord[] {
    return this.#line.flatMap(({ records, atMs }) =>
      records.filter((record) => record.table === table).map((record) => ({ ...record, atMs })),
    );
  }

  /** What stands at each key, by the log's order; without what was deleted. */
  content(): Map<string, string> {
    const found = new Map<string, string>();
    for (const { records } of this.#line)
      for (const { table, key, image } of records) {
        if (!this.#options.isUsers(table)) continue;
        const value = valueOf(image);
        if (value === undefined) found.delete(keyText(key));
        else found.set(keyText(key), value);
      }
    return found;
  }
}

const NOTHING = { index: 0, checksum: 0, epoch: 0, logId: '', partitionTime: 0 };
