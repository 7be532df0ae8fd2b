import { ExecuteStatementCommand } from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';

import { call, invalid, parameter, refused } from './raw-request.ts';
import { type Item, itemsOf, placeIn, put, run, stored } from './run-statement.ts';
import { client, newTable } from './target.ts';

const H = await newTable();
const R = await newTable({
  AttributeDefinitions: [
    { AttributeName: 'pk', AttributeType: 'S' },
    { AttributeName: 'sk', AttributeType: 'S' },
  ],
  KeySchema: [
    { AttributeName: 'pk', KeyType: 'HASH' },
    { AttributeName: 'sk', KeyType: 'RANGE' },
  ],
});

const CCF = refused('ConditionalCheckFailedException', 'The conditional request failed');

const OPERAND = 'Incorrect operand type for operator or function; operator or function:';

/** An item of the table with the key `id` alone. */
const hashed = async (id: string, attributes: Item = {}): Promise<Item> =>
  put(H, { id: { S: id }, ...attributes });
const storedHash = async (id: string): Promise<Item | undefined> => stored(H, { id: { S: id } });

// INSERT

test('INSERT puts an item that is not there yet, and answers nothing', async () => {
  const statement = `INSERT INTO "${H}" VALUE {'id': 'ins', 'n': 1E3, 'd': -0, 'f': 2.50, 'q': 'it''s',
    'm': {'x': 'v', 'l': [1, 's', <<'a', 'b'>>]}, 'ns': <<1, 34, 4.5>>, 'b': true, 'z': null}`;
  expect(await run(statement)).toEqual({ status: 200, output: { Items: [] } });
  expect(await storedHash('ins')).toEqual({
    id: { S: 'ins' },
    n: { N: '1000' },
    d: { N: '0' },
    f: { N: '2.5' },
    q: { S: "it's" },
    m: { M: { x: { S: 'v' }, l: { L: [{ N: '1' }, { S: 's' }, { SS: ['a', 'b'] }] } } },
    ns: { NS: ['1', '34', '4.5'] },
    b: { BOOL: true },
    z: { NULL: true },
  });
  expect(await run(`INSERT INTO "${H}" value {'id': 'ins', 'n': 2}`)).toEqual(
    refused('DuplicateItemException', 'Duplicate primary key exists in table'),
  );
  expect((await storedHash('ins'))?.['n']).toEqual({ N: '1000' });
});

test('INSERT takes parameters', async () => {
  const Parameters = [{ S: 'par' }, { M: { deep: { L: [{ NS: ['1'] }] } } }];
  await run(`INSERT INTO "${H}" VALUE {'id': ?, 'v': ?}`, { Parameters });
  expect(await storedHash('par')).toEqual({
    id: { S: 'par' },
    v: { M: { deep: { L: [{ NS: ['1'] }] } } },
  });
});

test.each([
  [`INSERT INTO "${H}" VALUE {'other': 'x'}`, parameter('Missing the key id in the item')],
  [
    `INSERT INTO "${H}" VALUE {'id': 1}`,
    parameter('Type mismatch for key id expected: S actual: N'),
  ],
  [
    `INSERT INTO "${H}" VALUE 'x'`,
    'Unsupported format in item expression. Please use struct format {...} to express item values for insert statement.',
  ],
  [
    `INSERT INTO "${H}" VALUES ('x', 1)`,
    'Unsupported operation: Inserting multiple items in a single statement is not supported, use "INSERT INTO tableName VALUE item" instead',
  ],
  [
    `INSERT INTO "${H}" VALUE {'id': 'x', 'a': 1, 'a': 2}`,
    'Duplicate keys in tuple. Key: a under root',
  ],
  [
    `INSERT INTO "${H}" VALUE {'id': 'x'} RETURNING ALL OLD *`,
    'RETURNING is not supported in INSERT',
  ],
])('%s is refused', async (statement, message) => {
  expect(await run(statement)).toEqual(invalid(message));
});

test('an INSERT may be as large as an item', async () => {
  const space = 400 * 1024 - 'id'.length - 'big'.length - 'p'.length;
  const statement = `INSERT INTO "${H}" VALUE {'id': ?, 'p': ?}`;
  expect(
    await run(statement, { Parameters: [{ S: 'big' }, { S: 'x'.repeat(space + 1) }] }),
  ).toEqual(invalid('Item size has exceeded the maximum allowed size'));
  expect(
    (await run(statement, { Parameters: [{ S: 'big' }, { S: 'x'.repeat(space) }] })).status,
  ).toBe(200);
});

// UPDATE

