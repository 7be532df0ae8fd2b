import { afterEach, expect, test, vi } from 'vitest';

import { present } from '../../src/base/assert.ts';
import { encodeItemKey } from '../../src/model/item-key.ts';
import type { Table } from '../../src/model/table.ts';
import { ClusteredWorld, type WorldNode } from '../support/clustered-region.ts';

let open: ClusteredWorld | undefined;

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

afterEach(async () => {
  await open?.stop();
  open = undefined;
});

async function put(w: ClusteredWorld, by: WorldNode, table: Table, id: string): Promise<void> {
  const [, seconds] = id.split(' ');
  const ends = Math.floor(w.clock.wallMs() / 1000) + Number(seconds);
  const ttl = Number.isNaN(ends) ? {} : { ttl: { N: String(ends) } };
  const image = Buffer.from(JSON.stringify({ id: { S: id }, ...ttl }));
  const key = encodeItemKey(table.definition.keySchema, { id: { S: id } });
  await w.run(
    by.engine.region.write({
      table: table.number,
      key,
      change: { kind: 'put', image, itemBytes: image.length },
      condition: undefined,
      cause: 'user',
    }),
  );
}

/** Of all nodes, as each node's copies count them. */
const counted = (w: ClusteredWorld, table: Table): readonly number[] =>
  w.running.map(({ engine }) => engine.region.statistics(table).itemCount);

const idsEndingIn = (seconds: string): readonly string[] =>
  Array.from({ length: 12 }, (_, number) => `${number} ${seconds}`);

async function setTimeToLive(
  w: ClusteredWorld,
  by: WorldNode,
  change: { readonly enabled: boolean; readonly attribute: string },
): Promise<void> {
  await w.run(by.engine.region.updateTable('Orders', { timeToLive: change }));
  const isSettled = ({ engine }: WorldNode): boolean => {
    const table = engine.region.findTable('Orders');
    const { timeToLive } = table?.definition ?? {};
    return (
      timeToLive?.enabled === change.enabled && table?.timeToLiveAtMs === timeToLive.changedAtMs
    );
  };
  await w.until('the time to live is settled', () => w.running.every(isSettled));
}

test('items written at any node expire in every partition, and others stay', async () => {
  const w = (open = await ClusteredWorld.start(3));
  const table = await w.createTable(w.nodes.b);
  for (const id of idsEndingIn('2')) await put(w, w.nodes.a, table, id);
  await setTimeToLive(w, w.nodes.c, { enabled: true, attribute: 'ttl' });
  for (const id of [...idsEndingIn('3'), ...idsEndingIn('never')])
    await put(w, w.nodes.c, table, id);
  await w.until('what has ended is gone', () => counted(w, table).every((count) => count === 12));
  await w.clock.advance(5000);
  expect(counted(w, table)).toEqual([12, 12, 12]);
});

test('who leads next goes on, also where its leader was killed before the items ended', async () => {
  const w = (open = await ClusteredWorld.start(3));
  const table = await w.createTable(w.nodes.b);
  await setTimeToLive(w, w.nodes.b, { enabled: true, attribute: 'ttl' });
  for (const id of idsEndingIn('3')) await put(w, w.nodes.a, table, id);
  const leader = present(w.leaderOf(1), 'a leader');
  await leader.kill();
  await w.until('what has ended is gone', () => counted(w, table).every((count) => count === 0));
  await w.run(leader.start());
  await w.until('also at the one that is back', () =>
    counted(w, table).every((count) => count === 0),
  );
  expect(w.running).toHaveLength(3);
});

test('nothing ends any more once the time to live is disabled', async () => {
  const w = (open = await ClusteredWorld.start(2));
  const table = await w.createTable(w.nodes.b);
  await setTimeToLive(w, w.nodes.a, { enabled: true, attribute: 'ttl' });
  for (const id of idsEndingIn('3')) await put(w, w.nodes.a, table, id);
  await setTimeToLive(w, w.nodes.b, { enabled: false, attribute: 'ttl' });
  await w.clock.advance(10_000);
  expect(counted(w, table)).toEqual([12, 12, 12]);
});
