import { dictionary, finite, list, members, oneOf, optional, text } from '../base/shape.ts';
import type { LogPlace, Table } from '../model/table.ts';
import { assert } from '../base/assert.ts';
import { SYSTEM_TABLE } from '../storage/key-layout.ts';
import { definitionShape, globalShape } from './control-wire.ts';
import { memberStartsOf, placesShape } from './member-starts.ts';
import type { SystemDocuments } from './system-documents.ts';

/** Global ids of deleted tables that are remembered, newest last, so that late records of them can be dropped. */
const goneMax = 10_000;

const tablePrefix = 'table/';
const stateName = 'catalogue';

/**
 * The tables of one region: in memory for reads, as system documents for keeps. A change is visible once it is durable.
 * Changes of one table are made one after the other: see `change`.
 */
export class Catalogue {
  readonly #documents: SystemDocuments;
  readonly #ends: () => readonly LogPlace[];
  readonly #byName = new Map<string, Table>();
  readonly #byNumber = new Map<number, Table>();
  readonly #byGlobalId = new Map<string, Table>();
  #lastNumber = 0;
  #gone: readonly string[] = [];
  readonly #turns = new Map<string, Promise<unknown>>();
  readonly #listeners = new Set<CatalogueListener>();

  /** `ends`: where this region's logs end now, by number: see `Table.memberStarts`. */
  constructor(documents: SystemDocuments, ends: () => readonly LogPlace[]) {
    this.#documents = documents;
    this.#ends = ends;
  }

  /** Takes over what is kept. Call once, before anything else. */
  load(documents: ReadonlyMap<string, unknown>): void {
    for (const [name, document] of documents) {
      if (name.startsWith(tablePrefix)) this.#put(tableShape(document, name));
      if (name === stateName) {
        const state = stateShape(document, name);
        this.#lastNumber = state.lastNumber;
        this.#gone = state.gone;
      }
    }
  }

  find(name: string): Table | undefined {
    return this.#byName.get(name);
  }

  byNumber(number: number): Table | undefined {
    return this.#byNumber.get(number);
  }

  /** `gone`: a table of that id was here and is deleted. `unknown`: never heard of, so it may come yet. */
  byGlobalId(globalId: string): Table | 'gone' | 'unknown' {
    return this.#byGlobalId.get(globalId) ?? (this.#gone.includes(globalId) ? 'gone' : 'unknown');
  }

  /** Whether a table of that number is, or may yet come to be: the system's own, or one not yet given out. */
  isKnown(number: number): boolean {
    return number === SYSTEM_TABLE || number > this.#lastNumber || this.#byNumber.has(number);
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
   * Replaces the table called `name` by what `decide` makes of it: a table (`number` 0 asks for the next free one), or
   * undefined to remove it. Returning the same object changes nothing. Resolves when durable, with what stands then.
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
    const decided = await decide(before);
    if (decided === before) return decided;
    if (decided === undefined) {
      assert(before !== undefined, 'a table is removed once');
      await this.#remove(before);
      return decided;
    }
    const number = decided.number === 0 ? await this.#nextNumber() : decided.number;
    const memberStarts = memberStartsOf(before, decided, this.#ends);
    const after: T = { ...decided, number, memberStarts };
    assert(after.name === name, 'a change keeps the name');
    const isNewId = before !== undefined && before.globalId !== after.globalId;
    if (isNewId) await this.#saveGone(before.globalId);
    await this.#documents.put(tablePrefix + name, after);
    if (isNewId) this.#byGlobalId.delete(before.globalId);
    this.#put(after);
    this.#tell(before, after);
    return after;
  }

  async #remove(table: Table): Promise<void> {
    await this.#saveGone(table.globalId);
    await this.#documents.delete(tablePrefix + table.name);
    this.#byName.delete(table.name);
    this.#byNumber.delete(table.number);
    this.#byGlobalId.delete(table.globalId);
    this.#tell(table, undefined);
  }

  async #nextNumber(): Promise<number> {
    this.#lastNumber += 1;
    const number = this.#lastNumber;
    await this.#saveState();
    return number;
  }

  async #saveGone(globalId: string): Promise<void> {
    this.#gone = [...this.#gone, globalId].slice(-goneMax);
    await this.#saveState();
  }

  async #saveState(): Promise<void> {
    const state: CatalogueState = { lastNumber: this.#lastNumber, gone: this.#gone };
    await this.#documents.put(stateName, state);
  }

  #put(table: Table): void {
    this.#byName.set(table.name, table);
    this.#byNumber.set(table.number, table);
    this.#byGlobalId.set(table.globalId, table);
  }

  #tell(before: Table | undefined, after: Table | undefined): void {
    for (const listener of this.#listeners) listener(before, after);
  }
}

export type CatalogueListener = (before: Table | undefined, after: Table | undefined) => void;

interface CatalogueState {
  readonly lastNumber: number;
  readonly gone: readonly string[];
}

const stateShape = members<CatalogueState>({ lastNumber: finite, gone: list(text) });

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
});