test('UPDATE sets and removes', async () => {
  await hashed('upd', { n: { N: '1' }, l: { L: [{ S: 'a' }] }, m: { M: { x: { S: 'v' } } } });
  expect(
    await run(
      `UPDATE "${H}" SET n = n + 100 SET m.y = [2020, 's', 2.4], s = 'new'
       SET l = LIST_APPEND(l, [4, <<'p', 'q'>>]) REMOVE m.x WHERE id = 'upd'`,
    ),
  ).toEqual({ status: 200, output: { Items: [] } });
  expect(await storedHash('upd')).toEqual({
    id: { S: 'upd' },
    n: { N: '101' },
    s: { S: 'new' },
    l: { L: [{ S: 'a' }, { N: '4' }, { SS: ['p', 'q'] }] },
    m: { M: { y: { L: [{ N: '2020' }, { S: 's' }, { N: '2.4' }] } } },
  });
  await run(`UPDATE "${H}" SET n=n-1, l = list_append([0], l) REMOVE m WHERE id = 'upd'`);
  expect(await storedHash('upd')).toMatchObject({
    n: { N: '100' },
    l: { L: [{ N: '0' }, { S: 'a' }, { N: '4' }, { SS: ['p', 'q'] }] },
  });
});

test('set_add and set_delete change sets', async () => {
  await hashed('sets', { ss: { SS: ['a', 'b'] }, ns: { NS: ['1', '2'] } });
  const update = async (actions: string, Parameters?: readonly Item[string][]): Promise<unknown> =>
    run(
      `UPDATE "${H}" ${actions} WHERE id = 'sets'`,
      Parameters === undefined ? {} : { Parameters },
    );
  await update("SET ss = SET_ADD(ss, <<'c', 'a'>>) SET ns = set_delete(ns, <<2, 9>>)");
  await update("SET fresh = set_add(fresh, <<'x'>>), none = set_delete(none, <<'x'>>)");
  const item = await storedHash('sets');
  expect(item?.['ss']?.SS?.toSorted()).toEqual(['a', 'b', 'c']);
  expect(item).toMatchObject({ ns: { NS: ['1'] }, fresh: { SS: ['x'] } });
  expect(item).not.toHaveProperty('none');
  await update('SET ns = set_delete(ns, ?)', [{ NS: ['1'] }]);
  expect(await storedHash('sets')).not.toHaveProperty('ns');
});

test('set_add and set_delete say where they are wrong', async () => {
  await hashed('wrong', { ss: { SS: ['a'] }, s: { S: 'str' } });
  const cases = [
    [
      "t = set_add(ss, <<'x'>>)",
      'set_add',
      'The first argument to SET_ADD must equal the assignment value',
    ],
    [
      "ss = set_add(<<'a'>>, <<'b'>>)",
      'set_add',
      'The first argument to SET_ADD must equal the assignment value',
    ],
    ['ss = set_add(ss)', 'set_add', 'SET_ADD must have exactly two arguments'],
    ["ss = set_add(ss, <<'x'>>, <<'y'>>)", 'set_add', 'SET_ADD must have exactly two arguments'],
    ["ss = set_add(ss, 'x')", 'ss', 'The second argument to SET_ADD must be a value with type SET'],
    [
      "ss = set_delete(ss, ['x'])",
      'ss',
      'The second argument to SET_DELETE must be a value with type SET',
    ],
    ["ss = foo(ss, <<'x'>>)", 'foo', 'Unrecognized function: foo'],
  ] as const;
  for (const [action, token, message] of cases) {
    const statement = `UPDATE "${H}" SET ${action} WHERE id = 'wrong'`;
    const from = token === 'ss' ? statement.indexOf('(ss') : 0;
    expect(await run(statement)).toEqual(
      invalid(`${message} at ${placeIn(statement, token, from)}`),
    );
  }
  for (const action of ['ss = set_add(ss, <<1>>)', "s = set_add(s, <<'x'>>)"]) {
    expect(await run(`UPDATE "${H}" SET ${action} WHERE id = 'wrong'`)).toEqual(
      invalid('An operand in the update expression has an incorrect data type'),
    );
  }
});

test('an UPDATE needs an item, and what it asks of it', async () => {
  expect(await run(`UPDATE "${H}" SET a = 1 WHERE id = 'ghost'`)).toEqual(CCF);
  expect(
    await run(`UPDATE "${H}" SET a = 1 WHERE id = 'ghost' AND attribute_not_exists(id)`),
  ).toEqual(CCF);
  expect(await storedHash('ghost')).toBeUndefined();
  await hashed('cond', { name: { S: 'alpha' } });
  expect(await run(`UPDATE "${H}" SET a = 1 WHERE id = 'cond' AND "name" = 'beta'`)).toEqual(CCF);
  expect(await storedHash('cond')).not.toHaveProperty('a');
  await run(`UPDATE "${H}" SET a = 1 WHERE (id = 'cond') AND "name" = 'alpha' AND id = 'cond'`);
  expect((await storedHash('cond'))?.['a']).toEqual({ N: '1' });
});

