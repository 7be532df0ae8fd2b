import { expect, test } from 'vitest';

import type { GlobalTable, IndexDefinition, MemberPhase, Table } from '../../src/model/table.ts';
import { Catalogue } from '../../src/region/catalogue.ts';
import { SystemDocuments } from '../../src/region/system-documents.ts';
import { tableUnder } from '../../src/region/membership.ts';
import { reconcileIndexes } from '../../src/region/table-indexes.ts';
import { bornTable, withDefinition } from '../../src/region/table-updates.ts';
import { emptyDisk, MemoryPartition } from '../support/memory-partition.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

let time = 0;

const openDocuments = (disk = emptyDisk('log')): SystemDocuments =>
  new SystemDocuments(
    new MemoryPartition({
      number: 0,
      region: 'a',
      now: () => (time += 1),
      clock: new VirtualClock(),
      disk,
    }),
  );

const index: IndexDefinition = {
  name: 'by-owner',
  kind: 'global',
  partition: [{ name: 'owner', type: 'S' }],
  sort: [],
  projection: { kind: 'include', attributes: ['a'] },
};

const table: Table = {
  number: 0,
  name: 'Orders',
  tableId: 'id',
  globalId: 'global',
  createdAtMs: 1,
  status: 'ACTIVE',
  definition: {
    keySchema: { partition: { name: 'id', type: 'S' }, sort: undefined },
    attributeDefinitions: [{ name: 'id', type: 'S' }],
    billingMode: 'PAY_PER_REQUEST',
    provisionedThroughput: { read: 0, write: 0 },
  },
  global: undefined,
  parted: undefined,
};

test('tables and their indexes have numbers of one count, which are kept', async () => {
  const documents = openDocuments();
  const catalogue = new Catalogue(documents, () => []);
  const added = { definition: index, number: 0, status: 'CREATING', backfilling: true } as const;
  const made = await catalogue.change('Orders', () => ({ ...table, indexes: [added] }));
  expect([made.number, made.indexes[0]?.number]).toEqual([1, 2]);
  const again = await catalogue.change('Orders', () => ({
    ...made,
    indexes: [...made.indexes, { ...added, definition: { ...index, name: 'second' } }],
  }));
  expect(again.indexes.map(({ number }) => number)).toEqual([2, 3]);
  expect(catalogue.indexByNumber(3)).toMatchObject({ index: { number: 3 }, table: { number: 1 } });
  expect(catalogue.byNumber(3)).toBeUndefined();

  const reloaded = new Catalogue(documents, () => []);
  reloaded.load(await documents.all());
  expect(reloaded.find('Orders')).toEqual(catalogue.find('Orders'));
  expect(reloaded.indexByNumber(2)?.index.definition).toEqual(index);
  const other = await reloaded.change('Others', () => ({
    ...table,
    name: 'Others',
    globalId: 'o',
  }));
  expect(other.number).toBe(4);
});

test('the number of an index that is gone is known no more', async () => {
  const catalogue = new Catalogue(openDocuments(), () => []);
  const made = await catalogue.change('Orders', (): Table => ({
    ...table,
    indexes: [{ definition: index, number: 0, status: 'ACTIVE', backfilling: false }],
  }));
  expect([1, 2, 3].map((number) => catalogue.isKnown(number))).toEqual([true, true, true]);
  await catalogue.change('Orders', () => ({ ...made, indexes: [] }));
  expect(catalogue.indexByNumber(2)).toBeUndefined();
  expect(catalogue.isKnown(2)).toBe(false);
});

test('a table that was kept before there were indexes and settings is read', async () => {
  const documents = openDocuments();
  await documents.put('table/Orders', { ...table, number: 7 });
  await documents.put('catalogue', { lastNumber: 7, gone: [] });
  const catalogue = new Catalogue(documents, () => []);
  catalogue.load(await documents.all());
  expect(catalogue.find('Orders')).toMatchObject({ number: 7, definition: table.definition });
});

