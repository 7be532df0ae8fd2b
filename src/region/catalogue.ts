import { dictionary, finite, flag, list, members, oneOf, optional, text } from '../base/shape.ts';
import { internalError } from '../model/errors.ts';
import type { LogPlace, Table, TableIndex, Tag } from '../model/table.ts';
import { assert } from '../base/assert.ts';
import { SYSTEM_TABLE } from '../storage/key-layout.ts';
import { globalShape, tableStateShape, type TableState } from './control-wire.ts';
import {
  definitionShape,
  resourcePolicyShape,
  tableIndexesShape,
  tableUpdatesShape,
  throughputHistoryShape,
} from './definition-shape.ts';
import { memberStartsOf, placesShape } from './member-starts.ts';
import { paidCopiesShape } from './paid-copies.ts';
import {
  endedStreams,
  endsStream,
  forgottenStreams,
  goneStreamsShape,
  hasOpenStream,
  NO_STREAM_SETTINGS,
  type StreamSettings,
  streamsOf,
  tableStreamsShape,
  type GoneStreams,
} from './kept-streams.ts';
import type { SystemDocuments } from './system-documents.ts';

/** Whether a document of the region is one of its catalogue. */
export const isOfCatalogue = (name: string): boolean =>
  name === stateName ||
  [tablePrefix, endedPrefix, streamsPrefix].some((prefix) => name.startsWith(prefix));

/** Where a catalogue is kept. */
export type CatalogueDocuments = Pick<SystemDocuments, 'put' | 'delete'>;

/** Global ids of deleted tables that are remembered, newest last, so that late records of them can be dropped. */
const goneMax = 10_000;

const tablePrefix = 'table/';
const endedPrefix = 'ended/';
const streamsPrefix = 'streams/';
const stateName = 'catalogue';

/**
 * The tables of one region: in memory for reads, as system documents for keeps. A change is visible once it is durable.
 * Changes of one table are made one after the other: see `change`.
 */
export class Catalogue {
  readonly #documents: CatalogueDocuments;
  readonly #ends: () => readonly LogPlace[];
  readonly #byName = new Map<string, Table>();
  readonly #byNumber = new Map<number, Table>();
  readonly #byIndexNumber = new Map<number, IndexOfTable>();
  readonly #byGlobalId = new Map<string, Table>();
  readonly #ended = new Map<string, TableState>();
  /** By `tableId`. */
  readonly #goneStreams = new Map<string, GoneStreams>();
  readonly #streamSettings: StreamSettings;
  #lastNumber = 0;
  /** Numbers that were given out, of which the table is not durable yet. */
  #pending = new Set<number>();
  /** Those of them that the kept state names. */
  #keptPending: ReadonlySet<number> = new Set();
  #gone: readonly string[] = [];
  #timesReplaced = 0;
  readonly #turns = new Map<string, Promise<unknown>>();
  readonly #listeners = new Set<CatalogueListener>();

  /** `ends`: where this region's logs end now, by number: see `Table.memberStarts`. */
  constructor(
    documents: CatalogueDocuments,
    ends: () => readonly LogPlace[],
    streamSettings: StreamSettings = NO_STREAM_SETTINGS,
  ) {
    this.#documents = documents;
    this.#ends = ends;
    this.#streamSettings = streamSettings;
  }

  /** Takes over what is kept. Call once, before anything else. */
  load(documents: ReadonlyMap<string, unknown>): void {
    this.#take(keptIn(documents));
  }

