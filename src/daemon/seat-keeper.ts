import type { Clock } from '../base/clock.ts';
import type { LocalPartition } from '../partition/local-partition.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { RegionSeat } from './region-seat.ts';

/** Pause before a seat that could not be taken, or left, is taken again. */
const retryMs = 500;

export interface SeatKeeperOptions {
  readonly take: (leading: LocalPartition, signal: AbortSignal) => Promise<RegionSeat | undefined>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Takes the region's seat when this node comes to lead partition 0, and leaves it when it leads no more; one after the other. */
export class SeatKeeper {
  readonly #options: SeatKeeperOptions;
  #seat: RegionSeat | undefined;
  #tenureOfSeat: Tenure | undefined;
  #tenure: Tenure | undefined;
  #turn: Promise<void> = Promise.resolve();

  constructor(options: SeatKeeperOptions) {
    this.#options = options;
  }

  /** The seat, while this node has it. */
  get seat(): RegionSeat | undefined {
    return this.#tenure === this.#tenureOfSeat ? this.#seat : undefined;
  }

  /** This node leads partition 0 from now on; or, undefined, leads it no more. */
  led(leading: LocalPartition | undefined): void {
    this.#tenure?.over.abort();
    this.#tenure = leading === undefined ? undefined : { leading, over: new AbortController() };
    this.#turn = this.#turn.then(async () => this.#settle());
  }

  async #settle(): Promise<void> {
    // It was taken already, where the leader changed twice before the seat before was left.
    if (this.seat !== undefined) return;
    await this.#leave();
    const tenure = this.#tenure;
    if (tenure === undefined || tenure.over.signal.aborted) return;
    const { clock, logger, take } = this.#options;
    const { leading, over } = tenure;
    while (!over.signal.aborted && this.#seat === undefined) {
      try {
        this.#seat = await take(leading, over.signal);
        this.#tenureOfSeat = tenure;
        if (this.#seat === undefined) return;
      } catch (error) {
        logger.error({ error }, "the region's seat could not be taken and is tried again");
        await clock.sleep(retryMs, over.signal);
      }
    }
  }

  async #leave(): Promise<void> {
    const seat = this.#seat;
    this.#seat = undefined;
    if (seat === undefined) return;
    this.#options.logger.info({ term: seat.term }, "leaves the region's seat");
    try {
      await seat.leave();
    } catch (error) {
      this.#options.logger.error({ error }, "the region's seat was not left in order");
    }
  }

  async stop(): Promise<void> {
    this.led(undefined);
    await this.#turn;
  }
}

/** A time for which this node leads partition 0. */
interface Tenure {
  readonly leading: LocalPartition;
  readonly over: AbortController;
}
