import { randomUUID } from 'node:crypto';

import { expect, test } from 'vitest';

import { call, invalid, type Outcome, parameter, sendRaw } from './raw-request.ts';
import { type Item, put, stored } from './run-statement.ts';
import { newName, newTable, type TableChoice } from './target.ts';

const T = await newTable();
const RANGE: TableChoice = {
  AttributeDefinitions: [
    { AttributeName: 'pk', AttributeType: 'S' },
    { AttributeName: 'sk', AttributeType: 'S' },
  ],
  KeySchema: [
    { AttributeName: 'pk', KeyType: 'HASH' },
    { AttributeName: 'sk', KeyType: 'RANGE' },
  ],
};
const R = await newTable(RANGE);

interface Member {
  readonly Statement: string;
  readonly Parameters?: readonly object[];
  readonly ReturnValuesOnConditionCheckFailure?: 'ALL_OLD' | 'NONE';
}

const membersOf = (members: readonly (string | Member)[]): readonly Member[] =>
  members.map((member) => (typeof member === 'string' ? { Statement: member } : member));

const transact = async (
  members: readonly (string | Member)[],
  more: object = {},
): Promise<Outcome> =>
  call('ExecuteTransaction', { TransactStatements: membersOf(members), ...more });

/** The reasons of a transaction that was cancelled; fails for any other. */
async function reasonsOf(...members: readonly (string | Member)[]): Promise<unknown> {
  const body = JSON.stringify({ TransactStatements: membersOf(members) });
  const { bytes } = await sendRaw({ target: 'ExecuteTransaction', body });
  const answer: unknown = JSON.parse(bytes.toString());
  expect(answer).toMatchObject({
    __type: 'com.amazonaws.dynamodb.v20120810#TransactionCanceledException',
  });
  return typeof answer === 'object' && answer !== null && 'CancellationReasons' in answer
    ? answer.CancellationReasons
    : undefined;
}

const item = async (id: string, attributes: Item = {}): Promise<Item> =>
  put(T, { id: { S: id }, ...attributes });
const storedItem = async (id: string): Promise<Item | undefined> => stored(T, { id: { S: id } });

const WRITTEN = { status: 200, output: { Responses: [] } };
const NONE = { Code: 'None' };
const FAILED = { Code: 'ConditionalCheckFailed', Message: 'The conditional request failed' };
const MISMATCH = {
  Code: 'ValidationError',
  Message: 'The provided key element does not match the schema',
};

test('writes are made all together, and answer nothing', async () => {
  await item('all-u', { v: { S: 'before' } });
  await item('all-d');
  expect(
    await transact([
      `INSERT INTO "${T}" VALUE {'id': 'all-i', 'v': 'new'}`,
      `UPDATE "${T}" SET v = 'after' WHERE id = 'all-u' AND attribute_exists(v)`,
      `DELETE FROM "${T}" WHERE id = 'all-d'`,
      {
        Statement: `INSERT INTO "${R}" VALUE {'pk': ?, 'sk': ?}`,
        Parameters: [{ S: 'a' }, { S: 'b' }],
      },
    ]),
  ).toEqual(WRITTEN);
  expect((await storedItem('all-i'))?.['v']).toEqual({ S: 'new' });
  expect((await storedItem('all-u'))?.['v']).toEqual({ S: 'after' });
  expect(await storedItem('all-d')).toBeUndefined();
  expect(await stored(R, { pk: { S: 'a' }, sk: { S: 'b' } })).toBeDefined();
});

test('set functions and FROM that comes first work as by themselves', async () => {
  await item('set', { ss: { SS: ['a'] } });
  await item('from');
  expect(
    await transact([
      `UPDATE "${T}" SET ss = set_add(ss, <<'t'>>) WHERE id = 'set'`,
      `FROM "${T}" WHERE id = 'from' SET c = 1`,
    ]),
  ).toEqual(WRITTEN);
  expect((await storedItem('set'))?.['ss']?.SS?.toSorted()).toEqual(['a', 't']);
  expect((await storedItem('from'))?.['c']).toEqual({ N: '1' });
});

