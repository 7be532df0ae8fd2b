import type { RegionSplitter } from '../partition/clustered/region-splitter.ts';
import { SplitRefused } from '../partition/split-refused.ts';
import { type Elsewhere, SeatCalls, type SeatPlace } from '../region/seat-calls.ts';
import type { Logger } from '../telemetry/logger.ts';

/** Longer than the seat waits itself. */
const answerMs = 40_000;

type Reply =
  | { readonly kind: 'done'; readonly child: number }
  | { readonly kind: 'refused'; readonly words: string };

interface SplitOrder {
  readonly partition: number;
}

export interface SplitLineOptions extends SeatPlace {
  readonly logger: Logger;
  /** The seat's, while this node has it. */
  readonly splitter: () => Pick<RegionSplitter, 'force'> | undefined;
}

/** The way of an operator's word that a partition is to be split, from any node to the one with the region's seat, which decides. */
export class SplitLine {
  readonly #options: SplitLineOptions;
  readonly #calls: SeatCalls<SplitOrder, Reply>;

  constructor(options: SplitLineOptions) {
    this.#options = options;
    this.#calls = new SeatCalls({
      ...options,
      name: 'node.split',
      answerMs,
      hasSeat: () => options.splitter() !== undefined,
      carryOut: async (order) => this.#replyTo(order),
      onUnknown: ({ partition }, zone) => ({
        kind: 'refused',
        words: `node ${zone} has not answered: the status tells whether partition ${partition} was split`,
      }),
    });
  }

  start(): void {
    this.#calls.start();
  }

  /** Resolves with the number of the child. Rejects with `SplitRefused`. */
  async split(partition: number): Promise<number> {
    const reply = await this.#calls.ask({ partition });
    if (reply === undefined)
      throw new SplitRefused(
        'no node has the seat of the region at the moment, which decides on it',
      );
    if (reply.kind === 'refused') throw new SplitRefused(reply.words);
    return reply.child;
  }

  async #replyTo({ partition }: SplitOrder): Promise<Reply | Elsewhere> {
    const splitter = this.#options.splitter();
    if (splitter === undefined) return { kind: 'elsewhere' };
    try {
      return { kind: 'done', child: await splitter.force(partition) };
    } catch (error) {
      if (error instanceof SplitRefused) return { kind: 'refused', words: error.message };
      this.#options.logger.error({ partition, error }, 'a split of a partition failed');
      return { kind: 'refused', words: 'it failed, as the log of the node with the seat tells' };
    }
  }
}
