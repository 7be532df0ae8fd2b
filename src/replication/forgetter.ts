import { type Clock, WOKEN } from '../base/clock.ts';
import type { Service } from '../base/service.ts';
import type { HybridTime } from '../clock/hybrid-time.ts';
import type { Partition, TimeVector } from '../partition/partition.ts';
import type { Logger } from '../telemetry/logger.ts';
import { decideForgetting, type ForgettingReport, type PeerTimes } from './forgetting.ts';
import type { SharedTable, Tables } from './tables.ts';

const FORGET_MS = 5000;
/** The longest pause after a forgetting that did not lessen a table's tombstones, as when they come from the future. */
const PAUSE_MS_MAX = 320_000;

const STOP_MS = 5000;

export interface ForgetterOptions {
  readonly region: string;
  readonly partitions: readonly Partition[];
  readonly tables: Tables;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A time of the region's hybrid clock. */
  readonly now: () => HybridTime;
  /** Tombstones of a table in this region, as its copies count them. */
  readonly tombstoneCount: (table: number) => number;
  /** Per peer, the time up to which everything that it made is applied here. */
  readonly watermarks: () => ReadonlyMap<string, HybridTime | undefined>;
  /**
   * False while a peer may hold what this region made and an older disk has lost: up to no time is all of that applied
   * here, and what is forgotten of it, in whatever table, would not be taken back.
   */
  readonly mayForget: () => boolean;
  /** Asks a peer what it may say for others to forget. Rejects when it cannot be reached. */
  readonly askReport: (peer: string, signal: AbortSignal) => Promise<ForgettingReport>;
  /** Asks a peer to move the time of its partitions. Rejects when it cannot be reached. */
  readonly askToAdvance: (peer: string, time: HybridTime, signal: AbortSignal) => Promise<void>;
}

interface Pause {
  readonly untilMs: number;
  readonly lengthMs: number;
  readonly tombstones: number;
}

/**
 * Sees to it that tombstones go. When a table has some, it notes the time as a goal. Partitions that are idle stand
 * below it and would hold everything up: its own are moved, and members are asked to move theirs. Once every member's
 * time is past the goal all that was there goes at once. So a region without tombstones, and whose peers
 * have none, appends nothing; and a member that is cut off costs one question an interval.
 */
export class Forgetter implements Service {
  readonly #options: ForgetterOptions;
  readonly #stopping = new AbortController();
  readonly #goals = new Map<number, HybridTime>();
  readonly #pauses = new Map<number, Pause>();
  readonly #reports = new Map<string, ForgettingReport>();
  #running: Promise<void> | undefined;

  constructor(options: ForgetterOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#running ??= this.#run();
  }

