import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { InProcessNetwork } from '../../src/bus/in-process-network.ts';
import type { ZoneView } from '../../src/daemon/operations-target.ts';
import { startRegion } from '../../src/daemon/start-region.ts';
import { SystemClock } from '../../src/daemon/system-clock.ts';
import { StoreError } from '../../src/storage/key-value-store.ts';
import { LabProcess, type LabProcessRegion } from '../support/lab-process.ts';
import { MemoryLogger } from '../support/memory-logger.ts';
import { AP, EU, testConfig, US } from '../support/test-lab.ts';
import {
  changeReplica,
  createTable,
  describe,
  get,
  put,
  putMany,
  scanAll,
  TABLE,
} from '../support/test-table.ts';
import { until } from '../support/until.ts';
import { keepWriting } from '../support/writers.ts';

const ALL: readonly string[] = [US, EU, AP];
const KILLS = 20;
const TEST_MS = 180_000;

/** Answered writes between a start and a kill: a few at times, many at others. */
const writesBefore = (kill: number): number => [5, 400, 60, 150][kill % 4] ?? 100;

async function untilActive(lab: LabProcess, regions: readonly LabProcessRegion[]): Promise<void> {
  await until(
    `${TABLE} to be ACTIVE in ${regions.map(({ name }) => name).join(', ')}`,
    async () => {
      const tables = await Promise.all(regions.map(async (region) => describe(region)));
      return tables.every(
        (table) =>
          table?.TableStatus === 'ACTIVE' &&
          (table.Replicas ?? []).length === regions.length - 1 &&
          (table.Replicas ?? []).every(({ ReplicaStatus }) => ReplicaStatus === 'ACTIVE'),
      );
    },
    { detail: () => lab.folder },
  );
}

const missingIn = async (
  region: LabProcessRegion,
  answered: ReadonlyMap<string, string>,
): Promise<readonly string[]> => {
  const found = await scanAll(region);
  return [...answered].filter(([id, v]) => found.get(id) !== v).map(([id]) => id);
};

/** One writer who counts one item up: what it reads after a kill may be one ahead of the last answer, never behind. */
async function countUp(
  region: LabProcessRegion,
  from: number,
  isOver: () => boolean,
): Promise<number> {
  for (let answered = from; ; answered += 1) {
    if (isOver()) return answered;
    try {
      await put(region, `counter of ${region.name}`, String(answered + 1));
    } catch {
      return answered;
    }
  }
}

test(
  'a lab that is killed twenty times under load loses no answered write in any region',
  { timeout: TEST_MS },
  async () => {
    const lab = await LabProcess.start(ALL);
    const us = lab.region(US);
    await createTable(us);
    for (const [at, name] of [EU, AP].entries()) {
      await changeReplica(us, 'Create', { region: name });
      await untilActive(lab, lab.regions.slice(0, at + 2));
    }
    const answered = new Map<string, string>();
    const counts = new Map(lab.regions.map(({ name }) => [name, 0]));
    for (let kill = 1; kill <= KILLS; kill += 1) {
      let isOver = false;
      const load = keepWriting(lab.regions, { prefix: `kill ${kill}`, borne: true });
      const counting = lab.regions.map(async (region) => {
        const count = await countUp(region, counts.get(region.name) ?? 0, () => isOver);
        counts.set(region.name, count);
      });
      await until('writes', () => load.answered.size >= writesBefore(kill));
      await lab.end('SIGKILL');
      isOver = true;
      for (const [id, v] of await load.stop()) answered.set(id, v);
      await Promise.all(counting);
      await lab.start();
      for (const region of lab.regions) {
        const own = new Map([...answered].filter(([id]) => id.includes(region.name)));
        expect(await missingIn(region, own)).toEqual([]);
        const found = Number((await scanAll(region)).get(`counter of ${region.name}`) ?? 0);
        expect(found).toBeGreaterThanOrEqual(counts.get(region.name) ?? 0);
        counts.set(region.name, found);
      }
    }
    expect(answered.size).toBeGreaterThan(KILLS * 50);
    for (const region of lab.regions)
      await until(
        `${region.name} to have every answered write`,
        async () => (await missingIn(region, answered)).length === 0,
      );
    await until('the regions to be equal', async () => {
      const tables = await Promise.all(lab.regions.map(async (region) => lab.table(region, TABLE)));
      return new Set(tables.map((table) => table?.digest)).size === 1;
    });
    expect(await lab.end('SIGINT')).toBe(0);
  },
);