test('a failed condition shows the item that it failed on', async () => {
  const item = await hashed('shown', { name: { S: 'alpha' } });
  for (const statement of [
    `UPDATE "${H}" SET a = 1 WHERE id = 'shown' AND "name" = 'beta'`,
    `DELETE FROM "${H}" WHERE id = 'shown' AND "name" = 'beta'`,
  ]) {
    const error = await client
      .send(
        new ExecuteStatementCommand({
          Statement: statement,
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        }),
      )
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'ConditionalCheckFailedException', Item: item });
    expect(await run(statement)).toEqual(CCF);
  }
  expect(item).toEqual(await storedHash('shown'));
});

test.each([
  [`UPDATE "${H}" SET a = 1 WHERE "name" = 'x'`],
  [`UPDATE "${H}" SET a = 1`],
  [`DELETE FROM "${H}" WHERE "name" = 'x'`],
  [`DELETE FROM "${H}"`],
  [`DELETE FROM "${H}" WHERE id = 'x' OR id = 'y'`],
  [`DELETE FROM "${H}" WHERE id IN ['x']`],
  [`DELETE FROM "${H}" WHERE id > 'x'`],
  [`DELETE FROM "${R}" WHERE pk = 'o'`],
  [`FROM "${H}" SET c = 1`],
  [`FROM "${H}" REMOVE a`],
  [`FROM "${H}" WHERE a = 1 SET c = 1`],
])('%s does not name an item', async (statement) => {
  expect(await run(statement)).toEqual(
    invalid('Where clause does not contain a mandatory equality on all key attributes'),
  );
});

test('a write has one value for each key', async () => {
  expect(await run(`UPDATE "${H}" SET a = 1 WHERE id = 'x' AND id = 'y'`)).toEqual(
    invalid(
      'Multiple conditions on same key id. Only single item Update/Insert/Delete are supported',
    ),
  );
  expect(await run(`DELETE FROM "${H}" WHERE id = 1`)).toEqual(
    invalid('The provided key element does not match the schema'),
  );
});

test.each([
  ["id = 'y'", parameter('Cannot update attribute id. This attribute is part of the key')],
  ["fresh[0] = 'x'", 'The document path provided in the update expression is invalid for update'],
  ["n = 'a' + 1", `${OPERAND} +, operand type: S`],
  ['n = n - null', `${OPERAND} -, operand type: NULL`],
  [
    'n = nope + 1',
    'The provided expression refers to an attribute that does not exist in the item',
  ],
  [
    'l = list_append(nope, [1])',
    'The provided expression refers to an attribute that does not exist in the item',
  ],
])('SET %s is refused', async (action, message) => {
  await hashed('refused', { n: { N: '1' } });
  expect(await run(`UPDATE "${H}" SET ${action} WHERE id = 'refused'`)).toEqual(invalid(message));
});

test('an updated item may be as large as any, whatever its key', async () => {
  const space = 400 * 1024 - 'id'.length - 'grown'.length - 'p'.length;
  await hashed('grown');
  const grow = async (length: number): Promise<unknown> =>
    run(`UPDATE "${H}" SET p = ? WHERE id = ?`, {
      Parameters: [{ S: 'x'.repeat(length) }, { S: 'grown' }],
    });
  expect(await grow(space + 1)).toEqual(
    invalid('Item size to update has exceeded the maximum allowed size'),
  );
  expect(await grow(space)).toEqual({ status: 200, output: { Items: [] } });
});

test('a value may not lie too deep', async () => {
  await hashed('deep', { m: { M: {} } });
  let value: object = { S: 'x' };
  for (let level = 0; level < 31; level++) value = { M: { a: value } };
  const answer = await call('ExecuteStatement', {
    Statement: `UPDATE "${H}" SET m.deep = ? WHERE id = 'deep'`,
    Parameters: [value],
  });
  expect(answer).toEqual(invalid('Nesting Levels have exceeded supported limits'));
});

test('FROM may come first', async () => {
  await hashed('first', { a: { N: '1' }, b: { S: 'x' } });
  await run(`from "${H}" where id = 'first' AND a = 1 set c = 2 remove b`);
  expect(await storedHash('first')).toEqual({ id: { S: 'first' }, a: { N: '1' }, c: { N: '2' } });
  expect(
    await itemsOf(`FROM "${H}" WHERE id = ? SET c = ? RETURNING MODIFIED NEW *`, {
      Parameters: [{ S: 'first' }, { N: '7' }],
    }),
  ).toEqual([{ c: { N: '7' } }]);
  expect(await run(`FROM "${H}" WHERE id = 'first' AND a = 2 SET c = 5`)).toEqual(CCF);
});

// RETURNING

