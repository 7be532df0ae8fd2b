import { compareVersions } from '../../../src/model/version.ts';
import { EXPIRING } from '../expiring-table.ts';
import type { TrueRecord } from '../truth.ts';
import type { World } from '../world.ts';
import { contentOf, type Holder, holdersOf } from './state-checks.ts';

/** How long after everything is healed an item may stand whose end has come. */
const patienceMs = 60_000;
const lookMs = 500;

/** Faults under which a region's clock may be ahead of what ends were counted from. */
const CLOCK_FAULTS = ['clock jump', 'clock drift'] as const;

/**
 * Of each key every region holds the latest write of any region, as if nothing had ever expired, unless that has ended: no
 * item that should live is gone, what has ended is gone everywhere, and nothing that lost or ended comes back.
 */
export async function checkExpiring(world: World): Promise<void> {
  const endMs = world.clock.monotonicMs() + patienceMs;
  for (;;) {
    const wrong = await wrongItems(world);
    if (wrong.length === 0) break;
    if (world.clock.monotonicMs() > endMs) {
      for (const words of wrong) world.violate('expiry', words);
      break;
    }
    await world.clock.sleep(lookMs);
  }
  for (const holder of holdersOf(world, EXPIRING)) checkEnds(world, holder);
}

async function wrongItems(world: World): Promise<readonly string[]> {
  const holders = holdersOf(world, EXPIRING);
  const latest = latestWrites(world, holders);
  const nowS = world.clock.wallMs() / 1000;
  const wrong: string[] = [];
  for (const { region, running, table } of holders) {
    const items = await contentOf(running, table.number);
    for (const [key, { value, version }] of latest) {
      const endS = value === undefined ? undefined : endOf(value);
      const expected = endS !== undefined && endS < nowS ? undefined : value;
      const found = items.get(key)?.value;
      if (found !== expected)
        wrong.push(
          `${key} in ${region.name}: ${found ?? 'nothing'}, not ${expected ?? 'nothing'} after ${value ?? 'a deletion'} ${version.region}@${version.time}`,
        );
    }
    for (const key of items.keys())
      if (!latest.has(key)) wrong.push(`${key} in ${region.name} was never written`);
  }
  return wrong;
}

function latestWrites(world: World, holders: readonly Holder[]): ReadonlyMap<string, TrueRecord> {
  const latest = new Map<string, TrueRecord>();
  const ends = new Set<string>();
  for (const { name } of world.regions)
    for (const { key, version, isExpiry } of world.truth(name).records)
      if (isExpiry) ends.add(nameOf(key, version));
  for (const { region, table } of holders)
    for (const record of world.truth(region.name).records) {
      const isEnded = isEnd(record) || ends.has(nameOf(record.key, record.version));
      if (record.table !== table.number || isEnded) continue;
      const standing = latest.get(record.key);
      if (standing === undefined || compareVersions(record.version, standing.version) > 0)
        latest.set(record.key, record);
    }
  return latest;
}

/** No region has ended what had no end, or whose end had not come by any clock of the world. */
function checkEnds(world: World, { region, table }: Holder): void {
  const { records } = world.truth(region.name);
  const values = new Map<string, string>();
  for (const { key, version, value } of records)
    if (value !== undefined) values.set(nameOf(key, version), value);
  const aheadS = Math.max(...world.options.regions.map(({ wallAheadMs }) => wallAheadMs)) / 1000;
  const hasClockFaults = CLOCK_FAULTS.some((name) => world.options.faults.includes(name));
  for (const record of records) {
    if (record.table !== table.number || !isEnd(record)) continue;
    world.count('expired item');
    const { key, version } = record;
    const of = { time: version.time, region: version.region.slice(0, -1) };
    const value = values.get(nameOf(key, of));
    // It may have come by a copy, or before this region had what was ended.
    if (value === undefined) continue;
    const endS = endOf(value);
    if (endS === undefined) world.violate('expiry', `${key} in ${region.name}: ${value} was ended`);
    else if (!hasClockFaults && endS > record.readAtMs / 1000 + aheadS + 1)
      world.violate('expiry', `${key} in ${region.name}: ${value} was ended too early`);
  }
}

const isEnd = ({ version, value }: TrueRecord): boolean =>
  value === undefined && version.region.endsWith('!');

const nameOf = (key: string, { time, region }: TrueRecord['version']): string =>
  `${key} ${time} ${region}`;

/** The second in which an item ends, as its value tells. */
function endOf(value: string): number | undefined {
  const [, end] = value.split('@');
  return end === undefined ? undefined : Number(end);
}
