import { randomUuid, type Random } from '../../../src/base/random.ts';
import { HybridClock } from '../../../src/clock/hybrid-clock.ts';
import { LogError } from '../../../src/log/replicated-log.ts';
import { decodeRecords } from '../../../src/model/record-codec.ts';
import { Applier } from '../../../src/partition/applier.ts';
import { LocalPartition } from '../../../src/partition/local-partition.ts';
import { resolve } from '../../../src/replication/resolve.ts';
import { prepareEntry } from '../../../src/storage/apply.ts';
import type { StorageNode } from '../../../src/storage/storage-node.ts';
import type { ProcessLife } from '../process-life.ts';
import type { StreamLog } from './stream-log.ts';
import type { StreamOptions } from './stream-options.ts';

export const REGION = 'east';

/** How often a node looks whether its log has moved, and a leader shows that it is there. */
const beatMs = 200;
const applyBytesMax = 64 * 1024;
/** How long a copy that its log does not fit goes on looking. */
const unfitMs = 2500;

export interface CandidateOptions {
  readonly partition: number;
  readonly node: StorageNode;
  readonly log: StreamLog;
  readonly life: ProcessLife;
  readonly random: Random;
  readonly world: StreamOptions;
  readonly note: (what: string) => void;
  /** The stream is lost, or is not the one that the copy has followed. */
  readonly onLost: (why: string) => void;
  readonly onFailure: (error: unknown) => void;
  /** Up to where every copy has synced. */
  readonly synced: () => number;
  readonly onTrim: () => void;
}

/**
 * A node's part in one partition. Its copy follows the log; when nobody has appended for a while it leads, until it sees
 * that somebody else does. Nothing here makes sure that there is one leader: that is the log's matter.
 */
export class Candidate {
  readonly #options: CandidateOptions;
  #leading: LocalPartition | undefined;

  constructor(options: CandidateOptions) {
    this.#options = options;
  }

  /** The partition, while this node takes itself for its leader. */
  get leading(): LocalPartition | undefined {
    return this.#leading;
  }

  async run(): Promise<void> {
    const { life } = this.#options;
    while (!life.isDead) {
      await this.#follow();
      await this.#lead();
    }
  }

  /** Applies what others append, until nobody has for a while. */
  async #follow(): Promise<void> {
    const { log, life, world, random } = this.#options;
    const silenceMs = world.silenceMs * (1 + random.next());
    let { index } = log.end;
    let movedMs = life.monotonicMs();
    let unfitSinceMs: number | undefined;
    for (;;) {
      const fits = await this.#applyNew();
      const nowMs = life.monotonicMs();
      if (log.end.index > index) [index, movedMs] = [log.end.index, nowMs];
      if (fits) unfitSinceMs = undefined;
      else unfitSinceMs ??= nowMs;
      const isUnfit = unfitSinceMs !== undefined && nowMs - unfitSinceMs > unfitMs;
      if (isUnfit) this.#options.onLost('the copy is not of this log');
      if (log.lostBecause !== undefined) this.#options.onLost(log.lostBecause);
      if (fits && nowMs - movedMs > silenceMs && (await log.refresh()) && log.end.index === index)
        return;
      await this.#moved();
    }
  }

  async #moved(): Promise<void> {
    const { log, life } = this.#options;
    const { index } = log.end;
    const waited = new AbortController();
    const unlisten = log.onMoved(() => {
      waited.abort('moved');
    });
    await life.sleep(beatMs, waited.signal);
    unlisten();
    if (log.end.index === index) await log.refresh();
  }

  /** Applies what the log has behind the copy. Whether the copy is of this log. */
  async #applyNew(): Promise<boolean> {
    const { log, node, partition } = this.#options;
    const copy = node.copy(partition);
    try {
      while (copy.position.index < log.end.index) {
        const entries = await log.read(copy.position.index, applyBytesMax);
        if (entries[0]?.previousChecksum !== copy.position.checksum) return false;
        const prepared = entries.map((entry) => {
          const records = entry.kind === 'records' ? decodeRecords(entry.payload) : [];
          return prepareEntry({ end: entry, records, forget: undefined });
        });
        await node.apply(new Map([[partition, prepared]]));
      }
      const { index, checksum } = copy.position;
      return index < log.end.index || (index === log.end.index && checksum === log.end.checksum);
    } catch (error) {
      if (error instanceof LogError) return error.code === 'unavailable';
      throw error;
    }
  }

  async #lead(): Promise<void> {
    const { log, life, node, random, note, onFailure, partition: number } = this.#options;
    const hybrid = new HybridClock({ believedMs: () => life.wallMs() });
    const partition = new LocalPartition({
      number,
      partitionCount: node.partitionCount,
      region: REGION,
      log,
      clock: life,
      now: () => hybrid.now(),
      resolve,
      keepsTombstones: () => true,
      onFailure,
      onDamage: (_, error) => onFailure(error),
    });
    const applier = new Applier({ node, partitions: [partition], clock: life, onFailure });
    note(`leads partition ${number} behind ${log.end.index}`);
    applier.start();
    const opened = partition.open(randomUuid(random));
    opened.durable.catch(() => {});
    this.#leading = partition;
    await this.#untilOvertaken(partition);
    this.#leading = undefined;
    note(`leads partition ${number} no more`);
    partition.stop();
    await applier.stop();
  }

  async #untilOvertaken(partition: LocalPartition): Promise<void> {
    const { log, life, world, random, onLost } = this.#options;
    let overtakenMs: number | undefined;
    const patienceMs = random.next() * world.patienceMs;
    for (let { index } = partition.committed; ;) {
      await life.sleep(beatMs);
      if (log.lostBecause !== undefined) onLost(log.lostBecause);
      // Also when it has since come to lead again: two would go on like this for ever.
      if (log.isOvertaken) overtakenMs ??= life.monotonicMs();
      if (overtakenMs !== undefined && life.monotonicMs() - overtakenMs >= patienceMs) return;
      if (partition.committed.index === index) partition.advanceTime().catch(() => {});
      ({ index } = partition.committed);
      this.#trim();
    }
  }

  #trim(): void {
    const { log, synced, world, onTrim } = this.#options;
    const { first } = log;
    log.trim(synced() - world.keptEntries);
    if (log.first > first) onTrim();
  }
}
