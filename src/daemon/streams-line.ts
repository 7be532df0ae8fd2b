import { present } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import { connectNatsPatiently, type NatsConnection } from '../bus/nats-connection.ts';
import { NatsStreams } from '../log/jetstream/nats-streams.ts';
import { lookAtNats } from '../log/jetstream/requirements.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { RegionConfig } from './config.ts';
import { readNatsMonitor } from './nats-monitor.ts';
import { NatsWatch } from './nats-watch.ts';

/** A stream has a copy on each of a region's three servers. */
const STREAM_REPLICAS = 3;

const TOO_FEW =
  "the region's NATS is one server: logs are kept on three, so that the loss of one loses nothing";

/** Pause before a connection is made anew where that did not succeed. */
const retryMs = 1000;

/** The region's NATS is not what logs need; the message says what to set. */
export class NatsUnfitError extends Error {
  override readonly name = 'NatsUnfitError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`the region's NATS cannot keep logs: ${problems.join('; ')}`);
    this.problems = problems;
  }
}

export interface StreamsLineOptions {
  readonly config: RegionConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** A node's connection to its region's JetStream, apart from that of the bus: the logs' traffic holds up no message. */
export class StreamsLine {
  readonly streams: NatsStreams;
  readonly #options: StreamsLineOptions;
  readonly #stopped = new AbortController();
  readonly #watch: NatsWatch;
  #connection: NatsConnection | undefined;
  #running: Promise<void> = Promise.resolve();

  /**
   * Waits for a server, until the signal aborts. Rejects then, and in words when what the region's NATS is does not suffice.
   */
  static async open(options: StreamsLineOptions, signal: AbortSignal): Promise<StreamsLine> {
    const line = new StreamsLine(options);
    const giveUp = (): void => {
      line.#stopped.abort();
    };
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      if (signal.aborted) giveUp();
      await line.#connect();
      if (line.#connection === undefined) throw new Error('stopped before there was a NATS server');
      await line.#check();
      await line.#watch.start();
      return line;
    } catch (error) {
      await line.stop();
      throw error;
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  private constructor(options: StreamsLineOptions) {
    this.#options = options;
    const { config, clock, logger } = options;
    this.#watch = new NatsWatch({
      monitors: config.nats?.monitor ?? [],
      readMonitor: readNatsMonitor,
      connectedTo: () => this.#connection?.info?.server_id,
      clock,
      logger,
    });
    this.streams = new NatsStreams({ region: config.region, clock, replicas: STREAM_REPLICAS });
  }

  /** What is wrong with the servers while it runs, in sentences: see `NatsWatch`. */
  get alarms(): readonly string[] {
    return this.#stopped.signal.aborted ? [] : this.#watch.alarms;
  }

  /** What a log needs of its servers. Those that do not answer while most do are looked at again later. */
  async #check(): Promise<void> {
    const { config, logger } = this.#options;
    const { problems, unseen, replicas } = await lookAtNats({
      monitors: config.nats?.monitor ?? [],
      readMonitor: readNatsMonitor,
      connectedTo: this.#connection?.info?.server_id,
    });
    const few = replicas === STREAM_REPLICAS || problems.length > 0 ? [] : [TOO_FEW];
    if (problems.length > 0 || few.length > 0) throw new NatsUnfitError([...problems, ...few]);
    for (const words of unseen) logger.warn({}, words);
  }

  async #connect(): Promise<void> {
    const { config, clock, random, logger } = this.#options;
    const access = present(config.nats, 'a node has NATS: the configuration sees to it');
    const name = `${config.region} node ${present(config.node, 'a node').zone}: logs`;
    const connection = await connectNatsPatiently(
      access,
      { name, clock },
      {
        clock,
        random,
        signal: this.#stopped.signal,
        onFailure: (error) => {
          logger.warn({ error }, 'no NATS for the logs yet');
        },
      },
    );
    if (connection === undefined) return;
    try {
      await this.streams.use(connection);
    } catch (error) {
      await connection.close();
      throw error;
    }
    this.#connection = connection;
    this.#running = this.#connectAgain(connection);
  }

  /** A connection that was given up for dead is replaced. */
  async #connectAgain(connection: NatsConnection): Promise<void> {
    const { clock, logger } = this.#options;
    const { signal } = this.#stopped;
    await connection.closed();
    while (!signal.aborted) {
      logger.warn({}, 'the connection for the logs was closed; connecting anew');
      try {
        await this.#connect();
        return;
      } catch (error) {
        logger.error({ error }, 'there is no connection for the logs');
        await clock.sleep(retryMs, signal);
      }
    }
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#watch.stop();
    await this.#connection?.close();
    await this.#running;
  }
}