test('one write that cannot be made leaves all unmade', async () => {
  const there = await item('dup', { v: { S: 'existing' } });
  expect(
    await reasonsOf(
      `INSERT INTO "${T}" VALUE {'id': 'dup', 'v': 'again'}`,
      `INSERT INTO "${T}" VALUE {'id': 'dup-2'}`,
    ),
  ).toEqual([{ Code: 'DuplicateItem', Message: 'Duplicate primary key exists in table' }, NONE]);
  expect(await storedItem('dup-2')).toBeUndefined();
  expect(
    await reasonsOf(
      `INSERT INTO "${T}" VALUE {'id': 'dup-2'}`,
      `UPDATE "${T}" SET a = 1 WHERE id = 'dup' AND v = 'other'`,
      `UPDATE "${T}" SET a = 1 WHERE id = 'dup-none'`,
      {
        Statement: `DELETE FROM "${R}" WHERE pk = 'none' AND sk = 'x'`,
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      },
    ),
  ).toEqual([NONE, FAILED, FAILED, NONE]);
  expect(
    await reasonsOf({
      Statement: `DELETE FROM "${T}" WHERE id = 'dup' AND v = 'other'`,
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    }),
  ).toEqual([{ ...FAILED, Item: there }]);
  expect(await storedItem('dup')).toEqual(there);
});

test('what an item does not take cancels a transaction', async () => {
  await item('type', { s: { S: 'x' }, m: { M: {} } });
  expect(await reasonsOf(`UPDATE "${T}" SET s = s + 1 WHERE id = 'type'`)).toEqual([
    {
      Code: 'ValidationError',
      Message: 'An operand in the update expression has an incorrect data type',
    },
  ]);
  let value: object = { S: 'x' };
  for (let level = 0; level < 31; level++) value = { M: { a: value } };
  expect(
    await reasonsOf({
      Statement: `UPDATE "${T}" SET m.deep = ? WHERE id = 'type'`,
      Parameters: [value],
    }),
  ).toEqual([
    { Code: 'ValidationError', Message: 'Nesting Levels have exceeded supported limits' },
  ]);
});

test('EXISTS holds a transaction to what an item is', async () => {
  await item('ex', { free: { S: 'x' } });
  await item('ex-2');
  const exists = (condition: string): string =>
    `EXISTS(SELECT * FROM "${T}" WHERE id = 'ex' AND ${condition})`;
  const update = `UPDATE "${T}" SET won = 1 WHERE id = 'ex-2'`;
  expect(await transact([exists('awards IS MISSING'), update])).toEqual(WRITTEN);
  expect((await storedItem('ex-2'))?.['won']).toEqual({ N: '1' });
  expect(await reasonsOf(exists('free IS MISSING'), update)).toEqual([FAILED, NONE]);
  expect(await reasonsOf(exists("id = 'other' AND free = 'x'"), update)).toEqual([FAILED, NONE]);
  expect(await transact([exists("free = 'x'")])).toEqual(WRITTEN);
});

test.each([
  [`EXISTS(SELECT * FROM "${T}" WHERE id = 'x')`],
  [`EXISTS(SELECT * FROM "${T}" WHERE a = 1)`],
  [`EXISTS(SELECT * FROM "${T}" WHERE id IN ['x'] AND a = 1)`],
  [`EXISTS(SELECT * FROM "${T}")`],
])('%s checks no item', async (statement) => {
  expect(await transact([statement])).toEqual(
    invalid(
      'Validation failed in TransactStatements[0]: EXISTS() must contain a single item read with additional condition',
    ),
  );
});

test('reads answer their items in order', async () => {
  const a = await item('get-a', { v: { N: '1' }, m: { M: { x: { S: 'y' } } } });
  expect(
    await transact([
      `SELECT * FROM "${T}" WHERE id = 'get-a'`,
      `SELECT * FROM "${T}" WHERE id = 'get-none'`,
      { Statement: `SELECT m.x FROM "${T}" WHERE id = ?`, Parameters: [{ S: 'get-b' }] },
      `SELECT * FROM "${R}" WHERE pk IN ['none'] AND sk IN ['1']`,
    ]),
  ).toEqual({ status: 200, output: { Responses: [{ Item: a }, {}, {}, {}] } });
});