test(
  'a replica comes and goes although the lab is killed at every step',
  { timeout: TEST_MS },
  async () => {
    const lab = await LabProcess.start(ALL, { statusMs: 250 });
    const [us, eu, ap] = [lab.region(US), lab.region(EU), lab.region(AP)];
    await createTable(us);
    await changeReplica(us, 'Create', { region: AP });
    await untilActive(lab, [us, ap]);
    const answered = new Map<string, string>();
    const killAt = async (phase: string): Promise<void> => {
      const load = keepWriting([us, ap], { prefix: phase, borne: true });
      await until(phase, async () => (await lab.table(us, TABLE))?.members[EU]?.phase === phase);
      await lab.end('SIGKILL');
      for (const [id, v] of await load.stop()) answered.set(id, v);
      await lab.start();
    };
    await changeReplica(us, 'Create', { region: EU });
    for (const phase of ['requested', 'preparing', 'copying']) await killAt(phase);
    await untilActive(lab, lab.regions);
    await put(eu, 'of eu', '1');
    answered.set('of eu', '1');
    for (const region of lab.regions)
      await until(
        `${region.name} to have all`,
        async () => (await missingIn(region, answered)).length === 0,
      );
    await changeReplica(us, 'Delete', { region: EU });
    for (const phase of ['draining', 'deleting']) await killAt(phase);
    await untilActive(lab, [us, ap]);
    await until('the replica to be gone', async () => (await describe(eu)) === undefined);
    for (const region of [us, ap])
      await until(
        `${region.name} to have all`,
        async () => (await missingIn(region, answered)).length === 0,
      );
    expect((await scanAll(us)).size).toBe((await scanAll(ap)).size);
  },
);

test('a data directory that another process uses is refused as locked', async () => {
  const lab = await LabProcess.start([US]);
  const us = lab.region(US);
  await createTable(us);
  const network = new InProcessNetwork(new SystemClock());
  const started = startRegion({
    config: testConfig(US),
    dataDirectory: us.dataDirectory,
    network,
    regions: [US],
    logger: new MemoryLogger(),
  });
  const error: unknown = await started.then(() => undefined).catch((thrown: unknown) => thrown);
  await network.close();
  expect(error).toBeInstanceOf(StoreError);
  expect(error).toMatchObject({ code: 'locked' });
  await put(us, 'after', '1');
  expect(await lab.end('SIGINT')).toBe(0);
});

test(
  'a region that is killed while a zone is rebuilt has everything, and ends the rebuild',
  { timeout: TEST_MS },
  async () => {
    const lab = await LabProcess.start([US]);
    const us = lab.region(US);
    await createTable(us);
    const held = await putHeld(us);
    for (const [at, zone] of ['b', 'a', 'c'].entries()) {
      await switchZone(us, zone, 'stop');
      await rm(join(us.dataDirectory, `zone-${zone}`), { recursive: true });
      const rebuilding = switchZone(us, zone, 'start').catch(() => undefined);
      // Sooner and later on its way.
      await new Promise((resolve) => setTimeout(resolve, at * 15));
      await lab.end('SIGKILL');
      await rebuilding;
      await lab.start();
      await untilZonesLive(us);
      expect(await scanAll(us)).toEqual(held);
    }
    await switchZone(us, 'a', 'stop');
    await switchZone(us, 'b', 'stop');
    for (const [id, v] of held) expect(await get(us, id, { consistent: false })).toBe(v);
  },
);

async function putHeld(region: LabProcessRegion): Promise<ReadonlyMap<string, string>> {
  const ids = await putMany(region, { prefix: 'held ', count: 1000 });
  return new Map(ids.map((id) => [id, id]));
}

async function switchZone(
  { operationsEndpoint }: LabProcessRegion,
  zone: string,
  to: 'stop' | 'start',
): Promise<void> {
  const response = await fetch(`${operationsEndpoint}/zones/${zone}/${to}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  });
  if (!response.ok) throw new Error(await response.text());
  await response.arrayBuffer();
}

async function untilZonesLive({ operationsEndpoint }: LabProcessRegion): Promise<void> {
  await until('every zone to be live', async () => {
    const response = await fetch(`${operationsEndpoint}/zones`);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the answer of our own operations port
    const { zones } = (await response.json()) as { readonly zones: readonly ZoneView[] };
    return zones.every(({ state }) => state === 'live');
  });
}