  /** A partition that takes no entries is waited for within a limit. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const timer = new AbortController();
    await Promise.race([this.#running, this.#options.clock.sleep(STOP_MS, timer.signal)]);
    timer.abort(WOKEN);
  }

  async #run(): Promise<void> {
    const { clock, logger } = this.#options;
    await clock.sleep(FORGET_MS, this.#stopping.signal);
    while (!this.#stopping.signal.aborted) {
      try {
        await this.look();
      } catch (error) {
        logger.warn({ error }, 'tombstones are kept for now');
      }
      await clock.sleep(FORGET_MS, this.#stopping.signal);
    }
  }

  /** One look at all tables; rejects when a partition does. */
  async look(): Promise<void> {
    const tables = this.#tablesWithTombstones();
    this.#setGoals(tables);
    const aimed = tables.filter(({ number }) => this.#goals.has(number));
    if (aimed.length === 0) return;
    await this.#hear(aimed);
    await this.#forget(aimed);
    await advancePartitions(this.#options.partitions, this.#highestGoal());
    await this.#askMembers(aimed);
  }

  #tablesWithTombstones(): readonly SharedTable[] {
    const { tables, tombstoneCount } = this.#options;
    return tables.global().filter(({ number }) => tombstoneCount(number) > 0);
  }

  #setGoals(tables: readonly SharedTable[]): void {
    const { clock, now } = this.#options;
    const numbers = new Set(tables.map(({ number }) => number));
    for (const number of this.#goals.keys()) if (!numbers.has(number)) this.#goals.delete(number);
    for (const number of this.#pauses.keys()) if (!numbers.has(number)) this.#pauses.delete(number);
    for (const number of numbers) {
      const paused = clock.monotonicMs() < (this.#pauses.get(number)?.untilMs ?? 0);
      if (!this.#goals.has(number) && !paused) this.#goals.set(number, now());
    }
  }

  /** Asks every member; of one that does not answer the last report stands. */
  async #hear(tables: readonly SharedTable[]): Promise<void> {
    const { region, askReport, logger } = this.#options;
    const peers = new Set(tables.flatMap(({ members }) => members));
    peers.delete(region);
    const asks = [...peers].map(async (peer) => {
      try {
        this.#reports.set(peer, await askReport(peer, this.#stopping.signal));
      } catch (error) {
        logger.debug({ peer, error }, 'peer not asked what it has applied');
      }
    });
    await Promise.all(asks);
  }

  #peerTimes(): ReadonlyMap<string, PeerTimes> {
    return new Map(
      [...this.#options.watermarks()].map(([peer, watermark]) => [
        peer,
        { watermark, report: this.#reports.get(peer) },
      ]),
    );
  }

  async #forget(tables: readonly SharedTable[]): Promise<void> {
    const { region, partitions, mayForget } = this.#options;
    if (!mayForget()) return;
    const own = Math.min(...partitions.map(({ committed }) => committed.partitionTime));
    const decision = decideForgetting({ region, own, peers: this.#peerTimes(), tables });
    const horizons: Record<number, HybridTime> = {};
    for (const { number } of tables) {
      const horizon = decision?.horizons[number];
      const goal = this.#goals.get(number);
      if (horizon === undefined || goal === undefined || horizon <= goal) continue;
      horizons[number] = horizon;
    }
    const forgotten = Object.keys(horizons).map(Number);
    if (decision === undefined || forgotten.length === 0) return;
    const { vector } = decision;
    await Promise.all(
      partitions.map(async (partition) =>
        partition.forget({ vector: latest(partition.forgotten, vector), horizons }),
      ),
    );
    for (const number of forgotten) this.#reached(number);
    this.#options.logger.debug({ tables: forgotten }, 'tombstones forgotten');
  }

  #reached(table: number): void {
    const { clock, tombstoneCount } = this.#options;
    const before = this.#pauses.get(table);
    const tombstones = tombstoneCount(table);
    const stuck = before !== undefined && tombstones >= before.tombstones;
    const lengthMs = stuck ? Math.min(PAUSE_MS_MAX, before.lengthMs * 2) : FORGET_MS;
    this.#goals.delete(table);
    this.#pauses.set(table, { untilMs: clock.monotonicMs() + lengthMs, lengthMs, tombstones });
  }

  #highestGoal(): HybridTime {
    return Math.max(0, ...this.#goals.values());
  }

  async #askMembers(tables: readonly SharedTable[]): Promise<void> {
    const { region, watermarks, askToAdvance, logger } = this.#options;
    const times = watermarks();
    const asked = new Map<string, HybridTime>();
    for (const { number, members } of tables) {
      const goal = this.#goals.get(number);
      if (goal === undefined) continue;
      for (const member of members) {
        if (member === region || (times.get(member) ?? 0) > goal) continue;
        asked.set(member, Math.max(goal, asked.get(member) ?? 0));
      }
    }
    const asks = [...asked].map(async ([peer, goal]) =>
      askToAdvance(peer, goal, this.#stopping.signal).catch((error: unknown) => {
        logger.debug({ peer, error }, 'peer not asked to move its time');
      }),
    );
    await Promise.all(asks);
  }
}

/** What was forgotten once stays so, also when a position went back and the watermark with it. */
function latest(a: TimeVector, b: TimeVector): TimeVector {
  const times = { ...a };
  for (const [region, time] of Object.entries(b))
    times[region] = Math.max(time, times[region] ?? 0);
  return times;
}

/** Moves the partitions that stand at or below `time` by one entry each; how far depends on this region's clock. */
export async function advancePartitions(
  partitions: readonly Partition[],
  time: HybridTime,
): Promise<void> {
  const behind = partitions.filter(({ committed }) => committed.partitionTime <= time);
  await Promise.all(behind.map(async (partition) => partition.advanceTime()));
}
