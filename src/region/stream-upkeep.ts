import type { Clock } from '../base/clock.ts';
import type { Service } from '../base/service.ts';
import { hybridTimeOf } from '../clock/hybrid-time.ts';
import type { Partition } from '../partition/partition.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Catalogue } from './catalogue.ts';

/** How often it is looked whether streams are to be forgotten, or a partition's time has stood still. */
const lookMs = 60 * 1000;

const retryMs = 5000;

/** For how many hours the logs of a region are kept for its streams: 0 when it has none. */
export const streamHours = (
  { all, goneStreams }: Pick<Catalogue, 'all' | 'goneStreams'>,
  { hours }: { readonly hours: number },
): number =>
  goneStreams.length > 0 || all.some(({ streams = [] }) => streams.length > 0) ? hours : 0;

export interface StreamUpkeepOptions {
  readonly catalogue: Catalogue;
  readonly partitions: readonly Pick<Partition, 'number' | 'committed' | 'advanceTime'>[];
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long a stream is kept after its end. */
  readonly keptMs: number;
}

/**
 * What a region does for its streams by itself: it forgets those that ended long ago, and moves the time of partitions that
 * log only what comes from other regions, so that their shards and the age of their records go by the clock.
 */
export class StreamUpkeep implements Service {
  readonly #options: StreamUpkeepOptions;
  readonly #stopped = new AbortController();
  #running: Promise<void> = Promise.resolve();
  /** By partition, where its log ended at the last look. */
  readonly #seen = new Map<number, number>();

  constructor(options: StreamUpkeepOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  /** Up to where no stream needs the log of a partition; undefined when none does at all. */
  releaseFloor(partition: number): number | undefined {
    const starts = this.#options.catalogue.all.flatMap(({ streams = [] }) =>
      streams.map((stream) => stream.starts[partition]?.index ?? 0),
    );
    const gone = this.#options.catalogue.goneStreams.flatMap(({ streams }) =>
      streams.map((stream) => stream.starts[partition]?.index ?? 0),
    );
    const all = [...starts, ...gone];
    return all.length === 0 ? undefined : Math.min(...all);
  }

  async #run(): Promise<void> {
    const { clock, logger } = this.#options;
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      let pauseMs = lookMs;
      try {
        await this.look();
      } catch (error) {
        logger.warn({ error }, 'the streams of the region cannot be kept up now');
        pauseMs = retryMs;
      }
      await clock.sleep(pauseMs, signal);
    }
  }

  /** One round; by itself it happens once a minute. */
  async look(): Promise<void> {
    const { catalogue, clock, keptMs } = this.#options;
    await catalogue.forgetStreams(clock.wallMs() - keptMs);
    if (catalogue.all.some(({ streams = [] }) => streams.length > 0)) await this.#advance();
  }

  /** An idle partition is left alone. */
  async #advance(): Promise<void> {
    const { partitions, clock } = this.#options;
    const time = hybridTimeOf(clock.wallMs() - lookMs);
    for (const partition of partitions) {
      const { index, partitionTime } = partition.committed;
      const isMoved =
        this.#seen.has(partition.number) && this.#seen.get(partition.number) !== index;
      if (isMoved && partitionTime < time) await partition.advanceTime();
      this.#seen.set(partition.number, partition.committed.index);
    }
  }
}
