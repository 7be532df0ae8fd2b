import { expect, test } from 'vitest';

import { call, invalid } from './raw-request.ts';
import { type Item, put, stored } from './run-statement.ts';
import { newName, newTable, RANGE_TABLE } from './target.ts';

const T = await newTable();
const R = await newTable(RANGE_TABLE);

interface Member {
  readonly Statement: string;
  readonly Parameters?: readonly object[];
  readonly ConsistentRead?: boolean;
  readonly ReturnValuesOnConditionCheckFailure?: 'ALL_OLD' | 'NONE';
}

const asMember = (member: string | Member): Member =>
  typeof member === 'string' ? { Statement: member } : member;

const batch = async (members: readonly (string | Member)[], more: object = {}): Promise<object> =>
  call('BatchExecuteStatement', { Statements: members.map(asMember), ...more });

/** What a batch answers of each statement; fails for one that is refused whole. */
const responses = async (...members: readonly (string | Member)[]): Promise<unknown> => {
  const answer = await batch(members);
  expect(answer).toMatchObject({ status: 200 });
  return 'output' in answer && typeof answer.output === 'object' && answer.output !== null
    ? Object.entries(answer.output).find(([name]) => name === 'Responses')?.[1]
    : undefined;
};

const item = async (id: string, attributes: Item = {}): Promise<Item> =>
  put(T, { id: { S: id }, ...attributes });
const storedItem = async (id: string): Promise<Item | undefined> => stored(T, { id: { S: id } });

const failed = (Code: string, Message: string, more: object = {}): object => ({
  Error: { Code, Message },
  ...more,
});

const NEEDS_KEY = failed(
  'ValidationError',
  'Select statements within BatchExecuteStatement must specify the primary key in the where clause.',
);

test('reads answer an item each, or none', async () => {
  const a = await item('read-a', { v: { N: '1' }, w: { N: '2' } });
  await item('read-b', { v: { N: '2' }, m: { M: { x: { S: 'y' } } } });
  expect(
    await responses(
      `SELECT * FROM "${T}" WHERE id = 'read-a'`,
      { Statement: `SELECT v, m.x FROM "${T}" WHERE id = ?`, Parameters: [{ S: 'read-b' }] },
      `SELECT * FROM "${T}" WHERE id = 'read-none'`,
    ),
  ).toEqual([
    { TableName: T, Item: a },
    { TableName: T, Item: { v: { N: '2' }, x: { S: 'y' } } },
    { TableName: T },
  ]);
});

test('writes are made one by one', async () => {
  await item('write-u', { v: { S: 'before' } });
  await item('write-d');
  expect(
    await responses(
      `INSERT INTO "${T}" VALUE {'id': 'write-i', 'v': 'new'}`,
      `UPDATE "${T}" SET v = 'after' WHERE id = 'write-u'`,
      `DELETE FROM "${T}" WHERE id = 'write-d'`,
    ),
  ).toEqual([{ TableName: T }, { TableName: T }, { TableName: T }]);
  expect((await storedItem('write-i'))?.['v']).toEqual({ S: 'new' });
  expect((await storedItem('write-u'))?.['v']).toEqual({ S: 'after' });
  expect(await storedItem('write-d')).toBeUndefined();
});

test('a statement that fails stops no other', async () => {
  const there = await item('part');
  expect(
    await responses(
      `SLECT * FROM "${T}" WHERE id = 'part'`,
      `SELECT * FROM "${newName()}" WHERE id = 'part'`,
      `SELECT * FROM "${T}" WHERE id = 'part'`,
      { Statement: `SELECT * FROM "${T}" WHERE id = ? AND v = ?`, Parameters: [{ S: 'x' }] },
      { Statement: `SELECT * FROM "${T}" WHERE id = ?`, Parameters: [{ SS: [] }] },
    ),
  ).toEqual([
    failed(
      'ValidationError',
      "Statement wasn't well formed, can't be processed: Expected data manipulation",
    ),
    failed('ResourceNotFound', 'Requested resource not found'),
    { TableName: T, Item: there },
    failed('ValidationError', "Number of parameters in request and statement don't match."),
    failed(
      'ValidationError',
      'One or more parameter values were invalid: An string set  may not be empty',
    ),
  ]);
});

