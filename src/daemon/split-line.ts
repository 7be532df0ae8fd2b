import type { Clock } from '../base/clock.ts';
import { ClientError } from '../model/errors.ts';
import type { NodeCalls } from '../partition/clustered/node-calls.ts';
import type { RegionSplitter } from '../partition/clustered/region-splitter.ts';
import { SplitRefused } from '../partition/split-refused.ts';
import type { Logger } from '../telemetry/logger.ts';

/** Longer than the seat waits itself. */
const answerMs = 40_000;

/** How long the seat is looked for while it moves. */
const lookMs = 6000;
const pauseMs = 50;

/** `elsewhere`: not begun, because this node does not have the seat. */
type Reply =
  | { readonly kind: 'done'; readonly child: number }
  | { readonly kind: 'refused'; readonly words: string }
  | { readonly kind: 'elsewhere' };

export interface SplitLineOptions {
  readonly zone: string;
  readonly calls: NodeCalls;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The seat's, while this node has it. */
  readonly splitter: () => Pick<RegionSplitter, 'force'> | undefined;
  /** The zone of the node that has the seat, as far as is known. */
  readonly seatZone: () => string | undefined;
}

/** The way of an operator's word that a partition is to be split, from any node to the one with the region's seat, which decides. */
export class SplitLine {
  readonly #options: SplitLineOptions;

  constructor(options: SplitLineOptions) {
    this.#options = options;
  }

  start(): void {
    this.#options.calls.serve('node.split', async (request) =>
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- made by `#send` of the same wire version
      this.#replyTo((request as { readonly partition: number }).partition),
    );
  }

  /** Resolves with the number of the child. Rejects with `SplitRefused`. */
  async split(partition: number): Promise<number> {
    const { clock, calls } = this.#options;
    const endMs = clock.monotonicMs() + lookMs;
    while (!calls.isStopped) {
      const reply = await this.#tryOnce(partition);
      if (reply.kind === 'done') return reply.child;
      if (reply.kind === 'refused') throw new SplitRefused(reply.words);
      if (clock.monotonicMs() >= endMs) break;
      await clock.sleep(pauseMs, calls.signal);
    }
    throw new SplitRefused('no node has the seat of the region at the moment, which decides on it');
  }

  async #tryOnce(partition: number): Promise<Reply> {
    const { splitter, seatZone, zone } = this.#options;
    if (splitter() !== undefined) return this.#replyTo(partition);
    const known = seatZone();
    return known === undefined || known === zone
      ? { kind: 'elsewhere' }
      : this.#send(known, partition);
  }

  async #send(zone: string, partition: number): Promise<Reply> {
    const { calls } = this.#options;
    try {
      const request = { request: { partition }, timeoutMs: answerMs };
      const said = await calls.ask(zone, 'node.split', request);
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- made by `#replyTo` of the same wire version
      return said === 'unreachable' ? { kind: 'elsewhere' } : (said.answer as Reply);
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      const words = `node ${zone} has not answered: the status tells whether partition ${partition} was split`;
      return { kind: 'refused', words };
    }
  }

  async #replyTo(partition: number): Promise<Reply> {
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