test('RETURNING shows the item, or what was changed of it', async () => {
  const old = await hashed('ret', { data: { S: 'old' }, keep: { S: 'same' } });
  const returned = async (actions: string): Promise<readonly Item[]> =>
    itemsOf(`UPDATE "${H}" ${actions} *`.replace('RET', "WHERE id = 'ret' RETURNING"));
  expect(await returned("SET data = 'new' RET ALL OLD")).toEqual([old]);
  const now = { ...old, data: { S: 'n2' } };
  expect(await returned("SET data = 'n2' RET ALL NEW")).toEqual([now]);
  expect(await returned("SET data = 'n3' RET MODIFIED OLD")).toEqual([{ data: { S: 'n2' } }]);
  expect(await returned("SET data = 'n4' RET MODIFIED NEW")).toEqual([{ data: { S: 'n4' } }]);
  expect(await returned("SET fresh = 'x' RET MODIFIED OLD")).toEqual([]);
  expect(await returned('REMOVE data RET MODIFIED OLD')).toEqual([{ data: { S: 'n4' } }]);
  expect(await returned('REMOVE fresh RET MODIFIED NEW')).toEqual([]);
});

test('RETURNING shows of maps and lists what was named', async () => {
  const list = (...texts: string[]): Item[string] => ({ L: texts.map((S) => ({ S })) });
  const cases: readonly [string, Item, readonly Item[]][] = [
    ["SET m.sub = 'new' RET MODIFIED NEW", {}, [{ m: { M: { sub: { S: 'new' } } } }]],
    ["SET m.sub = 'new' RET MODIFIED OLD", {}, [{ m: { M: { sub: { S: 'old' } } } }]],
    [
      "SET t[2] = 'y', t[0] = 'x' RET MODIFIED NEW",
      { t: list('a', 'b', 'c') },
      [{ t: list('x', 'y') }],
    ],
    ["SET t[2] = 'y' RET MODIFIED OLD", { t: list('a', 'b', 'c') }, [{ t: list('c') }]],
    ["SET t[5] = 'c' RET MODIFIED NEW", { t: list('a', 'b') }, []],
    ["SET t[2] = 'c' RET MODIFIED NEW", { t: list('a', 'b') }, [{ t: list('c') }]],
    ['REMOVE t[1] RET MODIFIED NEW', { t: list('a', 'b', 'c') }, [{ t: list('c') }]],
    ['REMOVE t[2] RET MODIFIED NEW', { t: list('a', 'b', 'c') }, []],
  ];
  for (const [actions, attributes, expected] of cases) {
    await hashed('parts', { m: { M: { sub: { S: 'old' }, sib: { S: 'x' } } }, ...attributes });
    const statement = `UPDATE "${H}" ${actions} *`.replace('RET', "WHERE id = 'parts' RETURNING");
    expect(await itemsOf(statement)).toEqual(expected);
  }
});

// DELETE

test('DELETE takes an item away, and says which', async () => {
  const item = await hashed('del', { a: { N: '1' } });
  expect(await itemsOf(`DELETE FROM "${H}" WHERE id = 'del' RETURNING ALL OLD *`)).toEqual([item]);
  expect(await storedHash('del')).toBeUndefined();
  expect(await itemsOf(`DELETE FROM "${H}" WHERE id = 'del' RETURNING ALL OLD *`)).toEqual([]);
  expect(await run(`DELETE FROM "${H}" WHERE id = 'del' AND a = 5`)).toEqual({
    status: 200,
    output: { Items: [] },
  });
});

test('what a DELETE asks of an item must hold', async () => {
  await hashed('kept', { name: { S: 'alpha' } });
  const where = `DELETE FROM "${H}" WHERE id = 'kept' AND `;
  expect(await run(`${where}"name" = 'beta'`)).toEqual(CCF);
  expect(await run(`${where}NOT begins_with("name", 'al')`)).toEqual(CCF);
  expect(await storedHash('kept')).toBeDefined();
  expect((await run(`${where}NOT begins_with("name", 'zz')`)).status).toBe(200);
  expect(await storedHash('kept')).toBeUndefined();
});

test.each(['MODIFIED OLD *', 'MODIFIED NEW *', 'ALL NEW *'])(
  'DELETE does not return %s',
  async (clause) => {
    expect(await run(`DELETE FROM "${H}" WHERE id = 'x' RETURNING ${clause}`)).toEqual(
      invalid(
        `Invalid returning clause: RETURNING ${clause}. Only RETURNING ALL OLD * is allowed in DELETE statements.`,
      ),
    );
  },
);

test('EXISTS is for transactions', async () => {
  expect(await run(`EXISTS(SELECT * FROM "${H}" WHERE id = 'x' AND a IS MISSING)`)).toEqual(
    invalid('EXISTS can only be used in ExecuteTransaction write requests.'),
  );
});
