import { expect, test } from 'vitest';

import { present } from '../../src/base/assert.ts';
import { overriddenDefinition } from '../../src/model/overridden-definition.ts';
import type { ReplicaOverrides, Table } from '../../src/model/table.ts';
import type { IndexChange } from '../../src/region/region.ts';
import { until, worldOf } from '../support/global-world.ts';
import type { GlobalWorld, GlobalWorldRegion } from '../support/region-world.ts';

const tableIn = (region: GlobalWorldRegion): Table => present(region.table, 'the table');

const settled = (region: GlobalWorldRegion): boolean => region.table?.status === 'ACTIVE';

/** A table in all of them, whose home is the first. */
async function sharedBy(world: GlobalWorld): Promise<readonly GlobalWorldRegion[]> {
  const [home, ...others] = world.regions;
  await present(home, 'a home').createTable();
  for (const { name } of others) {
    await present(home, 'a home').change({ kind: 'create', region: name });
    await until(
      world,
      () => present(home, 'a home').table?.global?.members[name]?.phase === 'active',
    );
  }
  await until(world, () => world.regions.every(settled));
  return world.regions;
}

const index = (name: string): Extract<IndexChange, { kind: 'create' }> => ({
  kind: 'create',
  index: {
    name,
    partition: [{ name: 'owner', type: 'S' }],
    sort: [],
    projection: { kind: 'all' },
  },
  throughput: {},
});

const indexesOf = (region: GlobalWorldRegion): readonly string[] =>
  (tableIn(region).indexes ?? []).map(({ definition, status }) => `${definition.name} ${status}`);

test('a change of settings is asked for anywhere and made everywhere, shown for a while', async () => {
  const world = await worldOf('a', 'b', 'c');
  const [a, b, c] = await sharedBy(world);
  const answered = await present(b, 'b').update({ tableClass: 'STANDARD_INFREQUENT_ACCESS' });
  expect(answered).toMatchObject({ status: 'UPDATING' });
  expect(tableIn(present(a, 'a'))).toMatchObject({ status: 'UPDATING' });
  await until(world, () => tableIn(present(c, 'c')).definition.tableClass !== undefined);
  await until(world, () => world.regions.every(settled));
  for (const region of world.regions) {
    const table = tableIn(region);
    expect(table.definition.tableClass).toBe('STANDARD_INFREQUENT_ACCESS');
    expect(table.updates).toEqual([]);
    expect(table.tableClassAtMs).toBeGreaterThan(0);
  }
});

test('protection is of one region alone, whoever asks to delete its replica', async () => {
  const world = await worldOf('a', 'b');
  const [a, b] = await sharedBy(world);
  await present(b, 'b').update({ deletionProtection: true });
  await world.clock.advance(10_000);
  expect(tableIn(present(b, 'b')).deletionProtection).toBe(true);
  expect(tableIn(present(a, 'a')).deletionProtection).toBeUndefined();
  await expect(present(a, 'a').change({ kind: 'delete', region: 'b' })).rejects.toMatchObject({
    message:
      'Cannot delete table Orders in region b because it has deletion protection enabled. Disable deletion protection first.',
  });
});

test('an index that one region adds is made by each, and deleted by each', async () => {
  const world = await worldOf('a', 'b', 'c');
  const [, b, c] = await sharedBy(world);
  await present(b, 'b').update({ indexes: [index('by-owner')] });
  await until(world, () =>
    world.regions.every((region) => indexesOf(region).includes('by-owner CREATING')),
  );
  for (const region of world.regions) {
    const table = tableIn(region);
    expect(table.indexes).toMatchObject([{ backfilling: true }]);
    expect(table.indexes?.[0]?.number).toBeGreaterThan(table.number);
    expect(table.definition.attributeDefinitions.map(({ name }) => name)).toEqual(['id', 'owner']);
  }
  await until(world, () => world.regions.every(settled));
  await present(c, 'c').update({ indexes: [{ kind: 'delete', name: 'by-owner' }] });
  await until(world, () =>
    world.regions.every((region) => indexesOf(region).includes('by-owner DELETING')),
  );
  for (const region of world.regions) {
    expect(tableIn(region).definition.indexes).toEqual([]);
    expect(tableIn(region).definition.attributeDefinitions.map(({ name }) => name)).toEqual(['id']);
  }
});

test('without its home a table does not change, and then as the home says', async () => {
  const world = await worldOf('a', 'b');
  const [a, b] = await sharedBy(world);
  world.cut('a', 'b');
  await expect(present(b, 'b').update({ encryption: { keyId: 'b' } })).rejects.toMatchObject({
    code: 'InternalServerError',
  });
  await present(a, 'a').update({ encryption: { keyId: 'a' } });
  expect(tableIn(present(b, 'b')).definition.encryption).toBeUndefined();
  world.cut('a', 'b', true);
  await until(world, () => tableIn(present(b, 'b')).definition.encryption !== undefined);
  expect(tableIn(present(b, 'b')).definition.encryption).toEqual({ keyId: 'a' });
});

test('a refusal of the home is the answer of any other member', async () => {
  const world = await worldOf('a', 'b');
  const [, b] = await sharedBy(world);
  await expect(present(b, 'b').update({ stream: 'off' })).rejects.toMatchObject({
    code: 'ValidationException',
    message:
      'One or more parameter values were invalid: Disabling Stream is not allowed for a Global Table replica.',
  });
});

