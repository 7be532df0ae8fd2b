import type { Clock } from '../base/clock.ts';
import type { Service } from '../base/service.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Catalogue } from './catalogue.ts';
import type { ScanAnswer, ScanRequest } from './control-wire.ts';
import type { ReplicationSeams } from './replication-seams.ts';

/** How often it is looked whether what a copy awaits has come. */
const awaitMs = 20;

/** Finished jobs that are remembered, so that a repeated request finds them done. */
const finishedMax = 256;

interface Job {
  state: 'running' | 'done' | 'failed';
  items: number;
}

/**
 * Copies of tables on their way from this region to another. A request that is repeated finds the job that it
 * started before; one that failed starts anew. A stop loses nothing but work: whoever asked asks again.
 */
export class CopyJobs implements Service {
  readonly #options: CopyJobsOptions;
  readonly #jobs = new Map<string, Job>();
  readonly #stopped = new AbortController();
  readonly #running = new Set<Promise<void>>();

  constructor(options: CopyJobsOptions) {
    this.#options = options;
  }

  /** Starts what is not yet started, and says how far it is. */
  ask(request: ScanRequest): ScanAnswer {
    const key = JSON.stringify([request.globalId, request.target, request.ticket]);
    let job = this.#jobs.get(key);
    if (job === undefined || job.state === 'failed') {
      job = { state: 'running', items: 0 };
      this.#jobs.set(key, job);
      this.#start(job, request);
      this.#forgetFinished();
    }
    return { state: job.state === 'done' ? 'done' : 'running', items: job.items };
  }

  #start(job: Job, request: ScanRequest): void {
    const running = this.#run(job, request).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async #run(job: Job, request: ScanRequest): Promise<void> {
    const { clock, logger, seams, catalogue } = this.#options;
    const { target, globalId } = request;
    try {
      for (const [origin, ends] of Object.entries(request.awaits))
        while (!seams.hasReceived(origin, ends)) {
          if (this.#stopped.signal.aborted) return;
          await clock.sleep(awaitMs, this.#stopped.signal);
        }
      const table = catalogue.byGlobalId(globalId);
      if (typeof table === 'string') throw new Error(`table ${globalId} is not here`);
      logger.info({ table: table.name, target }, 'copy of a table started');
      await seams.sendCopy({
        table: table.number,
        globalId,
        target,
        only: request.only,
        authoritative: request.authoritative,
        signal: this.#stopped.signal,
        onProgress: (items) => {
          job.items = items;
        },
      });
      job.state = 'done';
      logger.info({ table: table.name, target, items: job.items }, 'copy of a table sent');
    } catch (error) {
      job.state = 'failed';
      logger.warn(
        { error, target, globalId },
        'copy of a table interrupted; it will be asked for again',
      );
    }
  }

  #forgetFinished(): void {
    for (const [key, { state }] of this.#jobs) {
      if (this.#jobs.size <= finishedMax) return;
      if (state !== 'running') this.#jobs.delete(key);
    }
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.allSettled(this.#running);
  }
}

export interface CopyJobsOptions {
  readonly catalogue: Catalogue;
  readonly seams: ReplicationSeams;
  readonly clock: Clock;
  readonly logger: Logger;
}
