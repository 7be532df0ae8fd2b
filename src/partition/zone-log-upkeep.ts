import type { Clock } from '../base/clock.ts';
import type { EmbeddedLogs } from '../log/embedded/embedded-logs.ts';
import type { Zone } from '../log/embedded/storage-node-identity.ts';
import type { ZoneState } from '../log/embedded/zone-log.ts';
import type { Logger } from '../telemetry/logger.ts';
import { orAborted } from './turnstile.ts';
import { Upkeep } from './upkeep.ts';

/** How often a log that does not vote yet is looked at. */
const lookAgainMs = 500;

/** Pause before a log that waits for others is started once more. */
const startAgainMs = 5000;

export interface ZoneLogUpkeepOptions {
  readonly zone: Zone;
  readonly logs: EmbeddedLogs;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Up to where the zone's copies have applied each partition and go on from there; undefined while they do not. */
  readonly applied: () => ((partition: number) => number) | undefined;
}

/**
 * Keeps one zone's log running, and gives it back its vote. One that is damaged takes what it lacks from the others. One
 * whose disk failed while it ran stays so until it is started by hand: what the disk took is not known.
 */
export class ZoneLogUpkeep {
  readonly #options: ZoneLogUpkeepOptions;
  readonly #upkeep: Upkeep;
  /** Whether it has run since it was last opened. */
  #hasRun = false;
  #isAsked = false;
  #starting: Promise<unknown> = Promise.resolve();

  constructor(options: ZoneLogUpkeepOptions) {
    const { zone, clock, logger } = options;
    this.#options = options;
    this.#upkeep = new Upkeep({
      clock,
      look: async ({ signal }) => this.#look(signal),
      onFailure: (error) => {
        logger.error({ zone, error }, 'the log of a zone cannot go on and is tried again');
        return true;
      },
    });
  }

  /** Looks after it from now on. One that is closed, for whatever reason, is opened. Rejects as the first try does. */
  async start(): Promise<void> {
    this.#isAsked = true;
    await this.#upkeep.start();
  }

  wake(): void {
    if (this.#upkeep.isRunning) this.#upkeep.wake();
  }

  /** Looks after it no more. The log itself goes on. */
  async stop(): Promise<void> {
    await this.#upkeep.stop();
  }

  /** Stops the log as well. */
  async stopLog(): Promise<void> {
    const { logs, zone } = this.#options;
    await this.#upkeep.stop();
    this.#hasRun = false;
    await logs.stopZone(zone);
    // A start that was under way may open it again.
    void this.#stopAgainAfter(this.#starting);
  }

  async #stopAgainAfter(starting: Promise<unknown>): Promise<void> {
    const { logs, zone } = this.#options;
    await starting;
    if (!this.#upkeep.isRunning) await logs.stopZone(zone);
  }

  async #look(signal: AbortSignal): Promise<number | undefined> {
    const { logs, zone, logger } = this.#options;
    const isAsked = this.#isAsked;
    this.#isAsked = false;
    const found = logs.zoneState(zone);
    if (isClosed(found)) {
      if (found === 'failed' && this.#hasRun && !isAsked) return undefined;
      await this.#open(signal);
      if (signal.aborted) return undefined;
      const state = logs.zoneState(zone);
      if (state === 'failed') throw new Error(`the log of zone ${zone} does not open`);
      // It comes back when another zone has everything.
      if (isClosed(state)) return startAgainMs;
      logger.info({ zone, log: state }, 'zone started');
    }
    this.#hasRun = true;
    return this.#giveVote();
  }

  async #open(signal: AbortSignal): Promise<void> {
    const { logs, zone } = this.#options;
    // A disk that does not open has taken nothing since: that is tried again.
    this.#hasRun = false;
    const starting = logs.startZone(zone);
    this.#starting = starting.catch(() => undefined);
    await orAborted(starting, signal);
    if (!signal.aborted) await starting;
  }

  async #giveVote(): Promise<number | undefined> {
    const { logs, zone } = this.#options;
    const applied = this.#options.applied();
    if (logs.zoneState(zone) === 'learner' && applied !== undefined)
      await logs.storeRebuilt(zone, applied);
    return logs.zoneState(zone) === 'live' ? undefined : lookAgainMs;
  }
}

const isClosed = (state: ZoneState): boolean =>
  state === 'stopped' || state === 'failed' || state === 'damaged';
