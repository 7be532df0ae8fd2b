import { type Clock, WOKEN } from '../base/clock.ts';
import type { Service } from '../base/service.ts';
import type { LocalPartition } from '../partition/local-partition.ts';
import type { RegionPartition } from '../partition/region-partition.ts';
import type { DecisionDocument } from '../partition/transaction-documents.ts';
import type { TransactionName } from '../partition/transaction-steps.ts';
import type { Logger } from '../telemetry/logger.ts';

/** How often intents are looked over. */
const lookMs = 200;

/** An intent of this age belongs to a transaction that nobody may be at work on any more. */
export const abandonedMs = 1000;

/** Transactions of a partition that are settled at one time. */
const settledAtOnceMax = 32;

/** How often a page of old decisions and tokens is looked over, while there are more. */
const sweepMs = 1000;

/** How long a stop waits for what is under way. */
const drainMsMax = 1000;

/** Pause after the last of them. */
const sweepPauseMs = 60_000;

type LedPartition = Pick<LocalPartition, 'number' | 'unfinished' | 'staleDecisions' | 'transact'>;

export interface TransactionRecoveryOptions {
  /** Those that are led here, at any time. */
  readonly led: () => readonly LedPartition[];
  /** The partition that holds a hash, wherever it is led. */
  readonly partitionAt: (hash: number) => Pick<RegionPartition, 'transact'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Sweep {
  readonly after: Uint8Array | undefined;
  readonly dueMs: number;
}

/**
 * Finishes transactions whose coordinator does not, from the side of each partition that has an intent, and removes what is
 * known of those that are long over.
 */
export class TransactionRecovery implements Service {
  readonly #options: TransactionRecoveryOptions;
  readonly #stopped = new AbortController();
  readonly #sweeps = new WeakMap<LedPartition, Sweep>();
  readonly #busy = new WeakSet<LedPartition>();
  readonly #working = new Set<Promise<void>>();
  #running: Promise<void> = Promise.resolve();

  constructor(options: TransactionRecoveryOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#running = this.#run();
  }

  /** Waits a while for what is under way: it fails when the partitions stop. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
    const waited = new AbortController();
    const { clock } = this.#options;
    await Promise.race([Promise.allSettled(this.#working), clock.sleep(drainMsMax, waited.signal)]);
    waited.abort(WOKEN);
  }

  async #run(): Promise<void> {
    const { clock, led } = this.#options;
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      for (const partition of led()) this.#look(partition);
      await clock.sleep(lookMs, signal);
    }
  }

  /** One partition does not wait for another. */
  #look(partition: LedPartition): void {
    if (this.#busy.has(partition)) return;
    const abandoned = partition.unfinished(abandonedMs).slice(0, settledAtOnceMax);
    const sweep = this.#dueSweep(partition);
    if (abandoned.length === 0 && sweep === undefined) return;
    this.#busy.add(partition);
    const working = this.#workOn(partition, abandoned, sweep).finally(() => {
      this.#busy.delete(partition);
      this.#working.delete(working);
    });
    this.#working.add(working);
  }

  #dueSweep(partition: LedPartition): Sweep | undefined {
    const nowMs = this.#options.clock.monotonicMs();
    const sweep = this.#sweeps.get(partition);
    if (sweep === undefined) {
      this.#sweeps.set(partition, { after: undefined, dueMs: nowMs + sweepPauseMs });
      return undefined;
    }
    return sweep.dueMs <= nowMs ? sweep : undefined;
  }

  async #workOn(
    partition: LedPartition,
    abandoned: readonly TransactionName[],
    sweep: Sweep | undefined,
  ): Promise<void> {
    await Promise.all(
      abandoned.map(async (name) => this.#try(partition, this.#settle(partition, name))),
    );
    if (sweep !== undefined) await this.#try(partition, this.#sweep(partition, sweep));
  }

  async #try({ number }: LedPartition, work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      if (this.#stopped.signal.aborted) return;
      const words = 'a transaction is not settled yet';
      this.#options.logger.warn({ partition: number, error }, words);
    }
  }

  async #settle(partition: LedPartition, transaction: TransactionName): Promise<void> {
    const { partitionAt, logger } = this.#options;
    const verdict = await partitionAt(transaction.hash).transact('settle', { transaction });
    await partition.transact('finish', { transaction, verdict });
    const { id } = transaction;
    logger.info({ partition: partition.number, id, verdict }, 'finished an abandoned transaction');
  }

  async #sweep(partition: LedPartition, { after }: Sweep): Promise<void> {
    const { clock } = this.#options;
    const inMs = (ms: number): number => clock.monotonicMs() + ms;
    // Should it fail, it begins anew after the pause.
    this.#sweeps.set(partition, { after: undefined, dueMs: inMs(sweepPauseMs) });
    const { decisions, keys, next } = await partition.staleDecisions(after);
    if (keys.length > 0) await partition.transact('sweep', { keys });
    for (const decision of decisions) await this.#close(partition, decision);
    const pauseMs = next === undefined ? sweepPauseMs : sweepMs;
    this.#sweeps.set(partition, { after: next, dueMs: inMs(pauseMs) });
  }

  /** A commitment can be forgotten once no participant can ask for it. */
  async #close(
    partition: LedPartition,
    { transaction, participants }: DecisionDocument,
  ): Promise<void> {
    for (const hash of participants)
      await this.#options
        .partitionAt(hash)
        .transact('finish', { transaction, verdict: 'committed' });
    await partition.transact('close', { transaction });
  }
}
