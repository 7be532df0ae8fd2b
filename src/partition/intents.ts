import { type Clock, WOKEN } from '../base/clock.ts';
import { internalError } from '../model/errors.ts';
import type { ItemRecord } from '../model/record.ts';
import { PARTITION_TABLE } from '../storage/key-layout.ts';
import { overlayKey, type Commit } from './overlay.ts';
import {
  decodeIntent,
  documentKind,
  intentIdIn,
  type IntentDocument,
} from './transaction-documents.ts';
import type { TransactionName } from './transaction-steps.ts';

/** How long whoever meets an intent, or a leader that does not know its intents yet, waits. */
const intentWaitMs = 5000;

/** A prepared transaction in this partition: its keys are held until it is finished. */
export interface Intent extends IntentDocument {
  /** The overlay's keys of its items. */
  readonly keys: readonly string[];
  /** Monotonic time at which the leader came to know it. */
  readonly sinceMs: number;
  /** Resolves when it is finished, or was never made. */
  readonly over: Promise<void>;
  /** What resolves it. */
  readonly ends: readonly (() => void)[];
}

/**
 * The intents of one partition, as its leader knows them. What is appended counts at once; what is committed is kept beside it,
 * so that both are the same again when an append is lost.
 */
export class Intents {
  readonly #clock: Clock;
  readonly #byId = new Map<string, Intent>();
  readonly #byKey = new Map<string, Intent>();
  /** Their last entries, while those are not committed. */
  readonly #finishing = new Map<string, Commit>();
  /** What the committed entries say. */
  readonly #committed = new Map<string, IntentDocument>();
  /** What is committed while they are loaded: it is newer than what is loaded, or the same. */
  #meanwhile: ItemRecord[] | undefined = [];
  #tellLoaded: () => void = () => {};
  readonly #loaded: Promise<void>;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#loaded = new Promise((resolve) => {
      this.#tellLoaded = resolve;
    });
  }

  /** How many there are. */
  get size(): number {
    return this.#byId.size;
  }

  get isLoaded(): boolean {
    return this.#meanwhile === undefined;
  }

  /** Once, with all that stood in a copy which had applied the entry that opened the epoch. */
  load(documents: readonly IntentDocument[]): void {
    for (const document of documents) this.#committed.set(document.transaction.id, document);
    const meanwhile = this.#meanwhile ?? [];
    this.#meanwhile = undefined;
    for (const record of meanwhile) this.#note(record);
    this.forgetUncommitted();
    this.#tellLoaded();
  }

  /** Rejects with `InternalServerError` when they are not loaded soon. */
  async loaded(): Promise<void> {
    if (await this.#within(this.#loaded, intentWaitMs)) return;
    throw internalError();
  }

  /** On an item, by its `overlayKey`. */
  on(key: string): Intent | undefined {
    return this.#byKey.get(key);
  }

  of(id: string): Intent | undefined {
    return this.#byId.get(id);
  }

  get all(): readonly Intent[] {
    return [...this.#byId.values()];
  }

  /** Those that the leader has known for at least `ageMs`. */
  older(ageMs: number): readonly TransactionName[] {
    const beforeMs = this.#clock.monotonicMs() - ageMs;
    return this.all.flatMap(({ sinceMs, transaction }) =>
      sinceMs <= beforeMs ? [transaction] : [],
    );
  }

  /** From when the entry that says it is asked for. */
  add(document: IntentDocument): void {
    const keys = document.actions.map(({ table, key }) => overlayKey(table, key));
    const ends: (() => void)[] = [];
    const over = new Promise<void>((resolve) => {
      ends.push(resolve);
    });
    const sinceMs = this.#clock.monotonicMs();
    const intent: Intent = { ...document, keys, sinceMs, over, ends };
    this.#byId.set(document.transaction.id, intent);
    for (const key of keys) this.#byKey.set(key, intent);
  }

  /** From when the entry that finishes it is asked for: `commit`. */
  finish(id: string, commit: Commit): void {
    if (!commit.done) this.#finishing.set(id, commit);
    this.#remove(id);
  }

  #remove(id: string): void {
    const intent = this.#byId.get(id);
    if (intent === undefined) return;
    this.#byId.delete(id);
    for (const key of intent.keys) if (this.#byKey.get(key) === intent) this.#byKey.delete(key);
    for (const end of intent.ends) end();
  }

  /** Takes notice of committed records. */
  commit(records: readonly ItemRecord[]): void {
    for (const record of records) {
      if (record.table !== PARTITION_TABLE || documentKind(record.key) !== 'intent') continue;
      if (this.#meanwhile === undefined) this.#note(record);
      else this.#meanwhile.push(record);
    }
  }

  #note({ key, image }: ItemRecord): void {
    const id = intentIdIn(key);
    if (image === undefined) {
      this.#committed.delete(id);
      this.#finishing.delete(id);
    } else this.#committed.set(id, this.#byId.get(id) ?? decodeIntent(image));
  }

  /** After an append was lost, what stands is what is committed. */
  forgetUncommitted(): void {
    this.#finishing.clear();
    for (const id of this.#byId.keys()) if (!this.#committed.has(id)) this.#remove(id);
    for (const [id, document] of this.#committed) if (!this.#byId.has(id)) this.add(document);
  }

  /** Resolves once no intent is on the item. Rejects with `InternalServerError` when that takes too long. */
  async clearOf(key: string): Promise<void> {
    await this.#untilNone(() => this.#byKey.get(key));
  }

  /** Whether `finished` has anything to wait for. */
  get isIdle(): boolean {
    return this.#byId.size === 0 && this.#finishing.size === 0;
  }

  /** Resolves once all that `isMeant` at the time of the call are durably finished; rejects as `clearOf`. */
  async finished(isMeant: (intent: Intent) => boolean): Promise<void> {
    const meant = this.all.filter(isMeant);
    await this.#untilNone(() => meant.find(({ transaction }) => this.#byId.has(transaction.id)));
    await Promise.all([...this.#finishing.values()].map(async ({ durable }) => durable));
  }

  async #untilNone(next: () => Intent | undefined): Promise<void> {
    const endMs = this.#clock.monotonicMs() + intentWaitMs;
    for (let intent = next(); intent !== undefined; intent = next()) {
      const leftMs = endMs - this.#clock.monotonicMs();
      if (leftMs <= 0) throw internalError();
      await this.#within(intent.over, leftMs);
    }
  }

  /** Whether the promise resolves in time. */
  async #within(promise: Promise<void>, ms: number): Promise<boolean> {
    const waited = new AbortController();
    const inTime = await Promise.race([
      promise.then(() => true),
      this.#clock.sleep(ms, waited.signal).then(() => false),
    ]);
    waited.abort(WOKEN);
    return inTime;
  }
}
