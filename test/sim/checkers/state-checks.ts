import { type Zone, ZONES } from '../../../src/log/embedded/storage-node-identity.ts';
import type { KeyValuePair } from '../../../src/storage/key-value-store.ts';
import { compareVersions } from '../../../src/model/version.ts';
import type { Table } from '../../../src/model/table.ts';
import { valueOf } from '../client-item.ts';
import type { Running, SimRegion } from '../sim-region.ts';
import { keyText, type TrueRecord } from '../truth.ts';
import type { World } from '../world.ts';

const PAGE_BYTES = 1 << 20;

interface Item {
  readonly value: string | undefined;
  readonly version: { readonly time: number; readonly region: string };
}

/** Every item of a table in a region, as a scan with versions finds it. */
export async function contentOf(
  { engine }: Running,
  table: number,
): Promise<ReadonlyMap<string, Item>> {
  const items = new Map<string, Item>();
  for (const partition of engine.core.partitions) {
    let after: Uint8Array | undefined;
    for (;;) {
      const page = await partition.scan(table, after, PAGE_BYTES);
      const last = page.at(-1);
      if (last === undefined) break;
      for (const { key, version, image } of page)
        if (image !== undefined) items.set(keyText(key), { value: valueOf(image), version });
      after = last.key;
    }
  }
  return items;
}

/** Every region that has the table holds the latest of all that any of them has committed, and nothing that was deleted. */
export async function checkConverged(world: World, name: string): Promise<void> {
  const holders = holdersOf(world, name);
  const latest = new Map<string, TrueRecord>();
  for (const { region, table } of holders) {
    for (const record of world.truth(region.name).latest.values()) {
      if (record.table !== table.number) continue;
      const standing = latest.get(record.key);
      if (standing === undefined || compareVersions(record.version, standing.version) > 0)
        latest.set(record.key, record);
    }
  }
  for (const { region, running, table } of holders) {
    const items = await contentOf(running, table.number);
    for (const [key, record] of latest) {
      const found = items.get(key);
      if (found?.value === record.value) continue;
      const what = record.value === undefined ? 'resurrected' : 'converged';
      world.violate(
        what,
        `${name}/${key} in ${region.name}: ${found === undefined ? 'nothing' : `${found.value} ${found.version.region}@${found.version.time}`}, not ${record.value ?? 'nothing'} ${record.version.region}@${record.version.time}`,
      );
    }
    for (const key of items.keys())
      if (!latest.has(key))
        world.violate('converged', `${name}/${key} in ${region.name} was never written`);
  }
}

export interface Holder {
  readonly region: SimRegion;
  readonly running: Running;
  readonly table: Table;
}

/** The running regions that share the table of that name. */
export function holdersOf(world: World, name: string): readonly Holder[] {
  return world.regions.flatMap((region) => {
    const { running } = region;
    const table = running?.engine.region.findTable(name);
    if (running === undefined || table?.global?.members[region.name] === undefined) return [];
    return [{ region, running, table }];
  });
}

/** How often in a row two copies may differ: one that forgets moves its position with the last of several batches. */
const differencesMax = 3;

/** The stores of zones that stand at the same place in every log hold the same bytes. */
export class CopyCheck {
  readonly #world: World;
  readonly #differ = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
  }

  look(): void {
    for (const region of this.#world.regions) {
      const { running } = region;
      // One that is paused does not know what its stores have done meanwhile.
      if (running === undefined || running.life.isPaused) continue;
      const { zones } = running.engine.core;
      const byPlace = new Map<string, { readonly zone: Zone; readonly pairs: Pairs }>();
      for (const zone of ZONES) {
        if (zones.state(zone) !== 'applying') continue;
        const place = (zones.applied(zone) ?? []).join(' ');
        const pairs = region.stores[zone].disk.pairs().filter(([key]) => key[0] !== DROPPED_SPACE);
        const other = byPlace.get(place);
        if (other === undefined) byPlace.set(place, { zone, pairs });
        else this.#compare(region, other, { zone, pairs, place });
      }
    }
  }

  #compare(
    { name }: SimRegion,
    one: { readonly zone: Zone; readonly pairs: Pairs },
    other: { readonly zone: Zone; readonly pairs: Pairs; readonly place: string },
  ): void {
    const pair = `${name}: ${one.zone} and ${other.zone}`;
    // Each counts what it holds at its own time after a split.
    const isCounting = [...one.pairs, ...other.pairs].some(([key]) => metaLetterOf(key) === 'u');
    const [ours, theirs] = [one.pairs, other.pairs].map((pairs) =>
      isCounting ? pairs.filter(([key]) => !isOfCounting(key)) : pairs,
    );
    if (ours === undefined || theirs === undefined) return;
    const times = areEqual(ours, theirs) ? 0 : (this.#differ.get(pair) ?? 0) + 1;
    this.#differ.set(pair, times);
    if (times === differencesMax)
      this.#world.violate(
        'copies',
        `${pair} differ at ${other.place}: ${difference(ours, theirs)}`,
      );
  }
}

