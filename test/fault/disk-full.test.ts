import { InternalServerError, ScanCommand } from '@aws-sdk/client-dynamodb';
import { expect, type TestContext, test } from 'vitest';

import { SmallDisk } from '../support/small-disk.ts';
import { TestLab, type TestRegion, US } from '../support/test-lab.ts';
import { createTable, get, put, putMany, scanAll, TABLE } from '../support/test-table.ts';
import { until } from '../support/until.ts';

/** Room for three stores and logs, and for what a store wants free before it is opened again. */
const DISK_MEGABYTES = 256;

const VALUE = 'x'.repeat(50_000);
const TEST_MS = 120_000;

async function mountedDisk(context: TestContext): Promise<SmallDisk> {
  const disk = await SmallDisk.mount(DISK_MEGABYTES);
  if (disk instanceof SmallDisk) return disk;
  const reason = `needs a small file system of its own, which cannot be mounted here: ${disk}`;
  process.stderr.write(`skipped: ${context.task.name}: ${reason}\n`);
  return context.skip(reason);
}

/** Puts large items until one is not answered with success; what is answered is kept. */
async function putUntilRefused(us: TestRegion, held: Map<string, string>): Promise<unknown> {
  for (let round = 0; ; round += 1) {
    const id = `large ${held.size} ${round}`;
    const v = `${id} ${VALUE}`;
    try {
      await put(us, id, v);
      held.set(id, v);
    } catch (error) {
      return error;
    }
  }
}

/** Everything in `held` is there; what is there beside it was refused, which leaves open whether it was written. */
async function expectHeld(us: TestRegion, held: ReadonlyMap<string, string>): Promise<void> {
  const found = await scanAll(us);
  expect([...held].filter(([id, v]) => found.get(id) !== v).map(([id]) => id)).toEqual([]);
}

test(
  'on a full disk writes answer an error and reads go on; with space again writes resume by themselves',
  { timeout: TEST_MS },
  async (context) => {
    const disk = await mountedDisk(context);
    const lab = await TestLab.start([US], {
      zones: Object.fromEntries(
        ['a', 'b', 'c'].map((zone) => [zone, { directory: `${disk.path}/zone-${zone}` }]),
      ),
    });
    const us = lab.region(US);
    await createTable(us);
    const held = new Map<string, string>();
    for (const id of await putMany(us, { prefix: 'before ', count: 300 })) held.set(id, id);

    for (let round = 0; round < 2; round += 1) {
      await disk.fill();
      expect(await putUntilRefused(us, held)).toBeInstanceOf(InternalServerError);
      await expect(put(us, 'refused', VALUE)).rejects.toThrow(InternalServerError);
      for (const [id, v] of held) {
        expect(await get(us, id, { consistent: false })).toBe(v);
        expect(await get(us, id)).toBe(v);
      }
      // Pages are from a copy, which may lack the last few items that the log could still take.
      const { Count } = await us.client.send(
        new ScanCommand({ TableName: TABLE, Select: 'COUNT' }),
      );
      expect(Count).toBeGreaterThan(0);

      await disk.free();
      await until('writes to be taken again', async () => {
        const id = `resumed ${round}`;
        try {
          await put(us, id, id);
          held.set(id, id);
          return true;
        } catch {
          return false;
        }
      });
      await us.untilZones('live');
      for (const id of await putMany(us, { prefix: `after ${round} `, count: 100 }))
        held.set(id, id);
      await expectHeld(us, held);
    }
    await us.stop();
    await us.start();
    await expectHeld(us, held);
  },
);

test(
  'with the disk of one zone full everything works, and with space again the zone has all',
  { timeout: TEST_MS },
  async (context) => {
    const disk = await mountedDisk(context);
    const lab = await TestLab.start([US], { zones: { b: { directory: `${disk.path}/zone-b` } } });
    const us = lab.region(US);
    await createTable(us);
    const held = new Map<string, string>();
    await disk.fill();
    for (let at = 0; at < 400; at += 1) {
      const [id, v] = [`item ${at}`, `${at} ${VALUE}`];
      await put(us, id, v);
      held.set(id, v);
    }
    await until('the zone to be full', () => us.zoneState('b') === 'full');
    await expectHeld(us, held);
    await disk.free();
    await us.untilZones('live');
    // Without c, b is one of two, and with a gone too it is what reads are from.
    await us.post('/zones/c/stop');
    await put(us, 'by a and b', '1');
    await us.post('/zones/a/stop');
    for (const [id, v] of held) expect(await get(us, id, { consistent: false })).toBe(v);
    expect(await get(us, 'by a and b', { consistent: false })).toBe('1');
  },
);
