import type { Clock } from '../base/clock.ts';
import type { Json, JsonObject } from '../daemon/operations-target.ts';
import { isObject, listAt } from './json-members.ts';
import type { LabOperations, LabRegion } from './lab-region.ts';
import type { LabState, PairState, RegionState } from './lab-state.ts';
import { pairName } from './lab-state.ts';
import { parsePrometheusText } from './prometheus-text.ts';

/** A rate is taken over at least this long: a scrape costs more than a look at the state. */
const SCRAPE_MS = 1000;
const MS_PER_SECOND = 1000;

const SHIPPED = 'tidemark_replication_shipped_records_total';
const CONFLICTS = 'tidemark_replication_conflicts_total';

interface Counted {
  readonly shipped: ReadonlyMap<string, number>;
  readonly conflicts: ReadonlyMap<string, number>;
}

/** Reads the state of the lab's regions from what their operations ports show. */
export class LabReader {
  readonly #regions: readonly LabRegion[];
  readonly #clock: Clock;
  #scrapedMs: number | undefined;
  #counted: Counted = { shipped: new Map(), conflicts: new Map() };
  #rates: ReadonlyMap<string, number> = new Map();

  constructor(regions: readonly LabRegion[], clock: Clock) {
    this.#regions = regions;
    this.#clock = clock;
  }

  async read(): Promise<LabState> {
    await this.#scrape();
    const [regions, pairs] = await Promise.all([
      Promise.all(this.#regions.map(async (region) => regionState(region))),
      Promise.all(this.#regions.map(async ({ operations }) => this.#pairsOf(operations))),
    ]);
    return { regions, pairs: pairs.flat() };
  }

  async #scrape(): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    const elapsedMs = nowMs - (this.#scrapedMs ?? Number.NEGATIVE_INFINITY);
    if (elapsedMs < SCRAPE_MS) return;
    const scrapes = await Promise.all(
      this.#regions.map(async ({ operations }) => (await operations.metrics()).text),
    );
    const shipped = sumByPair(scrapes, SHIPPED);
    const before = this.#counted.shipped;
    if (this.#scrapedMs !== undefined) this.#rates = ratesBetween(before, shipped, elapsedMs);
    this.#counted = { shipped, conflicts: sumByPair(scrapes, CONFLICTS) };
    this.#scrapedMs = nowMs;
  }

  async #pairsOf(operations: LabOperations): Promise<PairState[]> {
    const { region: source } = operations;
    const [replication, links] = await Promise.all([operations.replication(), operations.links()]);
    const exchanges = readReplication(replication);
    return links.map(({ peer: target, up, delayMs }) => {
      const name = pairName(source, target);
      const exchange = exchanges.get(target);
      return {
        source,
        target,
        up,
        delayMs,
        shipping: exchange?.shipping ?? '',
        lagMs: exchange?.lagMs,
        pendingRecords: exchange?.pendingRecords,
        recordsPerSecond: this.#rates.get(name) ?? 0,
        conflicts: this.#counted.conflicts.get(name) ?? 0,
      };
    });
  }
}

async function regionState({ name, endpoint, operations }: LabRegion): Promise<RegionState> {
  const [replication, readiness, zones] = await Promise.all([
    operations.replication(),
    operations.readiness(),
    operations.zones(),
  ]);
  return {
    region: name,
    endpoint,
    running: replication['state'] !== 'stopped',
    ready: readiness.ok,
    zones: zones.map(({ zone, state }) => ({ zone, state })),
  };
}

/** A counter that fell began anew, with its region. */
function ratesBetween(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
  elapsedMs: number,
): ReadonlyMap<string, number> {
  const rates = new Map<string, number>();
  for (const [name, total] of after) {
    const grown = total - (before.get(name) ?? 0);
    rates.set(name, ((grown < 0 ? total : grown) * MS_PER_SECOND) / elapsedMs);
  }
  return rates;
}

/** The samples of one counter in scrapes, summed over all labels but `source` and `target`. */
export function sumByPair(scrapes: readonly string[], metric: string): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  const lines = scrapes.flatMap((scrape) =>
    scrape.split('\n').filter((line) => line.startsWith(`${metric}{`)),
  );
  for (const { labels, value } of parsePrometheusText(lines.join('\n'))) {
    const { source = '', target = '' } = labels;
    const name = pairName(source, target);
    sums.set(name, (sums.get(name) ?? 0) + value);
  }
  return sums;
}

interface Exchange {
  readonly shipping: string;
  readonly lagMs: number | undefined;
  readonly pendingRecords: number | undefined;
}

/** States of outboxes, the furthest from shipping first; one that is not known here comes before all. */
const SHIPPING = ['RESYNC', 'waiting', 'connecting', 'stopped', 'streaming'];

/**
 * What GET /replication says of each peer. The answer is JSON for anybody, so nothing is taken for granted: what is
 * not as expected is left out.
 */
export function readReplication(json: JsonObject): ReadonlyMap<string, Exchange> {
  const exchanges = new Map<string, Exchange>();
  for (const peer of listAt(json, 'peers')) {
    if (typeof peer['peer'] === 'string') exchanges.set(peer['peer'], exchangeOf(peer));
  }
  return exchanges;
}

function exchangeOf(peer: JsonObject): Exchange {
  const states = listAt(peer, 'outboxes').map((outbox) => kindOf(outbox['state']));
  const [shipping = ''] = states.toSorted(
    (left, right) => SHIPPING.indexOf(left) - SHIPPING.indexOf(right),
  );
  let lagMs: number | undefined;
  let pendingRecords: number | undefined;
  for (const { pending } of listAt(peer, 'tables')) {
    if (!isObject(pending)) return { shipping, lagMs: undefined, pendingRecords: undefined };
    lagMs = Math.max(lagMs ?? 0, numberOf(pending['ageMs']));
    pendingRecords = (pendingRecords ?? 0) + numberOf(pending['records']);
  }
  return { shipping, lagMs, pendingRecords };
}

function kindOf(state: Json): string {
  const kind = isObject(state) ? state['kind'] : state;
  return typeof kind === 'string' ? kind : '';
}

const numberOf = (value: Json): number => (typeof value === 'number' ? value : 0);
