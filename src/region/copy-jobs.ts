import type { Clock } from '../base/clock.ts';
import type { Service } from '../base/service.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Catalogue } from './catalogue.ts';
import type { ScanAnswer, ScanRequest } from './control-wire.ts';
import type { ReplicationSeams } from './replication-seams.ts';
import { whileMember } from './while-member.ts';

/** How often it is looked whether what a copy awaits has come. */
const awaitMs = 20;

const RETRY = { firstMs: 100, maxMs: 5000 } as const;

/** Finished jobs that are remembered, so that a repeated request finds them done. */
const finishedMax = 256;

interface Job {
  state: 'running' | 'done' | 'failed';
  items: number;
  /**
   * What is still awaited, per origin: the ends of the first asking, of those that the last asking still names. A later
   * asking counts where a log ends before that: it is of an older disk, and may never get there.
   */
  awaits: Readonly<Record<string, readonly number[]>>;
  failures: number;
  /** When one that has failed may start anew. */
  retryMs: number;
}

/**
 * Copies of tables on their way from this region to another. A request that is repeated finds the job that it
 * started before; one that failed starts anew, after a pause. A stop loses nothing but work: whoever asked asks again.
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
    const known = this.#jobs.get(key);
    const job: Job = known ?? {
      state: 'failed',
      items: 0,
      awaits: request.awaits,
      failures: 0,
      retryMs: 0,
    };
    if (job.state === 'running')
      job.awaits = Object.fromEntries(
        Object.entries(job.awaits).flatMap(([origin, ends]) => {
          const now = request.awaits[origin];
          if (now === undefined) return [];
          return [[origin, now.some((end, log) => end < (ends[log] ?? 0)) ? now : ends]];
        }),
      );
    const { catalogue, clock } = this.#options;
    if (job.state === 'failed' && typeof catalogue.byGlobalId(request.globalId) === 'string')
      return { state: 'unknown', items: 0 };
    if (job.state === 'failed' && clock.monotonicMs() >= job.retryMs) {
      Object.assign(job, { state: 'running', items: 0, awaits: request.awaits });
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
    const member = whileMember(catalogue, request, this.#stopped.signal);
    const { signal } = member;
    try {
      while (Object.entries(job.awaits).some((awaited) => !seams.hasReceived(...awaited))) {
        if (signal.aborted) throw new Error(`${target} is not to get a copy any more`);
        await clock.sleep(awaitMs, signal);
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
        signal,
        onProgress: (items) => {
          job.items = items;
        },
      });
      job.state = 'done';
      logger.info({ table: table.name, target, items: job.items }, 'copy of a table sent');
    } catch (error) {
      if (this.#stopped.signal.aborted) return;
      job.failures += 1;
      const pauseMs = Math.min(RETRY.maxMs, RETRY.firstMs * 2 ** (job.failures - 1));
      job.state = 'failed';
      job.retryMs = clock.monotonicMs() + pauseMs;
      logger.warn(
        { error, target, globalId },
        'copy of a table interrupted; it will be asked for again',
      );
    } finally {
      member.release();
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
