import { type Clock, WOKEN } from '../../base/clock.ts';
import { BrokerError } from '../../log/jetstream/stream-broker.ts';
import { LogError } from '../../log/replicated-log.ts';
import { ClientError } from '../../model/errors.ts';
import type { Splitting } from '../../storage/apply.ts';
import type { StorageNode } from '../../storage/storage-node.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { forcedSplitPoint } from '../held-weight.ts';
import type { LocalPartition } from '../local-partition.ts';
import { SplitNeed, type SplitLimits } from '../split-need.ts';
import type { LoadSample } from '../split-point.ts';
import { SplitRefused } from '../split-refused.ts';
import type { NodePartitions } from './node-partitions.ts';
import type { SplitCalls, SplitOutcome, SplitPoint } from './partition-calls.ts';
import type { NodeReport, RegionNodes } from './region-nodes.ts';

/** How long whoever asks waits for one answer; what was begun goes on. */
const answerMs = 4000;

export interface NodeSplitterOptions {
  readonly partitions: NodePartitions;
  readonly node: StorageNode;
  readonly nodes: Pick<RegionNodes, 'report' | 'others'>;
  /** What a partition has committed while it was led here. */
  readonly load: (partition: number) => LoadSample;
  readonly limits: Pick<SplitLimits, 'bytes' | 'recordsPerSecond'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Splits partitions that this node leads, when the node with the region's seat says so: see `RegionSplitter`. */
export class NodeSplitter implements SplitCalls {
  readonly #options: NodeSplitterOptions;
  readonly #need: SplitNeed;
  /** One at a time for whoever leads: the same that is asked for again is the one under way. */
  readonly #running = new WeakMap<LocalPartition, Promise<SplitOutcome>>();

  constructor(options: NodeSplitterOptions) {
    this.#options = options;
    this.#need = new SplitNeed(options);
  }

  /** Where the partition is to be split: because an operator says so, else because it is too busy or too large. */
  async point(leading: LocalPartition, isForced: boolean): Promise<SplitPoint> {
    const { load, clock } = this.#options;
    if (!isForced) return this.#pointByNeed(leading);
    try {
      const { hashes } = load(leading.number);
      const middle = await forcedSplitPoint(leading, hashes, clock);
      return { kind: 'at', middle, by: 'word' };
    } catch (error) {
      if (!(error instanceof SplitRefused)) throw error;
      return { kind: 'refused', words: error.message };
    }
  }

  async #pointByNeed(leading: LocalPartition): Promise<SplitPoint> {
    if (this.#need.isBusy(leading)) {
      const middle = this.#need.loadPoint(leading);
      if (middle !== undefined) return { kind: 'at', middle, by: 'load' };
    }
    const middle = await this.#need.sizePoint(leading);
    return middle === undefined ? { kind: 'none' } : { kind: 'at', middle, by: 'size' };
  }

  /**
   * Gives the hashes from `middle` on to `child`. May be asked for again, with the same, whatever became of it: it is done once. Goes on
   * when the answer is that it waits.
   */
  async split(leading: LocalPartition, splitting: Splitting): Promise<SplitOutcome> {
    let running = this.#running.get(leading);
    if (running === undefined) {
      running = this.#split(leading, splitting).finally(() => this.#running.delete(leading));
      this.#running.set(leading, running);
    }
    const { clock } = this.#options;
    const waited = new AbortController();
    const late = clock
      .sleep(answerMs, waited.signal)
      .then((): SplitOutcome => waits('it takes long, and goes on'));
    try {
      return await Promise.race([running, late]);
    } finally {
      waited.abort(WOKEN);
    }
  }

  async #split(leading: LocalPartition, { child, middle }: Splitting): Promise<SplitOutcome> {
    const { partitions, node } = this.#options;
    const { number } = leading;
    const copy = node.copies.get(child);
    if (copy === undefined) {
      const why = this.#objection(leading, { child, middle }) ?? (await this.#prepared(child));
      if (why !== undefined) return waits(why);
      const failure = await append(leading, { child, middle });
      if (failure !== undefined) return waits(failure);
      this.#need.forget(leading);
    } else if (copy.origin?.parent !== number) {
      throw new Error(`partition ${child} came of another than partition ${number}`);
    }
    return (await partitions.hasSoMany(child + 1, answerMs))
      ? { kind: 'done' }
      : waits('the log of the new partition is not open yet');
  }

  /** What speaks against it now. */
  #objection(leading: LocalPartition, { child, middle }: Splitting): string | undefined {
    const { partitions, nodes } = this.#options;
    if (child !== partitions.all.length)
      return `its node knows ${partitions.all.length} partitions`;
    const further = nodes.others.find(
      (zone) => (nodes.report(zone)?.partitions.length ?? 0) > partitions.all.length,
    );
    if (further !== undefined) return `node ${further} knows of more partitions than its own`;
    const { from, to } = leading.hashes;
    if (middle <= from || middle >= to) return 'it cannot be split there';
    if (leading.splitState !== 'none') return 'an entry that splits it is not applied yet';
    const older = nodes.others.filter((zone) => isOlder(nodes.report(zone)));
    return older.length === 0
      ? undefined
      : `node ${older.join(' and ')} runs a release that cannot split`;
  }

  /** Makes the child's stream, or says why that could not be done. */
  async #prepared(child: number): Promise<string | undefined> {
    try {
      return (await this.#options.partitions.prepare(child))
        ? undefined
        : `there is something in the stream of partition ${child} already`;
    } catch (error) {
      if (!(error instanceof BrokerError) && !(error instanceof LogError)) throw error;
      return `the stream of partition ${child} cannot be made: ${error.message}`;
    }
  }
}

const isOlder = (report: NodeReport | undefined): boolean =>
  report !== undefined && report.readsSplits !== true;

const waits = (words: string): SplitOutcome => ({ kind: 'waits', words });

/** Why it is not known to be durable; undefined when it is. */
async function append(leading: LocalPartition, splitting: Splitting): Promise<string | undefined> {
  try {
    // Of all logs that there are by now global indexes may have something here.
    await leading.split(splitting, splitting.child);
    return undefined;
  } catch (error) {
    if (error instanceof SplitRefused) return error.message;
    if (error instanceof ClientError) return 'it takes no writes now';
    throw error;
  }
}