test('indexes are brought to what a definition says, each under its own number', () => {
  const standing: Table = {
    ...table,
    indexes: [
      { definition: index, number: 2, status: 'ACTIVE', backfilling: false },
      { definition: { ...index, name: 'gone' }, number: 3, status: 'ACTIVE', backfilling: false },
      { definition: { ...index, name: 'other' }, number: 4, status: 'ACTIVE', backfilling: false },
    ],
  };
  const provisionedThroughput = { read: 5, write: 5 };
  const other: IndexDefinition = { ...index, name: 'other', projection: { kind: 'all' } };
  const indexes = reconcileIndexes(standing, {
    ...table.definition,
    indexes: [{ ...index, provisionedThroughput }, other],
  });
  expect(indexes).toMatchObject([
    { number: 2, status: 'ACTIVE', definition: { provisionedThroughput } },
    { number: 3, status: 'DELETING' },
    { number: 4, status: 'DELETING' },
    { number: 0, status: 'CREATING', backfilling: true, definition: other },
  ]);
  const again = reconcileIndexes(
    { ...standing, indexes },
    { ...table.definition, indexes: [other] },
  );
  expect(again.map(({ status }) => status)).toEqual([
    'DELETING',
    'DELETING',
    'DELETING',
    'CREATING',
  ]);
});

const sharedWith = (phase: MemberPhase): GlobalTable => {
  const member = { source: 'a', addedAtMs: 1, missed: 0 };
  const members = {
    a: { ...member, tableId: 'other', phase: 'active' as const },
    b: { ...member, tableId: 'id', phase },
  };
  return { home: 'a', term: 1, revision: 1, members, debts: [] };
};

test('an index that came with its table is not filled; one that a replica hears of later is, though it is not ACTIVE yet', () => {
  const definition = { ...table.definition, indexes: [index] };
  const born = tableUnder(
    bornTable({ ...table, status: 'CREATING', definition }),
    sharedWith('copying'),
    'b',
  );
  expect(born).toMatchObject({
    status: 'CREATING',
    indexes: [{ status: 'CREATING', backfilling: false }],
  });
  // That the copy is complete, and that there is one index more, are heard of together.
  const more = { ...definition, indexes: [index, { ...index, name: 'more' }] };
  const whole = tableUnder(withDefinition(born, more, 2), sharedWith('active'), 'b');
  expect(whole.indexes).toMatchObject([
    { status: 'ACTIVE', backfilling: false },
    { status: 'CREATING', backfilling: true },
  ]);
});

const documentsOf = (tables: readonly Table[], lastNumber: number): ReadonlyMap<string, unknown> =>
  new Map<string, unknown>([
    ...tables.map((each) => [`table/${each.name}`, structuredClone(each)] as const),
    ['catalogue', { lastNumber, gone: [] }],
  ]);

test('what another node has changed is told as a change, and what is as it was stays the same object', () => {
  const catalogue = new Catalogue(openDocuments(), () => []);
  const kept = { ...table, number: 1, name: 'Kept', globalId: 'kept' };
  const gone = { ...table, number: 2, name: 'Gone', globalId: 'gone' };
  const changed = { ...table, number: 3, name: 'Changed', globalId: 'changed' };
  catalogue.load(documentsOf([kept, gone, changed], 3));
  const before = catalogue.find('Kept');
  const told: unknown[] = [];
  catalogue.onChange((was, is) =>
    told.push([was?.name, was?.status, is?.name, is?.status, catalogue.all.length]),
  );
  const made = { ...table, number: 4, name: 'Made', globalId: 'made' };
  catalogue.replace(documentsOf([kept, { ...changed, status: 'DELETING' }, made], 4));
  expect(told).toEqual([
    ['Gone', 'ACTIVE', undefined, undefined, 3],
    ['Changed', 'ACTIVE', 'Changed', 'DELETING', 3],
    [undefined, undefined, 'Made', 'ACTIVE', 3],
  ]);
  expect(catalogue.find('Kept')).toBe(before);
  expect(catalogue.byNumber(2)).toBeUndefined();
  expect([2, 4, 5].map((number) => catalogue.isKnown(number))).toEqual([false, true, true]);
});

