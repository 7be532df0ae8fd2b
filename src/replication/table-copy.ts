import { present } from '../base/assert.ts';
import { backoffMs } from '../base/backoff.ts';
import { yieldTo, type Clock } from '../base/clock.ts';
import { giveWay } from '../base/give-way.ts';
import { randomUuid, type Random } from '../base/random.ts';
import { BusError } from '../bus/bus.ts';
import { originOf } from '../model/version.ts';
import type { Partition, ScannedItem, TimeVector } from '../partition/partition.ts';
import { HASHES } from '../storage/key-layout.ts';
import type { Layout } from '../storage/layout.ts';
import type { Logger } from '../telemetry/logger.ts';
import { decodeCopyAnswer, encodeCopyPage, type CopyAnswer, type CopyPage } from './copy-wire.ts';
import type { PeerLine } from './peer-line.ts';

/** A page ends with the item that passes this, so that it may be the largest item longer. */
export const COPY_PAGE_BYTES = 128 * 1024;

/** What is small is over before it disturbs. */
export const PAGES_WITHOUT_REST = 8;

/**
 * Whether a copy gives way to what clients ask before that page, at both ends. Only a bootstrap does, beside which live records are
 * shipped: what a resync sends must end before the log of meanwhile is trimmed.
 */
export const mayRest = (via: CopyPage['via'], page: number): boolean =>
  via === 'bootstrap' && page > PAGES_WITHOUT_REST;

/** Pages under way at once, so that a long way costs less. */
const PAGES_UNDERWAY_MAX = 4;

const ANSWER_MS = 5000;
const ANSWER_MS_MAX = 120_000;
const BACKOFF = { firstMs: 50, maxMs: 2000 } as const;

/** The target does not take the copy, or the sender was told to stop. */
export class CopyError extends Error {
  readonly code: 'refused' | 'stopped';

  constructor(code: 'refused' | 'stopped', message: string) {
    super(message);
    this.name = 'CopyError';
    this.code = code;
  }
}

export interface CopySending {
  /** This region's number of the table. */
  readonly table: number;
  readonly globalId: string;
  readonly target: string;
  /** Send only what that region made after this time; everything when undefined. */
  readonly only: { readonly origin: string; readonly after: number } | undefined;
  /** The target removes what the scan lacks and this region's vector covers. */
  readonly authoritative: boolean;
  /** `bootstrap`: the target has forgotten nothing of the table yet, whatever it forgot of others. */
  readonly via: 'scan' | 'bootstrap';
  readonly signal: AbortSignal;
  /** Items and tombstones that are durable at the target. */
  readonly onProgress: (items: number) => void;
}

export interface TableCopyOptions {
  /** All of this region, by number; a split adds to it. */
  readonly partitions: readonly Partition[];
  readonly layout: () => Layout;
  readonly lineTo: (peer: string) => PeerLine;
  /** Per region, this one included, the time up to which everything that it made is applied here. */
  readonly watermarks: () => TimeVector;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/**
 * Sends whole tables to peers, page by page in the order of keys, which is the order of partitions too. A page is
 * repeated until it is durable there; a target that was restarted gets the scan from its beginning.
 */
export class TableCopy {
  readonly #options: TableCopyOptions;
  readonly #sending = new Map<string, number>();

  constructor(options: TableCopyOptions) {
    this.#options = options;
  }

  /** Whether a copy of the table is under way: what was read for it may be older than what stands here now. */
  isSending(globalId: string): boolean {
    return this.#sending.has(globalId);
  }