test('a write that fails tells its table, and the item where it is asked to', async () => {
  const there = await item('fails', { val: { S: 'here' } });
  const update = `UPDATE "${T}" SET touched = 'yes' WHERE id = 'fails' AND val = 'wrong'`;
  const message = 'The conditional request failed';
  expect(await responses(`INSERT INTO "${T}" VALUE {'id': 'fails'}`)).toEqual([
    failed('DuplicateItem', 'Duplicate primary key exists in table', { TableName: T }),
  ]);
  expect(await responses(update)).toEqual([
    failed('ConditionalCheckFailed', message, { TableName: T }),
  ]);
  expect(
    await responses({ Statement: update, ReturnValuesOnConditionCheckFailure: 'ALL_OLD' }),
  ).toEqual([
    { Error: { Code: 'ConditionalCheckFailed', Message: message, Item: there }, TableName: T },
  ]);
});

test('a read names one item by its key, and nothing else', async () => {
  await put(R, { id: { S: 'k' }, at: { N: '1' }, flag: { S: 'x' } });
  expect(
    await responses(
      `SELECT * FROM "${T}" WHERE v = 'a'`,
      `SELECT * FROM "${T}"`,
      `SELECT * FROM "${R}" WHERE id = 'k'`,
      `SELECT * FROM "${R}" WHERE id = 'k' AND "at" > 0`,
      `SELECT * FROM "${R}" WHERE id = 'k' AND "at" = 1 AND flag = 'x'`,
      `SELECT * FROM "${R}" WHERE id = 'k' AND "at" = 1 AND attribute_exists(flag)`,
      `SELECT * FROM "${R}" WHERE id = 'k' AND "at" = 1 AND id = 'other'`,
      `SELECT flag FROM "${R}" WHERE id IN ['k'] AND "at" = 1`,
    ),
  ).toEqual([
    NEEDS_KEY,
    NEEDS_KEY,
    NEEDS_KEY,
    NEEDS_KEY,
    NEEDS_KEY,
    NEEDS_KEY,
    NEEDS_KEY,
    { TableName: R, Item: { flag: { S: 'x' } } },
  ]);
  expect(await responses(`SELECT * FROM "${T}"."none" WHERE id = 'x'`)).toEqual([
    failed('ValidationError', 'The table does not have the specified index'),
  ]);
});

test('RETURNING answers an item, or none where nothing is left to show', async () => {
  const old = await item('ret', { data: { S: 'old' } });
  expect(
    await responses(`UPDATE "${T}" SET data = 'new' WHERE id = 'ret' RETURNING ALL NEW *`),
  ).toEqual([{ TableName: T, Item: { ...old, data: { S: 'new' } } }]);
  expect(
    await responses(`UPDATE "${T}" SET data = 'n' WHERE id = 'ret' RETURNING MODIFIED NEW *`),
  ).toEqual([{ TableName: T, Item: { data: { S: 'n' } } }]);
  expect(
    await responses(`UPDATE "${T}" REMOVE data WHERE id = 'ret' RETURNING MODIFIED NEW *`),
  ).toEqual([{ TableName: T }]);
  expect(await responses(`DELETE FROM "${T}" WHERE id = 'ret' RETURNING ALL OLD *`)).toEqual([
    { TableName: T, Item: { id: { S: 'ret' } } },
  ]);
  expect(await responses(`DELETE FROM "${T}" WHERE id = 'x' RETURNING MODIFIED OLD *`)).toEqual([
    failed(
      'ValidationError',
      'Invalid returning clause: RETURNING MODIFIED OLD *. Only RETURNING ALL OLD * is allowed in DELETE statements.',
    ),
  ]);
});

