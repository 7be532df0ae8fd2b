import type { Clock } from '../../base/clock.ts';
import type { Service } from '../../base/service.ts';
import { finite, members } from '../../base/shape.ts';
import { ClientError } from '../../model/errors.ts';
import type { Layout } from '../../storage/layout.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { splitLookMs, splitPauseMs } from '../partition-splitter.ts';
import type { SplitLimits } from '../split-need.ts';
import { SplitRefused } from '../split-refused.ts';
import type { SplitPoint } from './partition-calls.ts';
import type { AskLeader } from './partition-client.ts';

/** The document of the latest split that was decided on. */
export const SPLIT_DOCUMENT = 'partition-split';

/** How long whoever asked for a split waits to hear that it is done. It goes on by itself. */
const splitWaitMs = 30_000;

/** Pause before a split that is decided on is asked for again. */
const againMs = 300;

/** How often it is looked whether one is. */
const pendingLookMs = 1000;

/** How often it is looked whether what is decided is in enough copies. */
const copiedLookMs = 50;

/** A split that is decided on: this child is made of this partition, there, and of no other. */
interface DecidedSplit {
  readonly parent: number;
  readonly child: number;
  readonly middle: number;
}

const decidedShape = members<DecidedSplit>({ parent: finite, child: finite, middle: finite });

export interface SplitDocuments {
  put(name: string, document: unknown): Promise<void>;
  /** Whether what was put is in enough copies of partition 0 to be there still should its log be lost: see `isCopied`. */
  isCopied(): boolean;
}

export interface RegionSplitterOptions {
  /** Of partition 0, as they stand. */
  readonly kept: ReadonlyMap<string, unknown>;
  readonly documents: SplitDocuments;
  /** Which partitions there are, as this node knows it. */
  readonly layout: () => Layout;
  readonly ask: AskLeader;
  readonly limits: SplitLimits;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Decides in a region of several nodes which partition is split next, one after the other: the node with the region's seat does.
 *
 * **A child's number is given once.** It is written down in partition 0, with parent and place, before the parent's leader is asked;
 * what is written there is carried out, however often that must be tried and whoever has the seat meanwhile, and nothing else is decided
 * before. So it does not matter what becomes of a call: two partitions are never asked for the same child, and a call
 * that comes late finds that its split is done. Partition 0 may go on behind a copy of it, when its log is lost: a second copy has what is
 * written there before anybody is asked.
 */
export class RegionSplitter implements Service {
  readonly #options: RegionSplitterOptions;
  readonly #stopped = new AbortController();
  #decided: DecidedSplit | undefined;
  /** Whether what is decided stands in partition 0. */
  #isKept = true;
  #isAtWork = false;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;
  #lookedMs: number;

  constructor(options: RegionSplitterOptions) {
    this.#options = options;
    this.#lookedMs = options.clock.monotonicMs();
    const document = options.kept.get(SPLIT_DOCUMENT);
    if (document !== undefined) this.#decided = decidedShape(document, SPLIT_DOCUMENT);
  }

  async start(): Promise<void> {
    void this.#run();
  }

  /** Does not wait for a call that is under way: it may come late. */
  async stop(): Promise<void> {
    this.#stopped.abort();
  }

  /** The split that is decided on and not done, as far as this node knows. */
  get #pending(): DecidedSplit | undefined {
    const decided = this.#decided;
    return decided !== undefined && decided.child >= this.#options.layout().count
      ? decided
      : undefined;
  }

  async #run(): Promise<void> {
    const { clock, logger } = this.#options;
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      try {
        const pending = this.#pending;
        if (!this.#isAtWork && pending !== undefined)
          await this.#alone(async () => this.#finish(pending));
        else if (clock.monotonicMs() - this.#lookedMs >= splitLookMs) await this.#look();
      } catch (error) {
        logger.warn({ error }, 'a partition is not split for now');
      }
      await clock.sleep(pendingLookMs, signal);
    }
  }