const IN_FIRST = 'Validation failed in TransactStatements[0]: ';
const NEEDS_KEY = `${IN_FIRST}Select statements within ExecuteTransaction must specify the primary key in the where clause.`;

test.each([
  [`SELECT * FROM "${T}"`, NEEDS_KEY],
  [`SELECT * FROM "${T}" WHERE id = 'x' AND flag = 'y'`, NEEDS_KEY],
  [`SELECT * FROM "${T}" WHERE id = 'x' AND attribute_exists(ss)`, NEEDS_KEY],
  [`SELECT * FROM "${T}" WHERE id = 'x' AND id = 'y'`, NEEDS_KEY],
  [`SELECT * FROM "${R}" WHERE pk = 'x'`, NEEDS_KEY],
  [
    `SELECT * FROM "${R}" WHERE pk IN ['x', 'x'] AND sk = '1'`,
    `${IN_FIRST}Overlapping conditions with range keys are not supported in where clause`,
  ],
  [
    `SELECT * FROM "${T}"."i" WHERE id = 'x'`,
    `${IN_FIRST}Reads on indices are not supported within transactions.`,
  ],
  [
    `UPDATE "${T}"."i" SET a = 1 WHERE id = 'x'`,
    `${IN_FIRST}This operation is not supported on an index`,
  ],
  [
    `SELECT * FROM "${T}" WHERE`,
    `${IN_FIRST}Statement wasn't well formed, can't be processed: Unexpected term`,
  ],
  [
    `UPDATE "${T}" SET a = 'v' WHERE id = 'x' RETURNING ALL NEW *`,
    `${IN_FIRST}RETURNING clause is not supported in ExecuteTransaction.`,
  ],
  [
    `UPDATE "${T}" SET n = n + [1] WHERE id = 'x'`,
    `${IN_FIRST}Incorrect operand type for operator or function; operator or function: +, operand type: L`,
  ],
  [
    `INSERT INTO "${T}" VALUE {'id': 'x', 'x': [<<'a', 'a'>>]}`,
    `${IN_FIRST}${parameter('Input collection [a, a] contains duplicates.')}`,
  ],
])('%s is no statement of a transaction', async (statement, message) => {
  expect(await transact([statement])).toEqual(invalid(message));
});

test('parameters are looked at first, and by themselves', async () => {
  expect(
    await transact([
      'SLECT',
      {
        Statement: `UPDATE "${T}" SET n = ? WHERE id = 'x'`,
        Parameters: [{ N: '1e99999999999' }],
      },
    ]),
  ).toEqual(invalid('The parameter cannot be converted to a numeric value: 1e99999999999'));
});

test('a transaction reads or writes', async () => {
  const select = `SELECT * FROM "${T}" WHERE id = 'x'`;
  const message =
    'ExecuteTransaction API does not support both read and write operations in the same request.';
  expect(await transact([select, `DELETE FROM "${T}" WHERE id = 'y'`])).toEqual(invalid(message));
  expect(await transact([select, `EXISTS(SELECT * FROM "${T}" WHERE id = 'y' AND a = 1)`])).toEqual(
    invalid(message),
  );
});

test('a transaction is about each item once', async () => {
  const message = 'Transaction request cannot include multiple operations on one item';
  const select = `SELECT * FROM "${T}" WHERE id = 'x'`;
  expect(await transact([select, `SELECT a FROM "${T}" WHERE id = 'x'`])).toEqual(invalid(message));
  expect(
    await transact([
      `INSERT INTO "${T}" VALUE {'id': 'x'}`,
      `EXISTS(SELECT * FROM "${T}" WHERE id = 'x' AND a = 1)`,
    ]),
  ).toEqual(invalid(message));
  expect(await reasonsOf(select, select, `SELECT * FROM "${T}" WHERE id = 1`)).toEqual([
    NONE,
    NONE,
    MISMATCH,
  ]);
});

