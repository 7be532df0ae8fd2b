import { expect, test } from 'vitest';

import { present } from '../../src/base/assert.ts';
import type { GlobalTable, Table } from '../../src/model/table.ts';
import { LONG_MS, members, phaseOf, putMany, until, worldOf } from '../support/global-world.ts';
import type { GlobalWorld, GlobalWorldRegion } from '../support/region-world.ts';

const slow = (world: GlobalWorld, [from, to]: readonly [string, string], delayMs: number): void => {
  world.network.endpoint(from).links.set(to, { delayMs });
};

const tableOf = (region: GlobalWorldRegion, name: string, global?: GlobalTable): Table => ({
  number: 0,
  name,
  tableId: `${region.name} ${name}`,
  globalId: name,
  createdAtMs: 1,
  status: 'ACTIVE',
  definition: {
    keySchema: { partition: { name: 'id', type: 'S' }, sort: undefined },
    attributeDefinitions: [{ name: 'id', type: 'S' }],
    billingMode: 'PAY_PER_REQUEST',
    provisionedThroughput: { read: 0, write: 0 },
  },
  global,
  parted: undefined,
});

/** A second global table, of which all regions are members already. */
async function shareAnother(world: GlobalWorld): Promise<void> {
  const entries = world.names.map((name) => [
    name,
    { tableId: `${name} Other`, phase: 'active' as const, source: 'a', addedAtMs: 1, missed: 0 },
  ]);
  const all: GlobalTable = {
    home: 'a',
    term: 1,
    revision: 9,
    members: Object.fromEntries(entries),
    debts: [],
  };
  for (const region of world.regions)
    await region.running.catalogue.change('Other', () => tableOf(region, 'Other', all));
  await world.clock.advance(3000);
}

test('a region that was evicted is told so by a home whose table was regional meanwhile', async () => {
  const world = await worldOf('a', 'b', 'c');
  const [a, b] = [world.region('a'), world.region('b')];
  await world.share('a', 'b');
  a.put('x', '1');
  await world.clock.advance(2000);
  await b.kill();
  await a.change({ kind: 'delete', region: 'b' });
  await world.clock.advance(8000);
  a.put('x', undefined);
  await world.clock.advance(8000);
  expect(a.table?.global).toBeUndefined();
  await a.change({ kind: 'create', region: 'c' });
  await world.clock.advance(300);
  await b.start();
  await world.clock.advance(20_000);
  expect(b.table).toMatchObject({ status: 'ACTIVE', global: undefined });
  b.put('z', '3');
  await world.clock.advance(20_000);
  expect(a.content()).toEqual([]);
  expect(members(a)).toEqual({ a: 'active', c: 'active' });
  await world.stop();
});

test('a home that the other of two members has removed hears of it when it is back', async () => {
  const world = await worldOf('a', 'b', 'c');
  const [a, b] = [world.region('a'), world.region('b')];
  await world.share('a', 'b');
  await a.kill();
  await b.change({ kind: 'delete', region: 'a' });
  await world.clock.advance(8000);
  expect(b.table?.global).toBeUndefined();
  await a.start();
  await world.clock.advance(10_000);
  expect(a.table).toMatchObject({ status: 'ACTIVE', global: undefined });
  expect(a.table?.globalId).not.toBe(b.table?.globalId);
  await world.stop();
});

test('what was heard of an earlier replica of a region does not concern its next one', async () => {
  const world = await worldOf('a', 'b', 'c');
  const [a, b] = [world.region('a'), world.region('b')];
  await world.share('a', 'b');
  await b.kill();
  await a.change({ kind: 'delete', region: 'b' });
  await world.clock.advance(8000);
  await b.start();
  await world.clock.advance(10_000);
  slow(world, ['b', 'a'], 40);
  slow(world, ['a', 'b'], 40);
  for (let round = 0; round < 4; round += 1) {
    await b.running.catalogue.change('Orders', () => undefined);
    await a.change({ kind: 'create', region: 'b' });
    await world.clock.advance(7500 + round * 300);
    expect(members(b)).toEqual({ a: 'active', b: 'active' });
    await b.kill();
    await a.change({ kind: 'delete', region: 'b' });
    await world.clock.advance(8000);
    await b.start();
    await world.clock.advance(10_000);
  }
  await world.stop();
});

