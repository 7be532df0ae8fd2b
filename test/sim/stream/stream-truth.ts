import { decodeEntry } from '../../../src/log/entry-codec.ts';
import type { Entry, LogEnd } from '../../../src/log/entry.ts';
import { decodeRecords } from '../../../src/model/record-codec.ts';
import type { ItemRecord } from '../../../src/model/record.ts';
import { valueOf } from '../client.ts';
import { keyText } from '../truth.ts';
import type { ModelMessage } from './stream-model.ts';

interface TrueEntry {
  readonly entry: Entry;
  readonly sequence: number;
  readonly records: readonly ItemRecord[];
}

/** What a partition's stream says, read message by message as it is stored, by a rule of its own for what is valid. */
export class StreamTruth {
  readonly #violate: (message: string) => void;
  readonly #count: (event: string) => void;
  /** The valid entries; the first has index 1. */
  #line: TrueEntry[] = [];
  #base: LogEnd | undefined;
  readonly #byChecksum = new Map<number, TrueEntry>();
  /** Of all writes that ever stood in it. */
  readonly values = new Set<string>();
  #leader = '';

  constructor(violate: (message: string) => void, count: (event: string) => void) {
    this.#violate = violate;
    this.#count = count;
  }

  get endIndex(): number {
    return this.#line.length;
  }

  take({ payload, sequence, by }: ModelMessage): void {
    if (payload.length === 0) return;
    const entry = decodeEntry(payload);
    if (!this.#isNext(entry)) {
      this.#count('straggler skipped');
      return;
    }
    if (entry.kind === 'open') {
      if (this.#leader !== '' && this.#leader !== by) this.#count('failover');
      this.#leader = by;
    }
    const records = entry.kind === 'records' ? decodeRecords(entry.payload) : [];
    this.#checkTimes(entry, records);
    this.#add({ entry, sequence, records });
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
      this.#violate(`the partition's time went back at ${entry.index}`);
    for (const { version, cause } of records)
      if (cause === 'user' && version.time <= before.partitionTime)
        this.#violate(
          `entry ${entry.index} has version ${version.time}, behind the partition's time ${before.partitionTime}`,
        );
  }

  #add(added: TrueEntry): void {
    this.#base = undefined;
    this.#line.push(added);
    this.#byChecksum.set(added.entry.checksum, added);
    for (const { image } of added.records) {
      const value = valueOf(image);
      if (value !== undefined) this.values.add(value);
    }
  }

  /** The stream has lost what came behind a message. */
  goBack(lastSequence: number): void {
    this.#line = this.#line.filter(({ sequence }) => sequence <= lastSequence);
  }

  /** Another stream goes on behind what a copy has applied. */
  goOn(base: LogEnd): void {
    const line: TrueEntry[] = [];
    let { index, checksum } = base;
    while (index > 0) {
      const entry = this.#byChecksum.get(checksum);
      if (entry === undefined) {
        this.#violate(`a copy has applied an entry ${index} that never was valid`);
        return;
      }
      // Whatever number it had in the stream before.
      line.unshift({ ...entry, sequence: 0 });
      ({ index } = entry.entry);
      index -= 1;
      checksum = entry.entry.previousChecksum;
    }
    this.#line = line;
    this.#base = base;
  }

  /** Whether the entry at `index` is the one with that checksum. */
  has({ index, checksum }: Pick<LogEnd, 'index' | 'checksum'>): boolean {
    return index === 0 || this.#line[index - 1]?.entry.checksum === checksum;
  }

  /** What stands at each key, by the log's order; without what was deleted. */
  content(): Map<string, string> {
    const found = new Map<string, string>();
    for (const { records } of this.#line)
      for (const { key, image } of records) {
        const value = valueOf(image);
        if (value === undefined) found.delete(keyText(key));
        else found.set(keyText(key), value);
      }
    return found;
  }
}

const NOTHING = { index: 0, checksum: 0, epoch: 0, logId: '', partitionTime: 0 };
