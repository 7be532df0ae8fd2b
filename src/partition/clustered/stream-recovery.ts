import type { LogStream } from '../../log/jetstream/stream-names.ts';
import type { Random } from '../../base/random.ts';
import { BrokerError } from '../../log/jetstream/stream-broker.ts';
import { LogError } from '../../log/replicated-log.ts';
import { CopyRefill, type CopyRefillOptions } from './copy-refill.ts';
import { beginGeneration, isBegun, type RecoveryStreams } from './next-generation.ts';
import {
  compareStands,
  NodeStands,
  type NodeStandsOptions,
  type Stand,
  type Trouble,
} from './node-stands.ts';

/** How often it is looked what can be done. */
const lookMs = 500;

/** How often it is said again what is waited for. */
const sayEveryMs = 10_000;

/** A stream is given up only after every node has said for so long that it is of no use. */
const agreedMs = 3000;

/** A stream that is lost here is opened anew once another node has read it to its end, and it has been in trouble for so long. */
const reopenMs = 2000;

/** The same, where the others do not say whether they have read it. */
const reopenUnreadMs = 30_000;

export interface StreamRecoveryOptions extends CopyRefillOptions, NodeStandsOptions {
  readonly random: Random;
  readonly streams: RecoveryStreams;
  /** The operator's word that a log is rebuilt from fewer than all copies. */
  readonly withoutMissing: () => boolean;
}

/**
 * `filled`: the copy is of the log again. `moved`: a stream of a later generation goes on, under a new log id. `reopen`: another
 * node has nothing to say against the stream.
 */
export type Mended =
  | { readonly kind: 'filled' | 'reopen' }
  | { readonly kind: 'moved'; readonly stream: LogStream };

/**
 * What a node does about a copy that does not fit its log, and about a log whose stream is lost. **A copy is replaced only by
 * another that is of the log and stands no less far, and once what it holds beyond is with the leader.** So it does not matter
 * where a crash comes, nor when a node that was away comes back.
 *
 * A lost stream goes on as one of the next generation behind the most advanced copy, when every node says that it is of no use.
 */
export class StreamRecovery {
  readonly #options: StreamRecoveryOptions;
  readonly #stands: NodeStands;
  readonly #refill: CopyRefill;

  constructor(options: StreamRecoveryOptions) {
    this.#options = options;
    this.#stands = new NodeStands(options);
    this.#refill = new CopyRefill(options);
  }

  /** Tells the other nodes from now on how this one is with its partitions. */
  start(): void {
    this.#stands.start();
  }

  stop(): void {
    this.#stands.stop();
  }

  /**
   * Does what it takes until the partition can go on at this node; undefined once `signal` aborts. One call at a time for a
   * partition, whose copy nothing is applied to meanwhile. Rejects with `StoreError` when this node's own store fails.
   */
  async mend(trouble: Trouble, signal: AbortSignal): Promise<Mended | undefined> {
    const { clock } = this.#options;
    const mending = new Mending(this.#options, trouble, signal);
    this.#stands.troubled(trouble);
    try {
      while (!signal.aborted) {
        const mended = await this.#look(mending);
        if (mended !== undefined) return mended;
        await clock.sleep(lookMs, signal);
      }
      return undefined;
    } catch (error) {
      if (signal.aborted) return undefined;
      throw error;
    } finally {
      this.#stands.settled(trouble);
    }
  }

  async #look(mending: Mending): Promise<Mended | undefined> {
    try {
      const { partition } = mending.trouble;
      const newest = await this.#newest(mending.trouble);
      if (newest?.isBegun === true) return { kind: 'moved', stream: newest.stream };
      const others = await this.#stands.others(partition, mending.signal);
      if (await this.#isFilled(mending, others)) return { kind: 'filled' };
      if (mending.isGivenUp(others)) return await this.#goOn(mending, others, newest?.stream);
      return mending.isLostHereOnly(others) ? { kind: 'reopen' } : undefined;
    } catch (error) {
      if (!(error instanceof BrokerError) && !(error instanceof LogError)) throw error;
      mending.say(`the streams cannot be had: ${error.message}`);
      return undefined;
    }
  }

  /** The partition's newest stream, of a later generation than the one in trouble. */
  async #newest({
    partition,
    generation,
  }: Trouble): Promise<{ readonly stream: LogStream; readonly isBegun: boolean } | undefined> {
    const { streams } = this.#options;
    const all = await streams.list();
    const stream = all.findLast((each) => each.partition === partition);
    if (stream === undefined || stream.generation <= generation) return undefined;
    return { stream, isBegun: await isBegun(streams.broker(stream)) };
  }

  async #isFilled(mending: Mending, others: readonly Stand[]): Promise<boolean> {
    const { trouble, signal } = mending;
    const { partition, log } = trouble;
    if (log?.available !== true) return false;
    const sources = others.filter((stand) => stand.trouble === undefined && stand.isWhole);
    for (const { zone: from } of sources.toSorted(compareStands)) {
      const problem = await this.#refill.refill({ partition, log, from, signal });
      if (problem === undefined) return true;
      mending.say(problem);
    }
    return false;
  }

  /** Makes the next stream, where that is this node's to do. */
  async #goOn(
    mending: Mending,
    others: readonly Stand[],
    unbegun: LogStream | undefined,
  ): Promise<Mended | undefined> {
    const { clock, logger, random, streams, zone } = this.#options;
    const { partition } = mending.trouble;
    const stands = [this.#stands.own(partition), ...others];
    const [best] = stands
      .filter(({ isWhole, position }) => isWhole && position.index > 0)
      .toSorted(compareStands);
    if (best?.zone !== zone) {
      mending.say(
        best === undefined
          ? 'there is no whole copy to rebuild the log from'
          : `zone ${best.zone} is to make the new stream`,
      );
      return undefined;
    }
    const generation = Math.max(...stands.map((stand) => stand.generation)) + 1;
    const stream = unbegun ?? { partition, generation };
    const base = {
      ...best.position,
      epoch: Math.max(...stands.map(({ position }) => position.epoch)),
      partitionTime: Math.max(...stands.map(({ position }) => position.partitionTime)),
    };
    const fields = { partition, zone, generation: stream.generation, behind: base.index };
    logger.error({ ...fields, copies: stands.length }, 'a lost log is rebuilt from its copies');
    // What comes behind it is in the stream, and nothing else has what is before.
    await this.#options.node().sync();
    if (!(await beginGeneration({ streams, stream, base, zone, clock, random }))) return undefined;
    logger.error(fields, 'a lost log goes on in a new stream, under a new log id');
    return { kind: 'moved', stream };
  }
}

