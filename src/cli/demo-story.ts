import { SystemClock } from '../daemon/system-clock.ts';
import { untilRegionsAgree } from './demo-agreement.ts';
import type { Item } from './demo-clients.ts';
import { conflictsCounted, CONTESTED_KEY, isContested, writeAtOnce } from './demo-conflict.ts';
import { ItemSetDigest } from './demo-digest.ts';
import { loadItems } from './demo-load.ts';
import type { DemoRegion } from './demo-region.ts';
import { scanTable } from './demo-scan.ts';
import type { DemoScreen } from './demo-screen.ts';
import { counted } from './demo-screen.ts';
import { createGlobalTable } from './demo-table.ts';
import { histogramQuantile } from './prometheus-text.ts';

const TABLE = 'cities';
const ZONE = 'b';
/** At which parts of the load a zone is stopped and started again. */
const ZONE_STOP_SHARE = 1 / 3;
const ZONE_START_SHARE = 2 / 3;
/** The partition key of the demo's own items, which no country has. */
const OWN = CONTESTED_KEY.country;

export interface DemoScene {
  /** The first one creates and loads the table. */
  readonly regions: readonly DemoRegion[];
  readonly cities: readonly Item[];
  readonly screen: DemoScreen;
  readonly signal: AbortSignal;
}

/** Tells the whole story, and whether every region holds in the end what it has to. Rejects when a step fails. */
export async function tellDemo(scene: DemoScene): Promise<boolean> {
  const { regions, cities, screen } = scene;
  screen.heading('1. A table, and a replica in each other region');
  for (const { name, endpoint } of regions) screen.line(`  ${name.padEnd(15)} ${endpoint}`);
  await createGlobalTable(TABLE, regions, (text) => screen.line(`  ${text}`));

  await load(scene);
  await showLatency(scene);
  await readElsewhere(scene);
  const own = await writeEverywhere(scene);
  await conflict(scene, cities.length + own.length + 1);
  return verify(scene, own);
}

/** Writes every city through the first region, with one of its zones away for a third of the time. */
async function load({ regions, cities, screen, signal }: DemoScene): Promise<void> {
  const [first] = regions;
  if (first === undefined) throw new RangeError('no regions');
  screen.heading(`2. Loading through the SDK in ${first.name}, BatchWriteItem of 25`);
  const clock = new SystemClock();
  const startedMs = clock.monotonicMs();
  let switching = Promise.resolve();
  const switchZone = (to: 'stop' | 'start'): void => {
    switching = switching.then(async () => first.operations.switchZone(ZONE, to));
    // It is awaited when the load is done; until then a failure must not count as unhandled.
    switching.catch(() => {});
  };
  let note = '';
  let stopped = false;
  let started = false;
  await loadItems({
    client: first.client,
    table: TABLE,
    items: cities,
    signal,
    onProgress: (written) => {
      const share = written / cities.length;
      if (!stopped && share >= ZONE_STOP_SHARE) {
        stopped = true;
        note = `(zone ${ZONE} of ${first.name} is stopped; two of three go on)`;
        switchZone('stop');
      } else if (stopped && !started && share >= ZONE_START_SHARE) {
        started = true;
        note = `(zone ${ZONE} is back and catches up)`;
        switchZone('start');
      }
      screen.progress({ done: written, total: cities.length, note });
    },
  });
  await switching;
  const seconds = (clock.monotonicMs() - startedMs) / 1000;
  const rate = counted(cities.length / seconds);
  screen.line(`  ${seconds.toFixed(1)} s: ${rate} items per second, each in three synced copies`);
  await untilRegionsAgree(TABLE, cities.length, regions);
  const agreedSeconds = (clock.monotonicMs() - startedMs) / 1000 - seconds;
  screen.line(`  all three regions held all of it ${agreedSeconds.toFixed(1)} s later`);
}

/** From commit in one region to durable in another, out of the histogram that every region exports. */
async function showLatency({ regions, screen }: DemoScene): Promise<void> {
  screen.heading('3. Replication latency during the load');
  const [first, ...others] = regions;
  for (const { name, operations } of others) {
    const buckets = (await operations.metrics()).filter(
      (sample) =>
        sample.name === 'tidemark_replication_latency_seconds_bucket' &&
        sample.labels['source'] === first?.name,
    );
    const [p50, p99] = [0.5, 0.99].map((quantile) => histogramQuantile(buckets, quantile));
    screen.line(`  ${first?.name} -> ${name.padEnd(15)} p50 ${inMs(p50)}, p99 ${inMs(p99)}`);
  }
}

const inMs = (seconds: number | undefined): string =>
  seconds === undefined ? 'none' : `${(seconds * 1000).toFixed(1)} ms`;

