import { expect, test } from 'vitest';

import type { Disk, DiskFile } from '../../src/base/disk.ts';
import { randomBelow } from '../../src/base/random.ts';
import { continues, EMPTY_END, endOf } from '../../src/log/chain.ts';
import type { EmbeddedLogs } from '../../src/log/embedded/embedded-logs.ts';
import { type Zone, ZONES } from '../../src/log/embedded/storage-node-identity.ts';
import type { AppendOutcome, ReplicatedLog } from '../../src/log/replicated-log.ts';
import { LogRegion, LogWriter, readAll, textOf } from '../support/log-region.ts';

const CUTS = 100;
const ROUNDS = 4;
const PARTITIONS = 4;
const APPENDS = 200;

type Wrap = (disk: Disk, zone: Zone) => Disk;

/** By partition and index, what the log has called durable. */
type Acknowledged = readonly Map<number, string>[];

interface Verdict {
  readonly problems: string[];
  readonly acknowledged: number;
}

/**
 * Loads a region's logs, cuts the power at a moment that the seed chooses, a few times over, and opens them again
 * each time: at times without one of the zones, which later comes back as it was, or blank.
 */
async function verdictOf(seed: number, wrap: Wrap = (disk) => disk): Promise<Verdict> {
  const region = new LogRegion(seed, 1);
  const { random, clock } = region;
  const acknowledged = Array.from({ length: PARTITIONS }, () => new Map<number, string>());
  const segmentBytes = 4096 + randomBelow(random, 16_384);
  const count = (): number => acknowledged.reduce((sum, each) => sum + each.size, 0);
  let mayBeLost: readonly Zone[] = ZONES;
  for (let round = 0; round < ROUNDS; round += 1) {
    const chosen = mayBeLost[randomBelow(random, mayBeLost.length)] ?? 'a';
    const lost = round > 0 && random.next() < 0.6 ? [chosen] : [];
    const logs = await region.open({ segmentBytes, except: lost }, wrap);
    const problems = await problemsOf(region, logs, acknowledged);
    if (problems.length > 0) return { problems, acknowledged: count() };

    load(region, logs, { acknowledged, name: `seed ${seed} round ${round}` });
    await clock.advance(1 + random.next() * 150);
    if (lost.length > 0 && random.next() < 0.3) {
      region.disks[chosen].erase();
      void logs.startZone(chosen);
      await clock.advance(random.next() * 100);
    }
    // One zone may be lost at any time; a second one only when the first has everything again.
    const behind = ZONES.filter((zone) => logs.zoneState(zone) !== 'live');
    mayBeLost = behind.length === 0 ? ZONES : behind;
    region.powerCut();
    await clock.runUntilSettled(logs.stop());
  }
  return { problems: [], acknowledged: count() };
}

async function problemsOf(
  region: LogRegion,
  logs: EmbeddedLogs,
  acknowledged: Acknowledged,
): Promise<string[]> {
  const problems = logs.available ? [] : ['the logs are not available'];
  for (const [partition, expected] of acknowledged.entries()) {
    const log = logs.log(partition);
    const there = new Map<number, string>();
    let end = EMPTY_END;
    const entries = await region.clock.runUntilSettled(
      readAll(log).catch((error: unknown) => {
        problems.push(`partition ${partition} cannot be read: ${String(error)}`);
        return [];
      }),
    );
    for (const entry of entries) {
      if (!continues(end, entry)) problems.push(`entry ${entry.index} does not continue`);
      end = endOf(entry);
      there.set(entry.index, textOf(entry));
    }
    if (end.checksum !== log.end.checksum) problems.push(`the log ends at ${end.index}`);
    for (const [index, text] of expected)
      if (there.get(index) !== text) problems.push(`${text} is lost at ${index}`);
  }
  return problems;
}

function load(
  region: LogRegion,
  logs: EmbeddedLogs,
  options: { readonly acknowledged: Acknowledged; readonly name: string },
): void {
  for (const [partition, acknowledged] of options.acknowledged.entries())
    void write(region, logs.log(partition), { acknowledged, name: options.name });
}

async function write(
  { random, clock }: LogRegion,
  log: ReplicatedLog,
  options: { readonly acknowledged: Map<number, string>; readonly name: string },
): Promise<void> {
  const writer = new LogWriter(log);
  void writer.open();
  for (let at = 0; at < APPENDS; at += 1) {
    const text = `${options.name} value ${at} ${'x'.repeat(randomBelow(random, 300))}`;
    const appended = writer.append(text);
    const { index } = writer.end;
    void note(appended, () => options.acknowledged.set(index, text));
    await clock.sleep(random.next() * 3);
  }
}

async function note(appended: Promise<AppendOutcome>, acknowledged: () => void): Promise<void> {
  if ((await appended) === 'durable') acknowledged();
}

/** A disk whose sync does nothing. */
const unsynced: Wrap = (disk) => ({
  open: async (name) => withoutSync(await disk.open(name)),
  list: async () => disk.list(),
  delete: async (name) => disk.delete(name),
  readAll: async (name) => disk.readAll(name),
  replace: async (name, bytes) => disk.replace(name, bytes),
});

test('every acknowledged append survives power cuts, in order, with any one zone lost', async () => {
  for (let seed = 1; seed <= CUTS; seed += 1) {
    const { problems, acknowledged } = await verdictOf(seed);
    expect(problems, `seed ${seed}`).toEqual([]);
    expect(acknowledged, `seed ${seed}`).toBeGreaterThan(0);
  }
});

test('the same load on disks whose sync does nothing loses acknowledged appends', async () => {
  let lost = 0;
  for (let seed = 1; seed <= 20; seed += 1) {
    const { problems } = await verdictOf(seed, unsynced);
    if (problems.some((problem) => problem.includes('is lost'))) lost += 1;
  }
  expect(lost).toBeGreaterThan(0);
});

function withoutSync(file: DiskFile): DiskFile {
  return {
    name: file.name,
    get sizeBytes() {
      return file.sizeBytes;
    },
    append: async (chunks) => file.append(chunks),
    sync: async () => undefined,
    read: async (offset, lengthBytes) => file.read(offset, lengthBytes),
    truncate: async (sizeBytes) => file.truncate(sizeBytes),
    close: async () => file.close(),
  };
}