test('two debts to one member in one term are two copies', async () => {
  const world = await worldOf('a', 'b', 'c', 'd');
  const [a, b] = [world.region('a'), world.region('b')];
  await world.share('a', 'b', 'c', 'd');
  await world.clock.advance(3000);
  for (const name of ['c', 'd']) {
    const gone = world.region(name);
    world.cut(name, 'b');
    world.cut('a', 'b');
    gone.put(`from ${name}`, 'v');
    await world.clock.advance(1000);
    await gone.kill();
    await a.change({ kind: 'delete', region: name });
    await world.clock.advance(15_000);
    world.cut('a', 'b', true);
    await world.clock.advance(15_000);
    expect(b.get(`from ${name}`)).toBe('v');
    expect(a.table?.global?.debts).toEqual([]);
  }
  await world.stop();
});

test('a bootstrap does not wait for what a member had made that is evicted meanwhile', async () => {
  const world = await worldOf('a', 'b', 'c');
  const [a, b] = [world.region('a'), world.region('b')];
  await world.share('a', 'b');
  const { adapter } = a.running;
  const hasReceived = adapter.hasReceived.bind(adapter);
  adapter.hasReceived = (origin, ends) => origin !== 'b' && hasReceived(origin, ends);
  await a.change({ kind: 'create', region: 'c' });
  await until(world, () => phaseOf(a, 'c') === 'copying');
  await world.clock.advance(500);
  expect(phaseOf(a, 'c')).toBe('copying');
  await b.kill();
  await world.clock.advance(3000);
  await a.change({ kind: 'delete', region: 'b' });
  await world.clock.advance(LONG_MS);
  expect(members(a)).toEqual({ a: 'active', c: 'active' });
  expect(world.region('c').content()).toEqual(a.content());
  await world.stop();
});

test('a member whose answers are lost while a replica comes sends it what it had made', async () => {
  const world = await worldOf('a', 'b', 'c');
  const [a, b, c] = [world.region('a'), world.region('b'), world.region('c')];
  await world.share('a', 'b');
  await world.clock.advance(3000);
  world.network.endpoint('b').links.set('a', { up: false });
  putMany(b, 'k', { count: 10 });
  await world.clock.advance(1000);
  await a.change({ kind: 'create', region: 'c' });
  await world.clock.advance(15_000);
  world.network.endpoint('b').links.set('a', { up: true });
  await world.clock.advance(LONG_MS);
  expect(c.content()).toHaveLength(10);
  expect(c.content()).toEqual(a.content());
  expect(b.table?.global?.debts).toEqual([]);
  await world.stop();
});

test('a member that is cut off when the copy begins sends what it had made until then', async () => {
  const world = await worldOf('a', 'b', 'c');
  const [a, b, c] = [world.region('a'), world.region('b'), world.region('c')];
  await world.share('a', 'b');
  await world.clock.advance(3000);
  slow(world, ['b', 'a'], 400);
  await a.change({ kind: 'create', region: 'c' });
  let written = 0;
  const write = (): void => {
    b.put(`k${written}`, 'v');
    written += 1;
  };
  await until(world, () => {
    write();
    return phaseOf(a, 'c') === 'copying';
  });
  world.cut('a', 'b');
  for (let round = 0; round < 100; round += 1) {
    write();
    await world.clock.advance(5);
  }
  await world.clock.advance(8000);
  expect(phaseOf(a, 'c')).toBe('active');
  world.cut('a', 'b', true);
  await world.clock.advance(LONG_MS);
  expect(c.content()).toHaveLength(written);
  expect(c.content()).toEqual(a.content());
  await world.stop();
});

test('a member that asks for a change keeps what it owes to those whom the answer tells it of', async () => {
  const world = await worldOf('a', 'b', 'c', 'd');
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => world.region(name));
  await world.share('a', 'b');
  await world.clock.advance(1000);
  world.cut('a', 'b');
  putMany(present(b, 'b'), 'k', { count: 5 });
  await world.clock.advance(3000);
  world.cut('b', 'c');
  await a?.change({ kind: 'create', region: 'c' });
  await world.clock.advance(9000);
  world.cut('a', 'b', true);
  await b?.change({ kind: 'create', region: 'd' });
  await world.clock.advance(9000);
  world.cut('b', 'c', true);
  await world.clock.advance(LONG_MS);
  for (const region of [a, b, c, d]) expect(region?.content()).toHaveLength(5);
  expect(b?.table?.global?.debts).toEqual([]);
  await world.stop();
});