/** A GetItem and a Query in each of the regions that loaded nothing. */
async function readElsewhere({ regions, cities, screen }: DemoScene): Promise<void> {
  screen.heading('4. Reading in the other regions');
  const largest = cities.reduce((best, city) => (people(city) > people(best) ? city : best));
  for (const { name, client } of regions.slice(1)) {
    const { country, cityId } = largest;
    if (country === undefined || cityId === undefined) throw new TypeError('a city without key');
    const { Item: item } = await client.getItem({ TableName: TABLE, Key: { country, cityId } });
    const { Count, ScannedCount } = await client.query({
      TableName: TABLE,
      KeyConditionExpression: 'country = :country',
      FilterExpression: 'population > :many',
      ExpressionAttributeValues: { ':country': country, ':many': { N: '100000' } },
    });
    const text =
      item === undefined ? 'NOTHING' : `${item['name']?.S}, ${counted(people(item))} people`;
    screen.line(`  ${name.padEnd(15)} GetItem: ${text}`);
    screen.line(
      `  ${''.padEnd(15)} Query: of ${ScannedCount} places in ${country.S}, ` +
        `${Count} have more than 100,000 people`,
    );
  }
}

const people = (city: Item): number => Number(city['population']?.N ?? 0);

/** One item of its own from every region; returns them. */
async function writeEverywhere({ regions, screen }: DemoScene): Promise<readonly Item[]> {
  screen.heading('5. Every region takes writes');
  const written = regions.map(({ name, client }, at) => {
    const item: Item = { country: OWN, cityId: { N: String(at + 1) }, writtenIn: { S: name } };
    return { name, client, item };
  });
  await Promise.all(
    written.map(async ({ client, item }) => client.putItem({ TableName: TABLE, Item: item })),
  );
  screen.line(`  one item written in each of ${written.map(({ name }) => name).join(', ')}`);
  return written.map(({ item }) => item);
}

async function conflict({ regions, screen }: DemoScene, itemCount: number): Promise<void> {
  screen.heading('6. Three regions write one item at once, before any can know of the others');
  const countedBefore = await conflictsCounted(regions);
  const { winner, before, intervals } = await writeAtOnce(TABLE, regions);
  for (const [at, { name }] of regions.entries()) {
    const { sentMs = 0, answeredMs = 0 } = intervals[at] ?? {};
    screen.line(
      `  ${name.padEnd(15)} wrote between ${sentMs.toFixed(1)} and ${answeredMs.toFixed(1)} ms, ` +
        `read ${before[at] ?? 'nothing'} then, reads ${winner} now`,
    );
  }
  await untilRegionsAgree(TABLE, itemCount, regions);
  const conflicts = (await conflictsCounted(regions)) - countedBefore;
  for (const text of [
    `The write of ${winner} won, everywhere: it has the latest commit time by the regions' hybrid`,
    'clocks, and the last writer wins for the whole item (of equal times the region name decides).',
    'The others lost to a write that had not seen them. Wherever two of these writes met, the region',
    `counted a conflict: ${conflicts} in all, in tidemark_replication_conflicts_total.`,
  ]) {
    screen.line(`  ${text}`);
  }
}

/** Reads every region whole and compares it with the data set and the demo's own items. */
async function verify(
  { regions, cities, screen }: DemoScene,
  own: readonly Item[],
): Promise<boolean> {
  screen.heading('7. Reading all three regions whole, by parallel Scan');
  const engineDigest = await untilRegionsAgree(TABLE, cities.length + own.length + 1, regions);
  const expected = new ItemSetDigest();
  for (const item of [...cities, ...own]) expected.add(item);
  screen.line(`  ${'expected'.padEnd(15)} ${described(expected)}`);
  const contested = new Set<string | undefined>();
  let held = true;
  for (const region of regions) {
    const { digest, aside } = await scanTable(TABLE, region, isContested);
    const same = digest.toString() === expected.toString() && digest.count === expected.count;
    for (const item of aside) contested.add(item['writtenIn']?.S);
    const right = same && aside.length === 1;
    held &&= right;
    screen.line(
      `  ${region.name.padEnd(15)} ${described(digest)}  ${right ? 'equal' : 'DIFFERENT'}`,
    );
  }
  const one = contested.size === 1 && regions.some(({ name }) => contested.has(name));
  screen.line(`  the contested item is ${one ? 'the same' : 'NOT THE SAME'} in all of them`);
  screen.line(`  the engines' own digests agree: ${engineDigest}`);
  return held && one;
}

const described = (digest: ItemSetDigest): string =>
  `${counted(digest.count)} items, digest ${digest.toString()}`;