/** One call of `mend`: what it has seen and said. */
class Mending {
  readonly trouble: Trouble;
  readonly signal: AbortSignal;
  readonly #options: StreamRecoveryOptions;
  readonly #startedMs: number;
  #agreedSinceMs: number | undefined;
  #said = { words: '', atMs: 0 };

  constructor(options: StreamRecoveryOptions, trouble: Trouble, signal: AbortSignal) {
    const { clock, logger, zone } = options;
    this.#options = options;
    this.trouble = trouble;
    this.signal = signal;
    this.#startedMs = clock.monotonicMs();
    const { partition, generation, why } = trouble;
    const fields = { zone, partition, generation, why: why.words };
    if (why.kind === 'lost') logger.error(fields, "the stream of a partition's log is lost");
    else logger.warn(fields, 'a copy cannot follow its log');
  }

  /** Now, if these words are new, else now and then. */
  say(words: string): void {
    const { clock, logger, zone } = this.#options;
    const nowMs = clock.monotonicMs();
    if (this.#said.words === words && nowMs - this.#said.atMs < sayEveryMs) return;
    this.#said = { words, atMs: nowMs };
    const { partition, why } = this.trouble;
    const waitedMs = Math.round(nowMs - this.#startedMs);
    logger.warn({ zone, partition, trouble: why.kind, waitedMs }, `waits: ${words}`);
  }

  /** Whether every node says, and has said for a while, that the stream is of no use. */
  isGivenUp(stands: readonly Stand[]): boolean {
    const { clock, others, withoutMissing } = this.#options;
    const missing = others.filter((zone) => stands.every((stand) => stand.zone !== zone));
    const isAgreed = stands.every((stand) => this.#isOfTheSame(stand));
    if (!isAgreed || (missing.length > 0 && !withoutMissing())) {
      this.#agreedSinceMs = undefined;
      if (missing.length > 0 && isAgreed)
        this.say(
          `the copies of ${missing.join(' and ')} are not in reach; an operator may go on without`,
        );
      return false;
    }
    this.#agreedSinceMs ??= clock.monotonicMs();
    return clock.monotonicMs() - this.#agreedSinceMs >= agreedMs;
  }

  /** It has trouble too, and not with an older stream. */
  #isOfTheSame({ trouble, generation }: Stand): boolean {
    if (trouble === undefined) return false;
    const own = this.trouble.generation;
    return generation === own || generation === 0 || own === 0;
  }

  isLostHereOnly(stands: readonly Stand[]): boolean {
    const waitedMs = this.#options.clock.monotonicMs() - this.#startedMs;
    return (
      this.trouble.why.kind === 'lost' &&
      stands.some(({ trouble, readAgoMs }) => {
        if (trouble !== undefined) return false;
        const hasRead = readAgoMs !== undefined && readAgoMs < waitedMs;
        return waitedMs >= (hasRead ? reopenMs : reopenUnreadMs);
      })
    );
  }
}
