import type { Clock } from '../../base/clock.ts';
import type { Service } from '../../base/service.ts';
import type { StoreError } from '../../storage/key-value-store.ts';
import { countSplitCopies } from '../../storage/scrub.ts';
import type { StorageNode } from '../../storage/storage-node.ts';
import type { Logger } from '../../telemetry/logger.ts';

/** How often it is looked whether what a split has left to each side is to be counted. */
const lookMs = 10_000;

export interface SplitCounterOptions {
  readonly node: StorageNode;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The copy of a partition is not what was written to it. */
  readonly onDamage: (error: StoreError, partition: number) => void;
}

/** Counts at a node of several what each half of a split holds: until then neither is split for its size, or checked as it is filled. */
export class SplitCounter implements Service {
  readonly #options: SplitCounterOptions;
  readonly #stopped = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(options: SplitCounterOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { node, clock, logger, onDamage } = this.#options;
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      await clock.sleep(lookMs, signal);
      if (node.uncounted.length === 0) continue;
      await countSplitCopies(node, {
        clock,
        signal,
        logger,
        onDamage: (_zone, error, partition) => {
          if (partition !== undefined) onDamage(error, partition);
        },
      });
    }
  }
}
