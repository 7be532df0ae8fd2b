import type { Clock } from '../base/clock.ts';
import type { Service } from '../base/service.ts';
import { lookAtNats, type RequirementsOptions } from '../log/jetstream/requirements.ts';
import type { Logger } from '../telemetry/logger.ts';

/** Between two looks at the servers of a region's NATS. */
const lookEveryMs = 5000;

export interface NatsWatchOptions extends Pick<RequirementsOptions, 'monitors' | 'readMonitor'> {
  /** See `RequirementsOptions`. */
  readonly connectedTo: () => string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Looks again and again at every server of a region's NATS. With one of three away a region serves as before, and the loss of another
 * one stops it; one that came back with other settings may lose what it has acknowledged. Neither is seen anywhere else.
 */
export class NatsWatch implements Service {
  readonly #options: NatsWatchOptions;
  readonly #stopped = new AbortController();
  #alarms: readonly string[] = [];
  /** Whether the look before found anything: what passes within one pause is not told. */
  #wasAmiss = false;

  constructor(options: NatsWatchOptions) {
    this.#options = options;
  }

  /** What is wrong with the servers, in sentences. */
  get alarms(): readonly string[] {
    return this.#alarms;
  }

  async start(): Promise<void> {
    void this.#run();
  }

  /** A look that is under way is not waited for: a server that hangs would hold up a node's stop for seconds. */
  async stop(): Promise<void> {
    this.#stopped.abort();
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    while (!this.#isStopped()) {
      await this.#look();
      await clock.sleep(lookEveryMs, this.#stopped.signal);
    }
  }

  #isStopped(): boolean {
    return this.#stopped.signal.aborted;
  }

  async #look(): Promise<void> {
    const { monitors, readMonitor, connectedTo, logger } = this.#options;
    const { problems, unseen } = await lookAtNats({
      monitors,
      readMonitor,
      connectedTo: connectedTo(),
    });
    if (this.#isStopped()) return;
    const found = [...problems, ...unseen];
    const before = this.#alarms;
    this.#alarms = this.#wasAmiss ? found : [];
    this.#wasAmiss = found.length > 0;
    for (const words of this.#alarms) if (!before.includes(words)) logger.warn({}, words);
    if (before.length > 0 && found.length === 0)
      logger.info({}, 'the NATS servers of the region are all there again');
  }
}