test('tables and keys that are not there cancel a transaction', async () => {
  const none = newName();
  const missing = { Code: 'ResourceNotFound', Message: 'Requested resource not found' };
  const update = `UPDATE "${none}" SET a = 1 WHERE id = 'x'`;
  expect(
    await reasonsOf(`${update} RETURNING ALL NEW *`, `DELETE FROM "${none}" WHERE id = 'x'`),
  ).toEqual([missing, missing]);
  expect(
    await reasonsOf(
      `SELECT * FROM "${T}" WHERE id = 'x'`,
      `SELECT * FROM "${none}"."idx" WHERE id = 'x'`,
    ),
  ).toEqual([NONE, missing]);
  expect(
    await transact([update, `UPDATE "${T}" SET a = 1 WHERE id = 'x' RETURNING ALL NEW *`]),
  ).toEqual(
    invalid(
      'Validation failed in TransactStatements[1]: RETURNING clause is not supported in ExecuteTransaction.',
    ),
  );
  expect(
    await reasonsOf(
      `UPDATE "${R}" SET a = 1 WHERE pk = 'k'`,
      `UPDATE "${R}" SET a = 1 WHERE pk = 'k' AND sk = 1`,
      `UPDATE "${R}" SET a = 1 WHERE pk = 'k' AND sk = '1'`,
      `INSERT INTO "${R}" VALUE {'pk': 'k'}`,
      `DELETE FROM "${R}" WHERE sk = '1'`,
    ),
  ).toEqual([
    MISMATCH,
    MISMATCH,
    NONE,
    { Code: 'ValidationError', Message: parameter('Missing the key sk in the item') },
    MISMATCH,
  ]);
});

test('a token is good for one transaction, and tells it apart from another', async () => {
  await item('token', { n: { N: '0' } });
  const ClientRequestToken = randomUUID();
  const statement = `UPDATE "${T}" SET n = n + 1 WHERE id = 'token'`;
  const more = { ClientRequestToken, ReturnConsumedCapacity: 'INDEXES' };
  expect(await transact([statement], more)).toMatchObject({
    output: { ConsumedCapacity: [{ TableName: T, WriteCapacityUnits: 2 }] },
  });
  const again = await transact([statement], more);
  expect(again).toMatchObject({
    output: { Responses: [], ConsumedCapacity: [{ TableName: T, ReadCapacityUnits: 2 }] },
  });
  expect((await storedItem('token'))?.['n']).toEqual({ N: '1' });
  expect(await transact([`${statement} AND n = 1`], more)).toMatchObject({
    status: 400,
    code: 'IdempotentParameterMismatchException',
  });
});

test('units are those of a transaction, by table', async () => {
  await item('unit');
  const more = { ReturnConsumedCapacity: 'TOTAL' };
  expect(
    await transact(
      [
        `UPDATE "${T}" SET a = 1 WHERE id = 'unit'`,
        `INSERT INTO "${R}" VALUE {'pk': 'u', 'sk': 'u'}`,
        `EXISTS(SELECT * FROM "${T}" WHERE id = 'unit-2' AND a IS MISSING)`,
      ],
      more,
    ),
  ).toMatchObject({
    output: {
      ConsumedCapacity: [
        { TableName: T, CapacityUnits: 4, WriteCapacityUnits: 4 },
        { TableName: R, CapacityUnits: 2, WriteCapacityUnits: 2 },
      ],
    },
  });
  expect(await transact([`SELECT * FROM "${T}" WHERE id = 'unit'`], more)).toMatchObject({
    output: { ConsumedCapacity: [{ TableName: T, CapacityUnits: 2, ReadCapacityUnits: 2 }] },
  });
});

test('a transaction has 1 to 100 statements', async () => {
  expect(await transact([])).toMatchObject({ status: 400, code: 'ValidationException' });
  const statements = Array.from(
    { length: 101 },
    (_, place) => `SELECT * FROM "${T}" WHERE id = 'many-${place}'`,
  );
  expect(await transact(statements)).toMatchObject({ status: 400, code: 'ValidationException' });
  expect(await transact(statements.slice(1))).toMatchObject({ status: 200 });
});