test('what cannot be read replaces nothing', () => {
  const catalogue = new Catalogue(openDocuments(), () => []);
  catalogue.load(
    new Map<string, unknown>([
      ['table/Orders', { ...table, number: 1 }],
      ['catalogue', { lastNumber: 1, gone: [] }],
    ]),
  );
  const unreadable = new Map<string, unknown>([
    ['catalogue', { lastNumber: 9, gone: [] }],
    ['table/Orders', { of: 'a later release' }],
  ]);
  expect(() => {
    catalogue.replace(unreadable);
  }).toThrow('table/Orders');
  expect(catalogue.find('Orders')?.number).toBe(1);
  expect(catalogue.isKnown(1)).toBe(true);
  expect(catalogue.isKnown(2)).toBe(true);
});

test('a change that was decided before another node changed the catalogue fails', async () => {
  const documents = openDocuments();
  const catalogue = new Catalogue(documents, () => []);
  const made = await catalogue.change('Orders', () => table);
  let decide: ((after: Table) => void) | undefined;
  const change = catalogue.change(
    'Orders',
    async () =>
      new Promise<Table>((resolve) => {
        decide = resolve;
      }),
  );
  change.catch(() => {});
  await new Promise(setImmediate);
  const theirs = { ...made, status: 'DELETING' as const };
  catalogue.replace(new Map<string, unknown>([['table/Orders', theirs]]));
  decide?.({ ...made, deletionProtection: true });
  await expect(change).rejects.toThrow('Internal');
  expect(catalogue.find('Orders')).toEqual(theirs);
  expect((await documents.all()).get('table/Orders')).toEqual(JSON.parse(JSON.stringify(made)));
});

test('a number that was given out is known at every moment until what has it is gone', async () => {
  const documents = new Map<string, unknown>();
  /** The documents as they stood after each write, as another node may read them. */
  const moments: ReadonlyMap<string, unknown>[] = [];
  const note = async (): Promise<void> => {
    moments.push(new Map(documents));
  };
  const catalogue = new Catalogue(
    {
      put: async (name, document) => {
        documents.set(name, structuredClone(document));
        await note();
      },
      delete: async (name) => {
        documents.delete(name);
        await note();
      },
    },
    () => [],
  );
  /** As the node reads it, afresh and after all that was before. */
  const known = (from: number, number: number): readonly boolean[] => {
    const follower = new Catalogue(openDocuments(), () => []);
    return moments.slice(from).flatMap((moment) => {
      follower.replace(moment);
      const fresh = new Catalogue(openDocuments(), () => []);
      fresh.load(moment);
      return [follower.isKnown(number), fresh.isKnown(number), catalogue.isKnown(number)];
    });
  };
  const make = async (name: string): Promise<Table> =>
    catalogue.change(name, (): Table => ({
      ...table,
      name,
      globalId: name,
      indexes: [{ definition: index, number: 0, status: 'ACTIVE', backfilling: false }],
    }));
  // Made at once, so that the last number given out says nothing of those before.
  const [one, other] = await Promise.all([make('One'), make('Other')]);
  const numbers = [one, other].flatMap(({ number, indexes = [] }) => [
    number,
    ...indexes.map((each) => each.number),
  ]);
  expect(new Set(numbers)).toEqual(new Set([1, 2, 3, 4]));
  for (const number of numbers) expect(known(0, number)).not.toContain(false);

  const [gone] = one.indexes ?? [];
  await catalogue.change('One', (standing) => standing && { ...standing, indexes: [] });
  expect(known(moments.length - 1, gone?.number ?? 0)).toEqual([false, false, false]);
  await catalogue.change('One', () => undefined);
  expect(known(moments.length - 1, one.number)).toEqual([false, false, false]);
  expect(known(moments.length - 1, other.number)).toEqual([true, true, true]);
});
