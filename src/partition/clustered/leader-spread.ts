import type { Clock } from '../../base/clock.ts';
import type { Service } from '../../base/service.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { NodePartition } from './node-partition.ts';
import type { RegionNodes } from './region-nodes.ts';

const lookEveryMs = 2000;

/** A node that is back gets what it should lead once it has been in reach for so long. */
const settledMs = 8000;

/** A copy that has more than this to apply would hold up whoever asks the new leader. */
const behindEntriesMax = 256;

export interface LeaderSpreadOptions {
  readonly zone: string;
  readonly partitions: () => readonly NodePartition[];
  readonly nodes: Pick<RegionNodes, 'report' | 'others'>;
  /** How many zones should lead a partition rather than that one: 0 for the one that should. */
  readonly precedence: (zone: string, partition: number) => number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Hands partitions over to the nodes that should lead them, so that all nodes of a region have the same work; one at a time. What
 * an operator has asked this node to lead stays.
 */
export class LeaderSpread implements Service {
  readonly #options: LeaderSpreadOptions;
  readonly #stopped = new AbortController();
  /** Since when each other node has been in reach. */
  readonly #sinceMs = new Map<string, number>();
  #running: Promise<void> = Promise.resolve();

  constructor(options: LeaderSpreadOptions) {
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
    const { clock } = this.#options;
    while (!this.#stopped.signal.aborted) {
      await clock.sleep(lookEveryMs, this.#stopped.signal);
      await this.look();
    }
  }

  /** One round: at most one partition is handed over. */
  async look(): Promise<void> {
    this.#note();
    for (const partition of this.#options.partitions()) {
      const better = this.#betterFor(partition);
      if (better === undefined) continue;
      this.#options.logger.info(
        { partition: partition.number, to: better },
        'hands a partition over to the node that should lead it',
      );
      await partition.resign(better);
      return;
    }
  }

  #note(): void {
    const { nodes, clock } = this.#options;
    for (const zone of nodes.others) {
      if (nodes.report(zone) === undefined) this.#sinceMs.delete(zone);
      else if (!this.#sinceMs.has(zone)) this.#sinceMs.set(zone, clock.monotonicMs());
    }
  }

  /** The node in reach, for a while, that should lead what this node leads; undefined when this one should. */
  #betterFor(partition: NodePartition): string | undefined {
    const { zone: own, nodes, precedence, clock } = this.#options;
    const { number, leading, wasWished } = partition;
    if (leading === undefined || wasWished) return undefined;
    const settled = nodes.others.filter((zone) => {
      const sinceMs = this.#sinceMs.get(zone);
      return sinceMs !== undefined && clock.monotonicMs() - sinceMs >= settledMs;
    });
    const best = successorOf(partition, { nodes, among: settled, precedence });
    return best !== undefined && precedence(best, number) < precedence(own, number)
      ? best
      : undefined;
  }
}

/** Of the nodes that could lead the partition at once, the one that should most; undefined when there is none. */
export function successorOf(
  { number, log }: Pick<NodePartition, 'number' | 'log'>,
  {
    nodes,
    among,
    precedence,
  }: {
    readonly nodes: Pick<RegionNodes, 'report'>;
    readonly among: readonly string[];
    readonly precedence: (zone: string, partition: number) => number;
  },
): string | undefined {
  const able = among.filter((zone) => {
    const report = nodes.report(zone);
    const copy = report?.partitions[number];
    if (report === undefined || copy === undefined) return false;
    const isClose = copy.applied + behindEntriesMax >= log.end.index;
    return isClose && !report.isDraining && !copy.isRebuilding;
  });
  return able.toSorted((a, b) => precedence(a, number) - precedence(b, number))[0];
}