test('a table with replicas has a stream in each, of a name of its own', async () => {
  const world = await worldOf('a', 'b');
  const [a, b] = await sharedBy(world);
  for (const region of world.regions)
    expect(tableIn(region).definition.stream).toBe('NEW_AND_OLD_IMAGES');
  const labels = [a, b].map((region) => tableIn(present(region, 'a region')).streamLabel);
  expect(new Set(labels).size).toBe(2);
  expect(labels[0]).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+$/);
});

test('a replica that comes later has the settings and indexes of the others', async () => {
  const world = await worldOf('a', 'b');
  const [a, b] = [world.region('a'), world.region('b')];
  await a.createTable();
  await a.update({ indexes: [index('by-owner')] });
  await until(world, () => settled(a));
  await a.change({ kind: 'create', region: 'b' });
  await until(world, () => b.table !== undefined);
  expect(tableIn(b).indexes).toMatchObject([{ status: 'CREATING', backfilling: false }]);
  await until(world, () => settled(b));
  expect(indexesOf(b)).toEqual(['by-owner ACTIVE']);
  expect(tableIn(b).payPerRequestAtMs).toBeGreaterThan(0);
});

test('nothing else changes while a replica comes', async () => {
  const world = await worldOf('a', 'b');
  const [a] = world.regions;
  await present(a, 'a').createTable();
  await present(a, 'a').change({ kind: 'create', region: 'b' });
  await expect(present(a, 'a').update({ stream: 'KEYS_ONLY' })).rejects.toMatchObject({
    code: 'ResourceInUseException',
    message: 'The resource which you are attempting to change is in use.',
  });
});

test('a change of replicas brings along what a member has missed of settings', async () => {
  const world = await worldOf('a', 'b', 'c');
  const [a, b] = [world.region('a'), world.region('b')];
  await a.createTable();
  await a.change({ kind: 'create', region: 'b' });
  await until(world, () => settled(b));
  world.cut('a', 'b');
  await a.update({ tableClass: 'STANDARD_INFREQUENT_ACCESS' });
  await until(world, () => settled(a));
  world.cut('a', 'b', true);
  await b.change({ kind: 'create', region: 'c' });
  expect(tableIn(b).definition.tableClass).toBe('STANDARD_INFREQUENT_ACCESS');
});

test('a home on an old disk learns the settings that it had ordered', async () => {
  const world = await worldOf('a', 'b');
  const [a, b] = [world.region('a'), world.region('b')];
  await sharedBy(world);
  const saved = a.save();
  await a.update({ tableClass: 'STANDARD_INFREQUENT_ACCESS' });
  await until(world, () => tableIn(b).definition.tableClass !== undefined && settled(b));
  await a.kill();
  a.restore(saved);
  await a.start();
  expect(tableIn(a).definition.tableClass).toBeUndefined();
  await until(world, () => a.table?.definition.tableClass !== undefined);
  expect(tableIn(a).global?.revision).toBe(tableIn(b).global?.revision);
});

test('what is under way when a region is killed is over after it is back', async () => {
  const world = await worldOf('a');
  const a = world.region('a');
  await a.createTable();
  await a.update({ tableClass: 'STANDARD_INFREQUENT_ACCESS' });
  expect(tableIn(a).status).toBe('UPDATING');
  await a.kill();
  await a.start();
  expect(tableIn(a).status).toBe('UPDATING');
  await until(world, () => settled(a));
});

test('a replica has its own word until all are given another', async () => {
  const world = await worldOf('a', 'b', 'c');
  const [a, b, c] = await sharedBy(world);
  const tableClass = 'STANDARD_INFREQUENT_ACCESS';
  await present(c, 'c').change({ kind: 'update', region: 'b', overrides: { tableClass } });
  const heard = (region: GlobalWorldRegion | undefined): unknown =>
    tableIn(present(region, 'a region')).global?.members['b']?.overrides;
  await until(world, () => [a, b, c].every((region) => heard(region) !== undefined));
  for (const region of world.regions) {
    expect(heard(region)).toEqual({ tableClass });
    expect(tableIn(region).definition.tableClass).toBeUndefined();
  }
  const inB = tableIn(present(b, 'b'));
  expect(overriddenDefinition(inB.definition, inB, 'b').tableClass).toBe(tableClass);
  expect(overriddenDefinition(inB.definition, inB, 'c').tableClass).toBeUndefined();
  await until(world, () => world.regions.every(settled));
  await present(b, 'b').update({ tableClass });
  await until(world, () => [a, b, c].every((region) => heard(region) === undefined));
  expect(tableIn(present(c, 'c')).definition.tableClass).toBe(tableClass);
});

test('a replica cannot be given what does not exist', async () => {
  const world = await worldOf('a', 'b');
  const [a] = await sharedBy(world);
  const change = async (region: string, overrides: ReplicaOverrides): Promise<void> =>
    present(a, 'a').change({ kind: 'update', region, overrides });
  await expect(change('c', { onDemandRead: 5 })).rejects.toThrow(/Region c/);
  await expect(change('b', { indexes: [{ name: 'none', onDemandRead: 5 }] })).rejects.toThrow(
    /none/,
  );
});
