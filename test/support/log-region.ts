import type { Disk } from '../../src/base/disk.ts';
import { makeEntry } from '../../src/log/entry-codec.ts';
import { EmbeddedLogs, type EmbeddedLogsOptions } from '../../src/log/embedded/embedded-logs.ts';
import type { Zone } from '../../src/log/embedded/storage-node-identity.ts';
import { ZONES } from '../../src/log/embedded/storage-node-identity.ts';
import type { Entry, EntryKind, LogEnd } from '../../src/log/entry.ts';
import { endOf } from '../../src/log/chain.ts';
import type { AppendOutcome, ReplicatedLog } from '../../src/log/replicated-log.ts';
import { SeededRandom } from './seeded-random.ts';
import { SimulatedDisk } from './simulated-disk.ts';
import { VirtualClock } from './virtual-clock.ts';

export type OpenOptions = Partial<Omit<EmbeddedLogsOptions, 'zones' | 'clock' | 'random'>>;

/** Three simulated disks that outlive the logs opened on them. */
export class LogRegion {
  readonly clock = new VirtualClock();
  readonly random: SeededRandom;
  readonly disks: Readonly<Record<Zone, SimulatedDisk>>;

  constructor(seed = 1, latencyMs = 0) {
    this.random = new SeededRandom(seed);
    const disk = (): SimulatedDisk =>
      new SimulatedDisk({ random: this.random, clock: this.clock, latencyMs });
    this.disks = { a: disk(), b: disk(), c: disk() };
  }

  async open(
    options: OpenOptions = {},
    wrap: (disk: Disk, zone: Zone) => Disk = (disk) => disk,
  ): Promise<EmbeddedLogs> {
    const opening = EmbeddedLogs.open({
      region: 'us-east-1',
      zones: ZONES.map((zone) => ({ zone, disk: wrap(this.disks[zone], zone) })),
      clock: this.clock,
      random: this.random,
      ...options,
    });
    return this.clock.runUntilSettled(opening);
  }

  powerCut(): void {
    for (const zone of ZONES) this.disks[zone].powerCut();
  }
}

/** Appends as a leader does: on what it appended last, in one epoch at a time. */
export class LogWriter {
  readonly log: ReplicatedLog;
  readonly logId: string;
  end: LogEnd;
  epoch: number;

  constructor(log: ReplicatedLog, logId = 'log-1') {
    this.log = log;
    this.logId = logId;
    this.end = log.end;
    this.epoch = log.end.epoch;
  }

  async open(): Promise<AppendOutcome> {
    this.epoch += 1;
    return this.#append('open', new Uint8Array(0));
  }

  async append(payload: string | Uint8Array): Promise<AppendOutcome> {
    return this.#append('records', typeof payload === 'string' ? Buffer.from(payload) : payload);
  }

  async resign(): Promise<AppendOutcome> {
    return this.#append('resign', new Uint8Array(0));
  }

  #append = async (kind: EntryKind, payload: Uint8Array): Promise<AppendOutcome> => {
    const entry = makeEntry(this.end, {
      epoch: this.epoch,
      logId: this.logId,
      kind,
      partitionTime: this.end.partitionTime + 1,
      payload,
    });
    this.end = endOf(entry);
    return this.log.append(entry);
  };
}

/** Everything that can be read, in small steps. */
export async function readAll(log: ReplicatedLog, limitBytes = 1000): Promise<Entry[]> {
  const all: Entry[] = [];
  for (let after = log.first - 1; ;) {
    const entries = await log.read(after, limitBytes);
    const last = entries.at(-1);
    if (last === undefined) return all;
    all.push(...entries);
    after = last.index;
  }
}

export const textOf = (entry: Entry): string => Buffer.from(entry.payload).toString();
