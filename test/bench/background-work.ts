import { addReplica, createTable, removeReplica, writeBatches } from './fill.ts';
import { LoadProcess } from './load-process.ts';
import { type RegionPair, TARGET } from './region-pair.ts';
import { BACKGROUND_WORKLOADS, BALLAST, ballastBatches } from './workloads.ts';

/** Of 25 items each: enough that each store compacts every few seconds. */
const WRITES_PER_SECOND = 80;
/** Longer than any measurement: it is ended by whoever began it. */
const SLICE_MS = 500;
const POLL_MS = 50;

/** What the background did while something else was measured. */
export interface BackgroundDone {
  readonly scannedPages: number;
  readonly writtenItems: number;
  /** Copies of the whole table to another region that came to their end. */
  readonly bootstraps: number;
}

/** A Scan after the other, writes that make stores compact, and a replica that is made again and again. */
export class BackgroundWork {
  readonly #pair: RegionPair;
  readonly #scanner = new LoadProcess();
  readonly #writer = new LoadProcess();
  readonly #stopping = new AbortController();
  #scannedPages = 0;
  #writtenItems = 0;
  #bootstraps = 0;
  #isCopying = false;
  #ended: Promise<BackgroundDone> | undefined;
  #work: Promise<unknown> = Promise.resolve();

  private constructor(pair: RegionPair) {
    this.#pair = pair;
  }

  /** Creates what the work is done on. */
  static async fill(port: number): Promise<void> {
    await createTable(port, BALLAST);
    await writeBatches(port, ballastBatches());
  }

  static async start(pair: RegionPair): Promise<BackgroundWork> {
    const work = new BackgroundWork(pair);
    const all = [work.#scan(), work.#write(), work.#copy()];
    // What fails stops the others, and all are waited for before anything is ended that they use.
    for (const one of all) one.catch(() => work.#stopping.abort());
    work.#work = Promise.allSettled(all).then(async () => Promise.all(all));
    work.#work.catch(() => {});
    return work;
  }

  /** Resolves once all of it is under way. Rejects with what stopped it. */
  async untilBusy(): Promise<void> {
    while (this.#scannedPages === 0 || this.#writtenItems === 0 || !this.#isCopying) {
      if (this.#stopping.signal.aborted) await this.#work;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    this.#scannedPages = 0;
    this.#writtenItems = 0;
    this.#bootstraps = 0;
  }

  /** Resolves when all is at rest, a copy included. Rejects with what went wrong. */
  async stop(): Promise<BackgroundDone> {
    const done = {
      scannedPages: Math.round(this.#scannedPages),
      writtenItems: Math.round(this.#writtenItems),
      bootstraps: this.#bootstraps,
    };
    this.#ended ??= this.#end(done);
    return this.#ended;
  }

  async #end(done: BackgroundDone): Promise<BackgroundDone> {
    this.#stopping.abort();
    try {
      await this.#work;
    } finally {
      await Promise.all([this.#scanner.stop(), this.#writer.stop()]);
    }
    return done;
  }

  get #order() {
    const { port, pid } = this.#pair.source;
    return { port, serverPid: pid, warmUpMs: 0, measuredMs: SLICE_MS };
  }

  async #scan(): Promise<void> {
    const workload = BACKGROUND_WORKLOADS.scan.name;
    while (!this.#stopping.signal.aborted) {
      const { answers } = await this.#scanner.run({ ...this.#order, workload, connections: 1 });
      this.#scannedPages += answers;
    }
  }

  async #write(): Promise<void> {
    const { name: workload, itemsPerRequest } = BACKGROUND_WORKLOADS.write;
    while (!this.#stopping.signal.aborted) {
      const { answers } = await this.#writer.run({
        ...this.#order,
        workload,
        connections: 2,
        ratePerSecond: WRITES_PER_SECOND,
      });
      this.#writtenItems += answers * itemsPerRequest;
    }
  }

  async #copy(): Promise<void> {
    const { source, target } = this.#pair;
    const { TableName } = BALLAST;
    while (!this.#stopping.signal.aborted) {
      this.#isCopying = true;
      await addReplica(source.port, TableName, TARGET);
      this.#bootstraps += 1;
      await removeReplica(source.port, TableName, { name: TARGET, port: target.port });
    }
  }
}
