import {
  ListTablesCommand,
  type ListTablesCommandOutput,
  paginateListTables,
} from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';

import { call, complaint, invalid, NAME_PATTERN, shapeErrors } from './raw-request.ts';
import { client, newName, newTable } from './target.ts';

const names = [await newTable(), await newTable(), await newTable()].toSorted();

async function listed(pageSize: number): Promise<string[]> {
  const found: string[] = [];
  for await (const page of paginateListTables({ client, pageSize }, {})) {
    expect(page.TableNames?.length).toBeLessThanOrEqual(pageSize);
    found.push(...(page.TableNames ?? []));
  }
  return found;
}

test('every table is listed', async () => {
  expect(await listed(100)).toEqual(expect.arrayContaining(names));
});

test('names are in the order of their bytes, capitals first', async () => {
  const found = await listed(100);
  const inOrder = (one: string, other: string): number =>
    Buffer.compare(Buffer.from(one), Buffer.from(other));
  expect(found).toEqual(found.toSorted(inOrder));
});

test('a walk over pages of one lists each table once', async () => {
  const [first = ''] = names;
  const found: string[] = [];
  // Others make and delete tables meanwhile: the walk begins just before ours, and ends after as many steps.
  let ExclusiveStartTableName: string | undefined = first.slice(0, -1);
  while (ExclusiveStartTableName !== undefined && !names.every((name) => found.includes(name))) {
    const page: ListTablesCommandOutput = await client.send(
      new ListTablesCommand({ Limit: 1, ExclusiveStartTableName }),
    );
    found.push(...(page.TableNames ?? []));
    ExclusiveStartTableName = page.LastEvaluatedTableName;
  }
  expect(found.filter((name) => names.includes(name))).toEqual(names);
  expect(new Set(found).size).toBe(found.length);
});

test('a page that is cut says after which table the next one starts', async () => {
  const [first = ''] = names;
  const page = await client.send(
    new ListTablesCommand({ Limit: 1, ExclusiveStartTableName: first.slice(0, -1) }),
  );
  expect(page.TableNames).toHaveLength(1);
  expect(page.LastEvaluatedTableName).toBe(page.TableNames?.[0]);
});

test('a page may start after a table that never was', async () => {
  const page = await client.send(new ListTablesCommand({ ExclusiveStartTableName: newName() }));
  expect(page.TableNames).toBeDefined();
});

test('after the last of all names there is an empty list', async () => {
  expect(await call('ListTables', { ExclusiveStartTableName: 'z'.repeat(255) })).toEqual({
    status: 200,
    output: { TableNames: [] },
  });
});

const start = (name: string, constraint: string): string =>
  complaint(`'${name}'`, 'exclusiveStartTableName', constraint);
const SHORT = 'Member must have length greater than or equal to 3';

test.each([
  [
    'a limit of nothing',
    { Limit: 0 },
    shapeErrors(complaint("'0'", 'limit', 'Member must have value greater than or equal to 1')),
  ],
  [
    'a limit of more than a hundred',
    { Limit: 101 },
    shapeErrors(complaint("'101'", 'limit', 'Member must have value less than or equal to 100')),
  ],
  [
    'a start of no name',
    { ExclusiveStartTableName: '' },
    shapeErrors(start('', NAME_PATTERN), start('', SHORT)),
  ],
  [
    'three faults at once',
    { ExclusiveStartTableName: 'a;', Limit: 500 },
    shapeErrors(
      complaint("'500'", 'limit', 'Member must have value less than or equal to 100'),
      start('a;', NAME_PATTERN),
      start('a;', SHORT),
    ),
  ],
  [
    'a start by ARN',
    { ExclusiveStartTableName: 'arn:aws:dynamodb:us-east-1:000000000000:table/abc' },
    shapeErrors(start('arn:aws:dynamodb:us-east-1:000000000000:table/abc', NAME_PATTERN)),
  ],
])('%s is refused', async (_, input, message) => {
  expect(await call('ListTables', input)).toEqual(invalid(message));
});