  /** Whether a partition has grown too large, or too busy. */
  async #look(): Promise<void> {
    const { clock, limits, layout } = this.#options;
    this.#lookedMs = clock.monotonicMs();
    const isOff = limits.bytes === 0 && limits.recordsPerSecond === 0;
    const { count } = layout();
    if (isOff || this.#isAtWork || count >= limits.partitions) return;
    if (clock.monotonicMs() < this.#pausedUntilMs) return;
    for (let parent = 0; parent < count; parent += 1) {
      if (this.#stopped.signal.aborted) return;
      const point = await this.#pointOf(parent);
      if (point?.kind !== 'at') continue;
      this.#pausedUntilMs = clock.monotonicMs() + splitPauseMs;
      await this.#alone(async () => this.#decide(parent, point));
      return;
    }
  }

  /** Undefined where nobody leads: the others are looked at all the same. */
  async #pointOf(parent: number): Promise<SplitPoint | undefined> {
    try {
      return await this.#options.ask(parent, {
        name: 'splitPoint',
        request: { isForced: false },
      });
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      return undefined;
    }
  }

  async #alone<Result>(task: () => Promise<Result>): Promise<Result> {
    if (this.#isAtWork) throw new SplitRefused('a partition of the region is being split');
    this.#isAtWork = true;
    try {
      return await task();
    } finally {
      this.#isAtWork = false;
    }
  }

  /**
   * Splits a partition because an operator says so. Resolves with the number of the child once this node takes part in it. Rejects with
   * `SplitRefused`: its words say whether it goes on.
   */
  async force(parent: number): Promise<number> {
    const { layout, limits, ask } = this.#options;
    const { count } = layout();
    if (parent >= count) throw new SplitRefused(`there is no partition ${parent}`);
    if (count >= limits.partitions)
      throw new SplitRefused(
        `the region has ${count} partitions, as many as split.partitions lets it have`,
      );
    return this.#alone(async () => {
      const pending = this.#pending;
      if (pending !== undefined)
        throw new SplitRefused(`partition ${pending.parent} of the region is being split`);
      const point = await ask(parent, { name: 'splitPoint', request: { isForced: true } }).catch(
        (error: unknown) => {
          throw error instanceof ClientError
            ? new SplitRefused(`nobody leads partition ${parent} now`)
            : error;
        },
      );
      if (point.kind === 'refused') throw new SplitRefused(point.words);
      if (point.kind === 'none') throw new SplitRefused(`partition ${parent} is not split`);
      return this.#decide(parent, point);
    });
  }

  async #decide(
    parent: number,
    { middle, by }: { readonly middle: number; readonly by: string },
  ): Promise<number> {
    const { layout, logger } = this.#options;
    const decided = { parent, child: layout().count, middle };
    logger.info(
      { partition: parent, child: decided.child, middle, by },
      'a partition is to be split',
    );
    // Should it not be known whether it was kept, it is kept once more: nothing else is decided by this seat.
    this.#decided = decided;
    this.#isKept = false;
    return this.#finish(decided);
  }

  async #keep(decided: DecidedSplit): Promise<void> {
    if (this.#isKept) return;
    try {
      await this.#options.documents.put(SPLIT_DOCUMENT, decided);
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      throw new SplitRefused('the region takes no such change now');
    }
    this.#isKept = true;
  }

  /** Asks until it is done, for a while. */
  async #finish(decided: DecidedSplit): Promise<number> {
    const { clock, documents, layout } = this.#options;
    const { parent, child } = decided;
    const endMs = clock.monotonicMs() + splitWaitMs;
    await this.#keep(decided);
    let words = '';
    for (;;) {
      if (layout().count > child) return child;
      if (this.#stopped.signal.aborted)
        throw new SplitRefused('the seat of the region moves; it goes on');
      if (clock.monotonicMs() >= endMs)
        throw new SplitRefused(`partition ${parent} is not split yet, and will be: ${words}`);
      const isCopied = documents.isCopied();
      words = isCopied
        ? await this.#askFor(decided)
        : 'what is decided is in no second copy of partition 0 yet';
      if (layout().count <= child)
        await clock.sleep(isCopied ? againMs : copiedLookMs, this.#stopped.signal);
    }
  }

  /** Answers what is waited for. */
  async #askFor({ parent, child, middle }: DecidedSplit): Promise<string> {
    try {
      const outcome = await this.#options.ask(parent, {
        name: 'split',
        request: { child, middle },
      });
      return outcome.kind === 'waits' ? outcome.words : 'this node has not applied it';
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      return 'nobody leads it now';
    }
  }
}
