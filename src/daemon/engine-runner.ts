import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { LinkedBus } from '../bus/linked-bus.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { RegionConfig } from './config.ts';
import { ServedRegion, type Engine } from './served-region.ts';

/** Pauses before an engine that failed is started anew: the first, doubled each time up to the last. */
const restartFirstMs = 500;
const restartMsMax = 10_000;

/** What the operations need of an engine that may be stopped. */
export interface EngineSwitch<E> {
  /** Undefined while it is stopped. */
  readonly engine: E | undefined;
  /** Why it does not run although it should; undefined when nothing is wrong. */
  readonly failure: string | undefined;
  stop(): Promise<void>;
  start(): Promise<void>;
}

export interface EngineRunnerOptions<E extends Engine> {
  readonly config: RegionConfig;
  readonly bus: LinkedBus;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /**
   * Opens the data. `onFailure` is for an engine that cannot go on, and is to be started anew; once the signal aborts, nothing
   * is waited for any more.
   */
  readonly open: (onFailure: (error: Error) => void, signal: AbortSignal) => Promise<E>;
}

/** Starts and stops the engine behind an endpoint, one after the other, on the same ports. */
export class EngineRunner<E extends Engine> implements EngineSwitch<E> {
  readonly #options: EngineRunnerOptions<E>;
  readonly #ended = new AbortController();
  #served: ServedRegion<E> | undefined;
  /** Opened, and not yet running. */
  #starting: ServedRegion<E> | undefined;
  /** Aborted when what is being opened is wanted no more. */
  #opening = new AbortController();
  #failure: string | undefined;
  #port: number;
  #turn: Promise<void> = Promise.resolve();
  #restarting: Promise<void> | undefined;
  /** Whether it should run. */
  #isWanted = false;

  constructor(options: EngineRunnerOptions<E>) {
    this.#options = options;
    this.#port = options.config.endpoint.port;
  }

  get engine(): E | undefined {
    return this.#served?.engine;
  }

  get failure(): string | undefined {
    return this.#failure;
  }

  /** The endpoint's, once it has started. */
  get port(): number {
    return this.#port;
  }

  async start(): Promise<void> {
    this.#isWanted = true;
    return this.#inTurn(async () => {
      if (this.#served !== undefined) return;
      this.#failure = undefined;
      try {
        await this.#startServed();
      } catch (error) {
        this.#failure = error instanceof Error ? error.message : String(error);
        throw error;
      }
    });
  }

  async stop(): Promise<void> {
    this.#isWanted = false;
    this.#opening.abort();
    this.#starting?.engine.giveUpStart();
    return this.#stopServed();
  }

  /** Stops for good, whatever is being started anew. */
  async end(): Promise<void> {
    this.#ended.abort();
    await this.stop();
    await this.#restarting;
  }

  async #stopServed(): Promise<void> {
    return this.#inTurn(async () => {
      const served = this.#served;
      this.#served = undefined;
      try {
        await served?.stop();
      } finally {
        await this.#options.bus.stop();
      }
    });
  }

  async #startServed(): Promise<void> {
    const { config, bus, clock, random, logger, open } = this.#options;
    const opening = new AbortController();
    this.#opening = opening;
    await bus.start();
    const engine = await open((error) => {
      this.#failed(engine, error);
    }, opening.signal);
    if (opening.signal.aborted) engine.giveUpStart();
    const served = new ServedRegion({
      engine,
      config: { ...config, endpoint: { ...config.endpoint, port: this.#port } },
      clock,
      random,
      logger,
    });
    this.#starting = served;
    try {
      await served.start();
    } catch (error) {
      await served.stop();
      throw error;
    } finally {
      this.#starting = undefined;
    }
    this.#served = served;
    this.#port = served.api.port;
  }

  /** Once, for each engine that fails. */
  #failed(engine: E, error: Error): void {
    const isCurrent = this.#served?.engine === engine || this.#starting?.engine === engine;
    if (!isCurrent || !this.#isWanted || this.#restarting !== undefined) return;
    this.#failure = error.message;
    this.#options.logger.error({ error }, 'the engine cannot go on and is started anew');
    this.#restarting = this.#restart().finally(() => {
      this.#restarting = undefined;
    });
  }

  async #restart(): Promise<void> {
    const { clock, logger } = this.#options;
    this.#starting?.engine.giveUpStart();
    try {
      await this.#stopServed();
    } catch (error) {
      logger.error({ error }, 'the engine did not stop in order');
    }
    for (let pauseMs = restartFirstMs; ; pauseMs = Math.min(restartMsMax, pauseMs * 2)) {
      await clock.sleep(pauseMs, this.#ended.signal);
      if (!this.#isWanted) return;
      try {
        await this.start();
        return;
      } catch (error) {
        logger.error({ error }, 'the engine did not start and is tried again');
      }
    }
  }

  async #inTurn(task: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(task);
    this.#turn = turn.catch(() => {});
    return turn;
  }
}