test('set functions and FROM that comes first work as by themselves', async () => {
  await item('sets', { ss: { SS: ['a'] } });
  await item('first');
  expect(
    await responses(
      `UPDATE "${T}" SET ss = set_add(ss, <<'t'>>) WHERE id = 'sets'`,
      `FROM "${T}" WHERE id = 'first' SET c = 1`,
    ),
  ).toEqual([{ TableName: T }, { TableName: T }]);
  expect((await storedItem('sets'))?.['ss']?.SS?.toSorted()).toEqual(['a', 't']);
  expect((await storedItem('first'))?.['c']).toEqual({ N: '1' });
});

test('a batch reads or writes', async () => {
  expect(
    await batch([
      `SELECT * FROM "${T}" WHERE id = 'x'`,
      `DELETE FROM "${T}" WHERE id = 'y'`,
      'SLECT',
    ]),
  ).toEqual(invalid('Read and write requests together in the same batch is not supported.'));
});

test('a batch is about each item once', async () => {
  const message = 'Provided list of item keys contains duplicates';
  const select = `SELECT * FROM "${T}" WHERE id = 'twice'`;
  expect(await batch([select, select])).toEqual(invalid(message));
  expect(
    await batch([
      `INSERT INTO "${T}" VALUE {'id': 'twice'}`,
      `DELETE FROM "${T}" WHERE id = 'twice'`,
    ]),
  ).toEqual(invalid(message));
  expect(await storedItem('twice')).toBeUndefined();
});

test('a batch has 1 to 25 statements', async () => {
  expect(await batch([])).toMatchObject({ status: 400, code: 'ValidationException' });
  const statements = Array.from(
    { length: 26 },
    (_, place) => `SELECT * FROM "${T}" WHERE id = 'many-${place}'`,
  );
  expect(await batch(statements)).toMatchObject({ status: 400, code: 'ValidationException' });
  expect(await responses(...statements.slice(1))).toHaveLength(25);
});

test('units are summed by table', async () => {
  await item('unit-a');
  await put(R, { id: { S: 'unit' }, at: { N: '1' } });
  const read = `SELECT * FROM "${T}" WHERE id = `;
  const answer = await batch(
    [
      `${read}'unit-a'`,
      { Statement: `${read}'unit-b'`, ConsistentRead: true },
      `SELECT * FROM "${R}" WHERE id = 'unit' AND "at" = 1`,
      'SLECT',
    ],
    { ReturnConsumedCapacity: 'TOTAL' },
  );
  expect(answer).toMatchObject({
    output: {
      ConsumedCapacity: [
        { TableName: T, CapacityUnits: 1.5 },
        { TableName: R, CapacityUnits: 0.5 },
      ],
    },
  });
});

test('a write that fails costs what it would have, in the total alone', async () => {
  await item('cost');
  const big = { Statement: `INSERT INTO "${T}" VALUE {'id': 'cost', 'v': ?}` };
  const answer = await batch(
    [
      `INSERT INTO "${T}" VALUE {'id': 'cost-new'}`,
      { ...big, Parameters: [{ S: 'x'.repeat(3000) }] },
    ],
    { ReturnConsumedCapacity: 'INDEXES' },
  );
  expect(answer).toMatchObject({
    output: {
      ConsumedCapacity: [{ TableName: T, CapacityUnits: 4, Table: { CapacityUnits: 1 } }],
    },
  });
  const lost = await batch([`INSERT INTO "${T}" VALUE {'id': 'cost'}`], {
    ReturnConsumedCapacity: 'TOTAL',
  });
  expect(lost).not.toHaveProperty('output.ConsumedCapacity');
});

test('EXISTS is for transactions', async () => {
  expect(await responses(`EXISTS(SELECT * FROM "${T}" WHERE id = 'x' AND a = 1)`)).toEqual([
    failed('ValidationError', 'EXISTS can only be used in ExecuteTransaction write requests.'),
  ]);
});
