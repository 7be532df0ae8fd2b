import type { Clock } from '../base/clock.ts';
import { WOKEN } from '../base/clock.ts';
import type { Service } from '../base/service.ts';
import { internalError } from '../model/errors.ts';
import { LogError } from '../log/replicated-log.ts';
import type { Follower } from '../partition/partition.ts';
import { SYSTEM_TABLE } from '../storage/key-layout.ts';
import type { Logger } from '../telemetry/logger.ts';
import { isOfCatalogue, type Catalogue } from './catalogue.ts';
import { nameOf } from './system-documents.ts';

const readBytes = 256 * 1024;

/** How long is waited for what another node has changed. */
const throughWaitMs = 5000;

/** Pause before what could not be read is read again. */
const retryMs = 200;

export interface CatalogueFollowerOptions {
  readonly catalogue: Catalogue;
  /** Of partition 0, whose system table holds the catalogue. Throws `LogError` `trimmed`. */
  readonly follow: (after: number) => Follower;
  /** Up to where this node's copy of it has applied the log. */
  readonly applied: () => number;
  /** Resolves once it has applied so far. Rejects with `InternalServerError`. */
  readonly appliedThrough: (index: number) => Promise<void>;
  /** All documents, as this node's copy has them. Rejects while it is being filled. */
  readonly documents: () => Promise<ReadonlyMap<string, unknown>>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Keeps a node's catalogue as partition 0's log has it, while another node changes it. */
export class CatalogueFollower implements Service {
  readonly #options: CatalogueFollowerOptions;
  readonly #stopped = new AbortController();
  #follower: Follower | undefined;
  #running: Promise<void> = Promise.resolve();
  /** The catalogue has what partition 0 has committed up to here. */
  #through = 0;
  #waiting: Waiting[] = [];
  /** All that changes the catalogue up to here is applied to this node's copy. */
  #followed = 0;
  /** Up to where this node has committed, while it changes the catalogue itself: there is nothing to take over. */
  #own: (() => number) | undefined;
  /** One after the other, so that an older state never comes behind a newer. */
  #takingOver: Promise<void> = Promise.resolve();

  constructor(options: CatalogueFollowerOptions) {
    this.#options = options;
  }

  /** Resolves with the catalogue as this node's copy has it. */
  async start(): Promise<void> {
    await this.#takeOver();
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#follower?.close();
    await this.#running;
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  /** From now on the catalogue is changed here, until `resume`; `committed` tells up to where partition 0 is. */
  pause(committed: () => number): void {
    this.#own = committed;
  }

  /** Takes over what stands now, and goes on. */
  async resume(): Promise<void> {
    this.#own = undefined;
    await this.#takeOver();
  }

  /** Resolves once the catalogue has what partition 0 committed up to there. Rejects with `InternalServerError`. */
  async through(index: number): Promise<void> {
    // What is behind all that was committed from here is another node's: it is known once that is taken over.
    if ((this.#own?.() ?? this.#through) >= index) return;
    if (this.#isStopped()) throw internalError();
    const reached = new AbortController();
    const waiting: Waiting = {
      index,
      resolve: () => {
        reached.abort(WOKEN);
      },
    };
    this.#waiting.push(waiting);
    await this.#options.clock.sleep(throughWaitMs, reached.signal);
    if (reached.signal.aborted && !this.#isStopped()) return;
    this.#waiting = this.#waiting.filter((each) => each !== waiting);
    throw internalError();
  }

  async #run(): Promise<void> {
    const { clock, logger } = this.#options;
    while (!this.#stopped.signal.aborted) {
      try {
        await this.#follow();
      } catch (error) {
        const isTrimmed = error instanceof LogError && error.code === 'trimmed';
        if (!isTrimmed) logger.warn({ error }, 'the catalogue is behind; it is read again');
        await clock.sleep(retryMs, this.#stopped.signal);
        await this.#takeOver().catch(() => {});
      }
    }
  }

  async #follow(): Promise<void> {
    const follower = this.#options.follow(this.#through);
    this.#follower = follower;
    try {
      for (;;) {
        const committed = await follower.next(readBytes);
        const last = committed.at(-1);
        if (last === undefined) return;
        const isChange = committed.some(({ records }) =>
          records.some(({ table, key }) => table === SYSTEM_TABLE && isOfCatalogue(nameOf(key))),
        );
        if (isChange) {
          await this.#options.appliedThrough(last.entry.index);
          await this.#takeOver();
        }
        this.#followed = Math.max(this.#followed, last.entry.index);
        if (this.#own === undefined) this.#isThrough(last.entry.index);
      }
    } finally {
      follower.close();
    }
  }

  async #takeOver(): Promise<void> {
    const taken = this.#takingOver.then(async () => this.#takeOverNow());
    this.#takingOver = taken.catch(() => {});
    return taken;
  }

  async #takeOverNow(): Promise<void> {
    const { catalogue, applied, documents } = this.#options;
    if (this.#own !== undefined) return;
    const index = Math.max(applied(), this.#followed);
    const kept = await documents();
    // What was read before this node changed anything itself is older than what it has.
    if (this.#isOwn()) return;
    catalogue.replace(kept);
    this.#isThrough(index);
  }

  #isStopped(): boolean {
    return this.#stopped.signal.aborted;
  }

  #isOwn(): boolean {
    return this.#own !== undefined;
  }

  #isThrough(index: number): void {
    this.#through = Math.max(this.#through, index);
    const waiting = this.#waiting;
    this.#waiting = waiting.filter((each) => each.index > this.#through);
    for (const each of waiting) if (each.index <= this.#through) each.resolve();
  }
}

interface Waiting {
  readonly index: number;
  readonly resolve: () => void;
}