test('a region that takes over as the home keeps what it owes', async () => {
  const world = await worldOf('a', 'b', 'c');
  const [a, b] = [world.region('a'), world.region('b')];
  await world.share('a', 'b', 'c');
  world.cut('b', 'c');
  const debts = [{ to: 'c', term: 1, revision: 1 }];
  await b.running.catalogue.change('Orders', (standing) => {
    const table = present(standing, 'the table');
    return { ...table, global: { ...present(table.global, 'its state'), debts } };
  });
  await a.change({ kind: 'delete', region: 'a' });
  expect(b.table?.global).toMatchObject({ home: 'b', debts });
  await world.stop();
});

test('a replica that is being deleted is never a table again', async () => {
  const world = await worldOf('a', 'b', 'c');
  const [a, c] = [world.region('a'), world.region('c')];
  world.dropMs = 2500;
  await world.share('a', 'b', 'c');
  for (let round = 0; round < 6; round += 1) {
    const shown = new Set<string>();
    const unlisten = c.running.catalogue.onChange((_, after) => {
      if (after !== undefined && after.global === undefined) shown.add(after.status);
    });
    await a.change({ kind: 'delete', region: 'c' });
    await world.clock.advance(4000 + 137 * round);
    unlisten();
    expect([...shown]).toEqual([]);
    expect(c.table).toBeUndefined();
    await a.change({ kind: 'create', region: 'c' });
    await world.clock.advance(4000 + 61 * round);
  }
  await world.stop();
});

test('a replica that is being filled gets what its peers had of a member that is evicted, and they what it had', async () => {
  const world = await worldOf('a', 'b', 'c');
  const [a, b, c] = [world.region('a'), world.region('b'), world.region('c')];
  await world.share('a', 'b');
  slow(world, ['a', 'c'], 900);
  slow(world, ['c', 'a'], 50);
  putMany(a, 'p', { count: 200 });
  await world.clock.advance(2000);
  await a.change({ kind: 'create', region: 'c' });
  await until(world, () => phaseOf(a, 'c') === 'copying' && c.table !== undefined);
  await world.clock.advance(950);
  world.cut('a', 'b');
  b.put('late', 'v');
  await world.clock.advance(400);
  expect(c.get('late')).toBe('v');
  await b.kill();
  expect(phaseOf(a, 'c')).toBe('copying');
  await a.change({ kind: 'delete', region: 'b' });
  await world.clock.advance(LONG_MS);
  expect(members(a)).toEqual({ a: 'active', c: 'active' });
  expect(a.get('late')).toBe('v');
  expect(c.content()).toEqual(a.content());
  await world.stop();
});

test('a member that is killed before it hears that it is to delete its replica does so later', async () => {
  const world = await worldOf('a', 'b', 'c');
  const [a, c] = [world.region('a'), world.region('c')];
  await world.share('a', 'b', 'c');
  c.put('x', '1');
  await world.clock.advance(2000);
  await a.change({ kind: 'delete', region: 'c' });
  await until(world, () => phaseOf(a, 'c') === 'deleting', 1);
  world.cut('a', 'c');
  await c.kill();
  await world.clock.advance(6000);
  world.cut('a', 'c', true);
  await c.start();
  await world.clock.advance(20_000);
  expect(c.table).toBeUndefined();
  expect(members(a)).toEqual({ a: 'active', b: 'active' });
  await world.stop();
});

test('a member that is lost while it deletes its replica is evicted on request', async () => {
  const world = await worldOf('a', 'b', 'c');
  const [a, c] = [world.region('a'), world.region('c')];
  await world.share('a', 'b', 'c');
  await a.change({ kind: 'delete', region: 'c' });
  await until(world, () => phaseOf(a, 'c') === 'deleting', 1);
  world.cut('a', 'c');
  await c.kill();
  await world.clock.advance(LONG_MS);
  expect(phaseOf(a, 'c')).toBe('deleting');
  await a.change({ kind: 'delete', region: 'c' });
  await world.clock.advance(LONG_MS);
  expect(members(a)).toEqual({ a: 'active', b: 'active' });
  await world.stop();
});