  #take({ tables, ended, streams, state }: Kept): void {
    for (const table of tables) this.#put(table);
    for (const each of streams) this.#goneStreams.set(each.tableId, each);
    for (const each of ended) this.#ended.set(each.globalId, each);
    this.#lastNumber = state.lastNumber;
    this.#gone = state.gone;
    this.#keptPending = new Set(state.pending);
    const hasTable = (number: number): boolean =>
      this.#byNumber.has(number) || this.#byIndexNumber.has(number);
    this.#pending = new Set(state.pending?.filter((number) => !hasTable(number)));
  }

  /**
   * Takes over what is kept by now, as another node has changed it. Tables that are as they were stay the same objects. A
   * change that is under way here fails. Throws `ShapeError`, with nothing changed.
   */
  replace(documents: ReadonlyMap<string, unknown>): void {
    const kept = keptIn(documents);
    const before = new Map(this.#byName);
    this.#timesReplaced += 1;
    this.#ended.clear();
    this.#goneStreams.clear();
    for (const table of before.values()) this.#drop(table);
    this.#take(kept);
    for (const table of before.values()) {
      const after = this.#byName.get(table.name);
      if (after === undefined) this.#tell(table, undefined);
      else if (JSON.stringify(after) === JSON.stringify(table)) this.#put(table);
      else this.#tell(table, after);
    }
    for (const table of this.all) if (!before.has(table.name)) this.#tell(undefined, table);
  }

  find(name: string): Table | undefined {
    return this.#byName.get(name);
  }

  byNumber(number: number): Table | undefined {
    return this.#byNumber.get(number);
  }

  /** The index whose entries are kept under that number, and its table. */
  indexByNumber(number: number): IndexOfTable | undefined {
    return this.#byIndexNumber.get(number);
  }

  /** `gone`: a table of that id was here and is deleted. `unknown`: never heard of, so it may come yet. */
  byGlobalId(globalId: string): Table | 'gone' | 'unknown' {
    return this.#byGlobalId.get(globalId) ?? (this.#gone.includes(globalId) ? 'gone' : 'unknown');
  }

  /**
   * The last state of a table that was global once and is deleted, when this region was the only member by then: whoever
   * has not heard that it was removed from it learns it by this.
   */
  endedState(globalId: string): TableState | undefined {
    return this.#byGlobalId.has(globalId) ? undefined : this.#ended.get(globalId);
  }

  /**
   * Whether a table or index of that number is, or may yet come to be: the system's own, one not yet given out, or one that was
   * given out and of which nothing else is heard. Hazard: records of what is not known are passed over when they are applied, for
   * good; and a node may hear of a table long after its leaders took writes of it.
   */
  isKnown(number: number): boolean {
    return (
      number === SYSTEM_TABLE ||
      number > this.#lastNumber ||
      this.#pending.has(number) ||
      this.#byNumber.has(number) ||
      this.#byIndexNumber.has(number)
    );
  }

  get all(): readonly Table[] {
    return [...this.#byName.values()];
  }

  /** Told after each durable change: what was, what is. */
  onChange(listener: CatalogueListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Replaces the table called `name` by what `decide` makes of it: a table (`number` 0, of it or of its indexes, asks
   * for the next free one), or undefined to remove it. Returning the same object changes nothing. Resolves when durable,
   * with what stands then.
   */
  async change<T extends Table | undefined>(
    name: string,
    decide: (table: Table | undefined) => T | Promise<T>,
  ): Promise<T> {
    const turn = (this.#turns.get(name) ?? Promise.resolve()).then(async () =>
      this.#changeNow(name, decide),
    );
    const settled = turn
      .catch(() => {})
      .finally(() => {
        if (this.#turns.get(name) === settled) this.#turns.delete(name);
      });
    this.#turns.set(name, settled);
    return turn;
  }

  async #changeNow<T extends Table | undefined>(
    name: string,
    decide: (table: Table | undefined) => T | Promise<T>,
  ): Promise<T> {
    const before = this.#byName.get(name);
    const times = this.#timesReplaced;
    const decided = await decide(before);
    if (decided === before) return decided;
    this.#assertNotReplaced(times);
    if (decided === undefined) {
      assert(before !== undefined, 'a table is removed once');
      await this.#remove(before);
      return decided;
    }
    const numbered = await this.#numbered(decided);
    this.#assertNotReplaced(times);
    const memberStarts = memberStartsOf(before, numbered, this.#ends);
    const { settledEnds } = this.#streamSettings;
    const isEnd = settledEnds !== undefined && endsStream(before, numbered);
    const ends = isEnd ? await settledEnds() : undefined;
    this.#assertNotReplaced(times);
    const streams = streamsOf(before, numbered, () => ends ?? this.#ends(), this.#streamSettings);
    const after: T = { ...numbered, memberStarts, ...(streams !== undefined && { streams }) };
    assert(after.name === name, 'a change keeps the name');
    const isNewId = before !== undefined && before.globalId !== after.globalId;
    if (isNewId) await this.#saveGone(before.globalId);
    if (before !== undefined && before.number !== after.number) await this.#saveStreams(before);
    if (before !== undefined) await this.#settleNumbers(before, after);
    this.#assertNotReplaced(times);
    await this.#documents.put(tablePrefix + name, after);
    this.#assertNotReplaced(times);
    for (const number of numbersOf(after)) this.#pending.delete(number);
    if (isNewId) this.#byGlobalId.delete(before.globalId);
    if (before !== undefined) this.#forgetIndexes(before);
    this.#put(after);
    this.#tell(before, after);
    return after;
  }

  /** A number that goes is not kept as one that may come. */
  async #settleNumbers(before: Table, after: Table): Promise<void> {
    const kept = numbersOf(after);
    const gone = numbersOf(before).filter((number) => !kept.includes(number));
    if (gone.some((number) => this.#keptPending.has(number))) await this.#saveState();
  }

  /** What was decided on the state of another tenure must not stand in this one's. */
  #assertNotReplaced(times: number): void {
    if (times !== this.#timesReplaced) throw internalError();
  }

  async #remove(table: Table): Promise<void> {
    const times = this.#timesReplaced;
    await this.#saveEnded(table);
    await this.#saveStreams(table);
    await this.#saveGone(table.globalId);
    this.#assertNotReplaced(times);
    await this.#documents.delete(tablePrefix + table.name);
    this.#assertNotReplaced(times);
    this.#drop(table);
    this.#tell(table, undefined);
  }

  #drop(table: Table): void {
    this.#byName.delete(table.name);
    this.#byNumber.delete(table.number);
    this.#forgetIndexes(table);
    this.#byGlobalId.delete(table.globalId);
  }

  /** Gives numbers to what has none. They are durable as taken before anything is written under them. */
  async #numbered<T extends Table>(table: T): Promise<T> {
    const isNew = table.number === 0;
    const isIndexNew = table.indexes?.some(({ number }) => number === 0) ?? false;
    if (!isNew && !isIndexNew) return table;
    const next = (): number => {
      this.#lastNumber += 1;
      this.#pending.add(this.#lastNumber);
      return this.#lastNumber;
    };
    const number = isNew ? next() : table.number;
    const numbered = isIndexNew
      ? { ...table, number, indexes: table.indexes?.map((index) => numberedIndex(index, next)) }
      : { ...table, number };
    await this.#saveState();
    return numbered;
  }

  async #saveEnded({ name, globalId, definition, global, parted }: Table): Promise<void> {
    if (global !== undefined || parted === undefined) return;
    const ended: TableState = { name, globalId, definition, global: parted };
    await this.#documents.put(endedPrefix + globalId, ended);
    this.#ended.set(globalId, ended);
  }

  async #saveStreams(table: Table): Promise<void> {
    const times = this.#timesReplaced;
    const { settledEnds } = this.#streamSettings;
    const isEnd = settledEnds !== undefined && hasOpenStream(table);
    const ends = isEnd ? await settledEnds() : undefined;
    this.#assertNotReplaced(times);
    const gone = endedStreams(table, () => ends ?? this.#ends(), this.#streamSettings);
    if (gone === undefined) return;
    await this.#documents.put(streamsPrefix + table.tableId, gone);
    this.#goneStreams.set(table.tableId, gone);
  }

  /** The streams of tables that are deleted, for as long as they are kept. */
  get goneStreams(): readonly GoneStreams[] {
    return [...this.#goneStreams.values()];
  }

  /** Forgets the streams that had ended by `timeMs`. Resolves when durable. */
  async forgetStreams(timeMs: number): Promise<void> {
    for (const { name, streams } of this.all)
      if (streams !== undefined && forgottenStreams(streams, timeMs) !== streams)
        await this.change(name, (table) =>
          table?.streams === undefined
            ? table
            : { ...table, streams: forgottenStreams(table.streams, timeMs) },
        );
    for (const { tableId, streams } of this.goneStreams) {
      if (forgottenStreams(streams, timeMs).length > 0) continue;
      await this.#documents.delete(streamsPrefix + tableId);
      this.#goneStreams.delete(tableId);
    }
  }

  async #saveGone(globalId: string): Promise<void> {
    const gone = [...this.#gone, globalId];
    this.#gone = gone.slice(-goneMax);
    await this.#saveState();
    for (const forgotten of gone.slice(0, -goneMax))
      if (this.#ended.delete(forgotten)) await this.#documents.delete(endedPrefix + forgotten);
  }

  async #saveState(): Promise<void> {
    const pending = [...this.#pending];
    const state: CatalogueState = {
      lastNumber: this.#lastNumber,
      gone: this.#gone,
      ...(pending.length > 0 && { pending }),
    };
    await this.#documents.put(stateName, state);
    this.#keptPending = new Set(pending);
  }

  #put(table: Table): void {
    this.#byName.set(table.name, table);
    this.#byNumber.set(table.number, table);
    for (const index of table.indexes ?? [])
      this.#byIndexNumber.set(index.number, { table, index });
    this.#byGlobalId.set(table.globalId, table);
  }

  #forgetIndexes(table: Table): void {
    for (const { number } of table.indexes ?? []) this.#byIndexNumber.delete(number);
  }

  #tell(before: Table | undefined, after: Table | undefined): void {
    for (const listener of this.#listeners) listener(before, after);
  }
}

const numbersOf = ({ number, indexes = [] }: Table): readonly number[] => [
  number,
  ...indexes.map((index) => index.number),
];

const numberedIndex = (index: TableIndex, next: () => number): TableIndex =>
  index.number === 0 ? { ...index, number: next() } : index;

/** An index, and the table that has it as the catalogue holds it. */
export interface IndexOfTable {
  readonly table: Table;
  readonly index: TableIndex;
}

export type CatalogueListener = (before: Table | undefined, after: Table | undefined) => void;

/** What documents hold of a catalogue. */
interface Kept {
  readonly tables: readonly Table[];
  readonly ended: readonly TableState[];
  readonly streams: readonly GoneStreams[];
  readonly state: CatalogueState;
}

interface CatalogueState {
  readonly lastNumber: number;
  readonly gone: readonly string[];
  /** Numbers up to the last that have no table yet, unless one of these documents is it. Absent where earlier programs wrote. */
  readonly pending?: readonly number[] | undefined;
}

const stateShape = members<CatalogueState>({
  lastNumber: finite,
  gone: list(text),
  pending: optional(list(finite)),
});

const tagShape = members<Tag>({ key: text, value: text });

const tableShape = members<Table>({
  number: finite,
  name: text,
  tableId: text,
  globalId: text,
  createdAtMs: finite,
  status: oneOf('CREATING', 'UPDATING', 'DELETING', 'ACTIVE'),
  definition: definitionShape,
  global: optional(globalShape),
  parted: optional(globalShape),
  memberStarts: optional(dictionary(placesShape)),
  paid: optional(paidCopiesShape),
  indexes: optional(tableIndexesShape),
  tags: optional(list(tagShape)),
  deletionProtection: optional(flag),
  resourcePolicy: optional(resourcePolicyShape),
  streamLabel: optional(text),
  streams: optional(tableStreamsShape),
  throughputHistory: optional(throughputHistoryShape),
  payPerRequestAtMs: optional(finite),
  tableClassAtMs: optional(finite),
  timeToLiveAtMs: optional(finite),
  updates: optional(tableUpdatesShape),
});

/** Throws `ShapeError`. */
function keptIn(documents: ReadonlyMap<string, unknown>): Kept {
  const tables: Table[] = [];
  const ended: TableState[] = [];
  const streams: GoneStreams[] = [];
  let state: CatalogueState = { lastNumber: 0, gone: [] };
  for (const [name, document] of documents) {
    if (name.startsWith(tablePrefix)) tables.push(tableShape(document, name));
    if (name.startsWith(endedPrefix)) ended.push(tableStateShape(document, name));
    if (name.startsWith(streamsPrefix)) streams.push(goneStreamsShape(document, name));
    if (name === stateName) state = stateShape(document, name);
  }
  return { tables, ended, streams, state };
}