  /** Resolves when all is durable at the target. Rejects `CopyError`, or with what a partition's scan rejects. */
  async send(job: CopySending): Promise<void> {
    const { globalId } = job;
    this.#sending.set(globalId, (this.#sending.get(globalId) ?? 0) + 1);
    try {
      while (!(await new Scan(this.#options, job).run())) {
        this.#options.logger.warn({ globalId, target: job.target }, 'copy of a table begun anew');
        await this.#options.clock.sleep(BACKOFF.firstMs, job.signal);
      }
    } finally {
      const left = (this.#sending.get(globalId) ?? 1) - 1;
      if (left === 0) this.#sending.delete(globalId);
      else this.#sending.set(globalId, left);
    }
  }
}

/** `anew`: the target has begun anew, and the scan must. */
type ScanFailure = { readonly kind: 'anew' } | { readonly kind: 'failed'; readonly error: unknown };

/** One pass over the table, under one scan id. */
class Scan {
  readonly #options: TableCopyOptions;
  readonly #job: CopySending;
  readonly #id: string;
  readonly #vector: TimeVector | undefined;
  readonly #underway = new Set<Promise<void>>();
  readonly #ended = new AbortController();
  #pages = 0;
  #after: Uint8Array | undefined;
  #items = 0;
  #answerMs = ANSWER_MS;
  #outcome: ScanFailure | undefined;

  constructor(options: TableCopyOptions, job: CopySending) {
    this.#options = options;
    this.#job = job;
    this.#id = randomUuid(options.random);
    this.#vector = job.authoritative ? options.watermarks() : undefined;
  }

  /** False when the target has begun anew, and the scan must. */
  async run(): Promise<boolean> {
    const stop = (): void => {
      this.#fail({
        kind: 'failed',
        error: new CopyError('stopped', 'the copy of a table was stopped'),
      });
    };
    this.#job.signal.addEventListener('abort', stop, { once: true });
    try {
      if (this.#job.signal.aborted) stop();
      await this.#walk();
    } catch (error) {
      this.#fail({ kind: 'failed', error });
    }
    await Promise.all(this.#underway);
    this.#job.signal.removeEventListener('abort', stop);
    if (this.#outcome?.kind === 'failed') throw this.#outcome.error;
    return this.#outcome === undefined;
  }

  #fail(outcome: ScanFailure): void {
    this.#outcome ??= outcome;
    this.#ended.abort();
  }

  async #walk(): Promise<void> {
    const { partitions, layout, clock } = this.#options;
    let after: Uint8Array | undefined;
    for (let hash = 0; hash < HASHES;) {
      // A partition that is split meanwhile may answer for its whole part of before, or for the half that it has still.
      const number = layout().partitionOfHash(hash);
      const partition = present(partitions[number], 'a partition for every hash');
      for (;;) {
        if (mayRest(this.#job.via, this.#pages)) await giveWay(clock, this.#ended.signal);
        if (this.#outcome !== undefined) return;
        const found = await partition.scan(this.#job.table, after, COPY_PAGE_BYTES);
        if (found.length === 0) break;
        after = found.at(-1)?.key;
        const items = found.filter((item) => this.#isAskedFor(item));
        if (items.length > 0 || this.#vector !== undefined) await this.#page(items, after);
        else await yieldTo(clock);
      }
      hash = layout().hashesOf(number).to;
    }
    await Promise.all(this.#underway);
    if (this.#outcome === undefined) await this.#page([], undefined);
  }

  #isAskedFor({ version }: ScannedItem): boolean {
    const { only } = this.#job;
    return only === undefined || (originOf(version) === only.origin && version.time > only.after);
  }

  /** Sends a page, as soon as few enough are under way. The first one opens the scan at the target, alone. */
  async #page(items: readonly ScannedItem[], last: Uint8Array | undefined): Promise<void> {
    const { globalId, via } = this.#job;
    const page: CopyPage = {
      scanId: this.#id,
      table: globalId,
      page: this.#pages,
      after: this.#after,
      last,
      via,
      vector: this.#vector,
      items,
    };
    this.#pages += 1;
    this.#after = last;
    const sending = this.#deliver(page)
      .catch((error: unknown) => this.#fail({ kind: 'failed', error }))
      .finally(() => this.#underway.delete(sending));
    this.#underway.add(sending);
    const most = page.page === 0 ? 1 : PAGES_UNDERWAY_MAX;
    while (this.#underway.size >= most) await Promise.race(this.#underway);
  }

  async #deliver(page: CopyPage): Promise<void> {
    const { clock, random, logger } = this.#options;
    const payload = encodeCopyPage(page);
    let failures = 0;
    while (!this.#ended.signal.aborted) {
      const timeoutMs = this.#answerMs;
      try {
        this.#take(page, await this.#ask(payload, timeoutMs));
        return;
      } catch (error) {
        if (error instanceof CopyError) throw error;
        failures += 1;
        // Pages that are lost together are one failure: after a short cut nobody waits for long.
        const isSlow = error instanceof BusError && error.code === 'timeout';
        if (isSlow && this.#answerMs === timeoutMs)
          this.#answerMs = Math.min(ANSWER_MS_MAX, timeoutMs * 2);
        const { target } = this.#job;
        if (failures === 1) logger.info({ target, error }, 'page of a copy will be sent again');
      }
      await clock.sleep(backoffMs(random, failures, BACKOFF), this.#ended.signal);
    }
  }

  async #ask(payload: Uint8Array, timeoutMs: number): Promise<CopyAnswer> {
    const line = this.#options.lineTo(this.#job.target);
    const options = { timeoutMs, signal: this.#ended.signal };
    return decodeCopyAnswer(await line.ask('replication.scan', payload, options));
  }

  #take(page: CopyPage, answer: CopyAnswer): void {
    if (answer === 'durable') {
      this.#items += page.items.length;
      this.#job.onProgress(this.#items);
    } else if (answer === 'not begun') {
      this.#fail({ kind: 'anew' });
    } else {
      const { target, globalId } = this.#job;
      throw new CopyError('refused', `${target} does not take a copy of ${globalId}: ${answer}`);
    }
  }
}