test('a member that drains over a slow link is not lost for one answer that does not come', async () => {
  const world = await worldOf('a', 'b', 'c');
  const [a, b, c] = [world.region('a'), world.region('b'), world.region('c')];
  await world.share('a', 'b', 'c');
  slow(world, ['c', 'a'], 700);
  slow(world, ['a', 'c'], 700);
  putMany(c, 'k', { count: 3000 });
  await a.change({ kind: 'delete', region: 'c' });
  await world.clock.advance(3300);
  world.cut('a', 'c');
  await world.clock.advance(1600);
  world.cut('a', 'c', true);
  await world.clock.advance(LONG_MS);
  expect(a.content()).toHaveLength(3000);
  expect(b.content()).toHaveLength(3000);
  expect(c.table).toBeUndefined();
  await world.stop();
});

test('a replica is withdrawn when its region has got another table of that name meanwhile', async () => {
  const world = await worldOf('a', 'b', 'c');
  const [a, c] = [world.region('a'), world.region('c')];
  await world.share('a', 'b');
  await shareAnother(world);
  await a.change({ kind: 'create', region: 'c' });
  await c.running.catalogue.change('Orders', () => tableOf(c, 'Orders'));
  putMany(a, 'k', { count: 20 });
  await world.clock.advance(LONG_MS);
  expect(members(a)).toEqual({ a: 'active', b: 'active' });
  expect(c.table).toMatchObject({ status: 'ACTIVE', globalId: 'Orders', global: undefined });
  await world.stop();
});

test('an error while states are compared does not end the comparing', async () => {
  const world = await worldOf('a', 'b', 'c');
  const [a, b] = [world.region('a'), world.region('b')];
  await world.share('a', 'b', 'c');
  await world.clock.advance(3000);
  world.cut('a', 'b');
  world.cut('b', 'c');
  await a.change({ kind: 'delete', region: 'c' });
  await world.clock.advance(20_000);
  const { catalogue } = b.running;
  const change = catalogue.change.bind(catalogue);
  let failures = 0;
  catalogue.change = async (...given) => {
    failures += 1;
    if (failures <= 2) throw new Error('the log is full');
    return change(...given);
  };
  world.cut('a', 'b', true);
  await world.clock.advance(LONG_MS);
  expect(failures).toBeGreaterThan(2);
  expect(members(b)).toEqual({ a: 'active', b: 'active' });
  await world.stop();
});

test('a replica that is evicted while it is filled is deleted when it is back', async () => {
  const world = await worldOf('a', 'b', 'c');
  const [a, c] = [world.region('a'), world.region('c')];
  await world.share('a', 'b');
  putMany(a, 'k', { count: 200 });
  slow(world, ['c', 'a'], 300);
  await a.change({ kind: 'create', region: 'c' });
  await until(world, () => phaseOf(c, 'c') === 'copying');
  world.cut('a', 'c');
  world.cut('b', 'c');
  await a.change({ kind: 'delete', region: 'c' });
  await world.clock.advance(20_000);
  expect(members(a)).toEqual({ a: 'active', b: 'active' });
  expect(c.table?.status).toBe('CREATING');
  world.cut('a', 'c', true);
  world.cut('b', 'c', true);
  await world.clock.advance(20_000);
  expect(c.table).toBeUndefined();
  expect(members(a)).toEqual({ a: 'active', b: 'active' });
  await world.stop();
});

test('while a replica comes or goes, no other is added or removed, but for one that is lost', async () => {
  const world = await worldOf('a', 'b', 'c');
  const [a, b, c] = [world.region('a'), world.region('b'), world.region('c')];
  await world.share('a', 'b');
  await a.change({ kind: 'create', region: 'c' });
  await until(world, () => phaseOf(c, 'c') === 'copying');
  const inUse = { code: 'ResourceInUseException' };
  await expect(a.change({ kind: 'delete', region: 'b' })).rejects.toMatchObject(inUse);
  await expect(a.change({ kind: 'delete', region: 'a' })).rejects.toMatchObject(inUse);
  await expect(b.change({ kind: 'delete', region: 'b' })).rejects.toMatchObject(inUse);
  await b.kill();
  await a.change({ kind: 'delete', region: 'b' });
  expect(phaseOf(a, 'b')).toBe('evicting');
  await world.clock.advance(LONG_MS);
  expect(members(a)).toEqual({ a: 'active', c: 'active' });
  await world.stop();
});