/** The marks of tables that were dropped: a zone that was away drops them later. */
const DROPPED_SPACE = 0x64;

const META_SPACE = 0x6d;

/** What a key of a partition's own data is for; undefined of any other key. */
const metaLetterOf = (key: Uint8Array): string | undefined =>
  key[0] === META_SPACE ? String.fromCharCode(key[3] ?? 0) : undefined;

const isOfCounting = (key: Uint8Array): boolean =>
  metaLetterOf(key) === 'u' || metaLetterOf(key) === 'a';

type Pairs = readonly KeyValuePair[];

const areEqual = (a: Pairs, b: Pairs): boolean =>
  a.length === b.length &&
  a.every(([key, value], at) => {
    const other = b[at];
    return (
      other !== undefined &&
      Buffer.compare(key, other[0]) === 0 &&
      Buffer.compare(value, other[1]) === 0
    );
  });

function difference(a: Pairs, b: Pairs): string {
  const [ours, theirs] = [a, b].map((pairs) => new Set(pairs.map(pairText)));
  const only = [
    ...[...(ours ?? [])].filter((line) => theirs?.has(line) !== true).map((line) => `-${line}`),
    ...[...(theirs ?? [])].filter((line) => ours?.has(line) !== true).map((line) => `+${line}`),
  ];
  return `${only.length} pairs, ${only.slice(0, 6).join(' ')}`;
}

const pairText = ([key, value]: KeyValuePair): string =>
  `${Buffer.from(key).toString('hex')}=${Buffer.from(value)
    .toString('latin1')
    .replaceAll(/[^ -~]/g, '.')
    .slice(0, 60)}`;

/** At a moment when nothing runs: no watermark is ahead, and no lag is zero, while something is not there yet. */
export function checkWatermarksAndLag(world: World, name: string, isHealed: boolean): void {
  const holders = holdersOf(world, name).filter(({ region, running }) =>
    world.truth(region.name).isCaughtUp(running),
  );
  for (const source of holders)
    for (const target of holders) {
      if (source === target || !areActive(source, target)) continue;
      // One that has lost what it had acknowledged, or given away, is not known to have before they have talked.
      const lost = [source, target].some(({ region }) => world.rolledBack.has(region.name));
      if (isHealed || !lost) checkPair(world, source, target);
    }
}

/** Whether each knows the other as a member that is complete. */
function areActive(source: Holder, target: Holder): boolean {
  const names = [source.region.name, target.region.name];
  return [source, target].every(({ table }) =>
    names.every((name) => table.global?.members[name]?.phase === 'active'),
  );
}

function checkPair(world: World, source: Holder, target: Holder): void {
  const [from, to] = [world.truth(source.region.name), world.truth(target.region.name)];
  const watermark = target.running.engine.links
    .status()
    .peers.find(({ peer }) => peer === source.region.name)?.inbox.watermark;
  const pending = source.running.engine.links
    .status()
    .peers.find(({ peer }) => peer === target.region.name)
    ?.tables.find(({ number }) => number === source.table.number)?.pending;
  const wasRolledBack = world.rolledBack.has(target.region.name);
  for (const record of from.latest.values()) {
    if (record.table !== source.table.number) continue;
    if (!record.isOwn) continue;
    const there = to.latest.get(`${target.table.number} ${record.key}`);
    if (there !== undefined && compareVersions(there.version, record.version) >= 0) continue;
    // What was forgotten before the target came, or came back on an older disk, needs not be there.
    const isGone = there === undefined || (there.value === undefined && wasRolledBack);
    if (isGone && record.value === undefined) continue;
    const what = `${record.key} ${record.value ?? 'deleted'}@${record.version.time} of ${source.region.name}`;
    if (watermark !== undefined && record.version.time <= watermark)
      world.violate('watermark', `${target.region.name} stands at ${watermark} without ${what}`);
    if (pending?.records === 0)
      world.violate(
        'lag',
        `${source.region.name} has nothing pending for ${target.region.name}, which lacks ${what}`,
      );
  }
}