test('a home that takes long to leave is not evicted by whoever asked it to', async () => {
  const world = await worldOf('a', 'b', 'c');
  const [a, b] = [world.region('a'), world.region('b')];
  await world.share('a', 'b', 'c');
  const shown = new Set<string>();
  b.running.catalogue.onChange(() => shown.add(phaseOf(b, 'a') ?? 'none'));
  slow(world, ['a', 'b'], 1100);
  slow(world, ['b', 'a'], 700);
  await expect(b.change({ kind: 'delete', region: 'a' })).rejects.toThrow('home region');
  await world.clock.advance(LONG_MS);
  expect(a.table).toBeUndefined();
  expect(members(b)).toEqual({ b: 'active', c: 'active' });
  expect([...shown]).toEqual(['draining', 'deleting', 'none']);
  await world.stop();
});

test('a region that cannot be reached gets no replica, and is named', async () => {
  const world = await worldOf('a', 'b', 'c');
  await world.share('a', 'b');
  await world.region('c').kill();
  await expect(world.region('a').change({ kind: 'create', region: 'c' })).rejects.toThrow(
    'The region c cannot be reached',
  );
  await world.stop();
});

test('a region stops at once although it waits for the answer of another', async () => {
  const world = await worldOf('a', 'b', 'c');
  const a = world.region('a');
  await world.share('a', 'b');
  slow(world, ['a', 'b'], 60_000);
  const asked = a.running.globalTables.change(present(a.table, 'the table'), {
    kind: 'delete',
    region: 'b',
  });
  const outcome = asked.catch((error: unknown) => error);
  await world.clock.advance(100);
  const beforeMs = world.clock.monotonicMs();
  await a.kill();
  expect(await outcome).toMatchObject({ code: 'stopped' });
  expect(world.clock.monotonicMs() - beforeMs).toBeLessThan(500);
  expect(phaseOf(world.region('b'), 'b')).toBe('active');
  await world.stop();
});

test('a copy that its target refuses is tried again after longer and longer pauses', async () => {
  const world = await worldOf('a', 'b', 'c');
  const [a, b] = [world.region('a'), world.region('b')];
  await world.share('a', 'b');
  const { adapter, catalogue } = a.running;
  let tries = 0;
  adapter.sendCopy = async () => {
    tries += 1;
    throw new Error('refused');
  };
  const debts = [{ to: 'b', term: 1, revision: 1 }];
  await catalogue.change('Orders', (standing) => {
    const table = present(standing, 'the table');
    return { ...table, global: { ...present(table.global, 'its state'), debts } };
  });
  await world.clock.advance(10_000);
  expect(tries).toBeGreaterThan(4);
  expect(tries).toBeLessThan(10);
  expect(b.table?.status).toBe('ACTIVE');
  await world.stop();
});

test('a region that has become the home by what it heard does the work of one', async () => {
  const world = await worldOf('a', 'b', 'c');
  const [a, b, c] = ['a', 'b', 'c'].map((name) => present(world.region(name), name));
  await world.share('a', 'b', 'c');
  const { catalogue } = present(a, 'a').running;
  // As when b has answered a late: a knows that b is the home, and b does not know it yet.
  await catalogue.change('Orders', (standing) => {
    const table = present(standing, 'the table');
    const global = present(table.global, 'its state');
    const own = present(global.members['a'], 'a');
    const all = { ...global.members, a: { ...own, phase: 'draining' as const } };
    const { term, revision } = global;
    const next = { ...global, home: 'b', term: term + 1, revision: revision + 1, members: all };
    return { ...table, global: next };
  });
  await world.clock.advance(LONG_MS);
  expect(a?.table).toBeUndefined();
  for (const region of [b, c])
    expect(members(present(region, 'a member'))).toEqual({ b: 'active', c: 'active' });
  await world.stop();
});
